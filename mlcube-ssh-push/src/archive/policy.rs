//! Whether a stream pays: it takes half the time of an rsync that compares nothing with nothing, but has to be put in place,
//! and carries the headers of an archive.

use mlcube_ssh::sync::Batch;

use crate::archive::format::header_bytes;
use crate::archive::new_entries::NewEntries;
use crate::remote::state::Route;

/// From so many files or bytes on it is quicker than rsync; in a new tree always, since it goes in a session that is there; but for
/// what is large.
const FILES: u64 = 100;
const BYTES: u64 = 8 << 20;
/// In more folders than this things are put in place by rsync.
const FOLDERS: usize = 50;

/// Headers of so few bytes count for nothing.
const FEW: u64 = 256 << 10;

/// A stream that pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ArchivePolicy {
    /// Squeezed by zstd it is shorter by more than that costs.
    pub(crate) is_squeezed: bool,
}

impl ArchivePolicy {
    pub(crate) fn of(route: &Route, fresh: &NewEntries) -> Option<Self> {
        let (files, bytes) = (fresh.entries.files(), fresh.entries.bytes());
        let is_much = files >= FILES || bytes >= BYTES || route.prepared.is_new && files > 0;
        // One archive of 4 GiB in four files took a third longer than one rsync, and rsync goes on where it was cut off.
        let is_large = Batch::are_large(files, bytes);
        let pays = is_much && !is_large && fresh.folders.len() <= FOLDERS;
        if !pays || !route.is_near {
            return None;
        }
        let headers = header_bytes(&fresh.entries);
        let is_squeezed = headers > bytes / 10 && route.prepared.has_zstd;
        (is_squeezed || headers <= FEW.max(bytes / 2)).then_some(Self { is_squeezed })
    }
}
