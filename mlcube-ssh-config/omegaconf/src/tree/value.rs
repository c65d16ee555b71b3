//! What a node holds.

use indexmap::IndexMap;

use crate::yaml::Key;

/// A node's place in its [`Tree`](crate::Tree).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NodeId(pub(super) usize);

/// What a node holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// A whole number.
    Int(i128),
    /// Any other number.
    Float(f64),
    /// Text; with `${` in it it is an interpolation, and `???` is a value that has to be given.
    Text(String),
    /// A map.
    Map(DictConfig),
    /// A list.
    List(ListConfig),
}

/// What a map holds: its keys in their order.
pub type DictConfig = Content<IndexMap<Key, NodeId>>;

/// What a list holds.
pub type ListConfig = Content<Vec<NodeId>>;

/// What a map or a list holds: OmegaConf keeps the type of one that was set to null or `???`.
#[derive(Clone, Debug, PartialEq)]
pub enum Content<T> {
    /// It was set to null.
    Null,
    /// It was set to `???`.
    Missing,
    /// It holds these.
    Items(T),
}

impl Value {
    /// A map without keys.
    #[must_use]
    pub fn empty_map() -> Self {
        Self::Map(Content::Items(IndexMap::new()))
    }

    /// A list without items.
    pub(crate) fn empty_list() -> Self {
        Self::List(Content::Items(Vec::new()))
    }

    /// `???`, OmegaConf's mark of a value that has to be given.
    pub(crate) fn missing() -> Self {
        Self::Text("???".to_owned())
    }

    /// Whether the value is a map or a list, if only by its type.
    #[must_use]
    pub fn is_container(&self) -> bool {
        matches!(self, Self::Map(_) | Self::List(_))
    }

    /// Whether the value is `???`.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        match self {
            Self::Text(text) => text == "???",
            Self::Map(content) => matches!(content, Content::Missing),
            Self::List(content) => matches!(content, Content::Missing),
            _ => false,
        }
    }

    /// Whether the value is null.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null | Self::Map(Content::Null) | Self::List(Content::Null))
    }

    /// Whether the value is a text with something to be filled in, or escaped.
    #[must_use]
    pub fn is_interpolation(&self) -> bool {
        matches!(self, Self::Text(text) if text.contains("${"))
    }
}
