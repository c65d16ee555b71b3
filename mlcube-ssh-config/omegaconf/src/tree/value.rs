//! The value of a node.

use indexmap::IndexMap;

use crate::yaml::Key;

/// The number of a node in its [`Tree`](crate::Tree).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NodeId(pub(super) usize);

/// The value of a node.
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
    /// Text. With `${` in it, it is an interpolation; `???` is a mandatory value that is missing.
    Text(String),
    /// A map.
    Map(DictConfig),
    /// A list.
    List(ListConfig),
}

/// The keys of a map, in order, with their nodes.
pub type DictConfig = Content<IndexMap<Key, NodeId>>;

/// The nodes of a list.
pub type ListConfig = Content<Vec<NodeId>>;

/// The content of a map or a list. OmegaConf keeps the type of one that was set to null or `???`.
#[derive(Clone, Debug, PartialEq)]
pub enum Content<T> {
    /// It was set to null.
    Null,
    /// It was set to `???`.
    Missing,
    /// It has this content.
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

    /// `???`, OmegaConf's mark for a mandatory value that is missing.
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

    /// Whether the value is a text with an interpolation or an escaped one.
    #[must_use]
    pub fn is_interpolation(&self) -> bool {
        matches!(self, Self::Text(text) if text.contains("${"))
    }
}
