//! Converts a graph to a value: every alias becomes a copy.

use indexmap::IndexMap;

use super::error::Error;
use super::graph::{Content, Graph, Id};
use super::key::Key;
use super::limits::{MAX_DEPTH, MAX_VALUES};
use super::scalar::{self, Tag};
use super::value::{Data, Yaml};

/// Returns the value of a graph; null if it is empty.
pub(super) fn expand(graph: &Graph) -> Result<Yaml, Error> {
    match graph.root {
        None => Ok(Yaml { data: Data::Null, line: 1 }),
        Some(root) => Expansion { graph, open: Vec::new(), left: MAX_VALUES }.value(root),
    }
}

struct Expansion<'a> {
    graph: &'a Graph,
    /// The lists and maps that are being expanded: one that occurs again contains itself.
    open: Vec<Id>,
    left: usize,
}

impl Expansion<'_> {
    fn value(&mut self, id: Id) -> Result<Yaml, Error> {
        let node = &self.graph.nodes[id];
        self.left = self.left.checked_sub(1).ok_or_else(|| {
            Error::new(format!("more than {MAX_VALUES} values, aliases counted"), node.mark)
        })?;
        let data = match &node.content {
            Content::Scalar(text) => scalar::value(&node.tag, text, node.mark)?,
            Content::List(items) if node.tag == Tag::Pairs => {
                self.within(id, |this| this.pairs(items))?
            }
            Content::List(items) => self.within(id, |this| this.list(items))?,
            Content::Map(pairs) => self.within(id, |this| this.map(pairs))?,
        };
        Ok(Yaml { data, line: node.mark.line })
    }

    /// Expands the content of a list or a map.
    fn within(
        &mut self,
        id: Id,
        inside: impl FnOnce(&mut Self) -> Result<Data, Error>,
    ) -> Result<Data, Error> {
        let mark = self.graph.nodes[id].mark;
        if self.open.contains(&id) {
            return Err(Error::new("a list or a map holds an alias of itself", mark));
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(Error::new(
                format!("lists and maps are more than {MAX_DEPTH} levels deep here"),
                mark,
            ));
        }
        self.open.push(id);
        let data = inside(self);
        self.open.pop();
        data
    }

    fn list(&mut self, items: &[Id]) -> Result<Data, Error> {
        items.iter().map(|&item| self.value(item)).collect::<Result<_, _>>().map(Data::List)
    }

    fn map(&mut self, pairs: &[(Id, Id)]) -> Result<Data, Error> {
        let mut map = IndexMap::with_capacity(pairs.len());
        for &(key, value) in pairs {
            map.insert(self.key(key)?, self.value(value)?);
        }
        Ok(Data::Map(map))
    }

    /// Converts a list of maps with one key each to a list of pairs: key, value.
    fn pairs(&mut self, items: &[Id]) -> Result<Data, Error> {
        let mut list = Vec::new();
        for &item in items {
            let node = &self.graph.nodes[item];
            if let Content::Map(pairs) = &node.content {
                for &(key, value) in pairs {
                    let pair = vec![self.value(key)?, self.value(value)?];
                    list.push(Yaml { data: Data::List(pair), line: node.mark.line });
                }
            }
        }
        Ok(Data::List(list))
    }

    fn key(&mut self, id: Id) -> Result<Key, Error> {
        let mark = self.graph.nodes[id].mark;
        match self.value(id)?.data {
            Data::Text(text) => Ok(Key::Text(text)),
            Data::Int(number) => Ok(Key::Int(number)),
            Data::Float(number) => Ok(Key::Float(number)),
            Data::Bool(flag) => Ok(Key::Bool(flag)),
            Data::Null => Err(Error::new("null can't be a key; quote it, if it is text", mark)),
            Data::List(_) | Data::Map(_) => Err(Error::new("a list or a map can't be a key", mark)),
        }
    }
}
