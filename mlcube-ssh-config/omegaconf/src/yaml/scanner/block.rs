//! Text blocks: `|` keeps line breaks, `>` folds them.

use super::Scanner;
use super::cursor::{is_blank_or_end, is_break};
use crate::yaml::error::Error;
use crate::yaml::token::{Kind, Token};

/// The treatment of the line breaks at the end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Chomping {
    /// `-`: none is kept.
    Strip,
    /// One is kept.
    Clip,
    /// `+`: all are kept.
    Keep,
}

/// The lines of a block, and the breaks after them.
#[derive(Default)]
struct Lines {
    text: String,
    /// The break of the last line with text.
    last_break: String,
    /// The breaks of the empty lines after it.
    empty: String,
}

impl Scanner {
    pub(super) fn fetch_block_scalar(&mut self) -> Result<(), Error> {
        self.key_allowed = true;
        self.keys.remove(self.flow)?;
        let mark = self.cursor.mark();
        let text = self.scan_block_scalar()?;
        self.tokens.push_back(Token { kind: Kind::Scalar { text, plain: false }, mark });
        Ok(())
    }

    fn scan_block_scalar(&mut self) -> Result<String, Error> {
        let folds = self.cursor.peek(0) == Some('>');
        self.cursor.skip(1);
        let (chomping, increment) = self.scan_indicators()?;
        self.skip_rest_of_line()?;
        let least = (self.indent + 1).max(1);
        let (indent, breaks) = if let Some(increment) = increment {
            let indent = least + increment - 1;
            (indent, self.scan_block_breaks(indent))
        } else {
            let (widest, breaks) = self.scan_indentation();
            (least.max(widest), breaks)
        };
        let lines = self.scan_block_lines(indent, breaks, folds);
        Ok(match chomping {
            Chomping::Strip => lines.text,
            Chomping::Clip => lines.text + &lines.last_break,
            Chomping::Keep => lines.text + &lines.last_break + &lines.empty,
        })
    }

    /// Scans the lines at the indentation; `breaks` are those of the empty lines before them.
    fn scan_block_lines(&mut self, indent: i64, breaks: String, folds: bool) -> Lines {
        let mut lines = Lines { empty: breaks, ..Lines::default() };
        let mut after_text = false;
        while self.cursor.column() == indent && self.cursor.peek(0).is_some() {
            let is_text = !matches!(self.cursor.peek(0), Some(' ' | '\t'));
            if folds && after_text && is_text && lines.last_break == "\n" {
                // Lines of text are joined by a blank; of several breaks between them the first is dropped.
                lines.text.push_str(if lines.empty.is_empty() { " " } else { "" });
            } else {
                lines.text.push_str(&lines.last_break);
            }
            lines.text.push_str(&lines.empty);
            lines.text.push_str(&self.cursor.take_while(|c| !is_break(c)));
            lines.last_break = self.cursor.take_break().map(String::from).unwrap_or_default();
            lines.empty = self.scan_block_breaks(indent);
            after_text = is_text;
        }
        lines
    }

    /// `+` or `-` and the indentation, in either order.
    fn scan_indicators(&mut self) -> Result<(Chomping, Option<i64>), Error> {
        let mut chomping = self.scan_chomping();
        let increment = self.cursor.peek(0).and_then(|c| c.to_digit(10)).map(i64::from);
        if increment == Some(0) {
            return Err(self.error("a block is indented by at least 1"));
        }
        if increment.is_some() {
            self.cursor.skip(1);
            chomping = chomping.or_else(|| self.scan_chomping());
        }
        if !is_blank_or_end(self.cursor.peek(0)) {
            return Err(self.error("only '+', '-' or the indentation may follow '|' or '>'"));
        }
        Ok((chomping.unwrap_or(Chomping::Clip), increment))
    }

    fn scan_chomping(&mut self) -> Option<Chomping> {
        let chomping = match self.cursor.peek(0) {
            Some('+') => Chomping::Keep,
            Some('-') => Chomping::Strip,
            _ => return None,
        };
        self.cursor.skip(1);
        Some(chomping)
    }

    /// Blanks and a comment up to the end of the line.
    pub(super) fn skip_rest_of_line(&mut self) -> Result<(), Error> {
        self.cursor.skip_while(|c| c == ' ');
        if self.cursor.peek(0) == Some('#') {
            self.cursor.skip_while(|c| !is_break(c));
        }
        if self.cursor.peek(0).is_some() && self.cursor.take_break().is_none() {
            return Err(self.error("only a comment is allowed here"));
        }
        Ok(())
    }

    /// Returns the widest indentation of the leading empty lines, and their breaks.
    fn scan_indentation(&mut self) -> (i64, String) {
        let mut breaks = String::new();
        let mut widest = 0;
        loop {
            self.cursor.skip_while(|c| c == ' ');
            widest = widest.max(self.cursor.column());
            match self.cursor.take_break() {
                Some(c) => breaks.push(c),
                None => return (widest, breaks),
            }
        }
    }

    /// Scans the breaks of empty lines, up to a line with text at the indentation.
    fn scan_block_breaks(&mut self, indent: i64) -> String {
        let mut breaks = String::new();
        loop {
            while self.cursor.column() < indent && self.cursor.peek(0) == Some(' ') {
                self.cursor.skip(1);
            }
            match self.cursor.take_break() {
                Some(c) => breaks.push(c),
                None => return breaks,
            }
        }
    }
}
