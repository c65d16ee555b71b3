//! What the local file system can't store, found out before anything is fetched.

use std::fs;
use std::fs::{File, FileTimes, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use mlcube_ssh::listing::{DoubtfulNames, Entry, Listing};
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

/// The fetched entries that the file system shows with another time, by two seconds at most, or with other permissions,
/// as it shows them. If it keeps all attributes, no entry is looked at.
pub(crate) fn shown(workspace: &Path, scratch: &Scratch, sent: &Listing) -> Listing {
    if sent.is_empty() || keeps_attributes(scratch).unwrap_or(true) {
        return Listing::default();
    }
    let shown = |(path, planned): (&'static Path, Entry)| {
        let now = Entry::look(&workspace.join(path)).ok().flatten()?;
        let is_close = (now.modified.0 - planned.modified.0).abs() <= 2;
        let is_fetched = now.kind == planned.kind && now.size == planned.size && is_close;
        (planned.is_file() && is_fetched && !now.same(&planned)
            || planned.is_folder() && now.is_folder() && !now.same_permissions(&planned))
        .then_some((path, now))
    };
    sent.iter().filter_map(shown).collect()
}

/// Returns whether the file system keeps times to the nanosecond, and permissions. Tries it with a file in the scratch
/// folder.
fn keeps_attributes(scratch: &Scratch) -> io::Result<bool> {
    let folder = scratch.names();
    fs::create_dir_all(&folder)?;
    let tried = (|| {
        let path = folder.join("attributes");
        let (time, mode) = (UNIX_EPOCH + Duration::new(1_000_000_001, 123_456_789), 0o640);
        let file = File::create(&path)?;
        file.set_times(FileTimes::new().set_accessed(time).set_modified(time))?;
        file.set_permissions(Permissions::from_mode(mode))?;
        let now = fs::metadata(&path)?;
        Ok(now.modified()? == time && now.permissions().mode() & 0o777 == mode)
    })();
    let _ = fs::remove_dir_all(&folder);
    tried
}
