//! Scalars without quotes.

use super::Scanner;
use super::cursor::is_space_or_end;
use crate::yaml::error::Error;
use crate::yaml::token::{Kind, Token};

impl Scanner {
    /// Whether a plain scalar can begin with `c`.
    pub(super) fn begins_plain(&self, c: char, second: Option<char>) -> bool {
        match c {
            '-' => !is_space_or_end(second),
            '?' | ':' => self.flow == 0 && !is_space_or_end(second),
            ',' | '[' | ']' | '{' | '}' | '#' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%'
            | '@' | '`' => false,
            c => !is_space_or_end(Some(c)),
        }
    }

    pub(super) fn fetch_plain(&mut self) -> Result<(), Error> {
        self.maybe_key()?;
        self.key_allowed = false;
        let mark = self.cursor.mark();
        let text = self.scan_plain();
        self.tokens.push_back(Token { kind: Kind::Scalar { text, plain: true }, mark });
        Ok(())
    }

    fn scan_plain(&mut self) -> String {
        let mut text = String::new();
        let mut spaces = String::new();
        while self.cursor.peek(0) != Some('#') {
            let length = self.plain_length();
            if length == 0 {
                break;
            }
            self.key_allowed = false;
            text.push_str(&spaces);
            text.push_str(&self.cursor.take(length));
            spaces = self.scan_plain_spaces();
            if spaces.is_empty() || (self.flow == 0 && self.cursor.column() <= self.indent) {
                break;
            }
        }
        text
    }

    /// The characters up to a blank, a `:` that ends a key, or a bracket or comma within brackets.
    fn plain_length(&self) -> usize {
        let in_flow = self.flow > 0;
        let mut length = 0;
        loop {
            let (c, next) = (self.cursor.peek(length), self.cursor.peek(length + 1));
            let ends = match c {
                Some(':') => {
                    is_space_or_end(next)
                        || (in_flow && matches!(next, Some(',' | '[' | ']' | '{' | '}')))
                }
                Some(',' | '?' | '[' | ']' | '{' | '}') => in_flow,
                c => is_space_or_end(c),
            };
            if ends {
                return length;
            }
            length += 1;
        }
    }

    /// Returns the blanks between words, or the replacement of a line break; nothing at the end of the scalar.
    fn scan_plain_spaces(&mut self) -> String {
        let blanks = self.cursor.take_while(|c| c == ' ');
        let Some(first) = self.cursor.take_break() else { return blanks };
        self.key_allowed = true;
        let mut breaks = String::new();
        loop {
            if self.cursor.at_three_marks() {
                return String::new();
            }
            self.cursor.skip_while(|c| c == ' ');
            match self.cursor.take_break() {
                Some(c) => breaks.push(c),
                None => return super::quoted::folded(first, &breaks),
            }
        }
    }
}
