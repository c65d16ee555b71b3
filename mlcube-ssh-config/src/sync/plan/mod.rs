//! What has to move between the two sides of a workspace, so that nothing is lost.
//!
//! | since the last common state | what happens |
//! |---|---|
//! | changed on the sending side only | sent |
//! | changed on the receiving side only | kept there |
//! | changed on both sides, or nobody knows | kept there, and named |
//!
//! Clocks decide nothing: `rsync --update`, which goes by them, loses results.

pub(crate) mod backup;
pub(crate) mod batch;
pub(crate) mod followed_links;
pub(crate) mod unplaced;

use std::path::{Component, Path, PathBuf};

use crate::listing::Listing;
use crate::listing::entry::{Entry, EntryKind};
use crate::listing::packed_entry::PackedEntry;
use crate::sync::plan::batch::Batch;

/// Which way files go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransferDirection {
    /// From this machine to the remote.
    Up,
    /// From the remote to this machine.
    Down,
}

/// What a transfer does with each entry of the sending side.
///
/// ```
/// use mlcube_ssh::listing::Listing;
/// use mlcube_ssh::sync::{TransferDirection, Plan};
///
/// // Files with the second in which each was changed last, as a remote's find lists them.
/// let listing = |files: &[(&str, u32)]| {
///     let entry = |(path, time): &(&str, u32)| format!("f 644 1 {time}.000000000 {path}\0\0");
///     Listing::parse(files.iter().map(entry).collect::<String>().as_bytes())
/// };
/// let agreed = listing(&[("edited", 10), ("both", 10)])?;
/// let local = listing(&[("edited", 20), ("both", 20), ("new", 20)])?;
/// let remote = listing(&[("edited", 10), ("both", 30)])?;
///
/// let plan = Plan::new(TransferDirection::Up, &local, &remote, &agreed, false);
/// let sent: Vec<_> = plan.send.iter().map(|(path, _)| path.to_string_lossy()).collect();
/// assert_eq!(sent, ["edited", "new"]);
/// assert_eq!(plan.kept, ["both"].map(std::path::PathBuf::from));
/// # Ok::<(), anyhow::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Plan {
    /// Entries to send.
    pub send: Listing,
    /// Entries of which the permissions have to be sent, and nothing else.
    pub permissions: Listing,
    /// Entries that differ and stay as they are on the receiving side, because both sides changed or nobody knows.
    pub kept: Vec<PathBuf>,
    /// Entries that are never sent: devices, sockets, pipes.
    pub left_out: Vec<PathBuf>,
    /// Links of the remote that point out of the workspace, which aren't fetched.
    pub leading_out: Vec<PathBuf>,
    /// Entries that are left out, with all below them, because the receiving side has something of another kind there.
    pub in_the_way: Vec<PathBuf>,
    /// Folders that are left out, with all below them, because nobody knows what they hold on the receiving side.
    pub closed: Vec<PathBuf>,
    /// Entries whose names the receiving file system can't hold, or takes for those of other entries; with all below them.
    pub unheld: Vec<PathBuf>,
    /// Entries in folders of the receiving side that can't be written.
    pub unwritable: Vec<PathBuf>,
    /// Entries that can't be read on the sending side, and their owners.
    pub unreadable: Vec<(PathBuf, String)>,
    /// Folders of the receiving side that are links of its user, to be followed.
    pub links: Vec<PathBuf>,
    /// What both sides have in common once the plan is carried out.
    pub common: Listing,
}

impl Plan {
    /// Plans a transfer from `from` to `to`; `base` is what both last had in common. With `overwrite` what was changed
    /// on the receiving side is replaced too.
    #[must_use]
    pub fn new(
        direction: TransferDirection,
        from: &Listing,
        to: &Listing,
        base: &Listing,
        overwrite: bool,
    ) -> Self {
        let mut plan = Self::whole(direction, from, to, base, overwrite);
        plan.leave_unwritable(to, base);
        plan
    }

