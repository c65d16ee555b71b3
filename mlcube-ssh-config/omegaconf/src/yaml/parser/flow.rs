//! Lists in brackets and maps in braces.

use super::{Parser, Properties};
use crate::yaml::error::Error;
use crate::yaml::graph::{Content, Id};
use crate::yaml::token::Kind;

impl Parser {
    pub(super) fn flow_sequence(&mut self) -> Result<Content, Error> {
        self.scanner.take()?;
        let mut items = Vec::new();
        while self.take_if(|kind| *kind == Kind::FlowSequenceEnd)?.is_none() {
            if !items.is_empty() {
                self.expect(&Kind::FlowEntry, "',' or ']' is missing here")?;
            }
            if self.next_is(|kind| *kind == Kind::Key)? {
                items.push(self.nested(Properties::default(), Self::single_pair)?);
            } else if !self.next_is(|kind| *kind == Kind::FlowSequenceEnd)? {
                items.push(self.node(false, false)?);
            }
        }
        Ok(Content::List(items))
    }

    /// `[a: b]`: a map of one key without braces.
    fn single_pair(&mut self) -> Result<Content, Error> {
        Ok(Content::Map(vec![self.flow_pair(&Kind::FlowSequenceEnd)?]))
    }

    pub(super) fn flow_mapping(&mut self) -> Result<Content, Error> {
        self.scanner.take()?;
        let mut pairs = Vec::new();
        while self.take_if(|kind| *kind == Kind::FlowMappingEnd)?.is_none() {
            if !pairs.is_empty() {
                self.expect(
                    &Kind::FlowEntry,
                    "',' or '}' is missing here; quote text with '${' in it",
                )?;
            }
            if self.next_is(|kind| *kind == Kind::Key)? {
                pairs.push(self.flow_pair(&Kind::FlowMappingEnd)?);
            } else if !self.next_is(|kind| *kind == Kind::FlowMappingEnd)? {
                let key = self.node(false, false)?;
                pairs.push((key, self.nothing_for(key)?));
            }
        }
        Ok(Content::Map(pairs))
    }

    /// `key: value` within brackets or braces, which end with `close`.
    fn flow_pair(&mut self, close: &Kind) -> Result<(Id, Id), Error> {
        let mark = self.scanner.take()?.mark;
        let key = self.node_unless(
            mark,
            |kind| matches!(kind, Kind::Value | Kind::FlowEntry) || kind == close,
            false,
            false,
        )?;
        let ends = |kind: &Kind| *kind == Kind::FlowEntry || kind == close;
        let value = match self.take_if(|kind| *kind == Kind::Value)? {
            Some(mark) => self.node_unless(mark, ends, false, false)?,
            None => self.nothing_for(key)?,
        };
        Ok((key, value))
    }
}
