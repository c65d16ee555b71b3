//! Keeps every distinct record of a listing once, for as long as the process runs.
//!
//! The listings of one workspace – local, remote, sync state, plan – hold mostly the same entries. Each names a record by
//! a number of four bytes. Nothing is ever given back: our processes are short.

use std::hash::BuildHasher;
use std::mem;
use std::sync::{LazyLock, PoisonError, RwLock, RwLockReadGuard};

use hashbrown::{DefaultHashBuilder, HashTable};

/// How many bytes are taken from the system at once; a page that isn't written takes no memory.
const CHUNK: usize = 1 << 20;

static INTERNER: LazyLock<RwLock<Interner>> = LazyLock::new(RwLock::default);

/// The number of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Id(u32);

/// All records, each by its number.
#[derive(Default)]
pub(super) struct Interner {
    records: Vec<&'static [u8]>,
    /// The numbers, by the content of their records.
    ids: HashTable<u32>,
    hasher: DefaultHashBuilder,
    /// Room for more records.
    room: &'static mut [u8],
}

/// Returns the number of a record, which is kept if it is new.
pub(super) fn intern(record: &[u8]) -> Id {
    INTERNER.write().unwrap_or_else(PoisonError::into_inner).intern(record)
}

/// Gives access to all records. Nothing can be interned by the thread that holds it.
pub(super) fn records() -> RwLockReadGuard<'static, Interner> {
    INTERNER.read().unwrap_or_else(PoisonError::into_inner)
}

impl Interner {
    pub(super) fn get(&self, id: Id) -> &'static [u8] {
        self.records[id.0 as usize]
    }

    fn intern(&mut self, record: &[u8]) -> Id {
        let hash = self.hasher.hash_one(record);
        let (records, hasher) = (&self.records, &self.hasher);
        if let Some(&known) = self.ids.find(hash, |&id| records[id as usize] == record) {
            return Id(known);
        }
        // Four billion records would fill a hundred gigabytes first.
        let id = u32::try_from(self.records.len()).unwrap_or(u32::MAX);
        self.ids.insert_unique(hash, id, |&id| hasher.hash_one(records[id as usize]));
        if self.room.len() < record.len() {
            self.room = vec![0; CHUNK.max(record.len())].leak();
        }
        let (copy, room) = mem::take(&mut self.room).split_at_mut(record.len());
        self.room = room;
        copy.copy_from_slice(record);
        self.records.push(copy);
        Id(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_kept_once() {
        let long = vec![7; 2 * CHUNK];
        let texts: [&[u8]; 4] = [b"", b"a/b", b"a", &long];
        let once = texts.map(intern);
        assert_eq!(once.map(|id| records().get(id)), texts);
        assert_eq!(texts.map(intern), once);
    }
}
