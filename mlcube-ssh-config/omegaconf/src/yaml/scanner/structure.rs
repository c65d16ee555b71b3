//! The signs of lists and maps.

use super::Scanner;
use crate::yaml::error::Error;
use crate::yaml::token::{Kind, Token};

impl Scanner {
    pub(super) fn fetch_stream_end(&mut self) -> Result<(), Error> {
        self.unwind(-1);
        self.keys.remove(self.flow)?;
        self.keys.clear();
        self.push(Kind::StreamEnd);
        self.done = true;
        Ok(())
    }

    pub(super) fn fetch_document_marker(&mut self) -> Result<(), Error> {
        self.unwind(-1);
        self.keys.remove(self.flow)?;
        self.key_allowed = false;
        let kind =
            if self.cursor.peek(0) == Some('-') { Kind::DocumentStart } else { Kind::DocumentEnd };
        self.push(kind);
        self.cursor.skip(3);
        Ok(())
    }

    pub(super) fn fetch_flow_start(&mut self, kind: Kind) -> Result<(), Error> {
        self.maybe_key()?;
        self.flow += 1;
        self.key_allowed = true;
        self.push(kind);
        self.cursor.skip(1);
        Ok(())
    }

    pub(super) fn fetch_flow_end(&mut self, kind: Kind) -> Result<(), Error> {
        self.keys.remove(self.flow)?;
        self.flow =
            self.flow.checked_sub(1).ok_or_else(|| self.error("this closes what wasn't opened"))?;
        self.key_allowed = false;
        self.push(kind);
        self.cursor.skip(1);
        Ok(())
    }

    pub(super) fn fetch_flow_entry(&mut self) -> Result<(), Error> {
        self.key_allowed = true;
        self.keys.remove(self.flow)?;
        self.push(Kind::FlowEntry);
        self.cursor.skip(1);
        Ok(())
    }

    pub(super) fn fetch_block_entry(&mut self) -> Result<(), Error> {
        if self.flow == 0 {
            self.begin_block(Kind::BlockSequenceStart, "a list can't begin here")?;
        }
        self.key_allowed = true;
        self.keys.remove(self.flow)?;
        self.push(Kind::BlockEntry);
        self.cursor.skip(1);
        Ok(())
    }

    pub(super) fn fetch_key(&mut self) -> Result<(), Error> {
        if self.flow == 0 {
            self.begin_block(Kind::BlockMappingStart, "a key can't begin here")?;
        }
        self.key_allowed = self.flow == 0;
        self.keys.remove(self.flow)?;
        self.push(Kind::Key);
        self.cursor.skip(1);
        Ok(())
    }

    pub(super) fn fetch_value(&mut self) -> Result<(), Error> {
        if let Some(key) = self.keys.take(self.flow) {
            let place = key.token - self.taken;
            self.tokens.insert(place, Token { kind: Kind::Key, mark: key.mark });
            if self.flow == 0 && self.wind(key.column) {
                self.tokens.insert(place, Token { kind: Kind::BlockMappingStart, mark: key.mark });
            }
            self.key_allowed = false;
        } else {
            if self.flow == 0 {
                self.begin_block(
                    Kind::BlockMappingStart,
                    "one ':' too many; quote the text that holds it",
                )?;
            }
            self.key_allowed = self.flow == 0;
            self.keys.remove(self.flow)?;
        }
        self.push(Kind::Value);
        self.cursor.skip(1);
        Ok(())
    }

    fn begin_block(&mut self, kind: Kind, otherwise: &str) -> Result<(), Error> {
        if !self.key_allowed {
            return Err(self.error(otherwise));
        }
        if self.wind(self.cursor.column()) {
            self.push(kind);
        }
        Ok(())
    }
}
