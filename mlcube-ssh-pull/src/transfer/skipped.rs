//! What a pull skips: the lines that name it, and the failure once the rest was fetched.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use mlcube_ssh::cube::boundary::{self, Boundary};
use mlcube_ssh::cube::paths::real;
use mlcube_ssh::pipe::failure::{Failure, Outcome};
use mlcube_ssh::remote::foreign_files::ForeignFiles;
use mlcube_ssh::settings::names::Host;
use mlcube_ssh::sync::{AgreedEntry, Confirmed, Plan, Selection, skipped};
use mlcube_ssh::text::quote::shell_word;
use mlcube_ssh::text::units::count;
use mlcube_ssh::ui::names::{Names, others, shown};
use mlcube_ssh::ui::report::Report;

/// Names what was skipped.
pub(crate) fn name(
    report: Report,
    host: &Host,
    plan: &Plan,
    workspace: &Path,
    boundary: &Boundary,
) {
    let names = Names { report, field: "steps.pull.left_out" };
    let is_link_to_folder = |path: &Path| path.is_symlink() && path.is_dir();
    let (links, in_the_way): (Vec<&PathBuf>, Vec<&PathBuf>) =
        plan.in_the_way.iter().partition(|path| is_link_to_folder(&workspace.join(path)));
    names.each(&links, |path| {
        format!(
            "skipped {} and everything below it: locally it is a link out of the workspace, and a pull doesn't write through it",
            shown(path)
        )
    });
    let places = links.iter().filter_map(|link| real(&workspace.join(link)).ok());
    let places = places.filter(|place| boundary.can_be_listed(place));
    let places: Vec<PathBuf> = places.collect::<BTreeSet<_>>().into_iter().collect();
    if !places.is_empty() {
        report.hint(&boundary::listing(&places));
    }
    skipped::name_other_kinds(&names, &in_the_way, host);
    names.each(&plan.closed, |path| {
        format!("skipped {} and everything below it: the local folder can't be read", shown(path))
    });
    names.each(&plan.unheld, |path| {
        format!(
            "skipped {}: the local file system can't store the name, or confuses it with another one",
            shown(path)
        )
    });
    names.each(&plan.unwritable, |path| {
        format!("skipped {}: its local folder, or one above it, isn't writable", shown(path))
    });
    skipped::name_special(&names, &plan.left_out);
    names.each(&plan.leading_out, |path| {
        format!("skipped {}: on {host} it is a link out of the workspace", shown(path))
    });
    names.each(&plan.unreadable, |(path, owner)| match owner.strip_prefix('!') {
        Some(reason) => format!("skipped {}: {host} can't read it ({reason})", shown(path)),
        None => format!("skipped {}: it belongs to {owner} on {host}", shown(path)),
    });
}

/// Names what rsync couldn't move to its place.
pub(crate) fn name_not_placed(report: Report, otherwise: &[AgreedEntry]) {
    let names = Names { report, field: "steps.pull.left_out" };
    names.each(otherwise, |(path, _)| {
        format!("skipped {}: it couldn't be moved to its place", shown(path))
    });
}

/// Fails if entries became something else during the pull.
pub(crate) fn check_exchanged(confirmed: &Confirmed, host: &Host) -> Outcome<()> {
    let Some(first) = confirmed.exchanged().first() else { return Ok(()) };
    Err(Failure::ours(anyhow!(
        "'{}'{} became something else on '{host}' (folder, file, link) during this pull; the rest was done",
        shown(first),
        others(confirmed.exchanged().len())
    ))
    .hint("pull again"))
}

/// Fails if the permissions of entries couldn't be set.
pub(crate) fn check_denied(denied: &[&Path]) -> Outcome<()> {
    let Some(first) = denied.first() else { return Ok(()) };
    Err(Failure::ours(anyhow!(
        "can't set the local permissions of '{}'{}; the rest was done",
        shown(first),
        others(denied.len())
    ))
    .hint("only a file's owner can set its permissions: change its local owner, or remove the local file and pull again"))
}

/// Fails, after the rest was fetched, if the remote can't read an entry, or if one is unreadable or in the way locally.
pub(crate) fn check_readable(plan: &Plan, foreign: &ForeignFiles) -> Outcome<()> {
    let host = foreign.connection.host();
    let Some((path, owner)) = plan.unreadable.first() else { return check_closed(plan, host) };
    if let Some(reason) = owner.strip_prefix('!') {
        return Err(Failure::ours(anyhow!(
            "'{}'{} can't be read on '{host}' ({reason}); the rest was done",
            shown(path),
            others(plan.unreadable.len())
        ))
        .hint(
            "check the disk of the remote; a file that isn't needed can be named in .mlcubeignore",
        ));
    }
    let failure = Failure::ours(anyhow!(
        "can't read {} on '{host}', {} belongs to {owner}; the rest was done",
        plan.unreadable.iter().take(5).map(|(path, _)| shown(path)).collect::<Vec<_>>().join(", "),
        shown(path),
    ));
    let then = format!("`{}` fetches them", foreign.document.pull_command());
    Err(failure.hint(foreign.remedy(path, &then)))
}

fn check_closed(plan: &Plan, host: &Host) -> Outcome<()> {
    let Some(path) = plan.closed.first() else { return check_in_the_way(plan, host) };
    Err(Failure::ours(anyhow!(
        "can't read {} locally, such as {}; the rest was done",
        count(plan.closed.len() as u64, "folder"),
        shown(path)
    ))
    .hint("make it readable, or name it in .mlcubeignore"))
}

/// Fails, after the rest was fetched, if an entry was skipped because a local entry of another kind has its name.
fn check_in_the_way(plan: &Plan, host: &Host) -> Outcome<()> {
    let Some(path) = plan.in_the_way.first() else { return Ok(()) };
    let failure = skipped::of_another_kind(path, plan.in_the_way.len(), host);
    Err(Failure::ours(failure).hint("move it away locally or on the remote, and pull again"))
}

/// Fails, after the rest was fetched, for links that lead out, because their targets may be results. Links on the way
/// to what is `named` were followed, so they are broken.
pub(crate) fn check_leading_out(links: &[PathBuf], named: &Selection, host: &Host) -> Outcome<()> {
    let (nowhere, unrequested): (Vec<_>, Vec<_>) =
        links.iter().partition(|link| named.leads_through(link));
    let Some(path) = nowhere.first().or(unrequested.first()) else { return Ok(()) };
    let (shown, others) = (shown(path), others(links.len()));
    if !nowhere.is_empty() {
        return Err(Failure::ours(anyhow!(
            "skipped '{shown}'{others}: a broken link on '{host}'; the rest was done"
        ))
        .hint(
            "the task that makes its target has to run first; or correct the link on the remote",
        ));
    }
    let failure = anyhow!(
        "skipped '{shown}'{others}: a link out of the workspace on '{host}'; the rest was done"
    );
    Err(Failure::ours(failure).hint(format!(
        "to fetch its target, pull it by its path, {}; to skip it silently, name it in .mlcubeignore",
        shell_word(&path.to_string_lossy())
    )))
}
