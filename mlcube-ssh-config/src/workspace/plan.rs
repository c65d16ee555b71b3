//! What has to move between the two sides of a workspace, so that nothing is lost.
//!
//! | since the last common state | what happens |
//! |---|---|
//! | changed on the sending side only | sent |
//! | changed on the receiving side only | kept there |
//! | changed on both sides, or nobody knows | kept there, and named |
//!
//! Clocks decide nothing: `rsync --update`, which goes by them, loses results.

use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use super::listing::{Entry, Kind, Listing};

/// Which way files go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From this machine to the remote.
    Up,
    /// From the remote to this machine.
    Down,
}

/// What a transfer does with each entry of the sending side.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Plan {
    /// Entries to send, in order.
    pub send: Vec<PathBuf>,
    /// Entries that differ and stay as they are on the receiving side, because both sides changed or nobody knows.
    pub kept: Vec<PathBuf>,
    /// Entries that are never sent: links that point out of the workspace, devices, sockets.
    pub left_out: Vec<PathBuf>,
    /// Bytes of the files to send.
    pub bytes: u64,
    /// What both sides have in common once the plan is carried out.
    pub common: Listing,
}

impl Plan {
    /// Plans a transfer from `from` to `to`; `base` is what both last had in common. With `overwrite` what was changed
    /// on the receiving side is replaced too.
    #[must_use]
    pub fn new(
        direction: Direction,
        from: &Listing,
        to: &Listing,
        base: &Listing,
        overwrite: bool,
    ) -> Self {
        let mut plan = Self::default();
        for (path, entry) in from.iter() {
            plan.add(direction, path, entry, to.get(path), base.get(path), overwrite);
        }
        // What only the receiving side has keeps its place in the record.
        for (path, entry) in
            base.iter().filter(|(path, _)| from.get(path).is_none() && to.get(path).is_some())
        {
            plan.common.insert(path.clone(), entry.clone());
        }
        plan
    }

    fn add(
        &mut self,
        direction: Direction,
        path: &Path,
        entry: &Entry,
        there: Option<&Entry>,
        base: Option<&Entry>,
        overwrite: bool,
    ) {
        if entry.kind == Kind::Other || (direction == Direction::Down && points_out(path, entry)) {
            self.left_out.push(path.to_owned());
            return;
        }
        let Some(there) = there else { return self.send(path, entry) };
        if entry.same_content(there) {
            return self.common.insert(path.to_owned(), entry.clone());
        }
        let this_changed = base.is_none_or(|base| !entry.same_content(base));
        let other_changed = base.is_none_or(|base| !there.same_content(base));
        if overwrite || !other_changed {
            return self.send(path, entry);
        }
        if this_changed {
            self.kept.push(path.to_owned());
        }
        if let Some(base) = base {
            self.common.insert(path.to_owned(), base.clone());
        }
    }

    fn send(&mut self, path: &Path, entry: &Entry) {
        self.send.push(path.to_owned());
        self.bytes += if entry.kind == Kind::File { entry.size } else { 0 };
        self.common.insert(path.to_owned(), entry.clone());
    }

    /// The entries to send as rsync's `--files-from=- --from0` reads them.
    #[must_use]
    pub fn files_from(&self) -> Vec<u8> {
        self.send.iter().flat_map(|path| [path.as_os_str().as_bytes(), &[0]].concat()).collect()
    }
}

/// Whether a link leads out of the workspace, by its text.
fn points_out(path: &Path, entry: &Entry) -> bool {
    if entry.kind != Kind::Link {
        return false;
    }
    let mut depth = path.components().count().saturating_sub(1);
    for component in entry.target.components() {
        match component {
            Component::Normal(_) => depth += 1,
            Component::CurDir => {}
            Component::ParentDir if depth > 0 => depth -= 1,
            _ => return true,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(files: &[(&str, u64)]) -> Listing {
        let line = |(path, size): &(&str, u64)| format!("f 644 {size} {size}.000000001 {path}\0\0");
        let text = files.iter().map(line).collect::<Vec<_>>().concat();
        Listing::parse(text.as_bytes()).unwrap()
    }

    fn plan(from: &[(&str, u64)], to: &[(&str, u64)], base: &[(&str, u64)]) -> (usize, usize) {
        let plan = Plan::new(Direction::Up, &listing(from), &listing(to), &listing(base), false);
        (plan.send.len(), plan.kept.len())
    }

    #[test]
    fn the_table() {
        assert_eq!(plan(&[("a", 1)], &[], &[]), (1, 0), "only here");
        assert_eq!(plan(&[("a", 1)], &[("a", 1)], &[]), (0, 0), "the same");
        assert_eq!(plan(&[("a", 2)], &[("a", 1)], &[("a", 1)]), (1, 0), "changed here");
        assert_eq!(plan(&[("a", 1)], &[("a", 2)], &[("a", 1)]), (0, 0), "changed there");
        assert_eq!(plan(&[("a", 2)], &[("a", 3)], &[("a", 1)]), (0, 1), "changed on both sides");
        assert_eq!(plan(&[("a", 2)], &[("a", 3)], &[]), (0, 1), "nobody knows");
    }

    #[test]
    fn links_that_lead_out() {
        let link = |target: &str| Entry {
            kind: Kind::Link,
            mode: 0o777,
            size: 0,
            modified: (0, 0),
            target: PathBuf::from(target),
        };
        assert!(points_out(Path::new("a"), &link("/etc/passwd")));
        assert!(points_out(Path::new("a/b"), &link("../../x")));
        assert!(points_out(Path::new("a"), &link("x/../../y")));
        assert!(!points_out(Path::new("a/b"), &link("../c")));
    }
}
