//! What the file system here can't take, known before anything is fetched.

use std::path::Path;

use mlcube_ssh_config::workspace::{DoubtfulNames, Entry, Listing};
use rustix::fs::{Access, access};

use crate::scratch;

/// Marks the folders of the workspace in which this user can't make anything.
pub(crate) fn mark_unwritable(here: &mut Listing, workspace: &Path) {
    let is_locked = |path: &Path, entry: &Entry| {
        entry.is_folder()
            && access(workspace.join(path), Access::WRITE_OK | Access::EXEC_OK).is_err()
    };
    let locked = here.filter(is_locked);
    here.extend(locked.iter().map(|(path, entry)| (path, entry.unwritable())));
}

/// Marks the names of `send` that the file system can't hold, or takes for others; says whether there is any.
pub(crate) fn mark_unheld(here: &mut Listing, workspace: &Path, send: &Listing) -> bool {
    let doubtful = DoubtfulNames::of(send, here);
    if doubtful.is_empty() {
        return false;
    }
    // Where nothing can be made, the transfer says why.
    let Ok(tried) = doubtful.try_in(workspace, &workspace.join(scratch::names())) else {
        return false;
    };
    let before = here.len();
    doubtful.mark(here, &tried);
    here.len() > before
}
