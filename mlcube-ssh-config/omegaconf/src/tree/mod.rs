//! A configuration as a tree of nodes that know their parents: relative interpolations ask for them.
//!
//! Nodes are never freed: a node that was replaced explains the value that came after it. Several configurations live in one
//! tree, each below a root of its own, and are merged by copying.

mod assign;
mod create;
mod json;
mod raw;
mod text;
mod value;
mod variables;

use crate::error::{Error, Result};
use crate::interpolation;
use crate::origin::{Origin, Source, Sources};
use crate::yaml::{Key, MAX_DEPTH};
pub use raw::Raw;
pub use value::{Content, DictConfig, ListConfig, NodeId, Value};
pub use variables::Reading;

/// Nodes in all: what a bomb may grow to before it is refused.
const MAX_NODES: usize = 400_000;

/// A value with its place.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) value: Value,
    pub(crate) parent: Option<NodeId>,
    pub(crate) key: Option<Key>,
    pub(crate) origin: Origin,
    /// What this value replaced, the latest first.
    pub(crate) replaced: Vec<NodeId>,
    /// The variables that it was made of.
    pub(crate) made_of: Reading,
}

/// Configurations as nodes that know their parents.
///
/// Nodes are named by their [`NodeId`], which is good for this tree only.
#[derive(Debug, Default)]
pub struct Tree {
    nodes: Vec<Node>,
    sources: Sources,
    /// What was read for the node that is made next.
    pub(crate) reading: Reading,
}

impl Tree {
    /// Makes a source known by its name.
    pub fn add_source(&mut self, name: impl Into<String>) -> Source {
        self.sources.add(name.into())
    }

    /// Notes from now on which variables the text of a source asks for, in every value that is made of them.
    pub fn trace(&mut self, source: Source) {
        self.sources.trace(source);
    }

    /// Whether an origin is one of the sources that are traced.
    pub(crate) fn is_traced(&self, origin: Origin) -> bool {
        self.sources.is_traced(origin)
    }

    /// The source and the line that a value came from, as messages show it: `settings.yaml:12`.
    #[must_use]
    pub fn place(&self, origin: Origin) -> String {
        self.sources.place(origin)
    }

    /// Begins to note what is read for the nodes made from now on, and returns what was noted until now.
    #[must_use]
    pub fn begin_reading(&mut self) -> Reading {
        std::mem::take(&mut self.reading)
    }

    /// Goes back to what [`Tree::begin_reading`] returned.
    pub fn end_reading(&mut self, before: Reading) {
        self.reading = before;
    }

    /// An error as a line for people: `settings.yaml:12: a.b: …`.
    #[must_use]
    pub fn describe(&self, error: &Error) -> String {
        let written = error.origin().filter(|origin| origin.source().is_some());
        let place = written.map(|origin| format!("{}: ", self.place(origin))).unwrap_or_default();
        format!("{place}{error}")
    }

    /// Adds a node without a parent.
    ///
    /// # Errors
    /// When a text has `${` and isn't in the language of interpolations, or the tree grows beyond all bounds.
    pub fn add(&mut self, value: Value, origin: Origin) -> Result<NodeId> {
        if let Value::Text(text) = &value {
            check_text(text)?;
        }
        self.push(value, origin)
    }

    /// As [`Tree::add`], for a value that was checked already.
    fn push(&mut self, value: Value, origin: Origin) -> Result<NodeId> {
        if self.nodes.len() >= MAX_NODES {
            return Err(Error::new(format!("the configuration grows beyond {MAX_NODES} values")));
        }
        let made_of = self.reading.clone();
        self.nodes.push(Node {
            value,
            parent: None,
            key: None,
            origin,
            replaced: Vec::new(),
            made_of,
        });
        Ok(NodeId(self.nodes.len() - 1))
    }