    /// The plan with what goes into folders that can't be written.
    fn whole(
        direction: TransferDirection,
        from: &Listing,
        to: &Listing,
        base: &Listing,
        overwrite: bool,
    ) -> Self {
        let mut plan = Self::default();
        let mut closed: Option<&Path> = None;
        let (mut to_it, mut base_it) = (to.cursor(), base.cursor());
        for packed in from.packed() {
            let (path, entry) = packed.unpack();
            let (there, common) = (to_it.find(packed), base_it.find(packed));
            if there == Some(packed)
                && is_plain(&entry)
                && !closed.is_some_and(|closed| path.starts_with(closed))
            {
                plan.common.push(packed);
                continue;
            }
            let (there, common) = (there.map(PackedEntry::entry), common.map(PackedEntry::entry));
            if closed.is_some_and(|closed| path.starts_with(closed)) {
                // What is below goes with the folder that stays out.
                plan.keep_base(path, common.as_ref());
            } else if direction == TransferDirection::Up
                && is_folder_of_theirs(&entry, there.as_ref(), common.as_ref())
                // rsync is told the path of such a folder as text.
                && path.to_str().is_some()
            {
                plan.links.push(path.to_owned());
            } else if there.as_ref().is_some_and(|there| is_no_place_for(&entry, there)) {
                closed = Some(path);
                let left = match there {
                    Some(there) if there.is_unheld() => &mut plan.unheld,
                    Some(there) if there.kind == EntryKind::Unreadable => &mut plan.closed,
                    _ => &mut plan.in_the_way,
                };
                left.push(path.to_owned());
                plan.keep_base(path, common.as_ref());
            } else if direction == TransferDirection::Down
                && points_out(path, &entry, to)
                // One that is here too is the user's own, and went there with a push.
                && !there.as_ref().is_some_and(|there| there.same_content(&entry))
            {
                plan.leading_out.push(path.to_owned());
                plan.keep_base(path, common.as_ref());
            } else {
                if entry.is_folder() && there.as_ref().is_some_and(Entry::is_followed_link) {
                    plan.links.push(path.to_owned());
                }
                plan.add(path, &entry, there.as_ref(), common.as_ref(), overwrite);
            }
        }
        // What only the receiving side has keeps its place in the record.
        let (mut from_it, mut to_it) = (from.cursor(), to.cursor());
        let theirs = base.packed().filter(|packed| {
            let (sent, there) = (from_it.find(*packed), to_it.find(*packed));
            sent.is_none() && there.is_some()
        });
        plan.common.add(theirs);
        plan
    }

    /// All that could ever be sent, for a comparison by content: what looks the same, too.
    #[must_use]
    pub fn comparison(direction: TransferDirection, from: &Listing, to: &Listing) -> Self {
        // What couldn't be written can be compared.
        let mut plan = Self::whole(direction, from, to, &Listing::default(), true);
        plan.send = plan.common.clone();
        plan
    }

    fn add(
        &mut self,
        path: &'static Path,
        entry: &Entry,
        there: Option<&Entry>,
        base: Option<&Entry>,
        overwrite: bool,
    ) {
        match entry.kind {
            EntryKind::Other => {
                self.left_out.push(path.to_owned());
                return self.keep_base(path, base);
            }
            EntryKind::Unreadable => {
                let owner = entry.target.to_string_lossy().into_owned();
                self.unreadable.push((path.to_owned(), owner));
                return self.keep_base(path, base);
            }
            EntryKind::File | EntryKind::Folder | EntryKind::Link => {}
        }
        let Some(there) = there else { return self.send(path, entry) };
        if entry.same_content(there) {
            return self.add_permissions(path, entry, there, base, overwrite);
        }
        let this_changed = base.is_none_or(|base| !entry.same_content(base));
        let other_changed = base.is_none_or(|base| !there.same_content(base));
        if overwrite || !other_changed {
            return self.send(path, entry);
        }
        if this_changed {
            self.kept.push(path.to_owned());
        }
        self.keep_base(path, base);
    }

    /// Adds an entry whose content is the same on both sides.
    fn add_permissions(
        &mut self,
        path: &'static Path,
        entry: &Entry,
        there: &Entry,
        base: Option<&Entry>,
        overwrite: bool,
    ) {
        // Those of what lies behind a link are its own side's.
        let is_followed = entry.is_followed_link() || there.is_followed_link();
        let base = base.filter(|_| !is_followed && !entry.same_permissions(there));
        if let Some(base) = base {
            if overwrite || there.same_permissions(base) {
                self.permissions.insert(path, entry);
            } else if !entry.same_permissions(base) {
                // Changed on both sides: nothing of it is common, but the content is.
                self.kept.push(path.to_owned());
                return self.common.insert(path, &Entry { mode: base.mode, ..entry.clone() });
            }
        }
        self.common.insert(path, entry);
    }

    fn keep_base(&mut self, path: &'static Path, base: Option<&Entry>) {
        if let Some(base) = base {
            self.common.insert(path, base);
        }
    }

    fn send(&mut self, path: &'static Path, entry: &Entry) {
        self.send.insert(path, entry);
        self.common.insert(path, entry);
    }

    /// Whether nothing has to move.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.send.is_empty() && self.permissions.is_empty()
    }

    /// The entries to send, in parts.
    #[must_use]
    pub fn transfers(&self) -> Vec<Batch> {
        self.transfers_of(&self.send)
    }

    /// A part of the entries to send, in parts.
    #[must_use]
    pub fn transfers_of(&self, send: &Listing) -> Vec<Batch> {
        Batch::of(send, &self.links)
    }
}

