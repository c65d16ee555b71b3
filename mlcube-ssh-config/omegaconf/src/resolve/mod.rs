//! Resolves interpolations: `resolve_parse_tree` of OmegaConf, and the visitor of its grammar.

mod in_place;
mod interpolate;
mod path;
mod resolvers;
mod select;

use std::collections::HashMap;
use std::rc::Rc;

use indexmap::IndexSet;

use crate::error::{Error, ErrorKind, Result};
use crate::interpolation::{self, Part};
use crate::tree::{NodeId, Raw, Tree, Value};
pub(crate) use path::index;
pub use path::split as split_key;

/// The longest chain of interpolations that need each other's value; Python's recursion limit is lower.
const MAX_CHAIN: usize = 128;
/// The most texts that are resolved, in total.
const MAX_STEPS: usize = 100_000;

/// Looks up a variable of the environment, for `oc.env`.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Configurations in a tree, and what is needed to resolve them.
pub struct OmegaConf<'a> {
    /// The configurations.
    pub tree: Tree,
    environment: Environment<'a>,
    pub(crate) notices: IndexSet<Notice>,
    /// The nodes whose texts are being resolved, the innermost last.
    active: Vec<NodeId>,
    /// The maps and lists that are being resolved.
    open: Vec<NodeId>,
    parsed: HashMap<NodeId, Rc<[Part]>>,
    steps: usize,
    characters: usize,
}

/// A fact about a value that the user may want to know.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Notice {
    /// The message of `oc.deprecated`.
    Deprecated(String),
    /// A value holds a variable of the environment.
    Variable {
        /// The variable's name.
        name: String,
        /// The key of the value.
        key: String,
    },
}

/// The value of a node or an interpolation.
#[derive(Clone, Debug)]
pub enum Resolved {
    /// A node of the tree.
    Node(NodeId),
    /// A value of its own.
    Raw(Raw),
}

impl<'a> OmegaConf<'a> {
    /// Creates an empty tree; `environment` returns the value of a variable.
    #[must_use]
    pub fn new(environment: Environment<'a>) -> Self {
        let tree = Tree::default();
        Self {
            tree,
            environment,
            notices: IndexSet::new(),
            active: Vec::new(),
            open: Vec::new(),
            parsed: HashMap::new(),
            steps: 0,
            characters: 0,
        }
    }

    /// Returns the notices so far, each once.
    pub fn notices(&self) -> impl Iterator<Item = &Notice> {
        self.notices.iter()
    }

    /// Returns the node itself, or the value of its interpolations.
    ///
    /// # Errors
    /// When one of them can't be resolved.
    pub fn dereference(&mut self, id: NodeId) -> Result<Resolved> {
        let node = self.tree.node(id);
        let mut made_of = node.made_of.clone();
        made_of.is_traced |= self.tree.is_traced(node.origin);
        self.tree.reading.extend(&made_of);
        let text = match self.tree.value(id) {
            Value::Text(text) if text.contains("${") => text.clone(),
            _ => return Ok(Resolved::Node(id)),
        };
        self.enter(id)?;
        let resolved = self.text(id, &text);
        self.active.pop();
        let origin = self.tree.node(id).origin;
        resolved.map_err(|problem| within_interpolation(problem).at(|| self.tree.path(id), origin))
    }

    /// Runs `act` and discards the readings that it notes.
    pub(crate) fn apart<T>(&mut self, act: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.tree.begin_reading();
        let done = act(self);
        self.tree.end_reading(before);
        done
    }

    /// Returns the map or list that a node is, or that its interpolation stands for.
    pub(crate) fn container_behind(&mut self, id: NodeId) -> Result<Option<NodeId>> {
        match self.dereference(id)? {
            Resolved::Node(node) if self.tree.value(node).is_container() => Ok(Some(node)),
            _ => Ok(None),
        }
    }

    fn enter(&mut self, id: NodeId) -> Result<()> {
        self.steps += 1;
        if self.active.contains(&id) {
            let way: Vec<String> =
                self.active.iter().chain([&id]).map(|&id| self.tree.path(id)).collect();
            return Err(Error::new(format!("it refers to itself: {}", way.join(" -> "))));
        }
        if self.active.len() >= MAX_CHAIN {
            return Err(Error::new(format!(
                "more than {MAX_CHAIN} interpolations wait for each other"
            )));
        }
        if self.steps > MAX_STEPS {
            return Err(Error::new(format!(
                "more than {MAX_STEPS} interpolations are needed for it"
            )));
        }
        self.active.push(id);
        Ok(())
    }

    fn text(&mut self, node: NodeId, text: &str) -> Result<Resolved> {
        let parts = self.parsed(node, text)?;
        self.composite(node, &parts).map_err(|problem| match &parts[..] {
            [Part::Interpolation(one)] => problem.in_text(text, one.start),
            _ => problem.in_text(text, text.find("${").unwrap_or(0)),
        })
    }

    /// Returns the parts of a node's text. They are kept, because a text never changes and is evaluated often.
    fn parsed(&mut self, node: NodeId, text: &str) -> Result<Rc<[Part]>> {
        if let Some(parts) = self.parsed.get(&node) {
            return Ok(Rc::clone(parts));
        }
        let parts = interpolation::parse(text)
            .map_err(|error| Error::new(error.problem).in_text(text, error.at))?;
        let parts: Rc<[Part]> = parts.into();
        self.parsed.insert(node, Rc::clone(&parts));
        Ok(parts)
    }

    /// Converts the result to a value.
    #[must_use]
    pub fn raw_of(&self, resolved: &Resolved) -> Raw {
        match resolved {
            Resolved::Node(id) => self.tree.raw(*id),
            Resolved::Raw(raw) => raw.clone(),
        }
    }

    /// Returns a value as text. That of a map or a list reads everything in it.
    pub(super) fn text_of(&mut self, raw: &Raw) -> String {
        if let Raw::Node(id) = raw {
            self.tree.read_whole(*id);
        }
        self.tree.text_of(raw)
    }

    pub(super) fn parent(&self, node: NodeId) -> Result<NodeId> {
        self.tree
            .node(node)
            .parent
            .ok_or_else(|| Error::new("an interpolation needs a map or a list around it"))
    }
}

/// Inside an interpolation OmegaConf raises one exception for every fault but one.
pub(crate) fn within_interpolation(problem: Error) -> Error {
    match problem.kind() {
        ErrorKind::InterpolationToMissingValue => problem,
        _ => problem.with_kind(ErrorKind::Other),
    }
}