    pub(crate) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0]
    }

    pub(crate) fn node_mut(&mut self, id: NodeId) -> &mut Node {
        &mut self.nodes[id.0]
    }

    /// What a node holds.
    #[must_use]
    pub fn value(&self, id: NodeId) -> &Value {
        &self.node(id).value
    }

    /// Where a node's value came from.
    #[must_use]
    pub fn origin(&self, id: NodeId) -> Origin {
        self.node(id).origin
    }

    /// The nodes whose values this one replaced, the latest first.
    #[must_use]
    pub fn replaced(&self, id: NodeId) -> &[NodeId] {
        &self.node(id).replaced
    }

    /// Makes a node know its parent, which doesn't hold it yet: its relative interpolations start there.
    pub fn adopt(&mut self, parent: NodeId, key: Key, child: NodeId) {
        let node = self.node_mut(child);
        node.parent = Some(parent);
        node.key = Some(key);
    }

    /// The child of a map or list; a key that a list can't have is an absent one.
    #[must_use]
    pub fn child(&self, parent: NodeId, key: &Key) -> Option<NodeId> {
        match (self.value(parent), key) {
            (Value::Map(Content::Items(map)), key) => map.get(key).copied(),
            (Value::List(Content::Items(list)), Key::Int(index)) => {
                list.get(usize::try_from(*index).ok()?).copied()
            }
            _ => None,
        }
    }

    /// The child of a map, by a key of text.
    #[must_use]
    pub fn get(&self, parent: NodeId, key: &str) -> Option<NodeId> {
        self.child(parent, &Key::from(key))
    }

    /// The keys of a map or a list.
    #[must_use]
    pub fn keys(&self, id: NodeId) -> Vec<Key> {
        match self.value(id) {
            Value::Map(Content::Items(map)) => map.keys().cloned().collect(),
            Value::List(Content::Items(list)) => {
                (0i128..).zip(list).map(|(index, _)| Key::Int(index)).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Puts `child` under `key`, where there may be one already.
    pub fn put(&mut self, parent: NodeId, key: Key, child: NodeId) {
        self.adopt(parent, key.clone(), child);
        match (&mut self.node_mut(parent).value, &key) {
            (Value::Map(Content::Items(map)), _) => {
                map.insert(key, child);
            }
            (Value::List(Content::Items(list)), Key::Int(index)) => {
                let index = usize::try_from(*index).unwrap_or(usize::MAX);
                match list.get_mut(index) {
                    Some(item) => *item = child,
                    None => list.push(child),
                }
            }
            _ => {}
        }
    }

    /// Takes a key out of a map.
    pub fn remove(&mut self, parent: NodeId, key: &Key) {
        if let Value::Map(Content::Items(map)) = &mut self.node_mut(parent).value {
            map.shift_remove(key);
        }
    }

    /// Copies a node and all below it. The copy has no parent.
    ///
    /// # Errors
    /// When the tree grows beyond all bounds.
    pub fn copy(&mut self, id: NodeId) -> Result<NodeId> {
        self.copy_below(id, 0)
    }

    fn copy_below(&mut self, id: NodeId, depth: usize) -> Result<NodeId> {
        if depth > MAX_DEPTH {
            return Err(Error::new(format!(
                "the configuration is more than {MAX_DEPTH} levels deep"
            )));
        }
        let Node { value, origin, replaced, made_of, .. } = self.node(id).clone();
        let keys = self.keys(id);
        let empty = match &value {
            Value::Map(Content::Items(_)) => Value::empty_map(),
            Value::List(Content::Items(_)) => Value::empty_list(),
            _ => value,
        };
        let copy = self.push(empty, origin)?;
        let node = self.node_mut(copy);
        node.replaced = replaced;
        node.made_of.extend(&made_of);
        for key in keys {
            if let Some(child) = self.child(id, &key) {
                let child = self.copy_below(child, depth + 1)?;
                self.put(copy, key, child);
            }
        }
        Ok(copy)
    }

    /// Notes that a node, and all below it, is read.
    pub(crate) fn read_whole(&mut self, id: NodeId) {
        let mut reading = std::mem::take(&mut self.reading);
        self.made_of_whole(id, &mut reading);
        self.reading = reading;
    }

    /// Adds what a node, and all below it, was made of.
    fn made_of_whole(&self, id: NodeId, reading: &mut Reading) {
        reading.extend(&self.node(id).made_of);
        for key in self.keys(id) {
            if let Some(child) = self.child(id, &key) {
                self.made_of_whole(child, reading);
            }
        }
    }

    /// The variables that the value at a path was made of, and the maps around it, as far as sources that are traced asked
    /// for them ([`Tree::trace`]). Of a map or a list it is all that is in it.
    #[must_use]
    pub fn variables(&self, top: NodeId, path: &[&str]) -> Vec<String> {
        let mut reading = Reading::default();
        let mut at = Some(top);
        let mut parts = path.iter();
        while let Some(id) = at {
            let Some(part) = parts.next() else {
                self.made_of_whole(id, &mut reading);
                break;
            };
            reading.extend(&self.node(id).made_of);
            at = self.get(id, part);
        }
        reading.names().cloned().collect()
    }

    /// The node at the top.
    pub(crate) fn root(&self, id: NodeId) -> NodeId {
        self.ancestors(id).last().unwrap_or(id)
    }

    /// The node and those above it.
    pub(crate) fn ancestors(&self, id: NodeId) -> impl Iterator<Item = NodeId> {
        std::iter::successors(Some(id), |&id| self.node(id).parent)
    }

    /// A node's key from the top, as messages show it: `tasks.train.inputs[0]`.
    #[must_use]
    pub fn path(&self, id: NodeId) -> String {
        let mut path = String::new();
        let above: Vec<NodeId> = self.ancestors(id).collect();
        for pair in above.windows(2).rev() {
            let (child, parent) = (self.node(pair[0]), self.value(pair[1]));
            let Some(key) = &child.key else { continue };
            match parent {
                Value::List(_) => path.extend(["[", &key.to_string(), "]"]),
                _ if path.is_empty() => path = key.to_string(),
                _ => path.extend([".", &key.to_string()]),
            }
        }
        path
    }
}

/// Refuses a text with `${` that isn't in the language.
fn check_text(text: &str) -> Result<()> {
    if text.contains("${")
        && let Err(error) = interpolation::parse(text)
    {
        return Err(Error::new(error.problem).in_text(text, error.at));
    }
    Ok(())
}
