//! A configuration as a tree of nodes that know their parents: relative interpolations ask for them.
//!
//! Nodes are never freed: a node that was replaced is what `--explain` shows. Several configurations (settings, cube,
//! command line) live in one tree, each below a root of its own, and are merged by copying.

mod assign;
mod create;
mod json;
mod origin;
mod raw;
mod value;
mod variables;

use crate::error::{Outcome, Problem};
use crate::interpolation;
use crate::yaml::{Key, MAX_DEPTH};
use origin::Sources;
pub use origin::{Origin, Source};
pub use raw::Raw;
pub use value::{Content, Id, Value};
pub use variables::Reading;

/// Nodes in all: what a bomb may grow to before it is refused.
const MAX_NODES: usize = 400_000;

/// A value with its place.
#[derive(Clone, Debug)]
pub struct Node {
    pub value: Value,
    pub parent: Option<Id>,
    pub key: Option<Key>,
    pub origin: Origin,
    /// What this value replaced, the latest first.
    pub replaced: Vec<Id>,
    /// The variables that it was made of.
    pub made_of: Reading,
}

/// All nodes.
#[derive(Debug, Default)]
pub struct Tree {
    nodes: Vec<Node>,
    sources: Sources,
    /// What was read for the node that is made next.
    pub(super) reading: Reading,
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
    pub(super) fn is_traced(&self, origin: Origin) -> bool {
        self.sources.is_traced(origin)
    }

    /// The source and the line that a value came from, as messages show it: `settings.yaml:12`.
    pub fn place(&self, origin: Origin) -> String {
        self.sources.place(origin)
    }

    /// Begins to note what is read for the nodes made from now on, and returns what was noted until now.
    pub fn begin_reading(&mut self) -> Reading {
        std::mem::take(&mut self.reading)
    }

    /// Goes back to what [`Tree::begin_reading`] returned.
    pub fn end_reading(&mut self, before: Reading) {
        self.reading = before;
    }

    /// Adds a node without a parent. The interpolations of a text have to be in the language.
    pub fn add(&mut self, value: Value, origin: Origin) -> Outcome<Id> {
        if let Value::Text(text) = &value {
            check_text(text)?;
        }
        self.push(value, origin)
    }

    /// As [`Tree::add`], for a value that was checked already.
    fn push(&mut self, value: Value, origin: Origin) -> Outcome<Id> {
        if self.nodes.len() >= MAX_NODES {
            return Err(Problem::new(format!("the configuration grows beyond {MAX_NODES} values")));
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
        Ok(Id(self.nodes.len() - 1))
    }

    pub fn node(&self, id: Id) -> &Node {
        &self.nodes[id.0]
    }

    pub fn node_mut(&mut self, id: Id) -> &mut Node {
        &mut self.nodes[id.0]
    }

    pub fn value(&self, id: Id) -> &Value {
        &self.node(id).value
    }

    /// Makes `child` known to its parent's side of the bond; the parent's content is the caller's.
    pub fn adopt(&mut self, parent: Id, key: Key, child: Id) {
        let node = self.node_mut(child);
        node.parent = Some(parent);
        node.key = Some(key);
    }

    /// The child of a map or list; a key that a list can't have is an absent one.
    pub fn child(&self, parent: Id, key: &Key) -> Option<Id> {
        match (self.value(parent), key) {
            (Value::Map(Content::Here(map)), key) => map.get(key).copied(),
            (Value::List(Content::Here(list)), Key::Int(index)) => {
                list.get(usize::try_from(*index).ok()?).copied()
            }
            _ => None,
        }
    }

    /// The child of a map, by a key of text.
    pub fn get(&self, parent: Id, key: &str) -> Option<Id> {
        self.child(parent, &Key::from(key))
    }

    /// The keys of a map or a list.
    pub fn keys(&self, id: Id) -> Vec<Key> {
        match self.value(id) {
            Value::Map(Content::Here(map)) => map.keys().cloned().collect(),
            Value::List(Content::Here(list)) => {
                (0i128..).zip(list).map(|(index, _)| Key::Int(index)).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Puts `child` under `key`, where there may be one already.
    pub fn put(&mut self, parent: Id, key: Key, child: Id) {
        self.adopt(parent, key.clone(), child);
        match (&mut self.node_mut(parent).value, &key) {
            (Value::Map(Content::Here(map)), _) => {
                map.insert(key, child);
            }
            (Value::List(Content::Here(list)), Key::Int(index)) => {
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
    pub fn remove(&mut self, parent: Id, key: &Key) {
        if let Value::Map(Content::Here(map)) = &mut self.node_mut(parent).value {
            map.shift_remove(key);
        }
    }

    /// Copies a node and all below it. The copy has no parent.
    pub fn copy(&mut self, id: Id) -> Outcome<Id> {
        self.copy_below(id, 0)
    }

    fn copy_below(&mut self, id: Id, depth: usize) -> Outcome<Id> {
        if depth > MAX_DEPTH {
            return Err(Problem::new(format!(
                "the configuration is more than {MAX_DEPTH} levels deep"
            )));
        }
        let Node { value, origin, replaced, made_of, .. } = self.node(id).clone();
        let keys = self.keys(id);
        let empty = match &value {
            Value::Map(Content::Here(_)) => Value::empty_map(),
            Value::List(Content::Here(_)) => Value::List(Content::Here(Vec::new())),
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
    pub fn read_whole(&mut self, id: Id) {
        let mut reading = std::mem::take(&mut self.reading);
        self.made_of_whole(id, &mut reading);
        self.reading = reading;
    }

    /// Adds what a node, and all below it, was made of.
    pub fn made_of_whole(&self, id: Id, reading: &mut Reading) {
        reading.extend(&self.node(id).made_of);
        for key in self.keys(id) {
            if let Some(child) = self.child(id, &key) {
                self.made_of_whole(child, reading);
            }
        }
    }

    /// The node at the top.
    pub fn root(&self, id: Id) -> Id {
        self.ancestors(id).last().unwrap_or(id)
    }

    /// The node and those above it.
    pub fn ancestors(&self, id: Id) -> impl Iterator<Item = Id> {
        std::iter::successors(Some(id), |&id| self.node(id).parent)
    }

    /// A node's key from the top, as messages show it: `tasks.train.inputs[0]`.
    pub fn path(&self, id: Id) -> String {
        let mut path = String::new();
        let above: Vec<Id> = self.ancestors(id).collect();
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
fn check_text(text: &str) -> Outcome<()> {
    if text.contains("${")
        && let Err(error) = interpolation::parse(text)
    {
        return Err(Problem::new(error.problem).in_text(text, error.at));
    }
    Ok(())
}
