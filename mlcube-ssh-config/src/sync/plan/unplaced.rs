//! Entries that the receiver can't store: they are skipped and named, and the rest is done.

use std::collections::HashSet;
use std::path::Path;

use anyhow::anyhow;

use crate::listing::Listing;
use crate::pipe::failure::{Failure, Outcome};
use crate::sync::plan::Plan;
use crate::sync::skipped::{Skipped, SkippedEntry};
use crate::ui::names::{others, shown};

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
        let mut unwritable = Listing::default();
        for packed in self.send.packed() {
            let (path, entry) = packed.unpack();
            let is_below = |folder: &&Path| locked.contains(folder);
            // A backup is kept in folders with the permissions of the original folders.
            let is_replaced = || to.get(path).is_some();
            if path.parent().as_ref().is_some_and(is_below)
                || path.ancestors().skip(2).any(|folder| is_below(&folder)) && is_replaced()
            {
                unwritable.push(packed);
                // A folder that can't be made can't hold anything.
                if entry.is_folder() {
                    locked.insert(path);
                }
            }
        }
        // In one pass: an unwritable folder may contain a million entries.
        let is_writable = |path: &Path| unwritable.get(path).is_none();
        self.send.retain(|path, _| is_writable(path));
        self.will_agree.retain(|path, _| is_writable(path));
        let as_agreed = unwritable.iter().filter_map(|(path, _)| Some((path, agreed.get(path)?)));
        self.will_agree.extend(as_agreed);
        let skipped = |packed| SkippedEntry::listed(packed, Skipped::Unwritable);
        self.skipped.extend(unwritable.packed().map(skipped));
    }

    /// Checks that the receiver, called `receiver` in the message (`on 'host'`), could store every entry. `remedy` is
    /// the hint that makes a folder of the receiver writable.
    ///
    /// # Errors
    /// When it couldn't.
    pub fn check_places(&self, receiver: &str, remedy: impl Fn(&Path) -> String) -> Outcome<()> {
        let of = |why: Skipped| self.skipped_for(move |skipped| *skipped == why);
        let found = [Skipped::Unheld, Skipped::Unwritable]
            .into_iter()
            .find_map(|why| Some((why, of(why).next()?)));
        let Some((why, first)) = found else { return Ok(()) };
        let hint = match why {
            Skipped::Unheld => "rename the original, or name it in .mlcubeignore".to_owned(),
            _ => remedy(first.parent().unwrap_or(first)),
        };
        let message = format!(
            "can't store '{}'{} {receiver}: {}; the rest was done",
            shown(first),
            others(of(why).count()),
            why.why_not_stored(str::to_owned)
        );
        Err(Failure::ours(anyhow!(message)).hint(hint))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::direction::TransferDirection;

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
        let unwritable: Vec<_> = plan.skipped_for(|why| *why == Skipped::Unwritable).collect();
        assert_eq!(unwritable, ["a/new", "a/new/x", "a/old", "a/sub/old"].map(Path::new));
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
