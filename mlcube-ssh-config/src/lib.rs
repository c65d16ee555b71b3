//! The library of mlcube-ssh: what its five programs share.
//!
//! It lies in the package of `mlcube-ssh-config`, beside the program that makes the
//! [`Document`](pipe::document::Document). Each of the other four is one *step* of a pipeline: it reads the document in
//! [`Step::run`](pipe::step::Step::run), acts on it, adds a [`Receipt`](pipe::document::Receipt), and writes it. A
//! [`Failure`](pipe::failure::Failure) knows its exit status and its hint.
//!
//! What a step does locally is a [`Command`](process::command::Command), what it does on the remote a
//! [`Script`](process::script::Script). Both are data before they run, so that a dry run, the log of `-v` and the run
//! show the same value. Words from outside are quoted by one function, and no text from outside becomes code:
//!
//! ```
//! use mlcube_ssh::pipe::document::Document;
//! use mlcube_ssh::process::command::Command;
//! use mlcube_ssh::process::script::{LOADER, Script};
//!
//! let text = r#"{
//!     "schema": "mlcube-ssh/v1",
//!     "config": {"tasks": {"train": {}}},
//!     "run": {"mlcube": "/home/ann/linreg/mlcube.yaml", "platform": "gpu1", "tasks": ["train"]},
//!     "remote": {"host": "gpu1", "base": "~/it's mine", "cube": "~/it's mine",
//!                "workspace": "~/it's mine/workspace", "state": "~/.mlcube-ssh/linreg"},
//!     "steps": {}
//! }"#;
//! let document = Document::read(text.as_bytes())?;
//! assert_eq!(document.task_names(), ["train"]);
//!
//! let script = Script::new(r#"locate "$workspace"; ls "$path""#)
//!     .given("workspace", document.remote.workspace.as_str());
//! let command =
//!     Command::new("ssh").args(["--", document.remote.host.as_str(), LOADER]).script(script);
//!
//! // What a dry run prints: a line that a shell accepts, and the script behind it.
//! let shown = command.to_string();
//! assert!(shown.starts_with("ssh -- gpu1 "));
//! assert!(shown.contains(r"workspace='~/it'\''s mine/workspace'"));
//! # Ok::<(), anyhow::Error>(())
//! ```
//!
//! [`Connection::run`](remote::connection::Connection::run) runs a script over the shared ssh connection and returns
//! its [`Reply`](remote::session::Reply). A transfer compares [`Listing`](listing::Listing)s, makes a
//! [`Plan`](sync::Plan), and carries it out with rsync. `ARCHITECTURE.md` in the repository shows the life of a push
//! and of a job.
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
