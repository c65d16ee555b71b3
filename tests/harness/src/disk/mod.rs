//! Folders and file systems: those of a test, those that are odd, and those that are kept for the next test.

pub(crate) mod cache;
pub(crate) mod odd_disk;
pub(crate) mod place;
pub(crate) mod tmpfs;
pub(crate) mod tree;
