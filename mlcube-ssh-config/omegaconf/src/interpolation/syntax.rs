//! What a text of the language consists of.

use std::fmt;

use crate::yaml::Key;

/// Interpolations within each other, at most; Python's recursion limit ends earlier.
pub const MAX_DEPTH: usize = 128;

/// A piece of a text.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// Characters, backslashes taken out.
    Text(String),
    /// `${…}`
    Interpolation(Interpolation),
}

/// What stands between `${` and `}`, and where.
#[derive(Clone, Debug, PartialEq)]
pub struct Interpolation {
    /// What is asked for.
    pub ask: Ask,
    /// The place of `${` in the text, in bytes.
    pub start: usize,
    /// The place behind `}`.
    pub end: usize,
}

/// What an interpolation asks for.
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

/// An argument of a resolver and how it is written, which the old resolvers take instead of the value.
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
    /// Characters and interpolations, which become one text; a single interpolation keeps its type.
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
    /// The literal as a key; null can't be one.
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

/// A text that isn't in the language, and where that shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// What is wrong.
    pub problem: &'static str,
    /// The place in the text, in bytes.
    pub at: usize,
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at byte {})", self.problem, self.at)
    }
}

impl std::error::Error for SyntaxError {}
