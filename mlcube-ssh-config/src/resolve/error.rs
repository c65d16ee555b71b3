//! Why there is no configuration, for people.

use std::fmt;

use omegaconf::{Problem, Tree};

/// Why there is no configuration: file and line or flag, key, what is wrong, on one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error(String);

impl Error {
    pub(super) fn new(tree: &Tree, problem: &Problem) -> Self {
        let written = problem.origin.filter(|origin| origin.source().is_some());
        let place = written.map(|origin| format!("{}: ", tree.place(origin))).unwrap_or_default();
        let key = problem.key.as_ref().map(|key| format!("{key}: ")).unwrap_or_default();
        Self(one_line(&format!("{place}{key}{problem}")))
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
