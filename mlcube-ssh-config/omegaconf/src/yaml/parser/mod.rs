//! Parses tokens to a graph of nodes, by the grammar at the top of `PyYAML`'s `parser.py`: one function for each rule.

mod block;
mod flow;

use std::collections::HashMap;

use super::error::{Error, Mark};
use super::graph::{Content, Graph, Id, Node};
use super::implicit;
use super::limits::{MAX_DEPTH, MAX_VALUES};
use super::scalar::Tag;
use super::scanner::Scanner;
use super::token::{Directive, Kind};

/// Parses the only document of a text.
pub(super) fn parse(text: &str) -> Result<Graph, Error> {
    let mut parser = Parser {
        scanner: Scanner::new(text),
        graph: Graph::default(),
        anchors: HashMap::new(),
        handles: default_handles(),
        depth: 0,
    };
    parser.document()?;
    Ok(parser.graph)
}

struct Parser {
    scanner: Scanner,
    graph: Graph,
    anchors: HashMap<String, Id>,
    /// The prefixes that the handles of tags stand for.
    handles: HashMap<String, String>,
    depth: usize,
}

/// The properties before a node.
#[derive(Default)]
struct Properties {
    anchor: Option<String>,
    tag: Option<String>,
    mark: Option<Mark>,
}

fn default_handles() -> HashMap<String, String> {
    [("!", "!"), ("!!", "tag:yaml.org,2002:")]
        .map(|(handle, prefix)| (handle.to_owned(), prefix.to_owned()))
        .into()
}

impl Parser {
    fn document(&mut self) -> Result<(), Error> {
        let explicit =
            self.next_is(|kind| matches!(kind, Kind::Directive(_) | Kind::DocumentStart))?;
        if self.next_is(|kind| *kind == Kind::StreamEnd)? {
            return Ok(());
        }
        let start = if explicit { self.directives()? } else { Mark::START };
        let empty = |kind: &Kind| {
            matches!(
                kind,
                Kind::Directive(_) | Kind::DocumentStart | Kind::DocumentEnd | Kind::StreamEnd
            )
        };
        let root = if explicit && self.next_is(empty)? {
            self.nothing(start)?
        } else {
            self.node(true, false)?
        };
        self.graph.root = Some(root);
        while self.take_if(|kind| *kind == Kind::DocumentEnd)?.is_some() {}
        if self.next_is(|kind| *kind == Kind::StreamEnd)? {
            return Ok(());
        }
        Err(self.error("the document has ended, and more follows; one file holds one document")?)
    }

    /// Parses `%YAML`, `%TAG` and the `---` that must follow; returns the position of the latter.
    fn directives(&mut self) -> Result<Mark, Error> {
        let mut version_seen = false;
        while self.next_is(|kind| matches!(kind, Kind::Directive(_)))? {
            let token = self.scanner.take()?;
            match token.kind {
                Kind::Directive(Directive::Yaml { major }) if version_seen || major != "1" => {
                    return Err(Error::new("the version must be YAML 1.1", token.mark));
                }
                Kind::Directive(Directive::Yaml { .. }) => version_seen = true,
                Kind::Directive(Directive::Tag { handle, prefix }) => {
                    // Only the two predefined handles may be set again.
                    let known = self.handles.insert(handle.clone(), prefix);
                    if known.is_some_and(|prefix| default_handles().get(&handle) != Some(&prefix)) {
                        return Err(Error::new("the handle is defined twice", token.mark));
                    }
                }
                _ => {}
            }
        }
        match self.take_if(|kind| *kind == Kind::DocumentStart)? {
            Some(mark) => Ok(mark),
            None => Err(self.error("'---' is missing here")?),
        }
    }

    /// Parses a value. With `block` it may be written by indentation; with `indentless` a list's dashes may be in the
    /// column of the key.
    fn node(&mut self, block: bool, indentless: bool) -> Result<Id, Error> {
        if let Kind::Alias(name) = &self.scanner.peek()?.kind {
            let name = name.clone();
            let mark = self.scanner.take()?.mark;
            return self.anchors.get(&name).copied().ok_or_else(|| {
                Error::new(format!("no anchor &{name} comes before *{name}"), mark)
            });
        }
        let properties = self.properties()?;
        let token = self.scanner.peek()?.clone();
        match token.kind {
            Kind::BlockEntry if indentless => self.nested(properties, Self::indentless_sequence),
            Kind::Scalar { text, plain } => {
                self.scanner.take()?;
                self.scalar(properties, text, plain, token.mark)
            }
            Kind::FlowSequenceStart => self.nested(properties, Self::flow_sequence),
            Kind::FlowMappingStart => self.nested(properties, Self::flow_mapping),
            Kind::BlockSequenceStart if block => self.nested(properties, Self::block_sequence),
            Kind::BlockMappingStart if block => self.nested(properties, Self::block_mapping),
            // Nothing follows the anchor or the tag.
            _ => match properties.mark {
                Some(mark) => self.scalar(properties, String::new(), true, mark),
                None => Err(Error::new("a value is missing here", token.mark)),
            },
        }
    }

