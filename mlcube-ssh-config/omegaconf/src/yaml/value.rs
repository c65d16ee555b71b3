//! The value of a text.

use indexmap::IndexMap;

use super::key::Key;

/// A value and the line that it starts on.
#[derive(Clone, Debug, PartialEq)]
pub struct Yaml {
    /// The value.
    pub data: Data,
    /// Its line, from 1; for a value that isn't written, the line of the sign before it.
    pub line: u32,
}

/// The content of a value.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// `null`, `~`, or nothing.
    Null,
    /// `true`, `yes`, `on` and their opposites.
    Bool(bool),
    /// A whole number.
    Int(i128),
    /// A number with a point or an exponent, infinity, or NaN.
    Float(f64),
    /// Text.
    Text(String),
    /// A list.
    List(Vec<Yaml>),
    /// A map, in the order of its keys.
    Map(IndexMap<Key, Yaml>),
}
