//! Why a configuration is refused.

use std::fmt;

use crate::origin::Origin;
use crate::yaml;

/// What an operation on a configuration returns.
pub type Result<T> = std::result::Result<T, Error>;

/// A fault of a configuration, with the key and the origin of the value if they are known.
///
/// [`Tree::describe`](crate::Tree::describe) puts the name of the source in front.
#[derive(Clone, Debug)]
pub struct Error {
    message: String,
    key: Option<String>,
    origin: Option<Origin>,
    /// The text with the interpolation, and the position of the fault in it, in bytes.
    text: Option<(String, usize)>,
    hint: Option<Box<str>>,
    kind: ErrorKind,
}

/// The OmegaConf exception that an error stands for, as far as callers distinguish them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// `MissingMandatoryValue`: the requested value is `???`.
    MissingMandatoryValue,
    /// `InterpolationToMissingValueError`: an interpolation reached a value that is `???`.
    InterpolationToMissingValue,
    /// `ConfigTypeError`: a scalar stands where a map was expected, on the way to a key.
    ConfigType,
    /// Anything else.
    Other,
}

impl Error {
    /// An error that names neither a key nor a place yet.
    pub fn new(message: impl Into<String>) -> Self {
        Self::of_kind(ErrorKind::Other, message)
    }

    pub(crate) fn of_kind(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { message: message.into(), key: None, origin: None, text: None, hint: None, kind }
    }

    /// Adds what the user can do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into().into_boxed_str());
        self
    }

    /// What the user can do, if the place alone doesn't say it.
    #[must_use]
    pub fn hint_text(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Adds the key and the origin of its value, unless the error has a more exact key already.
    #[must_use]
    pub fn at(mut self, key: impl FnOnce() -> String, origin: Origin) -> Self {
        if self.key.is_none() {
            self.key = Some(key());
            self.origin = Some(origin);
        }
        self
    }

    /// Adds the origin, unless the error has one already.
    #[must_use]
    pub fn with_origin(mut self, origin: Origin) -> Self {
        self.origin.get_or_insert(origin);
        self
    }

    /// An error in the YAML of a source.
    pub(crate) fn of_yaml(error: &yaml::Error, origin: Origin) -> Self {
        Self::new(format!("{} (column {})", error.problem, error.mark.column)).with_origin(origin)
    }

    /// Prepends a component to the key: nodes that are being created have no parents yet.
    pub(crate) fn below(self, step: &str, origin: Origin) -> Self {
        let inner = match self.key.as_deref() {
            None => String::new(),
            Some(inner) if inner.starts_with('[') => inner.to_owned(),
            Some(inner) => format!(".{inner}"),
        };
        Self { key: Some(format!("{step}{inner}")), ..self.with_origin(origin) }
    }

    /// Adds the position in a text, unless the error has a more exact one already.
    pub(crate) fn in_text(mut self, text: &str, at: usize) -> Self {
        if self.text.is_none() {
            self.text = Some((text.to_owned(), at));
        }
        self
    }

    pub(crate) fn with_kind(self, kind: ErrorKind) -> Self {
        Self { kind, ..self }
    }

    /// The key, from the top: `tasks.train.inputs[0]`.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// The origin of the faulty value.
    #[must_use]
    pub fn origin(&self) -> Option<Origin> {
        self.origin
    }

    /// Which of OmegaConf's exceptions this is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl fmt::Display for Error {
    /// The key, and the message with the position in the text: `a.b: …, at » in '${»x y}'`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(key) = &self.key {
            write!(f, "{key}: ")?;
        }
        f.write_str(&self.message)?;
        match &self.text {
            None => Ok(()),
            Some((text, at)) => write!(f, ", at » in '{}'", marked(text, *at)),
        }
    }
}

impl std::error::Error for Error {}

/// Marks a position in a text, and cuts the text to what is around it.
fn marked(text: &str, at: usize) -> String {
    let (before, after) = text.split_at_checked(at).unwrap_or((text, ""));
    let from = before.char_indices().rev().nth(39).map_or(0, |(index, _)| index);
    let to = after.char_indices().nth(40).map_or(after.len(), |(index, _)| index);
    let (head, tail) = (if from > 0 { "…" } else { "" }, if to < after.len() { "…" } else { "" });
    format!("{head}{}»{}{tail}", before[from..].escape_debug(), after[..to].escape_debug())
}
