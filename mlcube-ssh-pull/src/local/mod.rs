//! What a pull needs locally: free space, a stage, a scratch folder, backups of what it
//! replaces.

pub(crate) mod backups;
pub(crate) mod file_system;
pub(crate) mod free_space;
pub(crate) mod scratch;
pub(crate) mod stage;
