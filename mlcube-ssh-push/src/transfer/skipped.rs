//! What a push skips of the workspace: the lines that name it, and the failure once the rest was sent.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use mlcube_ssh::cube::boundary;
use mlcube_ssh::cube::paths::real;
use mlcube_ssh::listing::EntryKind;
use mlcube_ssh::pipe::failure::{Failure, Outcome};
use mlcube_ssh::remote::foreign_files::ForeignFiles;
use mlcube_ssh::sync::skipped;
use mlcube_ssh::text::quote::shell_word;
use mlcube_ssh::ui::names::{Names, others, shown};

use crate::transfer::context::TransferContext;

/// Entries that are skipped because the remote has an entry of another kind in their places.
struct InTheWay {
    /// A link of the remote is in the place of the folder.
    links: Vec<PathBuf>,
    /// The local entry is a link to a folder, and it isn't followed.
    own_links: Vec<PathBuf>,
    /// All others.
    others: Vec<PathBuf>,
}

impl InTheWay {
    fn of(context: &TransferContext) -> Self {
        let (mut links, mut own_links, mut others) = (Vec::new(), Vec::new(), Vec::new());
        for path in &context.plan.in_the_way {
            let local = context.cube.layout.workspace.join(path);
            let remote = context.remote_state.listing.get(path);
            let is_followed = context.local.followed.contains(path);
            let is_own_link = local.is_symlink() && local.is_dir() && !is_followed;
            if is_own_link {
                own_links.push(path.clone());
            } else if remote.is_some_and(|remote| remote.kind == EntryKind::Link) {
                links.push(path.clone());
            } else {
                others.push(path.clone());
            }
        }
        Self { links, own_links, others }
    }
}

/// Names what was skipped.
pub(crate) fn name(context: &TransferContext) {
    let (plan, host) = (context.plan, context.connection.host());
    let names = Names { report: context.step.report(), field: "steps.push.left_out" };
    let special = context.local.code.iter().filter(|(_, entry)| entry.kind == EntryKind::Other);
    let special: Vec<&Path> =
        special.map(|(path, _)| path).chain(plan.left_out.iter().map(PathBuf::as_path)).collect();
    skipped::name_special(&names, &special);
    let in_the_way = InTheWay::of(context);
    names.each(&in_the_way.links, |path| {
        format!(
            "skipped {} and everything below it: on {host} it is a link that isn't known to be yours",
            shown(path)
        )
    });
    names.each(&in_the_way.own_links, |path| {
        format!(
            "skipped {} and everything below it: locally it is a link that isn't followed, on {host} a folder",
            shown(path)
        )
    });
    skipped::name_other_kinds(&names, &in_the_way.others, host);
    names.each(&plan.closed, |path| {
        format!("skipped {} and everything below it: {host} can't read the folder", shown(path))
    });
    names.each(&plan.unheld, |path| {
        format!(
            "skipped {}: the file system of {host} can't store the name, or confuses it with another one",
            shown(path)
        )
    });
    names.each(&plan.unwritable, |path| {
        format!("skipped {}: its folder on {host}, or one above it, isn't writable", shown(path))
    });
}

/// Fails if an entry was skipped because of what the remote has in its place.
pub(crate) fn check(context: &TransferContext, foreign: &ForeignFiles) -> Outcome<()> {
    let (layout, plan, host) = (&context.cube.layout, context.plan, context.connection.host());
    let in_the_way = InTheWay::of(context);
    if let Some(first) = in_the_way.links.first() {
        let failure = anyhow!(
            "skipped '{}'{}: on '{host}' it is a link that isn't known to be yours; the rest was done",
            shown(first),
            others(in_the_way.links.len())
        );
        let word = shell_word(&format!("--follow-link={}", first.to_string_lossy()));
        return Err(Failure::ours(failure).hint(format!(
            "a task may have made it: move it away on the remote; if it is yours, `mlcube-ssh-push {word}` writes through it from now on"
        )));
    }
    let others_in_the_way = [&in_the_way.own_links[..], &in_the_way.others].concat();
    if let Some(first) = others_in_the_way.first() {
        let failure = skipped::of_another_kind(first, others_in_the_way.len(), host);
        let places =
            in_the_way.own_links.iter().filter_map(|link| real(&layout.workspace.join(link)).ok());
        let places: Vec<PathBuf> = places.collect::<BTreeSet<_>>().into_iter().collect();
        return Err(Failure::ours(failure).hint(if places.is_empty() {
            "move it away in the workspace on the remote, or locally, and push again".to_owned()
        } else {
            boundary::listing(&places)
        }));
    }
    if let Some(first) = plan.closed.first() {
        let failure = anyhow!(
            "can't read '{}'{} on '{host}', so nothing was sent into it; the rest was done",
            shown(first),
            others(plan.closed.len())
        );
        return Err(Failure::ours(failure).hint(foreign.remedy(first, "run this step again")));
    }
    Ok(())
}
