//! The library of mlcube-ssh: what its five programs share.
//!
//! A module imports only from those above it in this table (and from crates):
//!
//! | module | home of |
//! |---|---|
//! | [`text`] | quoting for shells, dates, stable hashes, random ids |
//! | [`settings`] | validated names, and the typed `runner` section |
//! | [`ui`] | what a person reads: messages, progress, a job's log on a terminal |
//! | [`pipe`] | the document, the step that reads and writes it, exit statuses, failures |
//! | [`process`] | local programs and remote scripts as data |
//! | [`config`] | mlcube's rules for the effective configuration, on top of [`omegaconf`] |
//! | [`cube`] | a cube's folders, where they lie on the remote, and what it may reach |
//! | [`listing`] | the entries of a folder, compactly: read from this disk, from a remote's `find`, or from the sync state |
//! | [`remote`] | the login, sessions over it, jobs, and what remote scripts reply |
//! | [`sync`] | plans, the sync state, rsync and archives: what push and pull share |

pub mod config;
pub mod cube;
pub mod listing;
pub mod pipe;
pub mod process;
pub mod remote;
pub mod settings;
pub mod sync;
pub mod text;
pub mod ui;
