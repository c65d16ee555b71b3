//! Errors with an exit status and the party at fault.

use std::fmt;
use std::io::{self, ErrorKind};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::pipe::exit_status::ExitStatus;
use crate::pipe::limits::Exceeded;
use crate::text::hint::{Hinted, is_of_a_full_disk};
use crate::text::system_error::without_numbers;
use crate::ui::report::Report;

pub use crate::text::hint::{OrHint, hinted, is_disk_full};

/// The party at fault; the document's `failed.kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum FailureKind {
    /// The task ran and ended with a status of its own: its results are fetched nevertheless.
    Task,
    /// Usage, document, configuration or a precondition.
    Ours,
    /// The host couldn't be reached, or the connection broke.
    Connection,
    /// `ssh` or `rsync` is missing or can't be run.
    Tool,
}

/// The failure of a step: kind, exit status and cause.
///
/// An [`anyhow::Error`] converts to a failure of kind [`FailureKind::Ours`], so that `?` is right in most places.
///
/// ```
/// use mlcube_ssh::pipe::exit_status::ExitStatus;
/// use mlcube_ssh::pipe::failure::{Failure, hinted};
///
/// let failure = Failure::from(hinted("'gpu1' has no python 'py3'", "set runner.interpreter.python"));
/// assert_eq!(failure.to_string(), "'gpu1' has no python 'py3'");
/// assert_eq!(failure.hint_text(), Some("set runner.interpreter.python"));
/// assert_eq!(failure.status, ExitStatus::Ours);
/// assert!(failure.is_final());
/// ```
#[derive(Debug)]
pub struct Failure {
    /// The party at fault.
    pub kind: FailureKind,
    /// The status to exit with.
    pub status: ExitStatus,
    /// Whether a task began before the failure: there may be results, which are fetched nevertheless.
    pub began: bool,
    cause: anyhow::Error,
    hint: Option<String>,
    is_final: bool,
    /// What it is about, where a caller acts on that.
    reason: Option<Reason>,
}

/// A cause that callers know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    /// A disk is full: what was being written is incomplete.
    FullDisk,
    /// The host has sent nothing for too long.
    Silence,
}

/// The result of a step or a part of it.
pub type Outcome<T> = Result<T, Failure>;

impl Failure {
    fn new(kind: FailureKind, status: ExitStatus, cause: anyhow::Error) -> Self {
        Self { kind, status, began: false, cause, hint: None, is_final: true, reason: None }
    }

    /// Creates a failure of mlcube-ssh itself: status 125.
    pub fn ours(cause: impl Into<anyhow::Error>) -> Self {
        Self::new(FailureKind::Ours, ExitStatus::Ours, cause.into())
    }

    /// Creates a failure of the connection: status 255. The same operation may succeed a little later; see
    /// [`Failure::is_final`].
    #[must_use]
    pub fn connection(message: String) -> Self {
        let cause = anyhow::Error::msg(message);
        let failure = Self::new(FailureKind::Connection, ExitStatus::Connection, cause);
        Self { is_final: false, ..failure }
    }

    /// Creates the failure for an `ssh` or `rsync` that is missing (127) or can't be run (126).
    #[must_use]
    pub fn tool(status: ExitStatus, message: String) -> Self {
        Self::new(FailureKind::Tool, status, anyhow::Error::msg(message))
    }

    /// Creates the task's own failure, with its own status.
    #[must_use]
    pub fn task(status: u8, message: String) -> Self {
        let status = ExitStatus::Task(status);
        Self { began: true, ..Self::new(FailureKind::Task, status, anyhow::Error::msg(message)) }
    }

    /// Creates the failure for a signal that ended the program.
    #[must_use]
    pub fn signal(number: u8, message: String) -> Self {
        Self::new(FailureKind::Ours, ExitStatus::Signal(number), anyhow::Error::msg(message))
    }

    /// Adds what the user can do about it; replaces a hint that the cause carries.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Notes whether a task began before the failure.
    #[must_use]
    pub fn began(mut self, began: bool) -> Self {
        self.began = began;
        self
    }

    /// Returns the limit that a host exceeded, if that is the cause.
    #[must_use]
    pub fn exceeded(&self) -> Option<Exceeded> {
        self.cause.chain().find_map(|cause| cause.downcast_ref().copied())
    }

    /// Marks a failure of the connection for which another attempt is useless or forbidden: a refused login, a host
    /// key, a name.
    #[must_use]
    pub fn for_good(mut self) -> Self {
        self.is_final = true;
        self
    }

