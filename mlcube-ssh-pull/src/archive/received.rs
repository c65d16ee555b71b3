//! The entries that an archive has fetched, and what is left for rsync.

use std::borrow::Cow;
use std::path::Path;

use mlcube_ssh::listing::Listing;

/// The result of fetching an archive.
#[derive(Debug, Default)]
pub(crate) struct Received {
    /// The entries that are in their places now, as they were listed.
    pub(crate) entries: Listing,
    /// Whether these are all requested entries, and no entry changed meanwhile.
    pub(crate) is_all: bool,
    /// The number of bytes sent over the link.
    pub(crate) bytes: u64,
}

impl Received {
    /// The entries of `send` that are left for rsync. Folders stay among them: rsync may have to make one writable, and
    /// restore its permissions.
    pub(crate) fn rest<'a>(&self, send: &'a Listing) -> Cow<'a, Listing> {
        let received = |path: &Path| self.entries.get(path).is_some();
        if self.entries.is_empty() {
            Cow::Borrowed(send)
        } else if self.is_all && self.entries.len() == send.len() {
            Cow::Owned(Listing::default())
        } else {
            Cow::Owned(send.filter(|path, entry| entry.is_folder() || !received(path)))
        }
    }
}
