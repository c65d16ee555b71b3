//! Entries that the local disk shows otherwise than both sides agreed: FAT stores even seconds and no permissions.
//! Without this file they would be fetched or sent back at every transfer.

use anyhow::Result;

use crate::listing::Listing;
use crate::sync::state::SyncState;

/// The name of the file with these entries.
const SHOWN: &str = "shown";

impl SyncState {
    /// Replaces entries of a listing of the local workspace with what both sides agreed on. Only entries that are
    /// exactly as the disk showed them after the fetch are replaced: any other was changed since.
    ///
    /// # Errors
    /// When the sync state can't be inspected.
    pub fn put_agreed(&self, local: &mut Listing) -> Result<()> {
        let Some(shown) = self.read(SHOWN)? else { return Ok(()) };
        let common = self.workspace()?;
        let is_shown = shown
            .iter()
            .filter(|(path, entry)| local.get(path).is_some_and(|now| now.same(entry)))
            .filter_map(|(path, _)| Some((path, common.get(path)?)));
        let agreed: Vec<_> = is_shown.collect();
        local.extend(agreed);
        Ok(())
    }

    /// Writes down how the local disk shows entries that were fetched.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn add_shown(&self, new: &Listing) -> Result<()> {
        if new.is_empty() {
            return Ok(());
        }
        let mut shown = self.read(SHOWN)?.unwrap_or_default();
        shown.merge(new);
        self.write(SHOWN, &shown)
    }
}
