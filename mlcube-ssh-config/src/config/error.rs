//! Why there is no configuration, for people.

use std::fmt;

use omegaconf::Tree;

/// Why there is no configuration: file and line or flag, key, what is wrong, on one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error(String);

impl Error {
    pub(crate) fn new(tree: &Tree, error: &omegaconf::Error) -> Self {
        Self(one_line(&tree.describe(error)))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

/// A message on one line, without its middle if it is long: keys and values can be of any size.
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
