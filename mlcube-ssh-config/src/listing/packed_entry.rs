//! An entry of a listing in four bytes.

use std::cmp::Ordering;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::listing::entry::{Entry, EntryKind, KEPT_MODE};
use crate::listing::interner::{Id, Interner, interner, records};

/// The kinds by their number.
const KINDS: [EntryKind; 5] =
    [EntryKind::File, EntryKind::Folder, EntryKind::Link, EntryKind::Unreadable, EntryKind::Other];

/// A path and its entry, stored once for all listings of the process: two are equal if path and entry are.
///
/// Behind the path a record has kind and mode, size, seconds, nanoseconds, and the target; numbers take as many bytes as
/// they need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PackedEntry(Id);

impl PackedEntry {
    pub(crate) fn new(path: &Path, entry: &Entry) -> Self {
        Self::new_in(&mut interner(), path, entry)
    }

    /// As [`PackedEntry::new`], with the interner already locked.
    pub(crate) fn new_in(interner: &mut Interner, path: &Path, entry: &Entry) -> Self {
        let target = entry.target.as_os_str().as_bytes();
        Self::pack(interner, path.as_os_str().as_bytes(), entry, target)
    }

    /// Packs a path of which no entry is known.
    pub(crate) fn of_path(path: &Path) -> Self {
        let (kind, target) = (EntryKind::Other, PathBuf::new());
        Self::new(path, &Entry { kind, mode: 0, size: 0, modified: (0, 0), target })
    }

    /// Packs an entry whose target is passed separately.
    pub(crate) fn pack(interner: &mut Interner, path: &[u8], entry: &Entry, target: &[u8]) -> Self {
        let mut record = Numbers::default();
        let kind = KINDS.iter().position(|kind| *kind == entry.kind).unwrap_or(0) as u64;
        record.put(kind | u64::from(entry.mode & KEPT_MODE) << 3);
        record.put(entry.size);
        let (seconds, nanoseconds) = entry.modified;
        // The sign moves to the lowest bit, so that a negative number is as short as a positive one.
        record.put((seconds << 1 ^ seconds >> 63).cast_unsigned());
        record.put(nanoseconds.into());
        let numbers = record.as_bytes();
        Self(if target.is_empty() {
            interner.intern(path, numbers, is_behind)
        } else {
            interner.intern(path, &[numbers, target].concat(), is_behind)
        })
    }

    pub(crate) fn path(self) -> &'static Path {
        self.path_in(&records())
    }

    /// The path, with the records already locked.
    pub(crate) fn path_in(self, records: &Interner) -> &'static Path {
        path_of(records.get(self.0).0)
    }

    /// The target of a link, or why an entry is unreadable.
    pub(crate) fn target(self) -> &'static Path {
        let mut rest = records().get(self.0).1;
        // Kind and mode, size, seconds, nanoseconds.
        for _ in 0..4 {
            take_number(&mut rest);
        }
        path_of(rest)
    }

    /// Compares the paths of two entries, with the records already locked.
    pub(crate) fn order_in(self, other: Self, records: &Interner) -> Ordering {
        let by_number = records.order_by_number(self.0, other.0);
        by_number.unwrap_or_else(|| order(self.path_in(records), other.path_in(records)))
    }

    pub(crate) fn kind(self) -> EntryKind {
        self.fields().kind
    }

    pub(crate) fn size(self) -> u64 {
        self.fields().size
    }

    pub(crate) fn entry(self) -> Entry {
        self.fields()
    }

    /// The path and the entry.
    pub(crate) fn unpack(self) -> (&'static Path, Entry) {
        let (path, rest) = records().get(self.0);
        (path_of(path), unpack(rest))
    }

    fn fields(self) -> Entry {
        self.unpack().1
    }
}

/// Returns whether the second of two paths follows the first in a listing.
fn is_behind(one: &[u8], other: &[u8]) -> bool {
    order_of_bytes(one, other).is_lt()
}