/// Whether an entry that both sides have exactly so is common to them, and nothing has to be done about it.
fn is_plain(entry: &Entry) -> bool {
    match entry.kind {
        EntryKind::File | EntryKind::Folder | EntryKind::Link => !entry.is_followed_link(),
        EntryKind::Unreadable | EntryKind::Other => false,
    }
}

/// Whether the remote has a link of its own where a folder is sent: nobody but its user made it there.
fn is_folder_of_theirs(entry: &Entry, there: Option<&Entry>, base: Option<&Entry>) -> bool {
    entry.kind == EntryKind::Folder
        && there.is_some_and(|there| there.kind == EntryKind::Link)
        && base.is_none_or(|base| base.kind != EntryKind::Link)
}

/// Whether an entry can't be put where the receiving side has `there`: a folder over a link or a file, or anything but
/// a folder over a folder; and anything where nobody knows what there is.
fn is_no_place_for(entry: &Entry, there: &Entry) -> bool {
    if there.is_unheld() {
        return true;
    }
    match entry.kind {
        EntryKind::Folder => there.kind != EntryKind::Folder,
        EntryKind::File | EntryKind::Link => {
            matches!(there.kind, EntryKind::Folder | EntryKind::Unreadable)
        }
        EntryKind::Unreadable | EntryKind::Other => false,
    }
}

/// Whether an entry is a link that leads out of the workspace, by its text.
#[must_use]
pub fn leads_out(path: &Path, entry: &Entry) -> bool {
    points_out(path, entry, &Listing::default())
}

/// Whether a link leads out of the workspace, by its text. A `..` may only stand first: behind a name it leads to
/// wherever that name, a link perhaps, leads. A folder that is a link of the receiving side is a world of its own.
fn points_out(path: &Path, entry: &Entry, to: &Listing) -> bool {
    if entry.kind != EntryKind::Link {
        return false;
    }
    let linked =
        |folder: &&Path| to.get(folder).is_some_and(|folder| !folder.target.as_os_str().is_empty());
    let top = path.ancestors().skip(1).find(linked).unwrap_or(Path::new(""));
    let depth = path.components().count() - top.components().count() - 1;
    let mut components =
        entry.target.components().filter(|part| *part != Component::CurDir).peekable();
    let mut up = 0;
    while components.next_if_eq(&Component::ParentDir).is_some() {
        up += 1;
    }
    up > depth || components.any(|part| !matches!(part, Component::Normal(_)))
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
        let plan =
            Plan::new(TransferDirection::Up, &listing(from), &listing(to), &listing(base), false);
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
    fn permissions_go_alone() {
        let with = |mode: &str| {
            Listing::parse(format!("f {mode} 1 1.000000001 a\0\0").as_bytes()).unwrap()
        };
        let plan = |from: &str, to: &str, base: &str| {
            let plan = Plan::new(TransferDirection::Up, &with(from), &with(to), &with(base), false);
            assert!(plan.send.is_empty());
            (plan.permissions.len(), plan.common.get(Path::new("a")).unwrap().mode)
        };
        assert_eq!(plan("755", "644", "644"), (1, 0o755), "changed here");
        assert_eq!(plan("644", "755", "644"), (0, 0o644), "changed there");
        assert_eq!(plan("755", "4755", "4755"), (0, 0o755), "set-uid stays where it is");
        assert_eq!(plan("755", "700", "644"), (0, 0o644), "changed on both sides");
        let plan = |overwrite| {
            Plan::new(TransferDirection::Up, &with("755"), &with("700"), &with("644"), overwrite)
        };
        assert_eq!((plan(false).kept.len(), plan(true).permissions.len()), (1, 1));
    }

    #[test]
    fn what_is_left_out_keeps_its_place_in_the_record() {
        let link =
            |to: &str| Listing::parse(format!("l 777 1 1.000000001 a\0{to}\0").as_bytes()).unwrap();
        let plan = Plan::new(
            TransferDirection::Down,
            &link("/out"),
            &Listing::default(),
            &link("in"),
            false,
        );
        assert_eq!((plan.leading_out.len(), plan.common), (1, link("in")));
    }

    #[test]
    fn links_that_lead_out() {
        let link = |target: &str| Entry {
            kind: EntryKind::Link,
            mode: 0o777,
            size: 0,
            modified: (0, 0),
            target: PathBuf::from(target),
        };
        let out = |path: &str, target: &str| {
            points_out(Path::new(path), &link(target), &Listing::default())
        };
        assert!(out("a", "/etc/passwd"));
        assert!(out("a/b", "../../x"));
        assert!(out("a", "x/../../y"));
        assert!(out("l", "a/b/up/../x"), "a/b/up may be a link to the top");
        assert!(!out("a/b", "../c") && !out("a", "./b/c") && !out("a/b/c", "../../d"));
    }
}
