//! Entries that the receiver can't store: they are skipped and named, and the rest is done.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use anyhow::anyhow;

use crate::listing::Listing;
use crate::pipe::failure::{Failure, Outcome};
use crate::sync::plan::Plan;
use crate::text::units::count;

impl Plan {
    /// Skips entries that would go into unwritable folders: a single such backup or file ends the whole rsync (status
    /// 11).
    pub(crate) fn leave_unwritable(&mut self, to: &Listing, agreed: &Listing) {
        if self.send.is_empty() {
            return;
        }
        let locked = to.iter().filter(|(_, entry)| entry.is_unwritable());
        let mut locked: HashSet<&Path> = locked.map(|(path, _)| path).collect();
        if locked.is_empty() {
            return;
        }
        for (path, entry) in self.send.iter() {
            let is_below = |folder: &&Path| locked.contains(folder);
            // A backup is kept in folders with the permissions of the original folders.
            let is_replaced = || to.get(path).is_some();
            if path.parent().as_ref().is_some_and(is_below)
                || path.ancestors().skip(2).any(|folder| is_below(&folder)) && is_replaced()
            {
                self.unwritable.push(path.to_owned());
                // A folder that can't be made can't hold anything.
                if entry.is_folder() {
                    locked.insert(path);
                }
            }
        }
        // In one pass: an unwritable folder may contain a million entries.
        let unwritable: HashSet<&Path> = self.unwritable.iter().map(PathBuf::as_path).collect();
        self.send.retain(|path, _| !unwritable.contains(path));
        for path in &self.unwritable {
            match agreed.get(path) {
                Some(agreed) => self.will_agree.insert(path, &agreed),
                None => self.will_agree.remove(path),
            }
        }
    }

    /// The entries that the receiver can't store.
    pub fn unplaced(&self) -> impl Iterator<Item = &PathBuf> {
        self.unheld.iter().chain(&self.unwritable)
    }

    /// Checks that the receiver, called `receiver` in the message (`on 'host'`), could store every entry. `remedy` is
    /// the hint that makes a folder of the receiver writable.
    ///
    /// # Errors
    /// When it couldn't.
    pub fn check_places(&self, receiver: &str, remedy: impl Fn(&Path) -> String) -> Outcome<()> {
        let shown = |path: &Path| path.to_string_lossy().escape_debug().to_string();
        let (number, first, why, hint) = match (&self.unheld[..], &self.unwritable[..]) {
            ([first, ..], _) => (
                self.unheld.len(),
                first,
                "the file system can't store the name, or confuses it with another one",
                "rename the original, or name it in .mlcubeignore".to_owned(),
            ),
            ([], [first, ..]) => (
                self.unwritable.len(),
                first,
                "its folder, or one above it, isn't writable",
                remedy(first.parent().unwrap_or(first)),
            ),
            _ => return Ok(()),
        };
        let message = format!(
            "can't store {} {receiver}, such as '{}': {why}; the rest was done",
            count(number as u64, "name"),
            shown(first)
        );
        Err(Failure::ours(anyhow!(message)).hint(hint))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::plan::TransferDirection;

    #[test]
    fn what_would_go_into_a_locked_folder_stays_as_it_was() {
        let listing = |text: &str| Listing::parse(text.as_bytes()).unwrap();
        let from = listing(
            "d 755 1 1.000000001 a\0\0f 644 2 2.000000001 a/old\0\0f 644 2 2.000000001 a/sub/old\0\0f 644 2 2.000000001 a/sub/new\0\0d 755 1 1.000000001 a/new\0\0f 644 1 1.000000001 a/new/x\0\0f 644 1 1.000000001 b\0\0",
        );
        let agreed = listing("f 644 1 1.000000001 a/old\0\0f 644 1 1.000000001 a/sub/old\0\0");
        let to = listing(
            "D 755 1 1.000000001 a\0\0f 644 1 1.000000001 a/old\0\0d 755 1 1.000000001 a/sub\0\0f 644 1 1.000000001 a/sub/old\0\0",
        );
        let plan = Plan::new(TransferDirection::Up, &from, &to, &agreed, false);
        assert_eq!(plan.unwritable, ["a/new", "a/new/x", "a/old", "a/sub/old"].map(PathBuf::from));
        assert_eq!(
            plan.send,
            listing("f 644 2 2.000000001 a/sub/new\0\0f 644 1 1.000000001 b\0\0")
        );
        assert_eq!(plan.will_agree.get(Path::new("a/old")), agreed.get(Path::new("a/old")));
        assert!(
            plan.check_places("here", |_| String::new()).unwrap_err().to_string().contains("a/new")
        );
    }
}
