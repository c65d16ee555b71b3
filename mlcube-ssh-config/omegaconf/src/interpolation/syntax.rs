//! The parts of a text in the language of interpolations.

use std::fmt;

use crate::yaml::Key;

/// The deepest nesting of interpolations; Python's recursion limit is lower.
pub const MAX_DEPTH: usize = 128;

/// A piece of a text.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// Characters, backslashes taken out.
    Text(String),
    /// `${…}`
    Interpolation(Interpolation),
}

/// The content of `${…}`, and its position.
#[derive(Clone, Debug, PartialEq)]
pub struct Interpolation {
    /// What it refers to.
    pub ask: Ask,
    /// The position of `${` in the text, in bytes.
    pub start: usize,
    /// The position after `}`.
    pub end: usize,
}

/// What an interpolation refers to.
#[derive(Clone, Debug, PartialEq)]
pub enum Ask {
    /// Another key, `${a.b}`: the pieces of its path as written, dots and brackets included.
    Key(Vec<Part>),
    /// A function, `${oc.env:HOME}`.
    Resolver {
        /// The parts of its name, between dots.
        name: Vec<Part>,
        /// Its arguments.
        arguments: Vec<Argument>,
    },
}

/// An argument of a resolver, as a value and as it is written: the old resolvers take the text instead of the value.
#[derive(Clone, Debug, PartialEq)]
pub struct Argument {
    /// The value.
    pub element: Element,
    /// Its text.
    pub written: String,
}

/// A value in the language.
#[derive(Clone, Debug, PartialEq)]
pub enum Element {
    /// A number, a truth value, null or a word.
    Literal(Literal),
    /// Characters and interpolations, which are joined to one text; a single interpolation keeps its type.
    Composite(Vec<Part>),
    /// `'…'` or `"…"`: always text.
    Quoted(Vec<Part>),
    /// `[a, b]`
    List(Vec<Element>),
    /// `{a: 1}`
    Map(Vec<(Literal, Element)>),
}

/// A value without parts.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// `12`
    Int(i128),
    /// `1.5`, `1e3`, `inf`
    Float(f64),
    /// Anything else.
    Text(String),
}

impl Literal {
    /// Returns the literal as a key; `None` for null.
    #[must_use]
    pub fn to_key(&self) -> Option<Key> {
        match self {
            Self::Null => None,
            Self::Bool(flag) => Some(Key::Bool(*flag)),
            Self::Int(number) => Some(Key::Int(*number)),
            Self::Float(number) => Some(Key::Float(*number)),
            Self::Text(text) => Some(Key::Text(text.clone())),
        }
    }
}

/// The fault of a text that isn't in the language, and its position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// What is wrong.
    pub problem: &'static str,
    /// The position in the text, in bytes.
    pub at: usize,
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at byte {})", self.problem, self.at)
    }
}

impl std::error::Error for SyntaxError {}
