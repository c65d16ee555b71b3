//! The rules of a pipeline: the document, the step that reads and writes it, answers, exit statuses, failures and limits.

pub mod answer;
pub mod args;
pub mod document;
pub mod engine_options;
pub mod exit_status;
pub mod failure;
pub mod generate;
pub mod limits;
pub mod private_file;
pub mod step;
mod usage_error;
