//! Compact listings of folders: a workspace may hold a million files, and the listings of both sides are in memory at
//! once.

pub(crate) mod disks;
pub(crate) mod doubtful_names;
pub(crate) mod entry;
pub(crate) mod find_format;
pub(crate) mod granularity;
pub mod ignore;
pub(crate) mod interner;
pub(crate) mod packed_entry;
mod shared_tree;
pub(crate) mod walk;

pub use disks::Disks;
pub use doubtful_names::{DoubtfulNames, confusable_with};
pub use entry::{Entry, EntryKind, Unreadable, is_absence};
pub use find_format::{
    FIND_FORMAT, FIND_FORMAT_LINKED, FIND_FORMAT_UNREADABLE, FIND_FORMAT_UNWRITABLE,
};
pub use granularity::{Granularity, may_be_rounded};
pub use walk::{Found, Skip};

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeSet, HashSet};
use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::listing::interner::records;
use crate::listing::packed_entry::{PackedEntry, order};
use crate::process::file_list::List;
use crate::text::units::human_bytes;

/// The folder, beside a file, in which rsync keeps the parts of a transfer that was cut off.
pub const PARTIAL: &str = ".mlcube-ssh-partial";

/// The entries of a folder, by their path relative to it, in order: the content of a folder follows it immediately.
///
/// An entry takes four bytes. Its record is stored once for all listings of the process, until the process ends.
///
/// ```
/// use mlcube_ssh::listing::Listing;
/// use std::path::Path;
///
/// // As the remote's find writes it: kind, permissions, size, time and path, then the target of a link.
/// let listing = Listing::parse(
///     b"d 755 1 10.000000000 model\0\0f 644 12 10.500000000 model/last.bin\0\0",
/// )?;
/// assert_eq!((listing.files(), listing.bytes()), (1, 12));
/// assert!(listing.get(Path::new("model")).is_some_and(|entry| entry.is_folder()));
/// # Ok::<(), anyhow::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct Listing {
    entries: Vec<PackedEntry>,
}

impl Listing {
    /// The entry at `path`.
    #[must_use]
    pub fn get(&self, path: &Path) -> Option<Entry> {
        self.find(path).ok().map(|at| self.entries[at].entry())
    }

    /// The entry at `path`, as it is stored.
    pub(crate) fn find_packed(&self, path: &Path) -> Option<PackedEntry> {
        self.find(path).ok().map(|at| self.entries[at])
    }

    /// The entry at `folder` and those in it, in order.
    pub(crate) fn within(&self, folder: &Path) -> impl Iterator<Item = PackedEntry> {
        let at = self.find(folder).unwrap_or_else(|at| at);
        self.entries[at..]
            .iter()
            .copied()
            .take_while(move |packed| packed.path().starts_with(folder))
    }

    /// Adds an entry, or replaces the one with the same path. Fast if it follows all the others.
    pub fn insert(&mut self, path: &Path, entry: &Entry) {
        self.insert_packed(PackedEntry::new(path, entry), path);
    }

    fn insert_packed(&mut self, packed: PackedEntry, path: &Path) {
        let is_last = self.entries.last().is_none_or(|last| order(last.path(), path).is_lt());
        match if is_last { Err(self.entries.len()) } else { self.find(path) } {
            Ok(at) => self.entries[at] = packed,
            Err(at) => self.entries.insert(at, packed),
        }
    }

    /// Removes an entry.
    pub fn remove(&mut self, path: &Path) {
        if let Ok(at) = self.find(path) {
            self.entries.remove(at);
        }
    }

    /// Adds entries in any order; of several with one path the last one is kept.
    pub fn extend<P: AsRef<Path>>(&mut self, entries: impl IntoIterator<Item = (P, Entry)>) {
        let packed = |(path, entry): (P, Entry)| PackedEntry::new(path.as_ref(), &entry);
        self.add(entries.into_iter().map(packed));
    }

