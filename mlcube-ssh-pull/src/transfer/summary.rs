//! The messages at the end of a pull.

use mlcube_ssh::cube::boundary;
use std::path::{Path, PathBuf};

use mlcube_ssh::cube::paths::real;
use mlcube_ssh::pipe::document::Receipt;
use mlcube_ssh::sync::{Common, Plan};
use mlcube_ssh::text::units::{count, human_bytes};
use mlcube_ssh::ui::report::Report;

/// Names what was fetched, kept and skipped.
pub(crate) fn print(report: Report, host: &str, receipt: &Receipt, plan: &Plan, workspace: &Path) {
    match receipt.files_sent.unwrap_or(0) {
        0 if !receipt.changed => report.say(&format!("nothing to fetch from {host}")),
        files => report.say(&format!(
            "fetched {} from {host}, {} over the link",
            count(files, "file"),
            human_bytes(receipt.bytes_sent.unwrap_or(0))
        )),
    }
    let name = Names { report, field: "steps.pull.kept" };
    name.each(&plan.kept, |path| {
        format!("kept {}, which changed on both sides; --overwrite replaces it", shown(path))
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
    if let Some(Ok(is)) = links.first().map(|link| real(&workspace.join(link))) {
        report.hint(&boundary::listing(&is));
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

/// Prints a line for each of the first entries of a list, and the number of the others.
pub(crate) struct Names {
    pub(crate) report: Report,
    /// The place in the document that lists all entries; empty if there is none.
    pub(crate) field: &'static str,
}

impl Names {
    const MOST: usize = 20;

    pub(crate) fn each<T>(&self, all: &[T], line: impl Fn(&T) -> String) {
        for one in all.iter().take(Self::MOST) {
            self.report.warn(&line(one));
        }
        if let Some(more @ 1..) = all.len().checked_sub(Self::MOST) {
            let all = match self.field {
                "" => String::new(),
                field => format!("; {field} in the document lists all"),
            };
            self.report.warn(&format!("and {more} more{all}"));
        }
    }
}

/// Escapes a path so that it fits on one line.
pub(crate) fn shown(path: &Path) -> String {
    path.to_string_lossy().escape_debug().to_string()
}
