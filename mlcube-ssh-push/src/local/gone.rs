//! Code that was pushed once and is gone here: what `--delete` deletes on the remote.
//!
//! Only what this machine has sent itself is ever deleted, so that nothing of anybody else's goes, and no file that is
//! still here, an ignored one for instance. A workspace is no code, and what somebody changed there is kept aside.

use std::path::{Path, PathBuf};

use mlcube_ssh::cube::layout::Layout;
use mlcube_ssh::listing::{Entry, Listing};

/// What was pushed from here, by this push or earlier ones, and is gone.
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

/// Whether a folder that `path` lay in is a file or a link now, through which something else may be seen.
fn lies_below_another(code: &Listing, path: &Path) -> bool {
    let mut around = path.ancestors().skip(1);
    around.any(|folder| code.get(folder).is_some_and(|now| !now.is_folder()))
}

/// Whether nothing lies at `path`: what can't be looked at, in a folder that can't be entered, may.
fn is_gone(path: &Path) -> bool {
    matches!(Entry::look(path), Ok(None))
}