    /// Adds the entries of the listing `below`, prefixed with the path `folder`.
    pub fn graft(&mut self, folder: &Path, below: &Self) {
        if folder.as_os_str().is_empty() {
            self.merge(below);
        } else {
            self.extend(below.iter().map(|(path, entry)| (folder.join(path), entry)));
        }
    }

    /// Adds the entries of another listing, replacing those with the same path.
    pub fn merge(&mut self, other: &Self) {
        self.add(other.entries.iter().copied());
    }

    /// Adds entries in any order; of several with one path the last one is kept.
    pub(crate) fn add(&mut self, entries: impl IntoIterator<Item = PackedEntry>) {
        self.entries.extend(entries);
        self.sort();
    }

    /// Appends an entry, wherever it belongs: the listing is invalid until it is sorted.
    pub(crate) fn push(&mut self, entry: PackedEntry) {
        self.entries.push(entry);
    }

    /// Sorts the entries; of several with one path the last one is kept.
    pub(crate) fn sort(&mut self) {
        let records = records();
        let order = |one: &PackedEntry, other: &PackedEntry| one.order_in(*other, &records);
        if self.entries.is_sorted_by(|one, other| order(one, other).is_lt()) {
            return;
        }
        self.entries.sort_by(order);
        // The sort is stable, so the entry that was added last is the last of its path.
        self.entries.reverse();
        self.entries.dedup_by(|one, other| order(one, other).is_eq());
        self.entries.reverse();
    }

    /// The entries for which `keep` returns true.
    #[must_use]
    pub fn filter(&self, mut keep: impl FnMut(&Path, &Entry) -> bool) -> Self {
        let kept = self.entries.iter().filter(|packed| {
            let (path, entry) = packed.unpack();
            keep(path, &entry)
        });
        Self { entries: kept.copied().collect() }
    }

    /// Removes the entries for which `keep` returns false, without a copy.
    pub fn retain(&mut self, mut keep: impl FnMut(&Path, &Entry) -> bool) {
        self.entries.retain(|packed| {
            let (path, entry) = packed.unpack();
            keep(path, &entry)
        });
    }

    /// As [`Listing::retain`]; `keep` is also told whether `other` has the same content at that path. Both are gone through
    /// in order: to search for each entry took a fifth of a push with nothing to do.
    pub fn retain_beside(
        &mut self,
        other: Option<&Self>,
        mut keep: impl FnMut(&Path, &Entry, bool) -> bool,
    ) {
        let mut beside = other.map(Self::cursor);
        self.entries.retain(|packed| {
            let found = beside.as_mut().and_then(|beside| beside.find(*packed));
            let (path, entry) = packed.unpack();
            // Equal entries are stored once.
            let is_same =
                found.is_some_and(|found| found == *packed || found.entry().same_content(&entry));
            keep(path, &entry, is_same)
        });
    }

