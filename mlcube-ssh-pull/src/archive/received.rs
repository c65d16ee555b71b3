//! What a stream brought, and what is left for rsync.

use std::borrow::Cow;
use std::path::Path;

use mlcube_ssh::listing::Listing;

/// What a stream brought.
#[derive(Debug, Default)]
pub(crate) struct Received {
    /// What is here now, as it was listed.
    pub(crate) entries: Listing,
    /// Whether that is all that was asked for, and nothing of it changed meanwhile.
    pub(crate) is_all: bool,
    /// The bytes that went over the link.
    pub(crate) bytes: u64,
}

impl Received {
    /// What of `send` is left for rsync: all of it where anything went wrong, since it looks for itself; and with what is left
    /// the folders, which it may have to open for that and close again.
    pub(crate) fn rest<'a>(&self, send: &'a Listing) -> Cow<'a, Listing> {
        let came = |path: &Path| self.entries.get(path).is_some();
        if !self.is_all {
            Cow::Borrowed(send)
        } else if self.entries.len() == send.len() {
            Cow::Owned(Listing::default())
        } else {
            Cow::Owned(send.filter(|path, entry| entry.is_folder() || !came(path)))
        }
    }
}
