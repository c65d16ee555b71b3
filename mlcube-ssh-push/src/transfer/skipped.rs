//! What a push skips of the workspace: the lines that name it, and the failure once the rest was sent.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use mlcube_ssh::cube::boundary;
use mlcube_ssh::cube::paths::real;
use mlcube_ssh::pipe::document::Receipt;
use mlcube_ssh::pipe::failure::{Failure, Outcome};
use mlcube_ssh::remote::foreign_files::ForeignFiles;
use mlcube_ssh::sync::{Skipped, TransferDirection, skipped};
use mlcube_ssh::text::quote::shell_word;
use mlcube_ssh::ui::names::{Names, in_document, others, shown};

use crate::transfer::context::TransferContext;

/// Names what was skipped.
pub(crate) fn name(context: &TransferContext) {
    let skipped = &context.plan.skipped;
    let (report, total) = (context.step.report(), skipped.len());
    let names = Names { report, field: "steps.push.left_out", total };
    skipped::name(
        &names,
        &skipped.iter().copied(),
        TransferDirection::Up,
        context.connection.host(),
    );
}

/// Names what rsync left out, and lists it in the receipt.
pub(crate) fn name_missing(context: &TransferContext, missing: &[&Path], receipt: &mut Receipt) {
    let total = receipt.left_out.len() + missing.len();
    receipt.left_out.extend(in_document(missing.iter().copied()));
    let names = Names { report: context.step.report(), field: "steps.push.left_out", total };
    skipped::name_missing(&names, missing, TransferDirection::Up, context.connection.host());
}

/// Fails if an entry was skipped because of what the remote has in its place.
pub(crate) fn check(context: &TransferContext, foreign: &ForeignFiles) -> Outcome<()> {
    let (layout, plan, host) = (&context.cube.layout, context.plan, context.connection.host());
    let of = |is: fn(&Skipped) -> bool| plan.skipped_for(is);
    let links = || of(|why| *why == Skipped::RemoteLink);
    if let Some(first) = links().next() {
        let failure = anyhow!(
            "skipped '{}'{}: on '{host}' it is a link that isn't known to be yours; the rest was done",
            shown(first),
            others(links().count())
        );
        let word = shell_word(&format!("--follow-link={}", first.to_string_lossy()));
        return Err(Failure::ours(failure).hint(format!(
            "a task may have made it: move it away on the remote; if it is yours, `mlcube-ssh-push {word}` writes through it from now on"
        )));
    }
    let other_kinds = || of(Skipped::is_other_kind);
    if let Some(first) = other_kinds().next() {
        let failure = skipped::of_another_kind(first, other_kinds().count(), host);
        let own_links = of(|why| *why == Skipped::OwnLink);
        let places = own_links.filter_map(|link| real(&layout.workspace.join(link)).ok());
        let places: Vec<PathBuf> = places.collect::<BTreeSet<_>>().into_iter().collect();
        return Err(Failure::ours(failure).hint(if places.is_empty() {
            "move it away in the workspace on the remote, or locally, and push again".to_owned()
        } else {
            boundary::listing(&places)
        }));
    }
    let closed = || of(|why| *why == Skipped::Closed);
    if let Some(first) = closed().next() {
        let failure = anyhow!(
            "can't read '{}'{} on '{host}', so nothing was sent into it; the rest was done",
            shown(first),
            others(closed().count())
        );
        return Err(Failure::ours(failure).hint(foreign.remedy(first, "run this step again")));
    }
    Ok(())
}
