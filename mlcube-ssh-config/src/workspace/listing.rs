//! What lies in a folder, compactly: a workspace may hold a million files, and both sides of it are in memory at once.

use std::cmp::{Ordering, Reverse};
use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::entry::{Entry, Kind};
use crate::report::human_bytes;

/// The entries of a folder, by their path relative to it, in order: a folder stands before what is in it, and nothing
/// else stands between.
///
/// An entry takes 40 bytes and its path: the paths, and the targets of links behind them, lie in one buffer.
#[derive(Clone, Default)]
pub struct Listing {
    rows: Vec<Row>,
    text: Vec<u8>,
}

/// An entry without its texts; `start` is where they begin in the buffer.
#[derive(Clone, Copy)]
struct Row {
    start: usize,
    size: u64,
    seconds: i64,
    nanoseconds: u32,
    path_length: u32,
    target_length: u32,
    mode: u16,
    kind: Kind,
}

impl Listing {
    /// The entry at `path`.
    #[must_use]
    pub fn get(&self, path: &Path) -> Option<Entry> {
        self.find(path.as_os_str().as_bytes()).ok().map(|at| self.entry(&self.rows[at]))
    }

    /// Notes an entry, in the place of one with the same path. Quick when it comes behind all the others.
    pub fn insert(&mut self, path: &Path, entry: &Entry) {
        let bytes = path.as_os_str().as_bytes();
        let row = self.stored(bytes, entry);
        let is_last = self.rows.last().is_none_or(|last| order(self.path(last), bytes).is_lt());
        match if is_last { Err(self.rows.len()) } else { self.find(bytes) } {
            Ok(at) => self.rows[at] = row,
            Err(at) => self.rows.insert(at, row),
        }
    }

    /// Forgets an entry.
    pub fn remove(&mut self, path: &Path) {
        if let Ok(at) = self.find(path.as_os_str().as_bytes()) {
            self.rows.remove(at);
        }
    }

    /// Notes entries in any order; of several with one path the last counts.
    pub fn extend<P: AsRef<Path>>(&mut self, entries: impl IntoIterator<Item = (P, Entry)>) {
        for (path, entry) in entries {
            let row = self.stored(path.as_ref().as_os_str().as_bytes(), &entry);
            self.rows.push(row);
        }
        let text = &self.text;
        self.rows.sort_by(|one, other| order(path_in(text, one), path_in(text, other)));
        // The sort is stable: the row that came last is the last of its path.
        self.rows.reverse();
        self.rows.dedup_by(|one, other| path_in(text, one) == path_in(text, other));
        self.rows.reverse();
    }

    /// Notes the entries of another listing, which lie in `folder`.
    pub fn graft(&mut self, folder: &Path, below: &Self) {
        self.extend(below.iter().map(|(path, entry)| (folder.join(path), entry)));
    }

    /// The entries that `keep` says.
    #[must_use]
    pub fn filter(&self, mut keep: impl FnMut(&Path, &Entry) -> bool) -> Self {
        let mut kept = Self::default();
        for (path, entry) in self.iter().filter(|(path, entry)| keep(path, entry)) {
            kept.insert(path, &entry);
        }
        kept
    }

    /// Forgets the entries of which `keep` says no, without a copy.
    pub fn retain(&mut self, mut keep: impl FnMut(&Path, &Entry) -> bool) {
        let mut rows = std::mem::take(&mut self.rows);
        rows.retain(|row| keep(path_of(self.path(row)), &self.entry(row)));
        self.rows = rows;
    }

    /// Lets the link at `path` count as the folder that it leads to.
    pub(super) fn follow(&mut self, path: &Path) {
        if let Ok(at) = self.find(path.as_os_str().as_bytes()) {
            self.rows[at].kind = Kind::Folder;
        }
    }

