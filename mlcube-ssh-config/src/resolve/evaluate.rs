//! What an interpolation is worth: `resolve_parse_tree` of OmegaConf and the visitor of its grammar.

use std::collections::HashMap;
use std::rc::Rc;

use super::origin::Names;
use super::problem::{Kind, Outcome, Problem};
use super::raw::Raw;
use super::tree::{Id, Tree, Value};
use crate::interpolation::{self, Argument, Ask, Element, Interpolation, Part};

/// Interpolations that may wait for each other; Python's recursion limit ends earlier.
const MAX_CHAIN: usize = 100;
/// Texts filled in, in all.
const MAX_STEPS: usize = 100_000;
/// Characters filled in, in all: what a text that doubles itself may grow to.
const MAX_CHARACTERS: usize = 8 << 20;

/// A lookup in the environment.
pub(crate) type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// A tree and what is needed to resolve it.
pub(crate) struct Evaluation<'a> {
    pub(crate) tree: Tree,
    pub(crate) names: &'a Names,
    pub(crate) environment: Environment<'a>,
    /// What a person should know.
    pub(crate) warnings: Vec<String>,
    /// The nodes whose texts are being filled in, the innermost last.
    pub(super) active: Vec<Id>,
    /// The maps and lists that are being resolved.
    pub(super) open: Vec<Id>,
    parsed: HashMap<Id, Rc<[Part]>>,
    steps: usize,
    characters: usize,
}

/// What a node or an interpolation is worth.
#[derive(Clone, Debug)]
pub(crate) enum Resolved {
    /// A node of the tree.
    Node(Id),
    /// A value of its own.
    Raw(Raw),
}

impl<'a> Evaluation<'a> {
    pub(crate) fn new(names: &'a Names, environment: Environment<'a>) -> Self {
        let tree = Tree::default();
        Self {
            tree,
            names,
            environment,
            warnings: Vec::new(),
            active: Vec::new(),
            open: Vec::new(),
            parsed: HashMap::new(),
            steps: 0,
            characters: 0,
        }
    }

    /// The node itself, or what its text is worth.
    pub(crate) fn dereference(&mut self, id: Id) -> Outcome<Resolved> {
        let text = match self.tree.value(id) {
            Value::Text(text) if text.contains("${") => text.clone(),
            _ => return Ok(Resolved::Node(id)),
        };
        self.enter(id)?;
        let worth = self.text(id, &text);
        self.active.pop();
        let origin = self.tree.node(id).origin;
        worth.map_err(|problem| within_interpolation(problem).at(|| self.tree.path(id), origin))
    }

    /// The map or list that a node is or stands for.
    pub(crate) fn container_behind(&mut self, id: Id) -> Outcome<Option<Id>> {
        match self.dereference(id)? {
            Resolved::Node(node) if self.tree.value(node).is_container() => Ok(Some(node)),
            _ => Ok(None),
        }
    }

    fn enter(&mut self, id: Id) -> Outcome<()> {
        self.steps += 1;
        if self.active.contains(&id) {
            let way: Vec<String> =
                self.active.iter().chain([&id]).map(|&id| self.tree.path(id)).collect();
            return Err(Problem::new(format!("it needs its own value: {}", way.join(" -> "))));
        }
        if self.active.len() >= MAX_CHAIN {
            return Err(Problem::new(format!(
                "more than {MAX_CHAIN} interpolations wait for each other"
            )));
        }
        if self.steps > MAX_STEPS {
            return Err(Problem::new(format!(
                "more than {MAX_STEPS} interpolations are needed for it"
            )));
        }
        self.active.push(id);
        Ok(())
    }

    fn text(&mut self, node: Id, text: &str) -> Outcome<Resolved> {
        let parts = self.parsed(node, text)?;
        self.composite(node, &parts).map_err(|problem| match &parts[..] {
            [Part::Interpolation(one)] => problem.in_text(text, one.start),
            _ => problem.in_text(text, text.find("${").unwrap_or(0)),
        })
    }

    /// The parts of a node's text. A node's text never changes, and may be asked for often.
    fn parsed(&mut self, node: Id, text: &str) -> Outcome<Rc<[Part]>> {
        if let Some(parts) = self.parsed.get(&node) {
            return Ok(Rc::clone(parts));
        }
        let parts = interpolation::parse(text)
            .map_err(|error| Problem::new(error.problem).in_text(text, error.at))?;
        let parts: Rc<[Part]> = parts.into();
        self.parsed.insert(node, Rc::clone(&parts));
        Ok(parts)
    }

    /// A single interpolation is worth what it stands for; anything else is text.
    pub(super) fn composite(&mut self, node: Id, parts: &[Part]) -> Outcome<Resolved> {
        if let [Part::Interpolation(one)] = parts {
            return self.interpolation(node, one);
        }
        self.joined(node, parts).map(|text| Resolved::Raw(Raw::Text(text)))
    }

