//! Lists and maps by indentation.

use super::Parser;
use crate::yaml::error::Error;
use crate::yaml::graph::Content;
use crate::yaml::token::Kind;

impl Parser {
    pub(super) fn block_sequence(&mut self) -> Result<Content, Error> {
        self.scanner.take()?;
        let mut items = Vec::new();
        while let Some(mark) = self.take_if(|kind| *kind == Kind::BlockEntry)? {
            items.push(self.node_unless(
                mark,
                |kind| matches!(kind, Kind::BlockEntry | Kind::BlockEnd),
                true,
                false,
            )?);
        }
        self.expect(
            &Kind::BlockEnd,
            "this doesn't belong to the list above; look at the indentation",
        )?;
        Ok(Content::List(items))
    }

    /// A list whose dashes are in the column of its key.
    pub(super) fn indentless_sequence(&mut self) -> Result<Content, Error> {
        let mut items = Vec::new();
        while let Some(mark) = self.take_if(|kind| *kind == Kind::BlockEntry)? {
            let ends = |kind: &Kind| {
                matches!(kind, Kind::BlockEntry | Kind::Key | Kind::Value | Kind::BlockEnd)
            };
            items.push(self.node_unless(mark, ends, true, false)?);
        }
        Ok(Content::List(items))
    }

    pub(super) fn block_mapping(&mut self) -> Result<Content, Error> {
        self.scanner.take()?;
        let mut pairs = Vec::new();
        let ends = |kind: &Kind| matches!(kind, Kind::Key | Kind::Value | Kind::BlockEnd);
        while let Some(mark) = self.take_if(|kind| *kind == Kind::Key)? {
            let key = self.node_unless(mark, ends, true, true)?;
            let value = match self.take_if(|kind| *kind == Kind::Value)? {
                Some(mark) => self.node_unless(mark, ends, true, true)?,
                None => self.nothing_for(key)?,
            };
            pairs.push((key, value));
        }
        self.expect(&Kind::BlockEnd, "this doesn't belong to the map above; look at the indentation, and quote text that begins with a sign")?;
        Ok(Content::Map(pairs))
    }
}
