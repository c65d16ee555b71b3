//! Code that was pushed once and no longer exists locally: what `--delete` deletes on the remote.
//!
//! Only what this machine has sent is ever deleted, so that nothing of anybody else is lost, and no file that still
//! exists locally, for instance an ignored one. A workspace isn't code, and what somebody changed on the remote is kept
//! as a backup.

use std::path::{Path, PathBuf};

use mlcube_ssh::cube::layout::Layout;
use mlcube_ssh::listing::{Entry, Listing};

/// The entries that this machine pushed, now or earlier, and that no longer exist locally.
pub(crate) fn gone(
    layout: &Layout,
    pushed: &Listing,
    code: &Listing,
    workspaces: &[PathBuf],
) -> Listing {
    let is_workspace = |path: &Path| workspaces.iter().any(|place| path.starts_with(place));
    pushed.filter(|path, _| {
        let is_gone = || lies_below_another(code, path) || is_gone(&layout.base.join(path));
        code.get(path).is_none() && is_gone() && !is_workspace(path)
    })
}

/// Returns whether a folder above `path` is a file or a link now; `path` may then show another file through that link.
fn lies_below_another(code: &Listing, path: &Path) -> bool {
    let mut around = path.ancestors().skip(1);
    around.any(|folder| code.get(folder).is_some_and(|now| !now.is_folder()))
}

/// Returns whether nothing exists at `path`. In a folder that can't be entered something may exist.
fn is_gone(path: &Path) -> bool {
    matches!(Entry::look(path), Ok(None))
}
