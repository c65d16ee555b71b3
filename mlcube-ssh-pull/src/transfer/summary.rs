//! The messages at the end of a pull.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use mlcube_ssh::cube::boundary;
use mlcube_ssh::cube::paths::real;
use mlcube_ssh::pipe::document::Receipt;
use mlcube_ssh::sync::{Common, Plan};
use mlcube_ssh::text::units::{count, human_bytes};
use mlcube_ssh::ui::names::{Names, shown};
use mlcube_ssh::ui::report::Report;

/// Names what was fetched, kept and skipped.
pub(crate) fn print(report: Report, host: &str, receipt: &Receipt, plan: &Plan, workspace: &Path) {
    match receipt.files_sent.unwrap_or(0) {
        0 if !receipt.changed => report.say(&format!("nothing to fetch from {host}")),
        0 if plan.send.is_empty() => report.say(&format!(
            "fetched the permissions of {} from {host}",
            count(plan.permissions.len() as u64, "entry")
        )),
        0 => report.say(&format!("fetched links or folders from {host}, and no file")),
        files => report.say(&format!(
            "fetched {} from {host}, {} over the link",
            count(files, "file"),
            human_bytes(receipt.bytes_sent.unwrap_or(0))
        )),
    }
    let name = Names { report, field: "steps.pull.kept" };
    name.each(&plan.kept, |path| {
        let is_link_to_file = |path: &Path| path.is_symlink() && path.is_file();
        let why = if is_link_to_file(&workspace.join(path)) {
            "a link to a file, through which a pull doesn't write; --overwrite puts a file in its place"
        } else {
            "which changed on both sides; --overwrite replaces it"
        };
        format!("kept {}, {why}", shown(path))
    });
    let name = Names { report, field: "steps.pull.left_out" };
    let is_link_to_folder = |path: &Path| path.is_symlink() && path.is_dir();
    let (links, in_the_way): (Vec<&PathBuf>, Vec<&PathBuf>) =
        plan.in_the_way.iter().partition(|path| is_link_to_folder(&workspace.join(path)));
    name.each(&links, |path| {
        format!(
            "skipped {} and everything below it: locally it is a link out of the workspace, and a pull doesn't write through it",
            shown(path)
        )
    });
    let places = links.iter().filter_map(|link| real(&workspace.join(link)).ok());
    let places: Vec<PathBuf> = places.collect::<BTreeSet<_>>().into_iter().collect();
    if !places.is_empty() {
        report.hint(&boundary::listing(&places));
    }
    name.each(&in_the_way, |path| {
        format!(
            "skipped {} and everything below it: it is of another kind (folder, file, link) locally than on {host}; move one of the two away",
            shown(path)
        )
    });
    name.each(&plan.closed, |path| {
        format!("skipped {} and everything below it: the local folder can't be read", shown(path))
    });
    name.each(&plan.unheld, |path| {
        format!(
            "skipped {}: the local file system can't store the name, or confuses it with another one",
            shown(path)
        )
    });
    name.each(&plan.unwritable, |path| {
        format!("skipped {}: its local folder, or one above it, isn't writable", shown(path))
    });
    name.each(&plan.left_out, |path| {
        format!("skipped {}: a device, a socket or a pipe", shown(path))
    });
    name.each(&plan.leading_out, |path| {
        format!("skipped {}: on {host} it is a link out of the workspace", shown(path))
    });
    name.each(&plan.unreadable, |(path, owner)| match owner.strip_prefix('!') {
        Some(reason) => format!("skipped {}: {host} can't read it ({reason})", shown(path)),
        None => format!("skipped {}: it belongs to {owner} on {host}", shown(path)),
    });
}

/// Names what rsync couldn't move to its place.
pub(crate) fn not_placed(report: Report, otherwise: &[Common]) {
    let name = Names { report, field: "steps.pull.left_out" };
    name.each(otherwise, |(path, _)| {
        format!("skipped {}: it couldn't be moved to its place", shown(path))
    });
}
