//! An error with a hint for the user.

use std::fmt;

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

/// Adds a hint to an error that has none.
pub trait OrHint {
    /// Keeps the message and its causes.
    #[must_use]
    fn or_hint(self, hint: impl Into<String>) -> Self;
}

impl OrHint for anyhow::Error {
    fn or_hint(self, hint: impl Into<String>) -> Self {
        if self.chain().any(<dyn std::error::Error>::is::<Hinted>) {
            return self;
        }
        Self::new(Hinted { cause: self, hint: hint.into() })
    }
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
