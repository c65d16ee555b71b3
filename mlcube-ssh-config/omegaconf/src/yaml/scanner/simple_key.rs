//! Positions where a key may have begun. A key without `?` is on one line and at most 1024 characters long.

use std::collections::VecDeque;

use super::cursor::Cursor;
use crate::yaml::error::{Error, Mark};

/// The most characters of a key.
const MAX_LENGTH: usize = 1024;

/// A position where a key may have begun.
pub(super) struct SimpleKey {
    /// The number of its first token.
    pub(super) token: usize,
    pub(super) mark: Mark,
    /// From 0, as indentation is counted.
    pub(super) column: i64,
    at: usize,
    /// Whether only a key is allowed there.
    required: bool,
}

/// At most one such position for each level of brackets, the outermost and so the oldest first.
#[derive(Default)]
pub(super) struct SimpleKeys(VecDeque<(usize, SimpleKey)>);

impl SimpleKeys {
    /// The number of the first token that may be a key's.
    pub(super) fn first_token(&self) -> Option<usize> {
        self.0.front().map(|(_, key)| key.token)
    }

    /// Forgets the positions that are too far away by now.
    pub(super) fn drop_stale(&mut self, cursor: &Cursor) -> Result<(), Error> {
        while let Some((_, key)) = self.0.front() {
            if key.mark.line == cursor.mark().line && cursor.at() - key.at <= MAX_LENGTH {
                break;
            }
            if key.required {
                return Err(not_a_key(key));
            }
            self.0.pop_front();
        }
        Ok(())
    }

    pub(super) fn save(
        &mut self,
        level: usize,
        token: usize,
        required: bool,
        cursor: &Cursor,
    ) -> Result<(), Error> {
        self.remove(level)?;
        let (mark, column, at) = (cursor.mark(), cursor.column(), cursor.at());
        self.0.push_back((level, SimpleKey { token, mark, column, at, required }));
        Ok(())
    }

    /// Forgets the position on the innermost level: something else is there.
    pub(super) fn remove(&mut self, level: usize) -> Result<(), Error> {
        match self.take(level) {
            Some(key) if key.required => Err(not_a_key(&key)),
            _ => Ok(()),
        }
    }

    /// Takes the position on the innermost level, where a key has begun.
    pub(super) fn take(&mut self, level: usize) -> Option<SimpleKey> {
        let is_here = self.0.back().is_some_and(|&(back, _)| back == level);
        if is_here { self.0.pop_back().map(|(_, key)| key) } else { None }
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

fn not_a_key(key: &SimpleKey) -> Error {
    Error::new("this should be a key, but no ':' follows it", key.mark)
}
