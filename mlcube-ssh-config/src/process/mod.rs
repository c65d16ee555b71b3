//! Local programs and remote scripts as data: built, compared, shown, then run.

pub mod byte_counter;
pub(crate) mod captured;
pub(crate) mod children;
pub mod command;
pub mod comments;
pub mod file_list;
pub(crate) mod find;
pub mod script;
pub(crate) mod writer;