    fn joined(&mut self, node: Id, parts: &[Part]) -> Outcome<String> {
        let mut joined = String::new();
        for part in parts {
            match part {
                Part::Text(text) => joined.push_str(text),
                Part::Interpolation(one) => {
                    let worth = self.interpolation(node, one)?;
                    let worth = self.raw_of(&worth);
                    joined.push_str(&self.tree.text_of(&worth));
                }
            }
            self.check_length(joined.len())?;
        }
        self.characters += joined.len();
        Ok(joined)
    }

    fn check_length(&self, more: usize) -> Outcome<()> {
        if self.characters.saturating_add(more) > MAX_CHARACTERS {
            return Err(Problem::new(format!(
                "more than {MAX_CHARACTERS} characters are filled in"
            )));
        }
        Ok(())
    }

    fn interpolation(&mut self, node: Id, one: &Interpolation) -> Outcome<Resolved> {
        match &one.ask {
            Ask::Key(parts) => {
                let key = self.name(node, parts, "", "a key")?;
                self.key(node, &key)
            }
            Ask::Resolver { name, arguments } => {
                let name = self.name(node, name, ".", "a resolver's name")?;
                let values = arguments
                    .iter()
                    .map(|argument| self.element(node, &argument.element))
                    .collect::<Outcome<Vec<_>>>()?;
                let written: Vec<&str> =
                    arguments.iter().map(|Argument { written, .. }| written.as_str()).collect();
                self.call(node, &name, &values, &written)
            }
        }
    }

    /// A key or a name: what is filled in has to be text.
    fn name(&mut self, node: Id, parts: &[Part], separator: &str, what: &str) -> Outcome<String> {
        let mut names = Vec::new();
        for part in parts {
            match part {
                Part::Text(text) => names.push(text.clone()),
                Part::Interpolation(one) => {
                    let worth = self.interpolation(node, one)?;
                    match self.raw_of(&worth) {
                        Raw::Text(text) => names.push(text),
                        other => {
                            let found = self.tree.text_of(&other);
                            return Err(Problem::new(format!(
                                "{what} has to be text, and {found} isn't; quote it where it is set"
                            )));
                        }
                    }
                }
            }
        }
        Ok(names.join(separator))
    }

    /// `${a.b}`: another node, but none that this one is in.
    fn key(&mut self, node: Id, key: &str) -> Outcome<Resolved> {
        let parent = self.parent(node)?;
        let found = self.select(parent, key, true).map_err(|problem| match problem.kind {
            Kind::Missing => Problem { kind: Kind::ReachesMissing, ..problem },
            _ => problem,
        })?;
        match found {
            None => Err(Problem::new(format!("there is no key {key}{}", self.hint(key)))),
            Some(Resolved::Node(target))
                if self.tree.ancestors(parent).any(|above| above == target) =>
            {
                Err(Problem::new(format!("${{{key}}} holds this very value")))
            }
            Some(found) => Ok(found),
        }
    }

    /// A remedy for a key that looks like a variable of the shell.
    fn hint(&self, key: &str) -> String {
        match (self.environment)(key) {
            Some(_) => format!("; the variable of the environment is ${{oc.env:{key}}}"),
            None => String::new(),
        }
    }

    fn element(&mut self, node: Id, element: &Element) -> Outcome<Raw> {
        match element {
            Element::Literal(literal) => Ok(Raw::from(literal)),
            Element::Composite(parts) => {
                self.composite(node, parts).map(|worth| self.raw_of(&worth))
            }
            Element::Quoted(parts) => self.joined(node, parts).map(Raw::Text),
            Element::List(items) => items
                .iter()
                .map(|item| self.element(node, item))
                .collect::<Outcome<_>>()
                .map(Raw::List),
            Element::Map(pairs) => {
                let pair =
                    |(key, value): &(_, _)| Ok((Clone::clone(key), self.element(node, value)?));
                pairs.iter().map(pair).collect::<Outcome<_>>().map(Raw::Map)
            }
        }
    }

    /// Evaluates one value of the language, as `oc.decode` does.
    pub(super) fn decode(&mut self, node: Id, text: &str) -> Outcome<Raw> {
        let element = interpolation::parse_element(text)
            .map_err(|error| Problem::new(error.problem).in_text(text, error.at))?;
        self.element(node, &element).map_err(within_interpolation)
    }

    pub(crate) fn raw_of(&self, resolved: &Resolved) -> Raw {
        match resolved {
            Resolved::Node(id) => self.tree.raw(*id),
            Resolved::Raw(raw) => raw.clone(),
        }
    }

    pub(super) fn parent(&self, node: Id) -> Outcome<Id> {
        self.tree
            .node(node)
            .parent
            .ok_or_else(|| Problem::new("an interpolation needs a map or a list around it"))
    }
}

/// Inside of an interpolation every problem but one is like the others.
fn within_interpolation(problem: Problem) -> Problem {
    match problem.kind {
        Kind::ReachesMissing => problem,
        _ => Problem { kind: Kind::Other, ..problem },
    }
}
