//! The unit of a transfer by rsync.

use mlcube_ssh::sync::Batch;

/// Entries that one rsync fetches, or several in pieces.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    pub(crate) batch: Batch,
    /// Whether rsync may write its temporary files to a scratch folder.
    pub(crate) has_scratch: bool,
    /// Whether the entries are remote links that are followed to files.
    pub(crate) is_link: bool,
    /// Whether rsync would accept other names, too, so that the entries go through the stage.
    pub(crate) needs_stage: bool,
}
