//! A configuration as a tree of nodes. Each knows its parent, which relative interpolations need.
//!
//! Nodes are never freed: a node that was replaced explains its successor. A tree holds several configurations, each
//! below a root of its own, and merges them by copying.

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

/// The most nodes of a tree; a configuration that grows beyond it is refused.
const MAX_NODES: usize = 400_000;

/// A value with its parent and its origin.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) value: Value,
    pub(crate) parent: Option<NodeId>,
    pub(crate) key: Option<Key>,
    pub(crate) origin: Origin,
    /// The values that this one replaced, the latest first.
    pub(crate) replaced: Vec<NodeId>,
    /// The variables from which it was made.
    pub(crate) made_of: Reading,
}

/// Configurations as nodes.
///
/// A [`NodeId`] names a node, and is valid for its own tree only.
#[derive(Debug, Default)]
pub struct Tree {
    nodes: Vec<Node>,
    sources: Sources,
    /// What was read for the next node.
    pub(crate) reading: Reading,
}

impl Tree {
    /// Adds a source with a name.
    pub fn add_source(&mut self, name: impl Into<String>) -> Source {
        self.sources.add(name.into())
    }

    /// Notes from now on which variables the text of a source reads, in every value that is made from them.
    pub fn trace(&mut self, source: Source) {
        self.sources.trace(source);
    }

    /// Whether an origin is a traced source.
    pub(crate) fn is_traced(&self, origin: Origin) -> bool {
        self.sources.is_traced(origin)
    }

    /// The source and the line of a value, as messages show them: `settings.yaml:12`.
    #[must_use]
    pub fn place(&self, origin: Origin) -> String {
        self.sources.place(origin)
    }

    /// Starts to note what is read for the next nodes; returns what was noted before.
    #[must_use]
    pub fn begin_reading(&mut self) -> Reading {
        std::mem::take(&mut self.reading)
    }

    /// Restores what [`Tree::begin_reading`] returned.
    pub fn end_reading(&mut self, before: Reading) {
        self.reading = before;
    }

    /// Formats an error as one line: `settings.yaml:12: a.b: …`.
    #[must_use]
    pub fn describe(&self, error: &Error) -> String {
        let written = error.origin().filter(|origin| origin.source().is_some());
        let place = written.map(|origin| format!("{}: ", self.place(origin))).unwrap_or_default();
        format!("{place}{error}")
    }

    /// Adds a node without a parent.
    ///
    /// # Errors
    /// When a text has an invalid interpolation, or the tree gets too large.
    pub fn add(&mut self, value: Value, origin: Origin) -> Result<NodeId> {
        if let Value::Text(text) = &value {
            check_text(text)?;
        }
        self.push(value, origin)
    }

    /// As [`Tree::add`], for a value that is checked already.
    fn push(&mut self, value: Value, origin: Origin) -> Result<NodeId> {
        if self.nodes.len() >= MAX_NODES {
            return Err(Error::new(format!("the configuration has more than {MAX_NODES} values")));
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

    /// Returns the value of a node.
    #[must_use]
    pub fn value(&self, id: NodeId) -> &Value {
        &self.node(id).value
    }

    /// Returns the origin of a node's value.
    #[must_use]
    pub fn origin(&self, id: NodeId) -> Origin {
        self.node(id).origin
    }

    /// Returns the nodes whose values this one replaced, the latest first.
    #[must_use]
    pub fn replaced(&self, id: NodeId) -> &[NodeId] {
        &self.node(id).replaced
    }

    /// Sets the parent of a node that the parent doesn't contain yet: relative interpolations start there.
    pub fn adopt(&mut self, parent: NodeId, key: Key, child: NodeId) {
        let node = self.node_mut(child);
        node.parent = Some(parent);
        node.key = Some(key);
    }

    /// Returns the child of a map or list; `None` also for a key that a list can't have.
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

    /// Returns the child of a map by a text key.
    #[must_use]
    pub fn get(&self, parent: NodeId, key: &str) -> Option<NodeId> {
        self.child(parent, &Key::from(key))
    }

    /// Returns the keys of a map or a list.
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

    /// Sets `key` to `child`, which may replace another child.
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

    /// Removes a key from a map.
    pub fn remove(&mut self, parent: NodeId, key: &Key) {
        if let Value::Map(Content::Items(map)) = &mut self.node_mut(parent).value {
            map.shift_remove(key);
        }
    }

    /// Copies a node and everything below it. The copy has no parent.
    ///
    /// # Errors
    /// When the tree gets too large.
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

    /// Notes that a node and everything below it are read.
    pub(crate) fn read_whole(&mut self, id: NodeId) {
        let mut reading = std::mem::take(&mut self.reading);
        self.made_of_whole(id, &mut reading);
        self.reading = reading;
    }

    /// Adds what a node and everything below it were made from.
    fn made_of_whole(&self, id: NodeId, reading: &mut Reading) {
        reading.extend(&self.node(id).made_of);
        for key in self.keys(id) {
            if let Some(child) = self.child(id, &key) {
                self.made_of_whole(child, reading);
            }
        }
    }

    /// Returns the variables of traced sources ([`Tree::trace`]) from which the value at a path, and the maps around
    /// it, were made; for a map or a list, those of everything in it.
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

    /// Returns the topmost node.
    pub(crate) fn root(&self, id: NodeId) -> NodeId {
        self.ancestors(id).last().unwrap_or(id)
    }

    /// Returns the node and those above it.
    pub(crate) fn ancestors(&self, id: NodeId) -> impl Iterator<Item = NodeId> {
        std::iter::successors(Some(id), |&id| self.node(id).parent)
    }

    /// Returns a node's key from the top, as messages show it: `tasks.train.inputs[0]`.
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

/// Refuses a text with an invalid interpolation.
fn check_text(text: &str) -> Result<()> {
    if text.contains("${")
        && let Err(error) = interpolation::parse(text)
    {
        return Err(Error::new(error.problem).in_text(text, error.at));
    }
    Ok(())
}
