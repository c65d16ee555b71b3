//! Why a configuration is refused.

use std::fmt;

use crate::tree::Origin;

/// What computing the configuration returns.
pub type Outcome<T> = Result<T, Problem>;

/// What is wrong, with the key that it is wrong with and where that came from, as far as they are known.
#[derive(Clone, Debug)]
pub struct Problem {
    pub message: String,
    /// The key, from the top.
    pub key: Option<String>,
    pub origin: Option<Origin>,
    /// The text that is to be filled in, and where in it (in bytes) the trouble is.
    pub text: Option<(String, usize)>,
    pub kind: Kind,
}

/// How a problem is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A value that is `???` was asked for.
    Missing,
    /// An interpolation reached a value that is `???`: what asked for it is `???`, too.
    ReachesMissing,
    /// A scalar stands where a map was expected, on the way to a key.
    NotAContainer,
    /// Anything else.
    Other,
}

impl Problem {
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), key: None, origin: None, text: None, kind: Kind::Other }
    }

    pub fn of_kind(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, ..Self::new(message) }
    }

    /// Names the key, unless a more exact one is named already.
    pub fn at(mut self, key: impl FnOnce() -> String, origin: Origin) -> Self {
        if self.key.is_none() {
            self.key = Some(key());
            self.origin = Some(origin);
        }
        self
    }

    /// Shows the place in a text, unless a more exact one is shown already.
    pub fn in_text(mut self, text: &str, at: usize) -> Self {
        if self.text.is_none() {
            self.text = Some((text.to_owned(), at));
        }
        self
    }
}

impl fmt::Display for Problem {
    /// The message with the place in the text: `…, here: a ${»x y}`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.text {
            None => Ok(()),
            Some((text, at)) => write!(f, ", at » in '{}'", marked(text, *at)),
        }
    }
}

/// A text with a mark at a place, cut to what is around it.
fn marked(text: &str, at: usize) -> String {
    let (before, after) = text.split_at_checked(at).unwrap_or((text, ""));
    let from = before.char_indices().rev().nth(39).map_or(0, |(index, _)| index);
    let to = after.char_indices().nth(40).map_or(after.len(), |(index, _)| index);
    let (head, tail) = (if from > 0 { "…" } else { "" }, if to < after.len() { "…" } else { "" });
    format!("{head}{}»{}{tail}", before[from..].escape_debug(), after[..to].escape_debug())
}
