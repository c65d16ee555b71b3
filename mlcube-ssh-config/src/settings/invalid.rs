//! Why a name or a setting can't be used.

use std::fmt;

use serde::de::{self, Expected, Unexpected};
use serde::{Deserialize, Serialize};

use crate::text::similar::nearest;

/// The problem of a value and, if it is a setting, the full key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invalid {
    /// The key, dotted (`runner.interpreter.type`); empty if the value isn't a setting.
    pub key: String,
    /// The problem, and what to write instead.
    pub problem: String,
    /// The remedy, where it is another than correcting the key.
    pub hint: Option<String>,
    /// Whether the key itself is the problem: no setting has it.
    pub is_unknown: bool,
    /// The known key that an unknown one was probably meant to be, dotted.
    pub meant: Option<String>,
}

impl Invalid {
    pub(crate) fn new(problem: impl Into<String>) -> Self {
        Self { problem: problem.into(), ..Self::default() }
    }

    pub(crate) fn with_hint(problem: impl Into<String>, hint: &str) -> Self {
        Self { hint: Some(hint.to_owned()), ..Self::new(problem) }
    }

    /// Puts `key`, or the index `[0]` of a list, before the key.
    pub(crate) fn below(mut self, key: &str) -> Self {
        self.key = joined(key, &self.key);
        self.meant = self.meant.map(|meant| joined(key, &meant));
        self
    }
}

fn joined(key: &str, rest: &str) -> String {
    match rest {
        "" => key.to_owned(),
        index if index.starts_with('[') => format!("{key}{index}"),
        rest => format!("{key}.{rest}"),
    }
}

impl fmt::Display for Invalid {
    /// Writes the key and the problem; with `{:#}` all fields, for [`de::Error::custom`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (f.alternate(), self.key.as_str()) {
            (true, _) => f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?),
            (false, "") => f.write_str(&self.problem),
            (false, key) => write!(f, "{key}: {}", self.problem),
        }
    }
}

impl std::error::Error for Invalid {}

/// The messages of serde, in the words of the settings.
impl de::Error for Invalid {
    fn custom<T: fmt::Display>(problem: T) -> Self {
        // serde hands on the error of a conversion (`try_from`) as text: that of another `Invalid` is read again.
        let text = format!("{problem:#}");
        serde_json::from_str(&text).unwrap_or_else(|_| Self::new(text))
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let expected = expected.to_string();
        let wanted = match expected.as_str() {
            "a string" => "text",
            "a boolean" => "true or false",
            "a sequence" => "a list like [a, b]",
            // Its variants are words.
            other if other.starts_with("enum ") => "text",
            other => other,
        };
        let found = match found {
            Unexpected::Unit => "nothing",
            Unexpected::Bool(_) => "true or false",
            Unexpected::Unsigned(_) | Unexpected::Signed(_) | Unexpected::Float(_) => "a number",
            Unexpected::Seq => "a list",
            Unexpected::Map => "a map",
            _ => "text",
        };
        Self::new(format!("wants {wanted}, and has {found}"))
    }

    fn unknown_variant(word: &str, known: &'static [&'static str]) -> Self {
        let known: Vec<String> = known.iter().map(|word| format!("'{word}'")).collect();
        Self::new(format!("'{}' is neither {}", word.escape_debug(), known.join(" nor ")))
    }

    fn unknown_field(key: &str, known: &'static [&'static str]) -> Self {
        Self {
            key: key.to_owned(),
            is_unknown: true,
            meant: nearest(key, known.iter().copied()).map(str::to_owned),
            ..Self::new(format!("unknown key; known are {}", known.join(", ")))
        }
    }

    fn missing_field(key: &'static str) -> Self {
        Self::new("the value is missing").below(key)
    }
}
