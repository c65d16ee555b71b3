//! What each verb of the command line does.

mod attach;
pub(crate) mod clean;
pub(crate) mod query;
pub(crate) mod run;
