//! Text blocks: `|` keeps line breaks, `>` folds them.

use super::Scanner;
use super::cursor::{is_blank_or_end, is_break};
use crate::yaml::Error;
use crate::yaml::token::{Kind, Token};

/// What becomes of the line breaks at the end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Chomping {
    /// `-`: none stays.
    Strip,
    /// One stays.
    Clip,
    /// `+`: all stay.
    Keep,
}

impl Scanner {
    pub(super) fn fetch_block_scalar(&mut self) -> Result<(), Error> {
        self.key_allowed = true;
        self.keys.remove(self.flow)?;
        let line = self.cursor.line();
        let text = self.scan_block_scalar()?;
        self.tokens.push_back(Token { kind: Kind::Scalar { text, plain: false }, line });
        Ok(())
    }

    fn scan_block_scalar(&mut self) -> Result<String, Error> {
        let folded = self.cursor.peek(0) == Some('>');
        self.cursor.skip(1);
        let (chomping, increment) = self.scan_indicators()?;
        self.skip_rest_of_line()?;
        let least = (self.indent + 1).max(1);
        let (indent, mut breaks) = match increment {
            Some(increment) => {
                (least + increment - 1, self.scan_block_breaks(least + increment - 1))
            }
            None => {
                let (widest, breaks) = self.scan_indentation();
                (least.max(widest), breaks)
            }
        };
        let mut text = String::new();
        let mut last = None;
        while self.cursor.column() == indent && self.cursor.peek(0).is_some() {
            text.push_str(&breaks);
            let starts_with_text = !matches!(self.cursor.peek(0), Some(' ' | '\t'));
            text.push_str(&self.cursor.take_while(|c| !is_break(c)));
            last = self.cursor.take_break();
            breaks = self.scan_block_breaks(indent);
            if self.cursor.column() != indent || self.cursor.peek(0).is_none() {
                break;
            }
            let folds = folded && last == Some('\n') && starts_with_text;
            if !(folds && !matches!(self.cursor.peek(0), Some(' ' | '\t'))) {
                text.extend(last);
            } else if breaks.is_empty() {
                text.push(' ');
            }
        }
        if chomping != Chomping::Strip {
            text.extend(last);
        }
        if chomping == Chomping::Keep {
            text.push_str(&breaks);
        }
        Ok(text)
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
            return Err(self.error("only '+', '-' or the indentation can stand behind '|' or '>'"));
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
            return Err(self.error("only a comment can stand here"));
        }
        Ok(())
    }

    /// The widest indentation of the empty lines in front, and their breaks.
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

    /// The breaks of empty lines, up to a line with something at the indentation.
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
