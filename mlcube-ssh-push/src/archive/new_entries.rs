//! New entries: the remote has nothing in their places, so that sending them replaces nothing.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use mlcube_ssh::listing::{Entry, Listing};

/// The entries of a transfer that don't exist on the remote.
#[derive(Debug, Default)]
pub(crate) struct NewEntries<'a> {
    /// All new entries.
    pub(crate) entries: Cow<'a, Listing>,
    /// The folders that exist on the remote and get new entries. A new folder isn't among them, because it is sent with
    /// all that is in it.
    pub(crate) folders: BTreeSet<PathBuf>,
}

impl<'a> NewEntries<'a> {
    /// The entries of `send` that don't exist on the remote, aren't sparse and aren't below a followed link, which may
    /// lead to another file system.
    pub(crate) fn of(send: &'a Listing, remote: &Listing, links: &[PathBuf]) -> Self {
        let is_new = |path: &Path, entry: &Entry| {
            remote.get(path).is_none()
                // An archive would carry the holes as zeros.
                && !entry.is_sparse()
                && !links.iter().any(|link| path.starts_with(link))
        };
        // At a first push every entry is new; borrowing avoids a copy of a long listing.
        let entries = if send.iter().all(|(path, entry)| is_new(path, &entry)) {
            Cow::Borrowed(send)
        } else {
            Cow::Owned(send.filter(is_new))
        };
        let folders = folders(&entries);
        Self { entries, folders }
    }
}

fn folders(entries: &Listing) -> BTreeSet<PathBuf> {
    let mut folders = BTreeSet::new();
    let mut top: Option<&Path> = None;
    for (path, _) in entries.iter() {
        if top.is_some_and(|top| path.starts_with(top)) {
            continue;
        }
        top = Some(path);
        folders.insert(path.parent().unwrap_or(path).to_owned());
    }
    folders
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(lines: &[&str]) -> Listing {
        let entry = |line: &&str| {
            let (kind, path) = line.split_once(' ').unwrap();
            format!("{kind} 644 1 1.000000001 {path}\0\0")
        };
        Listing::parse(lines.iter().map(entry).collect::<String>().as_bytes()).unwrap()
    }

    #[test]
    fn lists_a_new_folder_only_by_its_parent() {
        let send =
            listing(&["d new", "f new/a", "f new/b", "f old/c", "f old/d", "f e", "f disk/x"]);
        let remote = listing(&["d old", "f old/c", "d disk"]);
        let new_entries = NewEntries::of(&send, &remote, &["disk".into()]);
        assert_eq!(new_entries.entries.len(), 5);
        assert_eq!(new_entries.folders, BTreeSet::from([PathBuf::new(), "old".into()]));
    }
}
