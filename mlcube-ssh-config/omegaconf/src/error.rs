//! Why a configuration is refused.

use std::fmt;

use crate::origin::Origin;
use crate::yaml;

/// What an operation on a configuration returns.
pub type Result<T> = std::result::Result<T, Error>;

/// What is wrong with a configuration, with the key and the place of the value as far as they are known.
///
/// [`Tree::describe`](crate::Tree::describe) puts the name of the source in front.
#[derive(Clone, Debug)]
pub struct Error {
    message: String,
    key: Option<String>,
    origin: Option<Origin>,
    /// The text that is to be filled in, and where in it (in bytes) the trouble is.
    text: Option<(String, usize)>,
    hint: Option<Box<str>>,
    kind: ErrorKind,
}

/// Which of OmegaConf's exceptions an error is, as far as callers tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// `MissingMandatoryValue`: a value that is `???` was asked for.
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

    /// Says what the user can do.
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

    /// Names the key and where its value came from, unless a more exact key is named already.
    #[must_use]
    pub fn at(mut self, key: impl FnOnce() -> String, origin: Origin) -> Self {
        if self.key.is_none() {
            self.key = Some(key());
            self.origin = Some(origin);
        }
        self
    }

    /// Names the place, unless one is named already.
    #[must_use]
    pub fn with_origin(mut self, origin: Origin) -> Self {
        self.origin.get_or_insert(origin);
        self
    }

    /// An error in the YAML of a source.
    pub(crate) fn of_yaml(error: &yaml::Error, origin: Origin) -> Self {
        Self::new(format!("{} (column {})", error.problem, error.mark.column)).with_origin(origin)
    }

    /// Puts a step in front of the key that is named: nodes that are being made have no parents yet.
    pub(crate) fn below(self, step: &str, origin: Origin) -> Self {
        let inner = match self.key.as_deref() {
            None => String::new(),
            Some(inner) if inner.starts_with('[') => inner.to_owned(),
            Some(inner) => format!(".{inner}"),
        };
        Self { key: Some(format!("{step}{inner}")), ..self.with_origin(origin) }
    }

    /// Shows the place in a text, unless a more exact one is shown already.
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

    /// Where the value came from that is wrong.
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
    /// The key and the message with the place in the text: `a.b: …, at » in '${»x y}'`.
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

/// A text with a mark at a place, cut to what is around it.
fn marked(text: &str, at: usize) -> String {
    let (before, after) = text.split_at_checked(at).unwrap_or((text, ""));
    let from = before.char_indices().rev().nth(39).map_or(0, |(index, _)| index);
    let to = after.char_indices().nth(40).map_or(after.len(), |(index, _)| index);
    let (head, tail) = (if from > 0 { "…" } else { "" }, if to < after.len() { "…" } else { "" });
    format!("{head}{}»{}{tail}", before[from..].escape_debug(), after[..to].escape_debug())
}
