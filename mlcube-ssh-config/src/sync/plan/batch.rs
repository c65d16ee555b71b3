//! Splits a plan into batches; one rsync carries out each.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::listing::Listing;
use crate::listing::entry::Entry;
use crate::process::file_list::List;

/// From this many bytes (`WORTH_TWO`), in files of this average size (`LARGE`), a batch is cut in two: one rsync moved
/// 260 MB/s, two moved 394. Two are no faster with small files, because the processors are busy.
const WORTH_TWO: u64 = 64 << 20;
const LARGE: u64 = 1 << 20;

/// A batch of entries that one rsync carries out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Batch {
    /// The folder in the workspace that the paths are relative to; empty for the workspace itself.
    pub folder: PathBuf,
    /// The entries for rsync's `--files-from=- --from0`. Folders are named without a trailing slash: with one, rsync
    /// would send everything in them, ignored files too.
    pub files_from: List,
    /// Whether the files have holes, which aren't sent.
    pub is_sparse: bool,
    /// Whether the entries are followed links of the sender.
    pub is_followed: bool,
    /// Whether the receiver keeps its permissions.
    pub is_content_alone: bool,
    bytes: u64,
}

impl Batch {
    /// Splits `send` into batches. rsync follows no link that leads out of its destination, so each of `links` gets a
    /// batch of its own for the entries below it; large batches are cut in two.
    #[must_use]
    pub fn of(send: &Listing, links: &[PathBuf]) -> Vec<Self> {
        let folder_of = |path: &Path| {
            let around = links.iter().filter(|link| path.starts_with(link) && path != *link);
            let nearest = around.max_by_key(|link| link.components().count());
            nearest.map_or(Path::new(""), PathBuf::as_path)
        };
        let size = |entry: &Entry| if entry.is_file() { entry.size } else { 0 };
        let mut folders: BTreeMap<(&Path, bool, bool, bool), (u64, u64)> = BTreeMap::new();
        let key = |path: &Path, entry: &Entry| {
            let is_followed = entry.is_followed_link();
            (folder_of(path), entry.is_sparse(), is_followed, entry.is_content_alone())
        };
        // The receiver has a followed link already, and keeps it.
        let is_sent = |path: &Path| links.iter().all(|link| link != path);
        for (path, entry) in send.iter().filter(|(path, _)| is_sent(path)) {
            let (entries, bytes) = folders.entry(key(path, &entry)).or_default();
            *entries += 1;
            *bytes = bytes.saturating_add(size(&entry));
        }
        let mut batches = Vec::new();
        for (&kind, &(entries, bytes)) in &folders {
            let (folder, is_sparse, is_followed, is_content_alone) = kind;
            let empty = Self {
                folder: folder.to_owned(),
                is_sparse,
                is_followed,
                is_content_alone,
                ..Self::default()
            };
            let is_large = !is_sparse && Self::are_large(entries, bytes);
            let mut streams = vec![empty; if is_large { 2 } else { 1 }];
            let own = |path: &Path, entry: &Entry| is_sent(path) && key(path, entry) == kind;
            for (path, entry) in send.iter().filter(|(path, entry)| own(path, entry)) {
                let path = path.strip_prefix(folder).unwrap_or(path);
                if let Some(shortest) = streams.iter_mut().min_by_key(|batch| batch.bytes) {
                    shortest.add(path, size(&entry));
                }
            }
            batches.extend(streams.into_iter().filter(|batch| !batch.files_from.is_empty()));
        }
        batches
    }

    /// Returns whether this many entries with this many bytes are transferred faster by two rsyncs.
    #[must_use]
    pub fn are_large(entries: u64, bytes: u64) -> bool {
        bytes >= WORTH_TWO && bytes / entries.max(1) >= LARGE
    }

    /// The option with which rsync leaves the receiver its permissions.
    #[must_use]
    pub fn permissions_option(&self) -> Option<&'static str> {
        self.is_content_alone.then_some("--no-perms")
    }

    /// The path of the folder in `top`, with a trailing slash.
    #[must_use]
    pub fn below(&self, top: &str) -> String {
        match self.folder.to_string_lossy() {
            folder if folder.is_empty() => format!("{top}/"),
            folder => format!("{top}/{folder}/"),
        }
    }

    /// Splits the batch into pieces of `entries` entries: an rsync that fetches searches the whole list for every name
    /// that arrives.
    #[must_use]
    pub fn pieces(&self, entries: usize) -> Vec<Self> {
        let names: Vec<_> = self.files_from.iter().collect();
        let piece = |names: &[&'static Path]| Self {
            folder: self.folder.clone(),
            files_from: names.iter().copied().collect(),
            is_sparse: self.is_sparse,
            is_followed: self.is_followed,
            is_content_alone: self.is_content_alone,
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

    fn names(batch: &Batch) -> Vec<&str> {
        batch.files_from.iter().map(|name| name.to_str().unwrap()).collect()
    }

    #[test]
    fn what_lies_behind_a_link_is_a_part_of_its_own() {
        let batches = Batch::of(&listing(&[("a", 1), ("out/x", 1), ("outer", 1)]), &["out".into()]);
        assert_eq!(batches.iter().map(names).collect::<Vec<_>>(), [vec!["a", "outer"], vec!["x"]]);
        assert_eq!(batches[1].below("/w"), "/w/out/");
    }

    #[test]
    fn files_with_holes_are_a_part_of_their_own() {
        let text = "f 644 9999999/8 1.000000001 a\0\0f 644 9/8 1.000000001 b\0\0";
        let batches = Batch::of(&Listing::parse(text.as_bytes()).unwrap(), &[]);
        assert_eq!(batches.iter().map(names).collect::<Vec<_>>(), [vec!["b"], vec!["a"]]);
        assert!(!batches[0].is_sparse && batches[1].is_sparse);
    }

    #[test]
    fn a_part_in_pieces() {
        let batches =
            Batch::of(&listing(&[("out/x", 1), ("out/y", 1), ("out/z", 1)]), &["out".into()]);
        let pieces = batches[0].pieces(2);
        assert_eq!(pieces.iter().map(names).collect::<Vec<_>>(), [vec!["x", "y"], vec!["z"]]);
        assert!(pieces.iter().all(|piece| piece.below("/w") == "/w/out/"));
    }

    #[test]
    fn what_is_large_goes_in_two_streams_of_one_size() {
        let large = WORTH_TWO / 2;
        let files = [("a", large), ("b", 5), ("c", large), ("d", 5)];
        let batches = Batch::of(&listing(&files), &[]);
        assert_eq!(batches.iter().map(names).collect::<Vec<_>>(), [vec!["a", "d"], vec!["b", "c"]]);
        assert_eq!(Batch::of(&listing(&[("a", 5), ("b", 5)]), &[]).len(), 1);
        assert_eq!(
            Batch::of(&listing(&[("a", WORTH_TWO)]), &[]).len(),
            1,
            "one file is one stream"
        );
    }
}
