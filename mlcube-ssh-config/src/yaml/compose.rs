//! From events to a graph of nodes, in which an alias is the node that it names.

use std::collections::HashMap;

use libyaml_safer::{Event, EventData, Mark, Parser, ScalarStyle};

use super::scalar::Tag;
use super::{Error, MAX_DEPTH, implicit, tabs};

/// A node's place in the graph.
pub(super) type Id = usize;

/// A list, a map or a scalar, before it has a value.
pub(super) struct Node {
    pub(super) tag: Tag,
    pub(super) content: Content,
    pub(super) line: u32,
}

pub(super) enum Content {
    Scalar(String),
    List(Vec<Id>),
    Map(Vec<(Id, Id)>),
}

/// The nodes of a document.
pub(super) struct Graph {
    pub(super) nodes: Vec<Node>,
    /// None for a text without a document.
    pub(super) root: Option<Id>,
}

/// Composes the only document of a text.
pub(super) fn compose(text: &str) -> Result<Graph, Error> {
    let mut composer = Composer::new(text);
    composer.event()?; // the start of the stream
    let mut root = None;
    if !matches!(composer.event()?.data, EventData::StreamEnd) {
        let first = composer.event()?;
        root = Some(composer.node(first, 0)?);
        composer.event()?; // the end of the document
        let next = composer.event()?;
        if !matches!(next.data, EventData::StreamEnd) {
            return Err(Error::new(
                "a second document begins here; one file holds one",
                line(next.start_mark),
            ));
        }
    }
    tabs::check(text, &composer.spans)?;
    Ok(Graph { nodes: composer.nodes, root })
}

struct Composer<'a> {
    parser: Parser<&'a [u8]>,
    nodes: Vec<Node>,
    anchors: HashMap<String, Id>,
    /// Where scalars stand that may hold tabs, as character positions.
    spans: Vec<(u64, u64)>,
}

impl<'a> Composer<'a> {
    fn new(text: &'a str) -> Self {
        let mut parser = Parser::new();
        parser.set_input(text.as_bytes());
        Self { parser, nodes: Vec::new(), anchors: HashMap::new(), spans: Vec::new() }
    }

    fn event(&mut self) -> Result<Event, Error> {
        self.parser.parse().map_err(|error| {
            let mark = error.problem_mark().unwrap_or_default();
            let context = error.context().map(|context| format!(" {context}")).unwrap_or_default();
            Error::new(
                format!("{}{context} (column {})", error.problem(), mark.column + 1),
                line(mark),
            )
        })
    }

    /// Composes the node that begins with `event`.
    fn node(&mut self, event: Event, depth: usize) -> Result<Id, Error> {
        let at = line(event.start_mark);
        if depth > MAX_DEPTH {
            return Err(Error::new(
                format!("lists and maps are more than {MAX_DEPTH} levels deep here"),
                at,
            ));
        }
        match event.data {
            EventData::Alias { anchor } => self.alias(&anchor, at),
            EventData::Scalar { anchor, tag, value, plain_implicit, style, .. } => {
                if style != ScalarStyle::Plain {
                    self.spans.push((event.start_mark.index, event.end_mark.index));
                }
                let tag = scalar_tag(tag, plain_implicit, &value);
                self.add(anchor, Node { tag, content: Content::Scalar(value), line: at })
            }
            EventData::SequenceStart { anchor, tag, .. } => {
                let id = self.add(
                    anchor,
                    Node {
                        tag: collection_tag(tag, Tag::Seq),
                        content: Content::List(vec![]),
                        line: at,
                    },
                )?;
                self.list(id, depth)
            }
            EventData::MappingStart { anchor, tag, .. } => {
                let id = self.add(
                    anchor,
                    Node {
                        tag: collection_tag(tag, Tag::Map),
                        content: Content::Map(vec![]),
                        line: at,
                    },
                )?;
                self.map(id, depth)
            }
            _ => Err(Error::new("a value is expected here", at)),
        }
    }

    fn list(&mut self, id: Id, depth: usize) -> Result<Id, Error> {
        let mut items = Vec::new();
        loop {
            let event = self.event()?;
            if matches!(event.data, EventData::SequenceEnd) {
                break;
            }
            items.push(self.node(event, depth + 1)?);
        }
        self.nodes[id].content = Content::List(items);
        Ok(id)
    }

    fn map(&mut self, id: Id, depth: usize) -> Result<Id, Error> {
        let mut pairs = Vec::new();
        loop {
            let event = self.event()?;
            if matches!(event.data, EventData::MappingEnd) {
                break;
            }
            let key = self.node(event, depth + 1)?;
            let event = self.event()?;
            pairs.push((key, self.node(event, depth + 1)?));
        }
        self.nodes[id].content = Content::Map(pairs);
        Ok(id)
    }

    fn alias(&self, anchor: &str, at: u32) -> Result<Id, Error> {
        self.anchors
            .get(anchor)
            .copied()
            .ok_or_else(|| Error::new(format!("no anchor &{anchor} comes before *{anchor}"), at))
    }

    /// Adds a node, and its anchor before its children: they may refer to it.
    fn add(&mut self, anchor: Option<String>, node: Node) -> Result<Id, Error> {
        let id = self.nodes.len();
        if let Some(anchor) = anchor {
            let text = format!("the anchor &{anchor} is there already");
            if self.anchors.insert(anchor, id).is_some() {
                return Err(Error::new(text, node.line));
            }
        }
        self.nodes.push(node);
        Ok(id)
    }
}

fn scalar_tag(tag: Option<String>, plain: bool, text: &str) -> Tag {
    match tag.as_deref() {
        None | Some("!") if plain => implicit::tag_of(text),
        None | Some("!") => Tag::Str,
        Some(tag) => Tag::named(tag),
    }
}

fn collection_tag(tag: Option<String>, default: Tag) -> Tag {
    match tag.as_deref() {
        None | Some("!") => default,
        Some(tag) => Tag::named(tag),
    }
}

fn line(mark: Mark) -> u32 {
    u32::try_from(mark.line).unwrap_or(u32::MAX)
}
