//! A document as a graph of nodes, in which an alias is the node that it names.

use super::error::Mark;
use super::scalar::Tag;

/// The number of a node in the graph.
pub(super) type Id = usize;

/// A list, a map or a scalar.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) tag: Tag,
    pub(super) content: Content,
    pub(super) mark: Mark,
}

#[derive(Debug)]
pub(super) enum Content {
    Scalar(String),
    List(Vec<Id>),
    Map(Vec<(Id, Id)>),
}

/// The nodes of a document.
#[derive(Debug, Default)]
pub(super) struct Graph {
    pub(super) nodes: Vec<Node>,
    /// `None` for a text without a document.
    pub(super) root: Option<Id>,
}
