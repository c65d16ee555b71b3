//! Files that were compared by content because only their times differ: a fresh checkout has other times than the files
//! that another machine pushed.
//!
//! Two files of the sync state hold pairs of versions, `same` those that have the same content. An entry is the local
//! version; the time of the remote version is stored in place of a link's target.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::listing::Listing;
use crate::listing::entry::{Entry, EntryKind};
use crate::sync::state::SyncState;

const SAME: &str = "same";
const DIFFERING: &str = "differing";

/// Pairs of a local and a remote version of files, which have the same size.
#[derive(Clone, Debug, Default)]
pub(crate) struct VersionPairs(Listing);

impl VersionPairs {
    /// Returns whether it has this pair.
    pub(crate) fn has(&self, path: &Path, local: &Entry, remote: &Entry) -> bool {
        self.0.get(path).is_some_and(|known| known == pair(local, remote))
    }

    /// The pairs of some paths.
    pub(crate) fn of(paths: &Listing, local: &Listing, remote: &Listing) -> Self {
        let pair = |(path, _): (&'static Path, _)| {
            Some((path, pair(&local.get(path)?, &remote.get(path)?)))
        };
        Self(paths.iter().filter_map(pair).collect())
    }
}

fn pair(local: &Entry, remote: &Entry) -> Entry {
    let (seconds, nanoseconds) = remote.modified;
    let target = PathBuf::from(format!("{seconds}.{nanoseconds:09}"));
    let (size, modified) = (local.size, local.modified);
    Entry { kind: EntryKind::File, mode: 0, size, modified, target }
}

impl SyncState {
    /// The pairs that were compared and differ.
    pub(crate) fn differing(&self) -> Result<VersionPairs> {
        Ok(VersionPairs(self.record(DIFFERING).listing()?.unwrap_or_default()))
    }

    /// Notes pairs that were compared; each replaces that of its path.
    pub(crate) fn add_compared(&self, same: &VersionPairs, differing: &VersionPairs) -> Result<()> {
        for (name, VersionPairs(new)) in [(SAME, same), (DIFFERING, differing)] {
            if !new.is_empty() {
                let record = self.record(name);
                let mut pairs = record.listing()?.unwrap_or_default();
                pairs.merge(new);
                record.write_listing(&pairs)?;
            }
        }
        Ok(())
    }

    /// The entries of a listing of the local workspace `top` as both sides agreed on them, where its file systems can't
    /// store the times, and where only the times differ.
    ///
    /// # Errors
    /// When the sync state can't be read.
    pub fn local_as_agreed(&self, top: &Path, local: Listing, agreed: &Listing) -> Result<Listing> {
        let unrounded = match self.unrounded_local(top, &local, agreed) {
            Cow::Owned(unrounded) => Some(unrounded),
            Cow::Borrowed(_) => None,
        };
        let mut local = unrounded.unwrap_or(local);
        let same = self.record(SAME).listing()?.unwrap_or_default();
        let as_agreed = |(path, known): (&'static Path, Entry)| {
            let (local, agreed) = (local.get(path)?, agreed.get(path)?);
            let is_same = local.is_file()
                && agreed.is_file()
                && local.size == agreed.size
                && pair(&local, &agreed) == known;
            is_same.then_some((path, Entry { modified: agreed.modified, ..local }))
        };
        let as_agreed: Vec<_> = same.iter().filter_map(as_agreed).collect();
        local.extend(as_agreed);
        Ok(local)
    }
}
