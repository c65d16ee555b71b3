//! Stores every distinct record of a listing once, until the process ends.
//!
//! The listings of one workspace – local, remote, sync state, plan – have mostly the same entries. Each refers to a
//! record by a number of four bytes. Records are never freed: the programs run briefly.

use std::cmp::Ordering;
use std::hash::BuildHasher;
use std::mem;
use std::ops::Range;
use std::sync::{LazyLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::pipe::limits;
use crate::pipe::limits::Exceeded;

/// From this length on a path is stored once for all records of it. One side after another marks an entry, and a host
/// that lists long names would make each of these records take as much as the listing.
const LONG: usize = 48;

/// How many bytes are allocated at once; pages that aren't written take no memory.
const CHUNK: usize = 1 << 20;

static INTERNER: LazyLock<RwLock<Interner>> = LazyLock::new(RwLock::default);

/// The number of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Id(u32);

/// All records by number. A record is a path and the rest, what is known of the entry: either the length of the path, the
/// path and the rest, or [`SAME_PATH`], the number of another record with that path, and the rest.
#[derive(Default)]
pub(crate) struct Interner {
    records: Vec<&'static [u8]>,
    /// The numbers, by the content of their records.
    ids: HashTable<u32>,
    /// The numbers of those that hold a long path, by that path.
    long_paths: HashTable<u32>,
    hasher: DefaultHashBuilder,
    /// The record that was asked for last.
    last_asked: u32,
    /// Space for more records.
    room: &'static mut [u8],
    /// The longest run of numbers whose records were added in the order of a listing, and the run that may still grow.
    longest_run: Range<u32>,
    last_run: Range<u32>,
    /// How many records came only from hosts, and their bytes.
    from_hosts: usize,
    pub(crate) bytes_from_hosts: usize,
}

/// Locks the interner for adding many records in a row: two threads that alternate at each record take longer for the
/// lock than for the records.
pub(crate) fn interner() -> RwLockWriteGuard<'static, Interner> {
    INTERNER.write().unwrap_or_else(PoisonError::into_inner)
}

/// Locks all records for reading. The thread that holds the lock can't add any.
pub(crate) fn records() -> RwLockReadGuard<'static, Interner> {
    INTERNER.read().unwrap_or_else(PoisonError::into_inner)
}

/// In the place of a length: no path is as long.
const SAME_PATH: u8 = 0xff;

