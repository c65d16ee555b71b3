//! Places where a key may have begun: a key without `?` is on one line and at most 1024 characters long.

use std::collections::BTreeMap;

use super::cursor::Cursor;
use crate::yaml::Error;

/// How long a key may be.
const MAX_LENGTH: usize = 1024;

/// A place where a key may have begun.
pub(super) struct SimpleKey {
    /// The number of its first token.
    pub(super) token: usize,
    pub(super) line: u32,
    pub(super) column: i64,
    at: usize,
    /// Whether nothing else can stand there.
    required: bool,
}

/// One such place for each level of brackets.
#[derive(Default)]
pub(super) struct SimpleKeys(BTreeMap<usize, SimpleKey>);

impl SimpleKeys {
    /// The number of the first token that may be a key's.
    pub(super) fn first_token(&self) -> Option<usize> {
        self.0.values().map(|key| key.token).min()
    }

    /// Forgets the places that are too far away by now.
    pub(super) fn drop_stale(&mut self, cursor: &Cursor) -> Result<(), Error> {
        let stale =
            |key: &SimpleKey| key.line != cursor.line() || cursor.at() - key.at > MAX_LENGTH;
        if let Some(key) = self.0.values().find(|key| key.required && stale(key)) {
            return Err(not_a_key(key));
        }
        self.0.retain(|_, key| !stale(key));
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
        let key = SimpleKey {
            token,
            line: cursor.line(),
            column: cursor.column(),
            at: cursor.at(),
            required,
        };
        self.0.insert(level, key);
        Ok(())
    }

    /// Forgets the place on a level: something else stands there.
    pub(super) fn remove(&mut self, level: usize) -> Result<(), Error> {
        match self.0.remove(&level) {
            Some(key) if key.required => Err(not_a_key(&key)),
            _ => Ok(()),
        }
    }

    /// The place on a level, where a key has begun indeed.
    pub(super) fn take(&mut self, level: usize) -> Option<SimpleKey> {
        self.0.remove(&level)
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

fn not_a_key(key: &SimpleKey) -> Error {
    Error::new("this should be a key, and no ':' follows it", key.line)
}
