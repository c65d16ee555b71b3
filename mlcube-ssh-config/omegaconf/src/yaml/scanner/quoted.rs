//! Scalars in quotes.

use super::Scanner;
use super::cursor::is_break;
use crate::yaml::error::Error;
use crate::yaml::token::{Kind, Token};

/// Replaces the line breaks within a scalar: one becomes a blank, of several the first is dropped.
pub(super) fn folded(first: char, others: &str) -> String {
    match first {
        '\n' if others.is_empty() => " ".to_owned(),
        '\n' => others.to_owned(),
        first => format!("{first}{others}"),
    }
}

impl Scanner {
    pub(super) fn fetch_quoted(&mut self) -> Result<(), Error> {
        self.maybe_key()?;
        self.key_allowed = false;
        let mark = self.cursor.mark();
        let text = self.scan_quoted()?;
        self.tokens.push_back(Token { kind: Kind::Scalar { text, plain: false }, mark });
        Ok(())
    }

    fn scan_quoted(&mut self) -> Result<String, Error> {
        let quote = self.cursor.peek(0).unwrap_or('"');
        self.cursor.skip(1);
        let mut text = String::new();
        self.scan_characters(quote, &mut text)?;
        while self.cursor.peek(0) != Some(quote) {
            self.scan_spaces(&mut text)?;
            self.scan_characters(quote, &mut text)?;
        }
        self.cursor.skip(1);
        Ok(text)
    }

    /// Characters up to a blank, a line break or the closing quote.
    fn scan_characters(&mut self, quote: char, text: &mut String) -> Result<(), Error> {
        loop {
            let plain = |c: char| !matches!(c, '\'' | '"' | '\\' | ' ' | '\t') && !is_break(c);
            text.push_str(&self.cursor.take_while(plain));
            match (self.cursor.peek(0), self.cursor.peek(1)) {
                (Some('\''), Some('\'')) if quote == '\'' => {
                    text.push('\'');
                    self.cursor.skip(2);
                }
                (Some('\\'), _) if quote == '"' => self.scan_escape(text)?,
                (Some(c @ ('\'' | '"' | '\\')), _) if c != quote => {
                    text.push(c);
                    self.cursor.skip(1);
                }
                _ => return Ok(()),
            }
        }
    }

    fn scan_escape(&mut self, text: &mut String) -> Result<(), Error> {
        self.cursor.skip(1);
        let c = self.cursor.peek(0);
        if self.cursor.take_break().is_some() {
            return self.scan_breaks().map(|breaks| text.push_str(&breaks));
        }
        let meant = match c {
            Some('x') => self.scan_code(2)?,
            Some('u') => self.scan_code(4)?,
            Some('U') => self.scan_code(8)?,
            c => c
                .and_then(escaped)
                .ok_or_else(|| self.error("there is no such escape; write \\\\ for a backslash"))?,
        };
        self.cursor.skip(1);
        text.push(meant);
        Ok(())
    }

    /// Returns the character with this number of hexadecimal digits; leaves the cursor on the last digit.
    fn scan_code(&mut self, digits: usize) -> Result<char, Error> {
        self.cursor.skip(1);
        let code: String = (0..digits).map_while(|ahead| self.cursor.peek(ahead)).collect();
        let is_code = code.len() == digits && code.chars().all(|c| c.is_ascii_hexdigit());
        let meant = u32::from_str_radix(&code, 16).ok().filter(|_| is_code);
        let meant = meant.and_then(char::from_u32).ok_or_else(|| {
            self.error(format!("{digits} hexadecimal digits of a character must follow"))
        })?;
        self.cursor.skip(digits - 1);
        Ok(meant)
    }

    /// Returns blanks, or the replacement of line breaks.
    fn scan_spaces(&mut self, text: &mut String) -> Result<(), Error> {
        let blanks = self.cursor.take_while(|c| c == ' ' || c == '\t');
        if self.cursor.peek(0).is_none() {
            return Err(self.error("the closing quote is missing"));
        }
        match self.cursor.take_break() {
            None => text.push_str(&blanks),
            Some(first) => text.push_str(&folded(first, &self.scan_breaks()?)),
        }
        Ok(())
    }

    fn scan_breaks(&mut self) -> Result<String, Error> {
        let mut breaks = String::new();
        loop {
            if self.cursor.at_three_marks() {
                return Err(self.error("the closing quote is missing"));
            }
            self.cursor.skip_while(|c| c == ' ' || c == '\t');
            match self.cursor.take_break() {
                Some(c) => breaks.push(c),
                None => return Ok(breaks),
            }
        }
    }
}

/// The character that `\c` means.
fn escaped(c: char) -> Option<char> {
    Some(match c {
        '0' => '\0',
        'a' => '\u{7}',
        'b' => '\u{8}',
        't' | '\t' => '\t',
        'n' => '\n',
        'v' => '\u{b}',
        'f' => '\u{c}',
        'r' => '\r',
        'e' => '\u{1b}',
        ' ' | '"' | '\\' | '/' => c,
        'N' => '\u{85}',
        '_' => '\u{a0}',
        'L' => '\u{2028}',
        'P' => '\u{2029}',
        _ => return None,
    })
}
