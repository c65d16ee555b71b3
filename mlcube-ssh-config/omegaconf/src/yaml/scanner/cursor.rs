//! A cursor in the text.

use crate::yaml::error::{Error, Mark};

/// The text, and how much of it is read.
pub(super) struct Cursor {
    text: Vec<char>,
    at: usize,
    line: u32,
    column: i64,
}

/// Whether a character ends a line.
pub(super) fn is_break(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// A blank, a tab, the end of a line or of the text.
pub(super) fn is_space_or_end(c: Option<char>) -> bool {
    c.is_none_or(|c| c == ' ' || c == '\t' || is_break(c))
}

/// A blank, the end of a line or of the text; tabs don't count.
pub(super) fn is_blank_or_end(c: Option<char>) -> bool {
    c.is_none_or(|c| c == ' ' || is_break(c))
}

impl Cursor {
    pub(super) fn new(text: &str) -> Self {
        Self { text: text.chars().collect(), at: 0, line: 1, column: 0 }
    }

    /// The character at this distance.
    pub(super) fn peek(&self, ahead: usize) -> Option<char> {
        self.text.get(self.at + ahead).copied()
    }

    /// The position in the text, in characters.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// The line and the column.
    pub(super) fn mark(&self) -> Mark {
        let column = u32::try_from(self.column + 1).unwrap_or(u32::MAX);
        Mark { line: self.line, column }
    }

    /// The column, from 0.
    pub(super) fn column(&self) -> i64 {
        self.column
    }

    /// Skips this number of characters, and counts lines and columns.
    pub(super) fn skip(&mut self, characters: usize) {
        for _ in 0..characters {
            let Some(c) = self.peek(0) else { return };
            self.at += 1;
            if is_break(c) && !(c == '\r' && self.peek(0) == Some('\n')) {
                self.line = self.line.saturating_add(1);
                self.column = 0;
            } else if c != '\u{feff}' {
                self.column += 1;
            }
        }
    }

    /// Takes this number of characters.
    pub(super) fn take(&mut self, characters: usize) -> String {
        let taken = self.text.iter().skip(self.at).take(characters).collect();
        self.skip(characters);
        taken
    }

    /// How many of the next characters are `wanted`.
    pub(super) fn count(&self, wanted: impl Fn(char) -> bool) -> usize {
        self.text.iter().skip(self.at).take_while(|&&c| wanted(c)).count()
    }

    /// Takes the characters that are `wanted`.
    pub(super) fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> String {
        self.take(self.count(wanted))
    }

    pub(super) fn skip_while(&mut self, wanted: impl Fn(char) -> bool) {
        self.skip(self.count(wanted));
    }

    /// Takes a line break and returns `\n`; the two line breaks of Unicode are returned unchanged.
    pub(super) fn take_break(&mut self) -> Option<char> {
        let c = self.peek(0).filter(|&c| is_break(c))?;
        let both = c == '\r' && self.peek(1) == Some('\n');
        self.skip(if both { 2 } else { 1 });
        Some(if matches!(c, '\u{2028}' | '\u{2029}') { c } else { '\n' })
    }

    pub(super) fn skip_byte_order_mark(&mut self) {
        if self.at == 0 && self.peek(0) == Some('\u{feff}') {
            self.skip(1);
        }
    }

    /// Whether `---` or `...` is at the cursor, at the start of a line and followed by a blank or the end.
    pub(super) fn at_document_marker(&self) -> bool {
        self.column == 0 && self.at_three_marks()
    }

    /// The same, for a cursor that is known to be at the start of a line.
    pub(super) fn at_three_marks(&self) -> bool {
        let three = [self.peek(0), self.peek(1), self.peek(2)];
        (three == [Some('-'); 3] || three == [Some('.'); 3]) && is_space_or_end(self.peek(3))
    }

    pub(super) fn error(&self, problem: impl Into<String>) -> Error {
        Error::new(problem, self.mark())
    }
}