    /// Every entry with its path, in order.
    #[must_use]
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&Path, Entry)> {
        self.rows.iter().map(|row| (path_of(self.path(row)), self.entry(row)))
    }

    /// The paths, each with a NUL behind it, as rsync and tar read a list of files. A folder's has no slash at its end:
    /// with one rsync would send what lies in it, ignored files too.
    #[must_use]
    pub fn names(&self) -> Vec<u8> {
        let length = self.rows.iter().map(|row| row.path_length as usize + 1).sum();
        let mut names = Vec::with_capacity(length);
        for row in &self.rows {
            names.extend_from_slice(self.path(row));
            names.push(0);
        }
        names
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// How many entries are files or links, or anything but a folder.
    #[must_use]
    pub fn files(&self) -> u64 {
        self.rows.iter().filter(|row| row.kind != Kind::Folder).count() as u64
    }

    /// How many entries are regular files.
    #[must_use]
    pub fn regular_files(&self) -> u64 {
        self.rows.iter().filter(|row| row.kind == Kind::File).count() as u64
    }

    /// The bytes of all files.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.rows.iter().filter(|row| row.kind == Kind::File).map(|row| row.size).sum()
    }

    /// The five largest files with their sizes, for messages.
    #[must_use]
    pub fn largest(&self) -> String {
        let mut files: Vec<_> = self.rows.iter().filter(|row| row.kind == Kind::File).collect();
        files.sort_by_key(|row| Reverse(row.size));
        let named = files.iter().take(5).map(|row| {
            let path = String::from_utf8_lossy(self.path(row));
            format!("{} ({})", path.escape_debug(), human_bytes(row.size))
        });
        named.collect::<Vec<_>>().join(", ")
    }

    /// Whether both hold the same entries, permissions included.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        self.len() == other.len()
            && self
                .iter()
                .zip(other.iter())
                .all(|((path, entry), (there, other))| path == there && entry.same(&other))
    }

    /// The entries below `folder`, in a listing of their own with their paths as they were.
    #[must_use]
    pub fn below(&self, folder: &Path) -> Self {
        self.filter(|path, _| path.starts_with(folder))
    }

    fn find(&self, path: &[u8]) -> Result<usize, usize> {
        self.rows.binary_search_by(|row| order(self.path(row), path))
    }

    fn path(&self, row: &Row) -> &[u8] {
        path_in(&self.text, row)
    }

    fn entry(&self, row: &Row) -> Entry {
        let target = row.start + row.path_length as usize;
        let target = &self.text[target..target + row.target_length as usize];
        Entry {
            kind: row.kind,
            mode: row.mode.into(),
            size: row.size,
            modified: (row.seconds, row.nanoseconds),
            target: PathBuf::from(OsStr::from_bytes(target)),
        }
    }

    /// A row for an entry, whose texts are stored.
    fn stored(&mut self, path: &[u8], entry: &Entry) -> Row {
        let target = entry.target.as_os_str().as_bytes();
        let start = self.text.len();
        self.text.extend_from_slice(path);
        self.text.extend_from_slice(target);
        // No system has paths of gigabytes, and permissions have twelve bits.
        let length = |text: &[u8]| u32::try_from(text.len()).unwrap_or(u32::MAX);
        Row {
            start,
            size: entry.size,
            seconds: entry.modified.0,
            nanoseconds: entry.modified.1,
            path_length: length(path),
            target_length: length(target),
            mode: u16::try_from(entry.mode & 0o7777).unwrap_or(0),
            kind: entry.kind,
        }
    }
}

fn path_in<'a>(text: &'a [u8], row: &Row) -> &'a [u8] {
    &text[row.start..row.start + row.path_length as usize]
}

fn path_of(text: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(text))
}

/// The order of paths component by component: a slash comes before every other byte.
fn order(one: &[u8], other: &[u8]) -> Ordering {
    let rank = |byte: u8| if byte == b'/' { 0 } else { u16::from(byte) + 1 };
    match one.iter().zip(other).find(|(a, b)| a != b) {
        Some((&a, &b)) => rank(a).cmp(&rank(b)),
        None => one.len().cmp(&other.len()),
    }
}

impl<P: AsRef<Path>> FromIterator<(P, Entry)> for Listing {
    fn from_iter<I: IntoIterator<Item = (P, Entry)>>(entries: I) -> Self {
        let mut listing = Self::default();
        listing.extend(entries);
        listing
    }
}

impl PartialEq for Listing {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Listing {}

impl fmt::Debug for Listing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(size: u64) -> Entry {
        Entry {
            kind: Kind::File,
            mode: 0o644,
            size,
            modified: (size.cast_signed(), 1),
            target: PathBuf::new(),
        }
    }

    fn paths(listing: &Listing) -> Vec<&Path> {
        listing.iter().map(|(path, _)| path).collect()
    }

    #[test]
    fn a_folder_stands_before_what_is_in_it_and_nothing_between() {
        let names = ["a-b", "a", "a/z", "b", "a.c", "a/b/c", "a/b"];
        let listing: Listing = names.iter().map(|name| (name, file(1))).collect();
        let mut expected: Vec<&Path> = names.iter().map(Path::new).collect();
        expected.sort();
        assert_eq!(paths(&listing), expected, "as std's paths are ordered");
    }

    #[test]
    fn the_last_of_a_path_counts() {
        let mut listing: Listing =
            [("b", file(1)), ("a", file(2)), ("b", file(3))].into_iter().collect();
        assert_eq!(listing.get(Path::new("b")), Some(file(3)));
        listing.insert(Path::new("a"), &file(4));
        listing.insert(Path::new("aa"), &file(5));
        listing.extend([("b", file(6))]);
        assert_eq!(listing.iter().map(|(_, entry)| entry.size).collect::<Vec<_>>(), [4, 5, 6]);
        listing.remove(Path::new("aa"));
        assert_eq!(paths(&listing), [Path::new("a"), Path::new("b")]);
        assert_eq!((listing.len(), listing.bytes()), (2, 10));
    }

    #[test]
    fn parts_of_a_listing() {
        let listing: Listing = ["a", "a/x", "ab", "b"].iter().map(|name| (name, file(1))).collect();
        assert_eq!(paths(&listing.below(Path::new("a"))), [Path::new("a"), Path::new("a/x")]);
        let mut grafted = Listing::default();
        grafted.insert(Path::new("top"), &file(1));
        let mut below = listing.clone();
        below.retain(|path, _| path.starts_with("a"));
        assert_eq!(below, listing.below(Path::new("a")));
        grafted.graft(Path::new("in"), &below);
        assert_eq!(paths(&grafted), ["in/a", "in/a/x", "top"].map(Path::new));
        assert!(listing.same(&listing.clone()) && !listing.same(&grafted));
    }
}
