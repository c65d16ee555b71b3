//! What one rsync brings.

use mlcube_ssh::sync::Batch;

/// What one rsync brings, or several in pieces.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    pub(crate) part: Batch,
    /// Whether files may be put together in a folder of our own.
    pub(crate) has_scratch: bool,
    /// Whether it is files that links there stand for.
    pub(crate) is_link: bool,
}
