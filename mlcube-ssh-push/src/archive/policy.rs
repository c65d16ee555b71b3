//! Decides whether an archive is faster than rsync. For new entries it takes half the time, but it carries tar headers,
//! and has to be moved into its place.

use crate::archive::format::header_bytes;
use crate::archive::new_entries::NewEntries;
use crate::remote::state::Route;

/// From this number of files or bytes on, an archive is faster than rsync. In a new tree it always is, because it uses
/// the open session. Large files are the exception.
const FILES: u64 = 100;
const BYTES: u64 = 8 << 20;
/// From this number of bytes on, in files of this average size, rsync is faster: one archive of 4 GiB in four files
/// took a third longer, and rsync can resume a transfer that was cut off.
const LARGE: u64 = 64 << 20;
const LARGE_FILE: u64 = 1 << 20;
/// With more target folders than this, rsync puts the entries in place.
const FOLDERS: usize = 50;

/// Headers of at most this number of bytes don't matter.
const FEW: u64 = 256 << 10;

/// How to send an archive that is faster than rsync.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ArchivePolicy {
    /// Whether zstd compresses it. With many headers, that saves more time than it costs.
    pub(crate) is_compressed: bool,
}

impl ArchivePolicy {
    pub(crate) fn of(route: &Route, new_entries: &NewEntries) -> Option<Self> {
        let (files, bytes) = (new_entries.entries.files(), new_entries.entries.bytes());
        let is_much = files >= FILES || bytes >= BYTES || route.remote_state.is_new && files > 0;
        let is_large = bytes >= LARGE && bytes / files.max(1) >= LARGE_FILE;
        let pays = is_much && !is_large && new_entries.folders.len() <= FOLDERS;
        if !pays || !route.is_on_incoming_disk {
            return None;
        }
        let headers = header_bytes(&new_entries.entries);
        let is_compressed = headers > bytes / 10 && route.remote_state.has_zstd;
        (is_compressed || headers <= FEW.max(bytes / 2)).then_some(Self { is_compressed })
    }
}
