//! A plan in parts that one rsync each carries out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::listing::Listing;
use crate::listing::entry::Entry;
use crate::process::file_list::List;

/// From so many bytes on, and in files that are so large, a part is cut in two: one rsync moved 260 MB/s where two moved
/// 394. Of small files two move no more than one, whose processors are busy.
const WORTH_TWO: u64 = 64 << 20;
const LARGE: u64 = 1 << 20;

/// A part of a plan that one rsync carries out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Batch {
    /// The folder in the workspace that the paths are relative to; empty for the workspace itself.
    pub folder: PathBuf,
    /// The entries for rsync's `--files-from=- --from0`. A folder is named without a slash at its end: with one rsync would
    /// send what lies in it, ignored files too.
    pub files_from: List,
    /// Whether the files have holes: those are taken away on the way.
    pub is_sparse: bool,
    /// Whether the entries are links of the sending side that stand for what they lead to.
    pub is_followed: bool,
    bytes: u64,
}

impl Batch {
    /// The parts of `send`: rsync, which follows no link that leads out of where it writes, is sent behind every one of
    /// `links` by itself, and what is large goes in two streams.
    #[must_use]
    pub fn of(send: &Listing, links: &[PathBuf]) -> Vec<Self> {
        let folder_of = |path: &Path| {
            let around = links.iter().filter(|link| path.starts_with(link) && path != *link);
            let nearest = around.max_by_key(|link| link.components().count());
            nearest.map_or(Path::new(""), PathBuf::as_path)
        };
        let size = |entry: &Entry| if entry.is_file() { entry.size } else { 0 };
        let mut folders: BTreeMap<(&Path, bool, bool), (u64, u64)> = BTreeMap::new();
        let key = |path: &Path, entry: &Entry| {
            (folder_of(path), entry.is_sparse(), entry.is_followed_link())
        };
        // A link that is followed is there, and stays as it is.
        let goes = |path: &Path| links.iter().all(|link| link != path);
        for (path, entry) in send.iter().filter(|(path, _)| goes(path)) {
            let (entries, bytes) = folders.entry(key(path, &entry)).or_default();
            *entries += 1;
            *bytes = bytes.saturating_add(size(&entry));
        }
        let mut parts = Vec::new();
        for (&kind, &(entries, bytes)) in &folders {
            let (folder, is_sparse, is_followed) = kind;
            let empty =
                Self { folder: folder.to_owned(), is_sparse, is_followed, ..Self::default() };
            let is_large = !is_sparse && Self::are_large(entries, bytes);
            let mut streams = vec![empty; if is_large { 2 } else { 1 }];
            let own = |path: &Path, entry: &Entry| goes(path) && key(path, entry) == kind;
            for (path, entry) in send.iter().filter(|(path, entry)| own(path, entry)) {
                let path = path.strip_prefix(folder).unwrap_or(path);
                if let Some(shortest) = streams.iter_mut().min_by_key(|part| part.bytes) {
                    shortest.add(path, size(&entry));
                }
            }
            parts.extend(streams.into_iter().filter(|part| !part.files_from.is_empty()));
        }
        parts
    }

    /// Whether so many entries with so many bytes go quicker in two streams of rsync than in any other way.
    #[must_use]
    pub fn are_large(entries: u64, bytes: u64) -> bool {
        bytes >= WORTH_TWO && bytes / entries.max(1) >= LARGE
    }

    /// `top`, and the folder in it, with a slash at the end.
    #[must_use]
    pub fn below(&self, top: &str) -> String {
        match self.folder.to_string_lossy() {
            folder if folder.is_empty() => format!("{top}/"),
            folder => format!("{top}/{folder}/"),
        }
    }

    /// The part in pieces of so many entries: rsync that fetches looks for every name that comes in all of the list that it
    /// sent.
    #[must_use]
    pub fn pieces(&self, entries: usize) -> Vec<Self> {
        let names: Vec<_> = self.files_from.iter().collect();
        let piece = |names: &[&'static Path]| Self {
            folder: self.folder.clone(),
            files_from: names.iter().copied().collect(),
            is_sparse: self.is_sparse,
            is_followed: self.is_followed,
            bytes: 0,
        };
        names.chunks(entries).map(piece).collect()
    }

    fn add(&mut self, path: &'static Path, bytes: u64) {
        self.files_from.push(path);
        self.bytes = self.bytes.saturating_add(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(files: &[(&str, u64)]) -> Listing {
        let line = |(path, size): &(&str, u64)| format!("f 644 {size} 1.000000001 {path}\0\0");
        Listing::parse(files.iter().map(line).collect::<String>().as_bytes()).unwrap()
    }

    fn names(part: &Batch) -> Vec<&str> {
        part.files_from.iter().map(|name| name.to_str().unwrap()).collect()
    }

    #[test]
    fn what_lies_behind_a_link_is_a_part_of_its_own() {
        let parts = Batch::of(&listing(&[("a", 1), ("out/x", 1), ("outer", 1)]), &["out".into()]);
        assert_eq!(parts.iter().map(names).collect::<Vec<_>>(), [vec!["a", "outer"], vec!["x"]]);
        assert_eq!(parts[1].below("/w"), "/w/out/");
    }

    #[test]
    fn files_with_holes_are_a_part_of_their_own() {
        let text = "f 644 9999999/8 1.000000001 a\0\0f 644 9/8 1.000000001 b\0\0";
        let parts = Batch::of(&Listing::parse(text.as_bytes()).unwrap(), &[]);
        assert_eq!(parts.iter().map(names).collect::<Vec<_>>(), [vec!["b"], vec!["a"]]);
        assert!(!parts[0].is_sparse && parts[1].is_sparse);
    }

    #[test]
    fn a_part_in_pieces() {
        let parts =
            Batch::of(&listing(&[("out/x", 1), ("out/y", 1), ("out/z", 1)]), &["out".into()]);
        let pieces = parts[0].pieces(2);
        assert_eq!(pieces.iter().map(names).collect::<Vec<_>>(), [vec!["x", "y"], vec!["z"]]);
        assert!(pieces.iter().all(|piece| piece.below("/w") == "/w/out/"));
    }

    #[test]
    fn what_is_large_goes_in_two_streams_of_one_size() {
        let large = WORTH_TWO / 2;
        let files = [("a", large), ("b", 5), ("c", large), ("d", 5)];
        let parts = Batch::of(&listing(&files), &[]);
        assert_eq!(parts.iter().map(names).collect::<Vec<_>>(), [vec!["a", "d"], vec!["b", "c"]]);
        assert_eq!(Batch::of(&listing(&[("a", 5), ("b", 5)]), &[]).len(), 1);
        assert_eq!(
            Batch::of(&listing(&[("a", WORTH_TWO)]), &[]).len(),
            1,
            "one file is one stream"
        );
    }
}