fn unpack(mut rest: &'static [u8]) -> Entry {
    let kind_and_mode = take_number(&mut rest);
    let size = take_number(&mut rest);
    let seconds = take_number(&mut rest);
    let seconds = (seconds >> 1).cast_signed() ^ -(seconds & 1).cast_signed();
    let nanoseconds = u32::try_from(take_number(&mut rest)).unwrap_or(0);
    Entry {
        kind: KINDS[(kind_and_mode & 7) as usize % KINDS.len()],
        mode: u32::try_from(kind_and_mode >> 3).unwrap_or(0),
        size,
        modified: (seconds, nanoseconds),
        target: path_of(rest).to_owned(),
    }
}

/// The four numbers of a record, for which nothing is allocated: most records have nothing else.
#[derive(Default)]
struct Numbers {
    bytes: [[u8; 10]; 4],
    length: usize,
}

impl Numbers {
    /// Appends a number in groups of seven bits, the lowest first; the eighth bit says that another group follows.
    fn put(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.push(number.to_le_bytes()[0] | 0x80);
            number >>= 7;
        }
        self.push(number.to_le_bytes()[0]);
    }

    fn push(&mut self, byte: u8) {
        // A number takes ten bytes at most.
        self.bytes.as_flattened_mut()[self.length] = byte;
        self.length += 1;
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes.as_flattened()[..self.length]
    }
}

fn take_number(from: &mut &[u8]) -> u64 {
    let (mut number, mut shift) = (0, 0);
    while let [byte, rest @ ..] = from {
        *from = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
        shift += 7;
    }
    number
}

fn path_of(text: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(text))
}

/// Compares paths component by component: a slash sorts before every other byte.
pub(crate) fn order(one: &Path, other: &Path) -> Ordering {
    order_of_bytes(one.as_os_str().as_bytes(), other.as_os_str().as_bytes())
}

fn order_of_bytes(one: &[u8], other: &[u8]) -> Ordering {
    let rank = |byte: u8| if byte == b'/' { 0 } else { u16::from(byte) + 1 };
    let same = same_start(one, other);
    match one[same..].iter().zip(&other[same..]).find(|(a, b)| a != b) {
        Some((&a, &b)) => rank(a).cmp(&rank(b)),
        None => one.len().cmp(&other.len()),
    }
}

/// How many leading bytes are equal, rounded down. Long paths share most of their bytes, and a lookup spends most of
/// its time comparing them.
fn same_start(one: &[u8], other: &[u8]) -> usize {
    const STEP: usize = 16;
    let (one, other) = (one.as_chunks::<STEP>().0, other.as_chunks::<STEP>().0);
    STEP * one.iter().zip(other).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_paths_are_ordered_as_short_ones() {
        let tails = ["", "/", "/a", "0123456789abcdef", "0123456789abcdef/", "a", "b/", "\u{7f}"];
        let long = |tail: &str| format!("{}{tail}", "folder/".repeat(5));
        for (one, other) in tails.iter().flat_map(|one| tails.map(|other| (one, other))) {
            let short = order_of_bytes(one.as_bytes(), other.as_bytes());
            assert_eq!(order_of_bytes(long(one).as_bytes(), long(other).as_bytes()), short);
        }
    }

    #[test]
    fn an_entry_is_small_and_unpacks_unchanged() {
        assert_eq!(size_of::<PackedEntry>(), 4);
        let times = [(0, 0), (-1, 2), (i64::MIN, 999_999_999), (i64::MAX, 1)];
        for (kind, modified) in KINDS.into_iter().flat_map(|kind| times.map(|time| (kind, time))) {
            let (size, target) = (u64::MAX, PathBuf::from("../to"));
            let entry = Entry { kind, mode: KEPT_MODE, size, modified, target };
            let packed = PackedEntry::new(Path::new("a/link"), &entry);
            assert_eq!(packed.target(), entry.target);
            assert_eq!(packed.unpack(), (Path::new("a/link"), entry));
        }
    }
}
