//! Splits a plan into batches. One rsync carries out each; a fetch splits long ones further ([`Batch::pieces`]).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::listing::Listing;
use crate::process::file_list::List;

/// A batch of entries that one rsync can carry out.
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
}

impl Batch {
    /// Splits `send` into batches. rsync follows no link that leads out of its destination, so each of `links` gets a
    /// batch of its own for the entries below it.
    #[must_use]
    pub fn of(send: &Listing, links: &[PathBuf]) -> Vec<Self> {
        let folder_of = |path: &Path| {
            let around = links.iter().filter(|link| path.starts_with(link) && path != *link);
            let nearest = around.max_by_key(|link| link.components().count());
            nearest.map_or(Path::new(""), PathBuf::as_path)
        };
        // The receiver has a followed link already, and keeps it.
        let is_sent = |path: &Path| links.iter().all(|link| link != path);
        let mut batches: BTreeMap<(&Path, bool, bool, bool), Self> = BTreeMap::new();
        for (path, entry) in send.iter().filter(|(path, _)| is_sent(path)) {
            let folder = folder_of(path);
            let (is_sparse, is_followed) = (entry.is_sparse(), entry.is_followed_link());
            let is_content_alone = entry.is_content_alone();
            let batch = batches
                .entry((folder, is_sparse, is_followed, is_content_alone))
                .or_insert_with(|| Self {
                    folder: folder.to_owned(),
                    files_from: List::default(),
                    is_sparse,
                    is_followed,
                    is_content_alone,
                });
            batch.files_from.push(path.strip_prefix(folder).unwrap_or(path));
        }
        batches.into_values().collect()
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

    /// Splits the batch so that no name in it is long, but relative to a deeper folder. An rsync that fetches fails to
    /// find some names of more than 2,000 bytes in its own list, and refuses all that comes.
    #[must_use]
    pub fn with_short_names(&self) -> Vec<Self> {
        let mut batches: BTreeMap<&Path, Self> = BTreeMap::new();
        for name in self.files_from.iter() {
            let deeper = deeper_folder(name);
            let batch = batches.entry(deeper).or_insert_with(|| Self {
                folder: self.folder.join(deeper),
                files_from: List::default(),
                ..self.clone()
            });
            batch.files_from.push(name.strip_prefix(deeper).unwrap_or(name));
        }
        batches.into_values().collect()
    }

    /// Splits the batch into pieces of `entries` entries: an rsync that fetches searches the whole list for every name
    /// that arrives.
    #[must_use]
    pub fn pieces(&self, entries: usize) -> Vec<Self> {
        let piece = |files_from| Self { files_from, ..self.clone() };
        self.files_from.pieces(entries).map(piece).collect()
    }
}

/// The folder of a path below which the rest of it is short.
fn deeper_folder(path: &Path) -> &Path {
    const SHORT: usize = 1024;
    let length = |path: &Path| path.as_os_str().len();
    // The highest of the folders that leave little enough, but never the entry itself.
    let folders = path.ancestors().skip(1);
    let is_rest_short = |folder: &&Path| length(path) - length(folder) <= SHORT;
    folders.take_while(is_rest_short).last().unwrap_or(Path::new(""))
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
    fn what_lies_behind_a_link_is_a_batch_of_its_own() {
        let batches = Batch::of(&listing(&[("a", 1), ("out/x", 1), ("outer", 1)]), &["out".into()]);
        assert_eq!(batches.iter().map(names).collect::<Vec<_>>(), [vec!["a", "outer"], vec!["x"]]);
        assert_eq!(batches[1].below("/w"), "/w/out/");
    }

    #[test]
    fn files_with_holes_are_a_batch_of_their_own() {
        let text = "f 644 9999999/8 1.000000001 a\0\0f 644 9/8 1.000000001 b\0\0";
        let batches = Batch::of(&Listing::parse(text.as_bytes()).unwrap(), &[]);
        assert_eq!(batches.iter().map(names).collect::<Vec<_>>(), [vec!["b"], vec!["a"]]);
        assert!(!batches[0].is_sparse && batches[1].is_sparse);
    }

    #[test]
    fn long_names_are_below_deeper_folders() {
        let long = format!("{}x", "0123456789/".repeat(200));
        let batches = &Batch::of(&listing(&[("a", 1), ("b/c", 1), (&long, 1)]), &[])[0];
        let batches = batches.with_short_names();
        assert_eq!(names(&batches[0]), ["a", "b/c"]);
        let name = names(&batches[1])[0];
        assert!((900..=1024).contains(&name.len()), "{name}");
        assert_eq!(batches[1].folder.join(name), Path::new(&long));
    }

    #[test]
    fn a_batch_in_pieces() {
        let batches =
            Batch::of(&listing(&[("out/x", 1), ("out/y", 1), ("out/z", 1)]), &["out".into()]);
        let pieces = batches[0].pieces(2);
        assert_eq!(pieces.iter().map(names).collect::<Vec<_>>(), [vec!["x", "y"], vec!["z"]]);
        assert!(pieces.iter().all(|piece| piece.below("/w") == "/w/out/"));
    }
}