    /// The entries at whose paths `other` has none.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        let mut beside = other.cursor();
        let entries = self.entries.iter().copied();
        Self { entries: entries.filter(|packed| beside.find(*packed).is_none()).collect() }
    }

    /// The entries with their paths, in order.
    #[must_use]
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&'static Path, Entry)> {
        self.entries.iter().map(|packed| packed.unpack())
    }

    /// The paths, as rsync and tar read a list of files. Folders have no trailing slash: with one, rsync would send
    /// everything in them, ignored files too.
    #[must_use]
    pub fn names(&self) -> List {
        self.entries.iter().map(|packed| packed.path()).collect()
    }

    /// The entries as they are stored, in order.
    pub(crate) fn packed(&self) -> impl DoubleEndedIterator<Item = PackedEntry> {
        self.entries.iter().copied()
    }

    /// Splits it into pieces of `length` entries.
    pub(crate) fn pieces(&self, length: usize) -> impl Iterator<Item = Self> {
        self.entries.chunks(length).map(|piece| Self { entries: piece.to_vec() })
    }

    /// Starts a lookup in the order of paths.
    pub(crate) fn cursor(&self) -> Cursor<'_> {
        Cursor { ahead: &self.entries }
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns whether there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many entries aren't folders.
    #[must_use]
    pub fn files(&self) -> u64 {
        self.entries.iter().filter(|packed| packed.kind() != EntryKind::Folder).count() as u64
    }

    /// How many entries are regular files.
    #[must_use]
    pub fn regular_files(&self) -> u64 {
        self.packed_files().count() as u64
    }

    /// The bytes of all files. The sum saturates, because a host may report any sizes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.packed_files().map(PackedEntry::size).fold(0, u64::saturating_add)
    }

    /// The five largest files with their sizes, for messages.
    #[must_use]
    pub fn largest(&self) -> String {
        let mut files: Vec<_> = self.packed_files().collect();
        files.sort_by_key(|packed| Reverse(packed.size()));
        let named = files.iter().take(5).map(|packed| {
            let path = packed.path().to_string_lossy();
            format!("{} ({})", path.escape_debug(), human_bytes(packed.size()))
        });
        named.collect::<Vec<_>>().join(", ")
    }

    /// The bytes that the files take on the local disk, below `top`: holes take none.
    #[must_use]
    pub fn allocated_bytes(&self, top: &Path) -> u64 {
        let allocated = |(path, entry): (&Path, Entry)| match fs::symlink_metadata(top.join(path)) {
            Ok(now) if entry.is_sparse() => now.blocks().saturating_mul(512).min(entry.size),
            _ => entry.size,
        };
        let files = self.iter().filter(|(_, entry)| entry.is_file());
        files.map(allocated).fold(0, u64::saturating_add)
    }

    /// Returns whether both have the same entries, permissions included.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        self == other
            || self.len() == other.len()
                && self.iter().zip(other.iter()).all(|((path, entry), (other_path, other))| {
                    path == other_path && entry.same(&other)
                })
    }

    /// The files of this listing that look the same in another one.
    #[must_use]
    pub fn files_as_in(&self, other: &Self) -> Self {
        self.filter(|path, entry| {
            entry.is_file() && other.get(path).is_some_and(|other| other.same_content(entry))
        })
    }

    /// The entries with these paths.
    #[must_use]
    pub fn of_names(&self, names: &HashSet<PathBuf>) -> Self {
        self.filter(|path, _| names.contains(path))
    }

    /// The entries below `folder`, in a listing of their own, with their paths unchanged.
    #[must_use]
    pub fn below(&self, folder: &Path) -> Self {
        self.filter(|path, _| path.starts_with(folder))
    }

    fn packed_files(&self) -> impl Iterator<Item = PackedEntry> {
        self.entries.iter().copied().filter(|packed| packed.kind() == EntryKind::File)
    }

    fn find(&self, path: &Path) -> Result<usize, usize> {
        let records = records();
        self.entries.binary_search_by(|packed| order(packed.path_in(&records), path))
    }
}

/// Looks up entries of a listing in the order of their paths. Each lookup continues where the last one ended, which is
/// twenty times faster than searching for two listings of a million entries.
pub(crate) struct Cursor<'a> {
    ahead: &'a [PackedEntry],
}

impl Cursor<'_> {
    /// The entry with the path of `wanted`, which must follow the paths of all earlier lookups.
    pub(crate) fn find(&mut self, wanted: PackedEntry) -> Option<PackedEntry> {
        let records = records();
        while let [first, rest @ ..] = self.ahead {
            match first.order_in(wanted, &records) {
                Ordering::Less => self.ahead = rest,
                Ordering::Equal => return Some(*first),
                Ordering::Greater => break,
            }
        }
        None
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
        // Equal records are stored once, so equal entries have equal numbers.
        self.entries == other.entries
    }
}

impl Eq for Listing {}

impl fmt::Debug for Listing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// The folders of these paths, each once, sorted.
pub fn folders_of<'p>(paths: impl Iterator<Item = &'p Path>) -> Vec<&'p Path> {
    let mut folders = BTreeSet::new();
    // One by one: `collect` would first hold, and sort, the folder of each of a million paths.
    folders.extend(paths.filter_map(Path::parent));
    folders.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(size: u64) -> Entry {
        Entry {
            kind: EntryKind::File,
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
