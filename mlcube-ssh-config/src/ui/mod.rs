//! Output for people on standard error or a terminal: messages, progress, a job's log.

pub mod activity;
pub mod names;
pub mod progress;
pub mod report;
pub mod status_line;
pub mod table;
pub mod terminal;
