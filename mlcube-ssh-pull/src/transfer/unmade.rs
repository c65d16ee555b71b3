//! An entry that a pull makes itself, and can't make.

use std::io;
use std::path::PathBuf;

use anyhow::anyhow;
use mlcube_ssh::pipe::failure::{Failure, MAKE_ROOM, is_disk_full};
use mlcube_ssh::ui::names::shown;

/// A folder or a link that can't be made.
pub(crate) struct Unmade {
    /// What it is.
    pub(crate) what: &'static str,
    pub(crate) path: PathBuf,
    pub(crate) problem: io::Error,
}

impl Unmade {
    /// The failure that names it.
    pub(crate) fn failure(self) -> Failure {
        let Self { what, path, problem } = self;
        let failure = Failure::ours(anyhow!(
            "can't make the {what} '{}' locally: {problem}; the rest was done",
            shown(&path)
        ));
        if is_disk_full(&problem) {
            return failure.of_a_full_disk().hint(MAKE_ROOM);
        }
        failure.hint(format!(
            "name it in .mlcubeignore if the local file system can't hold this {what}"
        ))
    }
}
