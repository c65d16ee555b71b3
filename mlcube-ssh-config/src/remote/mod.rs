//! The remote: one login for a pipeline, sessions over it, and what the remote scripts reply.

pub mod connection;
pub mod disks;
pub mod folder_owner;
pub mod foreign_files;
pub mod interpreter;
pub mod inventory;
pub mod job;
pub mod login;
pub mod problem;
pub mod rsync_version;
pub mod session;
