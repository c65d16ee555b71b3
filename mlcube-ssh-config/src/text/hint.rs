//! An error with a hint for the user.

use std::fmt;

/// An error message with a hint; they are printed as an `error:` and a `hint:` line.
///
/// It can be wrapped in an [`anyhow::Error`], below any context; `Failure` finds it there.
#[derive(Debug)]
pub struct Hinted {
    message: String,
    hint: String,
}

/// Makes an error with a hint: `message` says what failed, `hint` which command or change remedies it.
pub fn hinted(message: impl Into<String>, hint: impl Into<String>) -> anyhow::Error {
    anyhow::Error::new(Hinted { message: message.into(), hint: hint.into() })
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
        f.write_str(&self.message)
    }
}

impl std::error::Error for Hinted {}
