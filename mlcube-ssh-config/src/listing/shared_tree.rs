//! A remote tree that a group shares: every member has the owner's permissions on it, and others have none. Such a
//! difference isn't a change that somebody made.

use crate::listing::Listing;
use crate::listing::entry::Entry;

impl Listing {
    /// Gives the entries of a shared tree their local permissions, those of `local`, where only sharing makes them
    /// differ; whether a file is executable still counts. An entry that doesn't exist locally gets its owner's
    /// permissions, without write permission for the group.
    pub fn put_own_permissions(&mut self, local: &Self) {
        let own = |entry: Entry, local: Option<Entry>| {
            let own = match local.filter(|local| local.kind == entry.kind) {
                Some(local) if can_run(&local) == can_run(&entry) => local.permissions(),
                Some(local) if can_run(&local) => local.permissions() & !0o111,
                Some(local) => local.permissions() | (local.permissions() & 0o444) >> 2,
                None => entry.permissions() & 0o750,
            };
            Entry { mode: entry.mode & !0o7777 | own, ..entry }
        };
        let all: Vec<_> =
            self.iter().map(|(path, entry)| (path, own(entry, local.get(path)))).collect();
        *self = Self::default();
        self.extend(all);
    }
}

/// Returns whether the owner can execute the file or enter the folder.
fn can_run(entry: &Entry) -> bool {
    entry.mode & 0o100 != 0
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn what_a_group_may_is_no_change_and_what_can_be_run_is_one() {
        let permissions = |remote: &str, local: &str| {
            let listing = |mode: &str| {
                let text = if mode.is_empty() {
                    String::new()
                } else {
                    format!("f {mode} 1 1.000000001 a\0\0")
                };
                Listing::parse(text.as_bytes()).unwrap()
            };
            let mut remote = listing(remote);
            remote.put_own_permissions(&listing(local));
            remote.get(Path::new("a")).unwrap().permissions()
        };
        assert_eq!(permissions("660", "644"), 0o644);
        assert_eq!(permissions("770", "700"), 0o700);
        assert_eq!(permissions("770", "644"), 0o755, "made executable on the remote");
        assert_eq!(permissions("660", "755"), 0o644, "made executable locally");
        assert_eq!(permissions("2770", ""), 0o750);
        assert_eq!(permissions("664", ""), 0o640);
    }
}
