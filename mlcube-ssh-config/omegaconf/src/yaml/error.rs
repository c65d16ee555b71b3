//! Positions in a text, and the error of a text that can't be read.

use std::fmt;

/// A position in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1, in characters.
    pub column: u32,
}

impl Mark {
    /// The start of a text.
    pub(super) const START: Self = Self { line: 1, column: 1 };
}

/// The reason why a text can't be read, and the position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// What is wrong.
    pub problem: String,
    /// Where it is wrong.
    pub mark: Mark,
}

impl Error {
    pub(super) fn new(problem: impl Into<String>, mark: Mark) -> Self {
        Self { problem: problem.into(), mark }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.mark.line, self.mark.column, self.problem)
    }
}

impl std::error::Error for Error {}
