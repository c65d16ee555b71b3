//! An error with a hint for the user.

use std::fmt;
use std::io::{self, ErrorKind};

/// An error message with a hint; they are printed as an `error:` and a `hint:` line.
///
/// It can be wrapped in an [`anyhow::Error`], below any context; `Failure` finds it there.
#[derive(Debug)]
pub struct Hinted {
    cause: anyhow::Error,
    hint: String,
}

/// Makes an error with a hint: `message` says what failed, `hint` which command or change remedies it.
pub fn hinted(message: impl Into<String>, hint: impl Into<String>) -> anyhow::Error {
    anyhow::Error::new(Hinted { cause: anyhow::Error::msg(message.into()), hint: hint.into() })
}

/// Adds a hint to an error that has none. A full disk has a hint of its own, wherever it is met.
pub trait OrHint {
    /// Keeps the message and its causes.
    #[must_use]
    fn or_hint(self, hint: impl Into<String>) -> Self;
}

impl OrHint for anyhow::Error {
    fn or_hint(self, hint: impl Into<String>) -> Self {
        if self.chain().any(<dyn std::error::Error>::is::<Hinted>) || is_of_a_full_disk(&self) {
            return self;
        }
        Self::new(Hinted { cause: self, hint: hint.into() })
    }
}

/// Returns whether the system refused to write because a local disk, or the account's share of it, is full.
#[must_use]
pub fn is_disk_full(problem: &io::Error) -> bool {
    matches!(problem.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}

/// Returns whether a full local disk is among the causes.
pub(crate) fn is_of_a_full_disk(cause: &anyhow::Error) -> bool {
    cause.chain().any(|cause| cause.downcast_ref().is_some_and(is_disk_full))
}

impl<T> OrHint for anyhow::Result<T> {
    fn or_hint(self, hint: impl Into<String>) -> Self {
        self.map_err(|error| error.or_hint(hint))
    }
}

impl Hinted {
    /// What the user can do.
    #[must_use]
    pub fn hint(&self) -> &str {
        &self.hint
    }
}

impl fmt::Display for Hinted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)
    }
}

impl std::error::Error for Hinted {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        // The cause itself is what is displayed.
        self.cause.chain().nth(1)
    }
}
