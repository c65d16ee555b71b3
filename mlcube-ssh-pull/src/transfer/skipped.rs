//! What a pull skips: the lines that name it, and the failure once the rest was fetched.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use mlcube_ssh::cube::boundary::{self, Boundary};
use mlcube_ssh::cube::paths::real;
use mlcube_ssh::listing::Unreadable;
use mlcube_ssh::pipe::document::Receipt;
use mlcube_ssh::pipe::failure::{Failure, Outcome};
use mlcube_ssh::remote::foreign_files::ForeignFiles;
use mlcube_ssh::settings::names::Host;
use mlcube_ssh::sync::{Confirmed, Plan, Selection, Skipped, TransferDirection, skipped};
use mlcube_ssh::text::quote::shell_word;
use mlcube_ssh::ui::names::{Names, in_document, others, shown};
use mlcube_ssh::ui::report::Report;

/// Finds the links of this user among the entries that are of another kind locally.
pub(crate) fn tell_links_apart(plan: &mut Plan, workspace: &Path) {
    for skipped in plan.skipped.iter_mut().filter(|skipped| skipped.why.is_other_kind()) {
        let place = workspace.join(skipped.path());
        if place.is_symlink() && place.is_dir() {
            skipped.why = Skipped::OwnLink;
        }
    }
}

/// Names what was skipped.
pub(crate) fn name(
    report: Report,
    host: &Host,
    plan: &Plan,
    workspace: &Path,
    boundary: &Boundary,
) {
    let names = Names { report, field: "steps.pull.left_out", total: plan.skipped.len() };
    let skipped = |are_links: bool| {
        plan.skipped.iter().copied().filter(move |one| (one.why == Skipped::OwnLink) == are_links)
    };
    skipped::name(&names, &skipped(true), TransferDirection::Down, host);
    let places = skipped(true).filter_map(|link| real(&workspace.join(link.path())).ok());
    let places = places.filter(|place| boundary.can_be_listed(place));
    let places: Vec<PathBuf> = places.collect::<BTreeSet<_>>().into_iter().collect();
    if !places.is_empty() {
        report.hint(&boundary::listing(&places));
    }
    skipped::name(&names, &skipped(false), TransferDirection::Down, host);
}

/// Names what rsync left out, and lists it in the receipt.
pub(crate) fn name_missing(report: Report, host: &Host, missing: &[&Path], receipt: &mut Receipt) {
    let total = receipt.left_out.len() + missing.len();
    receipt.left_out.extend(in_document(missing.iter().copied()));
    let names = Names { report, field: "steps.pull.left_out", total };
    skipped::name_missing(&names, missing, TransferDirection::Down, host);
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

/// Returns whether one of the two sides couldn't read the entry.
pub(crate) fn is_unread(why: Skipped) -> bool {
    matches!(why, Skipped::Unreadable | Skipped::Closed)
}

/// Fails, after the rest was fetched, if an entry was skipped that either side can't read, or that is of another kind
/// locally.
pub(crate) fn check(plan: &Plan, foreign: &ForeignFiles) -> Outcome<()> {
    check_readable(plan, foreign)?;
    check_closed(plan)?;
    check_other_kinds(plan, foreign.connection.host())
}

/// Fails if the remote can't read an entry.
fn check_readable(plan: &Plan, foreign: &ForeignFiles) -> Outcome<()> {
    let host = foreign.connection.host();
    let unreadable = || plan.skipped_for(|why| *why == Skipped::Unreadable);
    let first = plan.skipped.iter().find_map(|one| Some((one.path(), one.unreadable()?)));
    match first {
        None => Ok(()),
        Some((path, Unreadable::Reason(reason))) => Err(Failure::ours(anyhow!(
            "'{}'{} can't be read on '{host}' ({reason}); the rest was done",
            shown(path),
            others(unreadable().count())
        ))
        .hint(
            "check the disk of the remote; a file that isn't needed can be named in .mlcubeignore",
        )),
        Some((path, Unreadable::Owner(owner))) => {
            let failure = Failure::ours(anyhow!(
                "can't read {} on '{host}', {} belongs to {owner}; the rest was done",
                unreadable().take(5).map(shown).collect::<Vec<_>>().join(", "),
                shown(path),
            ));
            let then = format!("`{}` fetches them", foreign.document.pull_command());
            Err(failure.hint(foreign.remedy(path, &then)))
        }
    }
}

/// Fails if a local folder can't be read.
fn check_closed(plan: &Plan) -> Outcome<()> {
    let closed = || plan.skipped_for(|why| *why == Skipped::Closed);
    let Some(path) = closed().next() else { return Ok(()) };
    Err(Failure::ours(anyhow!(
        "can't read '{}'{} locally; the rest was done",
        shown(path),
        others(closed().count())
    ))
    .hint("make it readable, or name it in .mlcubeignore"))
}

/// Fails if an entry was skipped because a local entry of another kind has its name.
fn check_other_kinds(plan: &Plan, host: &Host) -> Outcome<()> {
    let other_kinds = || plan.skipped_for(Skipped::is_other_kind);
    let Some(path) = other_kinds().next() else { return Ok(()) };
    let failure = skipped::of_another_kind(path, other_kinds().count(), host);
    Err(Failure::ours(failure).hint("move it away locally or on the remote, and pull again"))
}

/// Fails, after the rest was fetched, for links that lead out, because their targets may be results. Links on the way
/// to what is `named` were followed, so they are broken.
pub(crate) fn check_leading_out(plan: &Plan, named: &Selection, host: &Host) -> Outcome<()> {
    // A link that a push sent isn't a result; but a user who requests it must learn why nothing is fetched.
    let links = || {
        let leading_out = plan.skipped_for(|why| *why == Skipped::LeadsOut);
        let sent = plan.skipped_for(|why| *why == Skipped::SentLink);
        leading_out.chain(sent.filter(|link| named.leads_through(link)))
    };
    let nowhere = links().find(|link| named.leads_through(link));
    let Some(path) = nowhere.or_else(|| links().next()) else { return Ok(()) };
    let (shown, others) = (shown(path), others(links().count()));
    if nowhere.is_some() {
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
