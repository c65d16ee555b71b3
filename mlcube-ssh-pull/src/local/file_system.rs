//! What the local file system can't store, found out before anything is fetched.

use std::collections::BTreeSet;
use std::fs;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use mlcube_ssh::listing::{Disks, DoubtfulNames, Entry, Listing};
use rustix::fs::{Access, access};

use crate::local::scratch::Scratch;

/// Marks the folders of the workspace in which this user can't create files.
pub(crate) fn mark_unwritable(local: &mut Listing, workspace: &Path) {
    let is_locked = |path: &Path, entry: &Entry| {
        entry.is_folder()
            && access(workspace.join(path), Access::WRITE_OK | Access::EXEC_OK).is_err()
    };
    let locked = local.filter(is_locked);
    local.extend(locked.iter().map(|(path, entry)| (path, entry.unwritable())));
}

/// Marks the names of `send` that the file system can't store, or confuses with others; returns whether there are any.
pub(crate) fn mark_unheld(
    local: &mut Listing,
    workspace: &Path,
    scratch: &Scratch,
    send: &Listing,
) -> bool {
    let doubtful = DoubtfulNames::of(send, local);
    if doubtful.is_empty() {
        return false;
    }
    // If nothing can be created, the transfer will say why.
    let Ok(tried) = doubtful.try_in(workspace, &scratch.names()) else {
        return false;
    };
    let before = local.len();
    doubtful.mark(local, &tried);
    local.len() > before
}

/// Gives local entries their remote permissions, and changes nothing else of them. Returns the entries that don't have
/// them afterwards.
pub(crate) fn set_permissions(workspace: &Path, permissions: &Listing) -> Vec<&'static Path> {
    let is_denied = |(path, wanted): (&'static Path, Entry)| {
        let place = workspace.join(path);
        let set = |now: &Entry| {
            // Set-uid and the like aren't taken over. Those of a folder, which its new files inherit, are kept as they
            // are locally.
            let kept = if now.is_folder() { now.permissions() & 0o7000 } else { 0 };
            let mode = Permissions::from_mode(kept | wanted.permissions() & 0o777);
            now.kind == wanted.kind && fs::set_permissions(&place, mode).is_ok()
        };
        let has =
            Entry::is_at(&place, set) && Entry::is_at(&place, |now| now.same_permissions(&wanted));
        (!has).then_some(path)
    };
    permissions.iter().filter_map(is_denied).collect()
}

/// Of entries that don't have their remote permissions, those on a file system that stores permissions.
pub(crate) fn storing_permissions<'p>(workspace: &Path, denied: &[&'p Path]) -> Vec<&'p Path> {
    let folders: BTreeSet<_> = denied.iter().filter_map(|path| path.parent()).collect();
    let disks = Disks::local(workspace, &folders.into_iter().collect::<Vec<_>>());
    denied.iter().copied().filter(|path| disks.of(path).keeps_modes()).collect()
}
