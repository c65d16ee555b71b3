//! What a pull looks at on the remote, and which of it is meant.

pub(crate) mod followed_links;
pub(crate) mod list;
pub(crate) mod outputs;
pub(crate) mod workspace;
