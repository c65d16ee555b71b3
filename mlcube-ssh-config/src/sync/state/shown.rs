//! Entries that the disk of this machine shows otherwise than both sides have them in common: FAT keeps every other second and
//! no permissions. Without this they would be fetched again, or sent back, each time.

use anyhow::Result;

use crate::listing::Listing;
use crate::sync::state::SyncState;

/// The file that holds them.
const SHOWN: &str = "shown";

impl SyncState {
    /// Puts into a listing of the workspace here what both sides have in common, in place of what the disk shows for it. Only
    /// what is exactly as it was seen when it had been fetched counts: all else was changed since.
    ///
    /// # Errors
    /// When the record can't be looked at.
    pub fn put_agreed(&self, here: &mut Listing) -> Result<()> {
        let Some(shown) = self.read(SHOWN)? else { return Ok(()) };
        let common = self.workspace()?;
        let is_shown = shown
            .iter()
            .filter(|(path, entry)| here.get(path).is_some_and(|now| now.same(entry)))
            .filter_map(|(path, _)| Some((path, common.get(path)?)));
        let agreed: Vec<_> = is_shown.collect();
        here.extend(agreed);
        Ok(())
    }

    /// Notes how the disk here shows entries that were fetched.
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
