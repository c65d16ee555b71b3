//! What the local file system can't store, found out before anything is fetched.

use std::io;
use std::path::Path;

use mlcube_ssh::listing::{Disks, DoubtfulNames, Entry, Listing, folders_of};
use rustix::fs::{Access, AtFlags, FileType, Mode, access, chmodat, statat};

use crate::local::scratch::Scratch;
use mlcube_ssh::sync::RealFolders;

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
    doubtful.mark(local, tried);
    local.len() > before
}

/// Gives local entries their remote permissions, and changes nothing else of them. Returns the entries that don't have
/// them afterwards.
pub(crate) fn set_permissions(real: RealFolders<'_>, permissions: &Listing) -> Vec<&'static Path> {
    let set = |path: &Path, wanted: &Entry| -> io::Result<bool> {
        let folder = real.open(path.parent().unwrap_or(path))?;
        let name = path.file_name().unwrap_or_default();
        let now = statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
        let is_as_wanted = match FileType::from_raw_mode(now.st_mode) {
            FileType::Directory => wanted.is_folder(),
            FileType::RegularFile => wanted.is_file(),
            _ => false,
        };
        // Set-uid and the like aren't taken over. Those of a folder, which its new files inherit, are kept as they are
        // locally.
        let kept = if wanted.is_folder() { now.st_mode & 0o7000 } else { 0 };
        let mode = Mode::from_raw_mode(kept | wanted.permissions() & 0o777);
        Ok(is_as_wanted && chmodat(&folder, name, mode, AtFlags::empty()).is_ok())
    };
    let is_denied = |(path, wanted): (&'static Path, Entry)| {
        let has = set(path, &wanted).unwrap_or(false)
            && Entry::is_at(&real.top.join(path), |now| now.same_permissions(&wanted));
        (!has).then_some(path)
    };
    permissions.iter().filter_map(is_denied).collect()
}

/// Of entries that don't have their remote permissions, those on a file system that stores permissions.
pub(crate) fn storing_permissions<'p>(workspace: &Path, denied: &[&'p Path]) -> Vec<&'p Path> {
    let disks = Disks::local(workspace, &folders_of(denied.iter().copied()));
    denied.iter().copied().filter(|path| disks.of(path).keeps_modes()).collect()
}
