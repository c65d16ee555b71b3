//! A tree that a group shares: there every member has the owner's rights, and others have none. Those aren't a change that
//! somebody made.

use crate::listing::Listing;
use crate::listing::entry::Entry;

impl Listing {
    /// Gives the entries of a tree that a group shares the permissions that they have on this machine, `here`, where nothing
    /// else than being shared makes them differ: whether a file can be run still counts. What isn't here gets what its owner
    /// has, without the right of a group to write.
    pub fn put_own_permissions(&mut self, here: &Self) {
        let own = |entry: Entry, here: Option<Entry>| {
            let own = match here.filter(|here| here.kind == entry.kind) {
                Some(here) if can_run(&here) == can_run(&entry) => here.permissions(),
                Some(here) if can_run(&here) => here.permissions() & !0o111,
                Some(here) => here.permissions() | (here.permissions() & 0o444) >> 2,
                None => entry.permissions() & 0o750,
            };
            Entry { mode: entry.mode & !0o7777 | own, ..entry }
        };
        let all: Vec<_> =
            self.iter().map(|(path, entry)| (path, own(entry, here.get(path)))).collect();
        *self = Self::default();
        self.extend(all);
    }
}

/// Whether its owner can run it, or enter it.
fn can_run(entry: &Entry) -> bool {
    entry.mode & 0o100 != 0
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn what_a_group_may_is_no_change_and_what_can_be_run_is_one() {
        let permissions = |there: &str, here: &str| {
            let listing = |mode: &str| {
                let text = if mode.is_empty() {
                    String::new()
                } else {
                    format!("f {mode} 1 1.000000001 a\0\0")
                };
                Listing::parse(text.as_bytes()).unwrap()
            };
            let mut there = listing(there);
            there.put_own_permissions(&listing(here));
            there.get(Path::new("a")).unwrap().permissions()
        };
        assert_eq!(permissions("660", "644"), 0o644);
        assert_eq!(permissions("770", "700"), 0o700);
        assert_eq!(permissions("770", "644"), 0o755, "made executable there");
        assert_eq!(permissions("660", "755"), 0o644, "made executable here");
        assert_eq!(permissions("2770", ""), 0o750);
        assert_eq!(permissions("664", ""), 0o640);
    }
}
