//! What a pull reads on the remote, and which part of it is requested.

pub(crate) mod followed_links;
pub(crate) mod list;
pub(crate) mod outputs;
pub(crate) mod waiting;
pub(crate) mod workspace;
