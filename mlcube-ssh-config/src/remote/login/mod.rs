//! The login: the shared master that all steps use, and why one fails.

pub(crate) mod cipher;
pub(crate) mod control_socket;
pub(crate) mod diagnosis;
pub(crate) mod identity_file;
pub(crate) mod master;
pub(crate) mod options;
pub(crate) mod ssh_config;
pub(crate) mod ssh_messages;
pub(crate) mod ssh_version;
