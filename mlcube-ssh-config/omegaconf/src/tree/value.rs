//! What a node holds.

use indexmap::IndexMap;

use crate::yaml::Key;

/// A node's place in its [`Tree`](crate::tree::Tree).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Id(pub(super) usize);

/// What a node holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(String),
    Map(Content<IndexMap<Key, Id>>),
    List(Content<Vec<Id>>),
}

/// What a map or a list holds: OmegaConf keeps the type of one that was set to null or `???`.
#[derive(Clone, Debug, PartialEq)]
pub enum Content<T> {
    Null,
    Missing,
    Here(T),
}

impl Value {
    /// A map without keys.
    pub fn empty_map() -> Self {
        Self::Map(Content::Here(IndexMap::new()))
    }

    /// `???`, OmegaConf's mark of a value that has to be given.
    pub fn missing() -> Self {
        Self::Text("???".to_owned())
    }

    pub fn is_container(&self) -> bool {
        matches!(self, Self::Map(_) | Self::List(_))
    }

    pub fn is_missing(&self) -> bool {
        match self {
            Self::Text(text) => text == "???",
            Self::Map(content) => matches!(content, Content::Missing),
            Self::List(content) => matches!(content, Content::Missing),
            _ => false,
        }
    }

    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null | Self::Map(Content::Null) | Self::List(Content::Null))
    }

    /// Whether the value is a text with something to be filled in, or escaped.
    pub fn is_interpolation(&self) -> bool {
        matches!(self, Self::Text(text) if text.contains("${"))
    }
}