    /// An anchor and a tag, in either order.
    fn properties(&mut self) -> Result<Properties, Error> {
        let mut properties = Properties::default();
        loop {
            let token = self.scanner.peek()?.clone();
            match token.kind {
                Kind::Anchor(name) if properties.anchor.is_none() => properties.anchor = Some(name),
                Kind::Tag(handle, suffix) if properties.tag.is_none() => {
                    properties.tag = Some(self.tag_name(handle, suffix, token.mark)?);
                }
                _ => return Ok(properties),
            }
            properties.mark.get_or_insert(token.mark);
            self.scanner.take()?;
        }
    }

    fn tag_name(
        &self,
        handle: Option<String>,
        suffix: String,
        mark: Mark,
    ) -> Result<String, Error> {
        let Some(handle) = handle else { return Ok(suffix) };
        match self.handles.get(&handle) {
            Some(prefix) => Ok(format!("{prefix}{suffix}")),
            None => Err(Error::new(format!("the tag's handle {handle} isn't known"), mark)),
        }
    }

    /// Adds a list or a map. Its anchor is set before its content is parsed, which may refer to it.
    fn nested(
        &mut self,
        properties: Properties,
        rule: fn(&mut Self) -> Result<Content, Error>,
    ) -> Result<Id, Error> {
        let token = self.scanner.peek()?;
        let mark = properties.mark.unwrap_or(token.mark);
        let default =
            if matches!(token.kind, Kind::FlowMappingStart | Kind::BlockMappingStart | Kind::Key) {
                Tag::Map
            } else {
                Tag::Seq
            };
        if self.depth >= MAX_DEPTH {
            return Err(Error::new(
                format!("lists and maps are more than {MAX_DEPTH} levels deep here"),
                mark,
            ));
        }
        let tag = properties.tag.filter(|tag| tag != "!").map_or(default, |tag| Tag::named(&tag));
        let id =
            self.add(properties.anchor, Node { tag, content: Content::List(Vec::new()), mark })?;
        self.depth += 1;
        let content = rule(self)?;
        self.depth -= 1;
        self.graph.nodes[id].content = content;
        Ok(id)
    }

    fn scalar(
        &mut self,
        properties: Properties,
        text: String,
        plain: bool,
        mark: Mark,
    ) -> Result<Id, Error> {
        let tag = match properties.tag.as_deref() {
            // With `!` even a quoted text counts as plain.
            Some("!") => implicit::tag_of(&text),
            Some(tag) => Tag::named(tag),
            None if plain => implicit::tag_of(&text),
            None => Tag::Str,
        };
        self.add(
            properties.anchor,
            Node { tag, content: Content::Scalar(text), mark: properties.mark.unwrap_or(mark) },
        )
    }

    /// Adds a value that isn't written: null, at the sign that precedes it. The next token may be many lines below.
    fn nothing(&mut self, mark: Mark) -> Result<Id, Error> {
        self.scalar(Properties::default(), String::new(), true, mark)
    }

    /// Adds the value of a key without `:`.
    fn nothing_for(&mut self, key: Id) -> Result<Id, Error> {
        self.nothing(self.graph.nodes[key].mark)
    }

    fn add(&mut self, anchor: Option<String>, node: Node) -> Result<Id, Error> {
        let id = self.graph.nodes.len();
        if let Some(anchor) = anchor {
            if self.anchors.contains_key(&anchor) {
                return Err(Error::new(
                    format!("the anchor &{anchor} is defined twice"),
                    node.mark,
                ));
            }
            self.anchors.insert(anchor, id);
        }
        if id >= MAX_VALUES {
            return Err(Error::new(format!("more than {MAX_VALUES} values"), node.mark));
        }
        self.graph.nodes.push(node);
        Ok(id)
    }

    /// Parses the node after the sign at `mark`; an empty one if the next token `ends` it.
    fn node_unless(
        &mut self,
        mark: Mark,
        ends: impl Fn(&Kind) -> bool,
        block: bool,
        indentless: bool,
    ) -> Result<Id, Error> {
        if self.next_is(ends)? { self.nothing(mark) } else { self.node(block, indentless) }
    }

    fn next_is(&mut self, wanted: impl Fn(&Kind) -> bool) -> Result<bool, Error> {
        Ok(wanted(&self.scanner.peek()?.kind))
    }

    /// Takes the next token if it is wanted; returns its position.
    fn take_if(&mut self, wanted: impl Fn(&Kind) -> bool) -> Result<Option<Mark>, Error> {
        if self.next_is(wanted)? {
            self.scanner.take().map(|token| Some(token.mark))
        } else {
            Ok(None)
        }
    }

    fn expect(&mut self, kind: &Kind, otherwise: &str) -> Result<(), Error> {
        if self.take_if(|found| found == kind)?.is_some() {
            Ok(())
        } else {
            Err(self.error(otherwise)?)
        }
    }

    fn error(&mut self, problem: &str) -> Result<Error, Error> {
        Ok(Error::new(problem, self.scanner.peek()?.mark))
    }
}
