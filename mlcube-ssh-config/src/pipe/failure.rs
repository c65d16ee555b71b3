//! Errors that know their exit status and whose fault they are.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::pipe::exit_status::ExitStatus;
use crate::pipe::limits::Exceeded;
use crate::text::hint::Hinted;
use crate::ui::report::Report;

pub use crate::text::hint::hinted;

/// Whose failure it is; the document's `failed.kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum FailureKind {
    /// The task ran and ended with a status of its own: its results are fetched all the same.
    Task,
    /// Usage, document, configuration or a precondition.
    Ours,
    /// The host couldn't be reached, or the connection broke.
    Connection,
    /// `ssh` or `rsync`: missing, or it can't be run.
    Tool,
}

/// A step that failed: kind, exit status and cause.
///
/// An [`anyhow::Error`] turns into a failure of kind [`FailureKind::Ours`], so that `?` does what most places want.
#[derive(Debug)]
pub struct Failure {
    /// Whose failure it is.
    pub kind: FailureKind,
    /// The status to exit with.
    pub status: ExitStatus,
    /// Whether a task began before it: there may be results, which are fetched all the same.
    pub began: bool,
    cause: anyhow::Error,
    hint: Option<String>,
    is_final: bool,
    is_out_of_room: bool,
}

/// What a step or a part of it returns.
pub type Outcome<T> = Result<T, Failure>;

impl Failure {
    /// A failure of ours: status 125.
    pub fn ours(cause: impl Into<anyhow::Error>) -> Self {
        Self {
            kind: FailureKind::Ours,
            status: ExitStatus::Ours,
            began: false,
            cause: cause.into(),
            hint: None,
            is_final: true,
            is_out_of_room: false,
        }
    }

    /// The connection: status 255. The same may succeed a little later; see [`Failure::is_final`].
    #[must_use]
    pub fn connection(message: String) -> Self {
        Self {
            kind: FailureKind::Connection,
            status: ExitStatus::Connection,
            began: false,
            cause: anyhow::Error::msg(message),
            hint: None,
            is_final: false,
            is_out_of_room: false,
        }
    }

    /// `ssh` or `rsync` is missing (127) or can't be run (126).
    #[must_use]
    pub fn tool(status: ExitStatus, message: String) -> Self {
        Self {
            kind: FailureKind::Tool,
            status,
            began: false,
            cause: anyhow::Error::msg(message),
            hint: None,
            is_final: true,
            is_out_of_room: false,
        }
    }

    /// The task's own failure, with its own status.
    #[must_use]
    pub fn task(status: u8, message: String) -> Self {
        Self {
            kind: FailureKind::Task,
            status: ExitStatus::Task(status),
            began: true,
            cause: anyhow::Error::msg(message),
            hint: None,
            is_final: true,
            is_out_of_room: false,
        }
    }

    /// A signal ended us.
    #[must_use]
    pub fn signal(number: u8, message: String) -> Self {
        Self {
            kind: FailureKind::Ours,
            status: ExitStatus::Signal(number),
            began: false,
            cause: anyhow::Error::msg(message),
            hint: None,
            is_final: true,
            is_out_of_room: false,
        }
    }
}

impl Failure {
    /// Adds what the user can do about it, in place of a hint that the cause carries.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Says whether a task began before it.
    #[must_use]
    pub fn began(mut self, began: bool) -> Self {
        self.began = began;
        self
    }

    /// The limit that a host exceeded, if that is the cause.
    #[must_use]
    pub fn exceeded(&self) -> Option<Exceeded> {
        self.cause.chain().find_map(|cause| cause.downcast_ref().copied())
    }

    /// Marks a failure of the connection that another attempt can't mend, or must not: a refused login, a host key, a name.
    #[must_use]
    pub fn for_good(mut self) -> Self {
        self.is_final = true;
        self
    }

    /// The same, of a disk that is full: what was being written isn't whole.
    #[must_use]
    pub fn of_a_full_disk(mut self) -> Self {
        self.is_out_of_room = true;
        self
    }

    /// Whether a disk was full.
    #[must_use]
    pub fn is_out_of_room(&self) -> bool {
        self.is_out_of_room
    }

    /// Whether the same would fail again for as long as nobody changes anything.
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

    /// What the user can do about it, if anything is known.
    #[must_use]
    pub fn hint_text(&self) -> Option<&str> {
        let carried = || self.cause.chain().find_map(|cause| cause.downcast_ref::<Hinted>());
        self.hint.as_deref().or_else(|| carried().map(Hinted::hint))
    }
}

impl From<anyhow::Error> for Failure {
    fn from(cause: anyhow::Error) -> Self {
        Self::ours(cause)
    }
}

impl fmt::Display for Failure {
    /// The whole chain of causes on one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.cause)
    }
}

/// What can be done about a full disk: one can be full of inodes or of what the account may use, too.
pub const MAKE_ROOM: &str = "make room (`df -h`, `df -i` and `quota` show what is full), then run this step again: it resumes where it stopped";

/// Whether a program says that a disk, or what may be used of it, is full.
#[must_use]
pub fn is_out_of_room(errors: &str) -> bool {
    errors.contains("No space left on device") || errors.contains("Disk quota exceeded")
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
        assert_eq!(Failure::connection("lost".to_owned()).hint_text(), None);
    }
}