    /// Marks the failure as final because a disk is full: what was being written is incomplete.
    #[must_use]
    pub fn of_a_full_disk(mut self) -> Self {
        self.reason = Some(Reason::FullDisk);
        self
    }

    /// Returns whether a full disk is the cause.
    #[must_use]
    pub fn is_out_of_room(&self) -> bool {
        self.reason == Some(Reason::FullDisk)
    }

    /// Marks the failure of a host that has sent nothing for too long.
    #[must_use]
    pub fn of_silence(mut self) -> Self {
        self.reason = Some(Reason::Silence);
        self
    }

    /// Returns whether the host has sent nothing for too long.
    #[must_use]
    pub fn is_of_silence(&self) -> bool {
        self.reason == Some(Reason::Silence)
    }

    /// Returns whether another attempt would fail until somebody changes something.
    #[must_use]
    pub fn is_final(&self) -> bool {
        self.is_final
    }

    /// Reports the failure: its `error:` line and, if it has one, its `hint:` line.
    pub fn report(&self, report: &Report) {
        report.error(&self.to_string());
        if let Some(hint) = self.hint_text() {
            report.hint(hint);
        }
    }

    /// Returns what the user can do about it, if anything is known.
    #[must_use]
    pub fn hint_text(&self) -> Option<&str> {
        let carried = || self.cause.chain().find_map(|cause| cause.downcast_ref::<Hinted>());
        let known = self.hint.as_deref().or_else(|| carried().map(Hinted::hint));
        let of_system =
            || self.cause.chain().find_map(|cause| cause.downcast_ref().map(hint_of_io));
        // A task's failure is explained by its own output, and a signal by whoever sent it.
        let is_explained =
            self.kind == FailureKind::Task || matches!(self.status, ExitStatus::Signal(_));
        known
            .or_else(|| is_of_a_full_disk(&self.cause).then_some(MAKE_ROOM))
            .or_else(of_system)
            .or_else(|| (!is_explained).then_some(WITH_V))
    }
}

impl From<anyhow::Error> for Failure {
    fn from(cause: anyhow::Error) -> Self {
        Self::ours(cause)
    }
}

impl fmt::Display for Failure {
    /// Writes the whole chain of causes on one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&without_numbers(&format!("{:#}", self.cause)))
    }
}

/// Returns what can be done about a local file that the system refuses; the message names the file.
fn hint_of_io(problem: &io::Error) -> &'static str {
    match problem.kind() {
        _ if is_disk_full(problem) => MAKE_ROOM,
        ErrorKind::NotFound => "check the path",
        ErrorKind::PermissionDenied => {
            "check who may read and write the file and the folders above it (`ls -ld`)"
        }
        ErrorKind::ReadOnlyFilesystem => "name a path on a file system that can be written",
        ErrorKind::NotADirectory | ErrorKind::IsADirectory | ErrorKind::AlreadyExists => {
            "something of another kind has this name: move it away, or name another path"
        }
        ErrorKind::OutOfMemory => "free memory, or raise the limits of this shell (`ulimit -a`)",
        _ => "check the file and its file system (`ls -ld`, `df`), then run this step again",
    }
}

/// The hint for a failure that nobody foresaw.
const WITH_V: &str = "run it again with -v, which shows the commands and scripts that it runs";

/// The hint for a full disk; a disk may also have no free inodes, or the account's quota may be used up.
pub const MAKE_ROOM: &str = "make room (`df -h`, `df -i` and `quota` show what is full), then run this step again: it resumes where it stopped";

/// The system's words for a disk, or an account's share of it, that is full; programs differ in the case of the first.
pub const FULL_DISK: [&str; 2] = ["no space left on device", "disk quota exceeded"];

/// Returns whether a program's message says that a disk, or the account's share of it, is full.
#[must_use]
pub fn is_out_of_room(errors: &str) -> bool {
    let errors = errors.to_ascii_lowercase();
    FULL_DISK.iter().any(|words| errors.contains(words))
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    #[test]
    fn a_hint_is_found_below_any_context() {
        let cause = Err::<(), _>(hinted("no key", "make one")).context("can't log in").unwrap_err();
        let failure = Failure::from(cause);
        assert_eq!(failure.to_string(), "can't log in: no key");
        assert_eq!(failure.hint_text(), Some("make one"));
        assert_eq!(failure.hint("ask").hint_text(), Some("ask"));
        assert_eq!(Failure::connection("lost".to_owned()).hint_text(), Some(WITH_V));
        assert_eq!(Failure::task(1, "failed".to_owned()).hint_text(), None);
        assert_eq!(Failure::signal(2, "ended".to_owned()).hint_text(), None);
    }
}
