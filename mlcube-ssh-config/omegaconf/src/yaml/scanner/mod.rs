//! Scans characters to tokens, as `PyYAML`'s scanner does.
//!
//! The scanner decides which text is YAML and where a plain scalar ends; every parser has its own view. A key is
//! recognised by the `:` after it: the scanner remembers where a key may have begun, and inserts a token there once it
//! finds the `:`.

mod block;
mod cursor;
mod directive;
mod plain;
mod quoted;
mod simple_key;
mod structure;
mod tag;

use std::collections::VecDeque;

use super::error::Error;
use super::token::{Kind, Token};
use cursor::{Cursor, is_break, is_space_or_end};
use simple_key::SimpleKeys;

pub(super) struct Scanner {
    cursor: Cursor,
    tokens: VecDeque<Token>,
    /// The number of tokens that were taken already.
    taken: usize,
    done: bool,
    /// The number of open brackets and braces. Inside them indentation has no meaning.
    flow: usize,
    /// The column of the innermost list or map; -1 for none.
    indent: i64,
    indents: Vec<i64>,
    /// Whether a key may begin at the cursor.
    key_allowed: bool,
    keys: SimpleKeys,
}

impl Scanner {
    pub(super) fn new(text: &str) -> Self {
        Self {
            cursor: Cursor::new(text),
            tokens: VecDeque::new(),
            taken: 0,
            done: false,
            flow: 0,
            indent: -1,
            indents: Vec::new(),
            key_allowed: true,
            keys: SimpleKeys::default(),
        }
    }

    /// Returns the next token; at the end, that of the end of the stream.
    pub(super) fn peek(&mut self) -> Result<&Token, Error> {
        while self.needs_more()? {
            self.fetch()?;
        }
        let mark = self.cursor.mark();
        self.tokens.front().ok_or_else(|| Error::new("the text ends here", mark))
    }

    /// Takes the next token.
    pub(super) fn take(&mut self) -> Result<Token, Error> {
        self.peek()?;
        self.taken += 1;
        let mark = self.cursor.mark();
        self.tokens.pop_front().ok_or_else(|| Error::new("the text ends here", mark))
    }

    /// Whether the next token is still unknown: it may turn out to be the start of a key.
    fn needs_more(&mut self) -> Result<bool, Error> {
        if self.done {
            return Ok(false);
        }
        if self.tokens.is_empty() {
            return Ok(true);
        }
        self.keys.drop_stale(&self.cursor)?;
        Ok(self.keys.first_token() == Some(self.taken))
    }

    fn fetch(&mut self) -> Result<(), Error> {
        self.skip_to_token();
        self.keys.drop_stale(&self.cursor)?;
        self.unwind(self.cursor.column());
        let (first, second) = (self.cursor.peek(0), self.cursor.peek(1));
        match first {
            None => self.fetch_stream_end(),
            Some('%') if self.cursor.column() == 0 => self.fetch_directive(),
            Some('-' | '.') if self.cursor.at_document_marker() => self.fetch_document_marker(),
            Some('[') => self.fetch_flow_start(Kind::FlowSequenceStart),
            Some('{') => self.fetch_flow_start(Kind::FlowMappingStart),
            Some(']') => self.fetch_flow_end(Kind::FlowSequenceEnd),
            Some('}') => self.fetch_flow_end(Kind::FlowMappingEnd),
            Some(',') => self.fetch_flow_entry(),
            Some('-') if is_space_or_end(second) => self.fetch_block_entry(),
            Some('?') if self.flow > 0 || is_space_or_end(second) => self.fetch_key(),
            Some(':') if self.flow > 0 || is_space_or_end(second) => self.fetch_value(),
            Some('*' | '&') => self.fetch_anchor(),
            Some('!') => self.fetch_tag(),
            Some('|' | '>') if self.flow == 0 => self.fetch_block_scalar(),
            Some('\'' | '"') => self.fetch_quoted(),
            Some(c) if self.begins_plain(c, second) => self.fetch_plain(),
            Some('\t') => Err(self.error("a tab isn't allowed here; use blanks")),
            Some(c) => {
                Err(self
                    .error(format!("nothing can begin with '{c}' here; quote it, if it is text")))
            }
        }
    }

    /// Skips blanks, comments and line breaks. After a break a key may begin.
    fn skip_to_token(&mut self) {
        self.cursor.skip_byte_order_mark();
        loop {
            self.cursor.skip_while(|c| c == ' ');
            if self.cursor.peek(0) == Some('#') {
                self.cursor.skip_while(|c| !is_break(c));
            }
            if self.cursor.take_break().is_none() {
                return;
            }
            if self.flow == 0 {
                self.key_allowed = true;
            }
        }
    }

    /// Ends the lists and maps that begin further right.
    fn unwind(&mut self, column: i64) {
        while self.flow == 0 && self.indent > column {
            self.indent = self.indents.pop().unwrap_or(-1);
            self.push(Kind::BlockEnd);
        }
    }

    /// Begins a list or a map at this column, unless the innermost one begins there already.
    fn wind(&mut self, column: i64) -> bool {
        let further = self.indent < column;
        if further {
            self.indents.push(self.indent);
            self.indent = column;
        }
        further
    }

    fn push(&mut self, kind: Kind) {
        let mark = self.cursor.mark();
        self.tokens.push_back(Token { kind, mark });
    }

    /// Remembers that a key may begin with the next token.
    fn maybe_key(&mut self) -> Result<(), Error> {
        if self.key_allowed {
            let required = self.flow == 0 && self.indent == self.cursor.column();
            self.keys.save(self.flow, self.taken + self.tokens.len(), required, &self.cursor)?;
        }
        Ok(())
    }

    fn error(&self, problem: impl Into<String>) -> Error {
        self.cursor.error(problem)
    }
}