/// The path of a record and the rest.
fn parts(records: &[&'static [u8]], id: u32) -> (&'static [u8], &'static [u8]) {
    match *records[id as usize] {
        [SAME_PATH, a, b, c, d, ref rest @ ..] => {
            (parts(records, u32::from_le_bytes([a, b, c, d])).0, rest)
        }
        [a, b, c, ref rest @ ..] => {
            let length = u32::from_le_bytes([c, b, a, 0]) as usize;
            rest.split_at(length.min(rest.len()))
        }
        _ => (&[], &[]),
    }
}

impl Interner {
    /// The path of a record and the rest.
    pub(crate) fn get(&self, id: Id) -> (&'static [u8], &'static [u8]) {
        parts(&self.records, id.0)
    }

    /// How many records there are.
    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }

    /// Counts the newest record, which came from a host: what is stored for good has one limit, over however many
    /// listings.
    ///
    /// # Errors
    /// When the limit is exceeded.
    pub(crate) fn count_from_host(&mut self) -> Result<(), Exceeded> {
        self.from_hosts += 1;
        self.bytes_from_hosts += self.records.last().map_or(0, |newest| newest.len());
        if self.from_hosts > limits::ENTRIES {
            return Err(Exceeded::Entries);
        }
        if self.bytes_from_hosts > limits::NAMES { Err(Exceeded::Names) } else { Ok(()) }
    }

    /// Orders two records by their numbers, if both belong to the longest run; most do if the sync state or a local
    /// listing was added first.
    pub(crate) fn order_by_number(&self, one: Id, other: Id) -> Option<Ordering> {
        let run = &self.longest_run;
        (one == other || run.contains(&one.0) && run.contains(&other.0))
            .then(|| one.0.cmp(&other.0))
    }

    /// Returns the number of a record, and stores the record if it is new. `is_behind` returns whether the second of
    /// two paths follows the first in a listing.
    pub(crate) fn intern(
        &mut self,
        path: &[u8],
        rest: &[u8],
        is_behind: fn(&[u8], &[u8]) -> bool,
    ) -> Id {
        // Two listings of one workspace have mostly the same entries in the same order: then nothing is searched for.
        let next = self.last_asked.saturating_add(1);
        if (next as usize) < self.records.len() && parts(&self.records, next) == (path, rest) {
            self.last_asked = next;
            return Id(next);
        }
        let hash = self.hasher.hash_one((path, rest));
        let (records, hasher) = (&self.records, &self.hasher);
        if let Some(&known) = self.ids.find(hash, |&id| parts(records, id) == (path, rest)) {
            self.last_asked = known;
            return Id(known);
        }
        // Four billion records would fill a hundred gigabytes first.
        let id = u32::try_from(self.records.len()).unwrap_or(u32::MAX);
        self.last_asked = id;
        self.ids.insert_unique(hash, id, |&id| hasher.hash_one(parts(records, id)));
        let continues =
            id.checked_sub(1).is_some_and(|last| is_behind(parts(records, last).0, path));
        let copy = if let Some(holder) = self.holder(path, id) {
            self.store([&[SAME_PATH], &holder.to_le_bytes(), rest])
        } else {
            let [_, length @ ..] = u32::try_from(path.len()).unwrap_or(0).to_be_bytes();
            self.store([&length, path, rest])
        };
        self.records.push(copy);
        let start = if continues { self.last_run.start } else { id };
        self.last_run = start..id.saturating_add(1);
        if self.last_run.len() > self.longest_run.len() {
            self.longest_run = self.last_run.clone();
        }
        Id(id)
    }

    /// The record that holds this path; if there is none, it will be `id`, which is about to be stored.
    fn holder(&mut self, path: &[u8], id: u32) -> Option<u32> {
        if path.len() < LONG {
            return None;
        }
        let (records, hasher) = (&self.records, &self.hasher);
        let hash = hasher.hash_one(path);
        if let Some(&holder) = self.long_paths.find(hash, |&id| parts(records, id).0 == path) {
            return Some(holder);
        }
        self.long_paths.insert_unique(hash, id, |&id| hasher.hash_one(parts(records, id).0));
        None
    }

    /// Copies a record to where it stays.
    fn store(&mut self, pieces: [&[u8]; 3]) -> &'static [u8] {
        let length = pieces.iter().map(|piece| piece.len()).sum();
        if self.room.len() < length {
            self.room = vec![0; CHUNK.max(length)].leak();
        }
        let (copy, room) = mem::take(&mut self.room).split_at_mut(length);
        self.room = room;
        let mut to = &mut *copy;
        for piece in pieces {
            let (place, others) = mem::take(&mut to).split_at_mut(piece.len());
            place.copy_from_slice(piece);
            to = others;
        }
        copy
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_kept_once() {
        let long = vec![7; 2 * CHUNK];
        let texts: [&[u8]; 4] = [b"", b"a/b", b"a", &long];
        let intern = |text: &[u8]| interner().intern(text, b"rest", |_, _| false);
        let once = texts.map(intern);
        assert_eq!(once.map(|id| records().get(id).0), texts);
        assert_eq!(texts.map(intern), once);
    }

    #[test]
    fn a_long_path_is_kept_once() {
        let mut interner = Interner::default();
        let path = vec![b'x'; 4000];
        let rests: [&[u8]; 4] = [b"", b"a", b"longer", &[SAME_PATH; 9]];
        let ids = rests.map(|rest| interner.intern(&path, rest, |_, _| false));
        assert_eq!(ids.map(|id| interner.get(id)), rests.map(|rest| (&path[..], rest)));
        assert_eq!(rests.map(|rest| interner.intern(&path, rest, |_, _| false)), ids);
        let stored: usize = interner.records.iter().map(|record| record.len()).sum();
        assert!(stored < path.len() + 100, "{stored}");
    }

    #[test]
    fn numbers_tell_the_order_within_the_longest_run() {
        let mut interner = Interner::default();
        let ids = ["x", "a", "b", "c", "a", "0", "9"]
            .map(|text| interner.intern(text.as_bytes(), b"", |a, b| a < b));
        let [x, a, b, c, again, zero, nine] = ids;
        assert_eq!(again, a);
        assert_eq!(interner.order_by_number(a, c), Some(Ordering::Less));
        assert_eq!(interner.order_by_number(c, b), Some(Ordering::Greater));
        assert_eq!(interner.order_by_number(zero, zero), Some(Ordering::Equal));
        for (one, other) in [(x, a), (a, zero), (zero, nine)] {
            assert_eq!(interner.order_by_number(one, other), None);
        }
    }
}
