//! What a push reads, prepares and backs up on the remote.

pub(crate) mod backups;
pub(crate) mod followed_links;
pub(crate) mod free_space;
pub(crate) mod incoming;
pub(crate) mod leftovers;
pub(crate) mod linked_folders;
pub(crate) mod prepare;
pub(crate) mod problem;
pub(crate) mod state;
pub(crate) mod try_names;
