//! The error for a configuration that can't be computed, as text for people.

use std::fmt;

use omegaconf::Tree;

use crate::text::hint::hinted;

/// The reason why there is no configuration, on one line: file and line or flag, key, problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    message: String,
    hint: String,
}

impl Error {
    pub(crate) fn new(tree: &Tree, error: &omegaconf::Error) -> Self {
        let hint = error.hint_text().map_or_else(
            || match error.origin().filter(|origin| origin.source().is_some()) {
                Some(origin) => format!("correct it in {}", tree.place(origin)),
                None => "correct the command line, the cube's file or the settings; --explain KEY shows which of them set a value".to_owned(),
            },
            str::to_owned,
        );
        Self { message: one_line(&tree.describe(error)), hint: one_line(&hint) }
    }

    /// Returns the error as a step reports it, with its hint.
    #[must_use]
    pub fn hinted(self) -> anyhow::Error {
        hinted(self.message, self.hint)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

/// Puts a message on one line and shortens a long one in the middle: keys and values can have any size.
fn one_line(message: &str) -> String {
    const HALF: usize = 400;
    let characters: Vec<char> =
        message.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if characters.len() <= 2 * HALF {
        return characters.into_iter().collect();
    }
    let (head, tail) = (&characters[..HALF], &characters[characters.len() - HALF..]);
    head.iter().chain(&['…']).chain(tail).collect()
}
