//! The sentences about skipped entries that push and pull have in common.

use std::path::Path;

use anyhow::{Error, anyhow};

use crate::settings::names::Host;
use crate::ui::names::{Names, others, shown};

/// Names entries that no transfer sends.
pub fn name_special(names: &Names, paths: &[impl AsRef<Path>]) {
    names.each(paths, |path| {
        format!("skipped {}: a device, a socket or a pipe", shown(path.as_ref()))
    });
}

/// Names entries in whose places the receiver has an entry of another kind.
pub fn name_other_kinds(names: &Names, paths: &[impl AsRef<Path>], host: &Host) {
    names.each(paths, |path| {
        format!(
            "skipped {} and everything below it: it is of another kind (folder, file, link) locally than on {host}; move one of the two away",
            shown(path.as_ref())
        )
    });
}

/// Returns the error about `all` such entries, of which `first` is one.
#[must_use]
pub fn of_another_kind(first: &Path, all: usize, host: &Host) -> Error {
    anyhow!(
        "skipped '{}'{}: of another kind (folder, file, link) locally than on '{host}'; the rest was done",
        shown(first),
        others(all)
    )
}
