//! A line of a listing.

use std::cmp::Ordering;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::entry::{Entry, KEPT_MODE, Kind};
use super::kept::kept;

/// A path and what lies there, in 48 bytes; the texts are kept once for all listings.
#[derive(Clone, Copy)]
pub(super) struct Row {
    /// The path, and the target of a link behind it.
    text: &'static [u8],
    path_length: u32,
    mode: u16,
    kind: Kind,
    size: u64,
    seconds: i64,
    nanoseconds: u32,
}

impl Row {
    /// A row for an entry, whose texts are kept.
    pub(super) fn new(path: &Path, entry: &Entry) -> Self {
        Self::of_kept(path_of(kept(path.as_os_str().as_bytes())), entry)
    }

    /// A row for an entry, the path of which is kept already.
    pub(super) fn of_kept(path: &'static Path, entry: &Entry) -> Self {
        let (path, target) = (path.as_os_str().as_bytes(), entry.target.as_os_str().as_bytes());
        Self {
            text: if target.is_empty() { path } else { kept(&[path, target].concat()) },
            // No system has paths of gigabytes, and a mode has sixteen bits.
            path_length: u32::try_from(path.len()).unwrap_or(u32::MAX),
            mode: u16::try_from(entry.mode & KEPT_MODE).unwrap_or(0),
            kind: entry.kind,
            size: entry.size,
            seconds: entry.modified.0,
            nanoseconds: entry.modified.1,
        }
    }

    pub(super) fn path(&self) -> &'static Path {
        path_of(self.texts().0)
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    pub(super) fn entry(&self) -> Entry {
        Entry {
            kind: self.kind,
            mode: self.mode.into(),
            size: self.size,
            modified: (self.seconds, self.nanoseconds),
            target: PathBuf::from(path_of(self.texts().1)),
        }
    }

    /// As the row, of another kind.
    pub(super) fn with_kind(self, kind: Kind) -> Self {
        Self { kind, ..self }
    }

    /// Where the row stands, compared with that of a path.
    pub(super) fn order(&self, path: &Path) -> Ordering {
        order(self.texts().0, path.as_os_str().as_bytes())
    }

    /// The path and the target.
    fn texts(&self) -> (&'static [u8], &'static [u8]) {
        self.text.split_at(self.path_length as usize)
    }
}

fn path_of(text: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(text))
}

/// The order of paths component by component: a slash comes before every other byte.
fn order(one: &[u8], other: &[u8]) -> Ordering {
    let rank = |byte: u8| if byte == b'/' { 0 } else { u16::from(byte) + 1 };
    let same = same_start(one, other);
    match one[same..].iter().zip(&other[same..]).find(|(a, b)| a != b) {
        Some((&a, &b)) => rank(a).cmp(&rank(b)),
        None => one.len().cmp(&other.len()),
    }
}

/// How many bytes both begin with, or a few less. Long paths have most of theirs in common, and most of the time that a
/// lookup takes goes by comparing them.
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
            let short = order(one.as_bytes(), other.as_bytes());
            assert_eq!(order(long(one).as_bytes(), long(other).as_bytes()), short);
        }
    }

    #[test]
    fn a_row_is_small_and_knows_its_texts() {
        assert!(size_of::<Row>() <= 48);
        let target = PathBuf::from("../to");
        let link = Entry { kind: Kind::Link, mode: 0o777, size: 5, modified: (-1, 2), target };
        let row = Row::new(Path::new("a/link"), &link);
        assert_eq!((row.path(), row.entry()), (Path::new("a/link"), link));
    }
}
