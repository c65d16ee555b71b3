//! The code that was pushed: what the remote tree holds of it, what has been removed locally since, and what the image
//! was built from.

use anyhow::Result;

use crate::cube::layout::Layout;
use crate::listing::Listing;
use crate::listing::entry::Entry;
use crate::sync::state::SyncState;

const CODE: &str = "code";
const GONE: &str = "gone";
const CONFIGURED: &str = "configured";

impl SyncState {
    /// The code that was pushed last; `None` if none was pushed.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn code(&self) -> Result<Option<Listing>> {
        self.record(CODE).listing()
    }

    /// Returns whether code was pushed.
    ///
    /// # Errors
    /// When the file can't be inspected.
    pub fn has_code(&self) -> Result<bool> {
        self.record(CODE).exists()
    }

    /// As [`SyncState::code`], but `None` if its file is larger than `bytes`.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn code_within(&self, bytes: u64) -> Result<Option<Listing>> {
        let file = Entry::look(self.record(CODE).path())?;
        if file.is_some_and(|file| file.size <= bytes) { self.code() } else { Ok(None) }
    }

    /// Writes down the code that was pushed.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn set_code(&self, listing: &Listing) -> Result<()> {
        self.record(CODE).write_listing(listing)
    }

    /// Forgets the code that was pushed, after it was removed on the remote.
    ///
    /// # Errors
    /// When a file can't be removed.
    pub fn forget_code(&self) -> Result<()> {
        self.record(CODE).remove()?;
        self.record(GONE).remove()?;
        self.forget_configured()
    }

    /// Code that was pushed once, was removed locally, and may still exist on the remote.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn gone(&self) -> Result<Listing> {
        Ok(self.record(GONE).listing()?.unwrap_or_default())
    }

    /// Writes down the code that was removed locally and still exists on the remote.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn set_gone(&self, listing: &Listing) -> Result<()> {
        self.record(GONE).write_listing(listing)
    }

    /// The code that the remote image was built from; `None` if it never was built.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn configured(&self) -> Result<Option<Listing>> {
        self.record(CONFIGURED).listing()
    }

    /// Writes down that the image was built from the code that was pushed last.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn set_configured(&self, layout: &Layout) -> Result<()> {
        let code = self.code()?.unwrap_or_default();
        self.record(CONFIGURED).write_listing(&code.below(layout.build_context()))
    }

    /// Forgets the code that the remote image was built from: what is built now, or what somebody else has built, may
    /// be another image.
    ///
    /// # Errors
    /// When the file can't be removed.
    pub fn forget_configured(&self) -> Result<()> {
        self.record(CONFIGURED).remove()
    }
}
