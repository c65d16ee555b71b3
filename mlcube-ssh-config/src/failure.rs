//! Errors that know their exit status and whose fault they are.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::status::ExitStatus;

/// Whose failure it is; the document's `failed.kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Kind {
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
/// An [`anyhow::Error`] turns into a failure of kind [`Kind::Ours`], so that `?` does what most places want.
#[derive(Debug)]
pub struct Failure {
    /// Whose failure it is.
    pub kind: Kind,
    /// The status to exit with.
    pub status: ExitStatus,
    cause: anyhow::Error,
}

/// What a step or a part of it returns.
pub type Outcome<T> = Result<T, Failure>;

impl Failure {
    /// A failure of ours: status 125.
    pub fn ours(cause: impl Into<anyhow::Error>) -> Self {
        Self { kind: Kind::Ours, status: ExitStatus::Ours, cause: cause.into() }
    }

    /// The connection: status 255.
    #[must_use]
    pub fn connection(message: String) -> Self {
        Self {
            kind: Kind::Connection,
            status: ExitStatus::Connection,
            cause: anyhow::Error::msg(message),
        }
    }

    /// `ssh` or `rsync` is missing (127) or can't be run (126).
    #[must_use]
    pub fn tool(status: ExitStatus, message: String) -> Self {
        Self { kind: Kind::Tool, status, cause: anyhow::Error::msg(message) }
    }

    /// The task's own failure, with its own status.
    #[must_use]
    pub fn task(status: u8, message: String) -> Self {
        Self {
            kind: Kind::Task,
            status: ExitStatus::Task(status),
            cause: anyhow::Error::msg(message),
        }
    }

    /// A signal ended us.
    #[must_use]
    pub fn signal(number: u8, message: String) -> Self {
        Self {
            kind: Kind::Ours,
            status: ExitStatus::Signal(number),
            cause: anyhow::Error::msg(message),
        }
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
