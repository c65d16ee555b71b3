//! The messages at the end of a pull.

use std::path::Path;

use mlcube_ssh::cube::boundary::Boundary;
use mlcube_ssh::pipe::document::Receipt;
use mlcube_ssh::settings::names::Host;
use mlcube_ssh::sync::Plan;
use mlcube_ssh::text::units::{count, human_bytes};
use mlcube_ssh::ui::names::{Names, others, shown};
use mlcube_ssh::ui::report::Report;

use crate::remote::waiting::Waiting;
use crate::transfer::skipped;

/// Names what was fetched, kept and skipped.
pub(crate) fn print(
    report: Report,
    host: &Host,
    receipt: &Receipt,
    plan: &Plan,
    workspace: &Path,
    boundary: &Boundary,
) {
    match receipt.files_sent.unwrap_or(0) {
        0 if !receipt.changed => report.say(&format!("nothing to fetch from '{host}'")),
        0 if plan.send.is_empty() => report.say(&format!(
            "fetched the permissions of {} from '{host}'",
            count(plan.permissions.len() as u64, "entry")
        )),
        0 => report.say(&format!("fetched links or folders from '{host}', and no file")),
        files => report.say(&format!(
            "fetched {} from '{host}', {} over the link",
            count(files, "file"),
            human_bytes(receipt.bytes_sent.unwrap_or(0))
        )),
    }
    let name = Names { report, field: "steps.pull.kept", total: plan.kept.len() };
    name.each(&plan.kept, |path| {
        let is_link_to_file = |path: &Path| path.is_symlink() && path.is_file();
        let why = if is_link_to_file(&workspace.join(path)) {
            "a link to a file, through which a pull doesn't write; --overwrite puts a file in its place"
        } else {
            "which changed on both sides"
        };
        format!("kept {}, {why}", shown(path))
    });
    skipped::name(report, host, plan, workspace, boundary);
}

/// Names what is left to a later pull.
pub(crate) fn name_waiting(report: Report, waiting: &Waiting) {
    let Some(seconds) = waiting.unchanged_for else { return };
    if let Some(first) = waiting.paths().next() {
        report.say(&format!(
            "left {} for a later pull, changed in the last {seconds} s: {}{}",
            count(waiting.count() as u64, "file"),
            shown(first),
            others(waiting.count())
        ));
    }
}
