//! The key of a map.

use std::fmt;
use std::hash::{Hash, Hasher};

/// A key of a map. Numbers and truth values are keys too, and equal as they are in Python: `1`, `1.0` and `true` are
/// one key, `1` and `'1'` are two.
#[derive(Clone, Debug)]
pub enum Key {
    /// Text.
    Text(String),
    /// A whole number; also the index of a list.
    Int(i128),
    /// Any other number.
    Float(f64),
    /// `true` or `false`.
    Bool(bool),
}

impl Key {
    /// Returns the text, if the key is one.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the number that Python compares and hashes.
    #[expect(
        clippy::cast_precision_loss,
        reason = "only keys beyond 2^53 collide, and only in the hash"
    )]
    fn number(&self) -> Option<f64> {
        match self {
            Self::Text(_) => None,
            Self::Int(number) => Some(*number as f64),
            Self::Float(number) => Some(*number),
            Self::Bool(flag) => Some(f64::from(u8::from(*flag))),
        }
    }
}

impl From<&str> for Key {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Text(one), Self::Text(two)) => one == two,
            (Self::Int(one), Self::Int(two)) => one == two,
            _ => match (self.number(), other.number()) {
                (Some(one), Some(two)) => one.total_cmp(&two).is_eq() || (one == 0.0 && two == 0.0),
                _ => false,
            },
        }
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match (self, self.number()) {
            (Self::Text(text), _) => text.hash(state),
            // Both zeros are one key, and must hash alike.
            (_, Some(number)) => (number + 0.0).to_bits().hash(state),
            (_, None) => {}
        }
    }
}

impl fmt::Display for Key {
    /// Formats the key as Python's `str` does.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Int(number) => number.fmt(f),
            Self::Float(number) => f.write_str(&super::number::float_text(*number)),
            Self::Bool(flag) => f.write_str(if *flag { "True" } else { "False" }),
        }
    }
}
