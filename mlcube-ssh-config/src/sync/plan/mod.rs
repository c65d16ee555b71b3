//! What a transfer has to move between local and remote workspace so that nothing is lost.
//!
//! | since the last agreement | outcome | with `--overwrite` |
//! |---|---|---|
//! | changed on the sender only | sent | sent |
//! | changed on the receiver only | kept on both | sent |
//! | changed on both, or no agreement is known (a conflict) | kept on both, and named | sent |
//!
//! `Plan::add` is this table, and `add_permissions` the same for entries whose permissions alone differ. What a pull
//! compares by content goes another way: `add_differing` in `mlcube-ssh-pull/src/pull/plan.rs`. Before the table,
//! `why_skipped` decides which entries are skipped, and the sync state corrects what was agreed on
//! (`SyncState::settled`, `SyncState::doubt_other_sides`). After it, `Plan::leave_unwritable` takes out what the
//! receiver can't store, and `Plan::agree_on` ends a conflict of files that have the same content.
//!
//! No rule compares clocks: `rsync --update` does, and loses results.

pub(crate) mod backup;
pub(crate) mod batch;
pub(crate) mod unplaced;

use std::collections::HashSet;
use std::mem;
use std::path::{Component, Path, PathBuf};

use crate::listing::Listing;
use crate::listing::entry::{Entry, EntryKind};
use crate::listing::ignore::is_reserved;
use crate::listing::packed_entry::PackedEntry;
use crate::sync::direction::TransferDirection;
use crate::sync::plan::batch::Batch;
use crate::sync::skipped::{Skipped, SkippedEntry};
use crate::sync::umask::Umask;

/// What a transfer is asked to do about differences.
struct Rules {
    direction: TransferDirection,
    /// Whether what was changed on the receiver is replaced.
    overwrite: bool,
    /// For a pull: the permissions that this user withholds from fetched entries.
    umask: Option<Umask>,
}

impl Rules {
    fn new(direction: TransferDirection, overwrite: bool) -> Self {
        let umask = (direction == TransferDirection::Down).then(Umask::of_process);
        Self { direction, overwrite, umask }
    }
}

/// The versions of one entry.
#[derive(Clone, Copy)]
struct Versions<'a> {
    path: &'static Path,
    sender: &'a Entry,
    /// `None` if the receiver doesn't have the entry.
    receiver: Option<&'a Entry>,
    /// What both sides last agreed on; `None` if nothing.
    agreed: Option<&'a Entry>,
}

impl<'a> Versions<'a> {
    /// The local and the remote version.
    fn of_sides(&self, direction: TransferDirection) -> [Option<&'a Entry>; 2] {
        match direction {
            TransferDirection::Up => [Some(self.sender), self.receiver],
            TransferDirection::Down => [self.receiver, Some(self.sender)],
        }
    }
}

/// Says what a transfer does with each entry of the sender.
///
/// ```
/// use mlcube_ssh::listing::Listing;
/// use mlcube_ssh::sync::{Plan, TransferDirection};
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
    /// Entries whose permissions have to be sent, and nothing else.
    pub permissions: Listing,
    /// Entries that differ and are kept on the receiver, because both sides changed or nobody knows.
    pub kept: Vec<PathBuf>,
    /// Entries that are skipped, and why.
    pub skipped: Vec<SkippedEntry>,
    /// Folders that are links on the receiver, made by its user; the transfer follows them.
    pub links: Vec<PathBuf>,
    /// The entries that both sides agree on once the plan is carried out.
    pub will_agree: Listing,
    /// The entries that both sides agreed on before and neither has any more.
    pub forgotten: Listing,
}

impl Plan {
    /// Plans a transfer from `from` to `to`; `agreed` is what both sides last agreed on. `overwrite` also replaces what
    /// was changed on the receiver.
    #[must_use]
    pub fn new(
        direction: TransferDirection,
        from: &Listing,
        to: &Listing,
        agreed: &Listing,
        overwrite: bool,
    ) -> Self {
        let mut plan = Self::with_unwritable(direction, from, to, agreed, overwrite);
        plan.leave_unwritable(to, agreed);
        plan
    }

    /// Plans a transfer including the entries that would go into unwritable folders.
    fn with_unwritable(
        direction: TransferDirection,
        from: &Listing,
        to: &Listing,
        agreed: &Listing,
        overwrite: bool,
    ) -> Self {
        let mut plan = Self::default();
        let mut skipped_root: Option<&'static Path> = None;
        let (mut to_it, mut agreed_it) = (to.cursor(), agreed.cursor());
        let mut around: Option<&'static Path> = None;
        let rules = Rules::new(direction, overwrite);
        let is_up = direction == TransferDirection::Up;
        // Skipped entries that contain something to send.
        let mut wanted: Vec<&'static Path> = Vec::new();
        for packed in from.packed() {
            let (path, entry) = packed.unpack();
            let (receiver, agreed) = (to_it.find(packed), agreed_it.find(packed));
            let is_below = |root: Option<&Path>| root.is_some_and(|root| path.starts_with(root));
            if !is_below(skipped_root) && around != path.parent() {
                let before = mem::replace(&mut around, path.parent());
                if let Some(above) = not_a_folder(around, before, [to, from]) {
                    skipped_root = Some(above.path());
                    plan.skipped.push(SkippedEntry::listed(above, Skipped::OtherKind));
                }
            }
            let is_skipped = is_below(skipped_root);
            if !is_skipped && receiver == Some(packed) && is_plain(&entry) {
                plan.will_agree.push(packed);
                continue;
            }
            let [receiver, agreed] = [receiver, agreed].map(|side| side.map(PackedEntry::entry));
            let (receiver, agreed) = (receiver.as_ref(), agreed.as_ref());
            let versions = Versions { path, sender: &entry, receiver, agreed };
            if is_skipped {
                let is_changed = || agreed.is_none_or(|agreed| !entry.same(agreed));
                if is_up && wanted.last() != skipped_root.as_ref() && is_changed() {
                    wanted.extend(skipped_root);
                }
                plan.keep_agreed(path, agreed);
            } else if let Some(why) = why_skipped(direction, versions, to) {
                if why.takes_all_below() {
                    skipped_root = Some(path);
                }
                if is_up && !entry.is_folder() {
                    wanted.push(path);
                }
                plan.skipped.push(SkippedEntry::listed(packed, why));
                plan.keep_agreed(path, agreed);
            } else {
                plan.add_along_links(versions, &rules);
            }
        }
        if is_up {
            plan.drop_closed_except(&wanted.into_iter().collect());
        }
        plan.add_missing_on_sender(from, to, agreed);
        plan
    }

    /// Drops the closed remote folders to which nothing would be sent: they don't matter.
    fn drop_closed_except(&mut self, wanted: &HashSet<&Path>) {
        self.skipped.retain(|one| one.why != Skipped::Closed || wanted.contains(one.path()));
    }

    /// Decides about what both sides agreed on and the sender no longer has: what only the receiver has stays in the
    /// sync state, and what neither has is forgotten.
    fn add_missing_on_sender(&mut self, from: &Listing, to: &Listing, agreed: &Listing) {
        let (mut from_it, mut to_it) = (from.cursor(), to.cursor());
        let not_sent = agreed.packed().filter(|packed| from_it.find(*packed).is_none());
        let (receiver_only, forgotten): (Vec<_>, Vec<_>) =
            not_sent.partition(|packed| to_it.find(*packed).is_some());
        self.will_agree.add(receiver_only);
        self.forgotten.add(forgotten);
    }

    /// Plans a comparison by content: it includes every entry that could ever be sent, and those that look the same.
    #[must_use]
    pub fn comparison(direction: TransferDirection, from: &Listing, to: &Listing) -> Self {
        // Entries in unwritable folders can still be compared.
        let mut plan = Self::with_unwritable(direction, from, to, &Listing::default(), true);
        plan.send = plan.will_agree.clone();
        plan
    }

    /// Decides about an entry that isn't skipped, which may be a folder that a link leads to.
    fn add_along_links(&mut self, versions: Versions, rules: &Rules) {
        if versions.sender.is_folder() && versions.receiver.is_some_and(Entry::is_followed_link) {
            self.links.push(versions.path.to_owned());
        }
        self.add(versions, rules);
        self.note_followed_link(versions, rules.direction);
    }

    /// Decides about an entry that isn't skipped, by the table at the top of this file, and about its permissions.
    fn add(&mut self, versions: Versions, rules: &Rules) {
        let Versions { path, sender, agreed, .. } = versions;
        let Some(receiver) = versions.receiver else { return self.send(path, sender) };
        if sender.same_content(receiver) {
            return self.add_permissions(versions, receiver, rules.overwrite);
        }
        if rules.overwrite {
            let withheld = agreed.filter(|agreed| is_withheld_alone(sender, receiver, agreed));
            return match withheld {
                Some(agreed) => self.send_content(path, sender, receiver, agreed),
                None => self.send(path, sender),
            };
        }
        let is_changed = |side: &Entry| agreed.is_none_or(|agreed| !side.same_content(agreed));
        if !is_changed(receiver) {
            match agreed.filter(|agreed| !receiver.same_permissions(agreed)) {
                // An earlier pull ran with another umask. Keep the permissions that it set.
                None if sender.same_permissions(receiver)
                    && rules.umask.is_some_and(|umask| umask.gives_others(sender)) =>
                {
                    return self.send_content(path, sender, receiver, sender);
                }
                None => return self.send(path, sender),
                // The receiver's permissions are newer than what was agreed on.
                Some(agreed)
                    if sender.same_permissions(agreed) || sender.same_permissions(receiver) =>
                {
                    return self.send_content(path, sender, receiver, agreed);
                }
                Some(agreed) if receiver.has_agreed_permissions(agreed) => {
                    return self.send(path, sender);
                }
                Some(_) => {}
            }
        }
        if is_changed(sender) {
            self.kept.push(path.to_owned());
        }
        self.keep_agreed(path, agreed);
    }

    /// Decides about the permissions of an entry whose content is the same on both sides.
    fn add_permissions(&mut self, versions: Versions, receiver: &Entry, overwrite: bool) {
        let Versions { path, sender, .. } = versions;
        // The permissions of what a link leads to belong to each machine.
        let is_followed = sender.is_followed_link() || receiver.is_followed_link();
        if is_followed || sender.same_permissions(receiver) {
            return self.will_agree.insert(path, sender);
        }
        let Some(agreed) = versions.agreed else {
            if sender.differs_for_owner(receiver) {
                if !overwrite {
                    // Nobody knows who has changed them.
                    return self.kept.push(path.to_owned());
                }
                self.permissions.insert(path, sender);
            }
            return self.will_agree.insert(path, sender);
        };
        let is_changed = !sender.same_permissions(agreed);
        let is_as_agreed = receiver.same_permissions(agreed)
            || is_changed && receiver.has_agreed_permissions(agreed);
        let is_overwritten = overwrite && !is_withheld_alone(sender, receiver, agreed);
        if is_overwritten || is_as_agreed {
            self.permissions.insert(path, sender);
            return self.will_agree.insert(path, sender);
        }
        // The receiver's permissions are newer, or both were changed: only the content is agreed on.
        if is_changed {
            self.kept.push(path.to_owned());
        }
        let mode = if is_changed || sender.withheld() == 0 { agreed.mode } else { sender.mode };
        self.will_agree.insert(path, &Entry { mode, ..sender.clone() });
    }

    /// Notes whether both sides agree on a folder through a remote link. If so, the entry keeps the link's target, and
    /// a later push writes only through that link. A folder that was agreed on as a folder remains one: a pull along a
    /// link that has replaced it doesn't make the link known.
    fn note_followed_link(&mut self, versions: Versions, direction: TransferDirection) {
        let [local, remote] = versions.of_sides(direction);
        let is_followed = |side: &&Entry| side.is_folder() && side.is_followed_link();
        let remote = remote.filter(is_followed);
        if remote.or(local.filter(is_followed)).is_none() {
            return;
        }
        let path = versions.path;
        let Some(mut entry) = self.will_agree.get(path).filter(Entry::is_folder) else { return };
        entry.target = PathBuf::new();
        if let Some(remote) = remote {
            let is_known = direction == TransferDirection::Up
                || versions.agreed.is_none_or(|agreed| agreed.target == remote.target);
            if is_known {
                entry.target.clone_from(&remote.target);
            }
            // The permissions of what a link leads to belong to each machine.
            entry.mode = local.map_or(entry.mode, |local| local.mode);
        }
        self.will_agree.insert(path, &entry);
    }

    fn keep_agreed(&mut self, path: &'static Path, agreed: Option<&Entry>) {
        if let Some(agreed) = agreed {
            self.will_agree.insert(path, agreed);
        }
    }

    fn send(&mut self, path: &'static Path, entry: &Entry) {
        self.send.insert(path, entry);
        self.will_agree.insert(path, entry);
    }

    fn send_content(
        &mut self,
        path: &'static Path,
        entry: &Entry,
        receiver: &Entry,
        agreed: &Entry,
    ) {
        self.send.insert(path, &entry.content_alone(receiver));
        let mode = if entry.same_permissions(receiver) { entry.mode } else { agreed.mode };
        self.will_agree.insert(path, &Entry { mode, ..entry.clone() });
    }

    /// Adds files that look the same on both sides and differ by content; their permissions are compared already.
    pub fn send_contents(&mut self, files: &Listing, receiver: &Listing) {
        let content = |(path, file): (&'static Path, Entry)| {
            Some((path, file.content_alone(&receiver.get(path)?)))
        };
        self.send.extend(files.iter().filter_map(content));
    }

    /// The kept files that have the same size and other times, each as the entry to agree on if its contents are the
    /// same: it has the remote's time, because other machines agree on that one.
    #[must_use]
    pub fn kept_of_equal_size(
        &self,
        direction: TransferDirection,
        local: &Listing,
        remote: &Listing,
        agreed: &Listing,
    ) -> Listing {
        let merged = |path: &PathBuf| {
            let (local, remote, agreed) = (local.get(path)?, remote.get(path)?, agreed.get(path));
            let differs_by_time = local.is_file()
                && remote.is_file()
                // A comparison would take the link itself.
                && !remote.is_followed_link()
                && local.size == remote.size
                && local.modified != remote.modified;
            // Permissions that were changed on both sides are a conflict of their own.
            let one_changed_permissions = match &agreed {
                None => !local.differs_for_owner(&remote),
                Some(agreed) => {
                    local.same_permissions(agreed)
                        || remote.same_permissions(agreed)
                        || remote.has_agreed_permissions(agreed)
                        || local.same_permissions(&remote)
                }
            };
            let sender = match direction {
                TransferDirection::Up => local.mode,
                TransferDirection::Down => remote.mode,
            };
            let mode = agreed.map_or(sender, |agreed| agreed.mode);
            let entry = Entry { mode, modified: remote.modified, ..local };
            (differs_by_time && one_changed_permissions).then_some((path.clone(), entry))
        };
        let mut files = Listing::default();
        files.extend(self.kept.iter().filter_map(merged));
        files
    }

    /// Agrees on kept files whose contents are the same on both sides.
    pub fn agree_on(&mut self, files: &Listing) {
        self.kept.retain(|path| files.get(path).is_none());
        self.will_agree.merge(files);
    }

    /// Returns whether there is nothing to move.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.send.is_empty() && self.permissions.is_empty()
    }

    /// The skipped entries whose reason satisfies `is`.
    pub fn skipped_for(
        &self,
        is: impl Fn(&Skipped) -> bool,
    ) -> impl Iterator<Item = &'static Path> {
        self.skipped.iter().filter(move |one| is(&one.why)).map(|one| one.path())
    }

    /// Splits the entries to send into batches.
    #[must_use]
    pub fn transfers(&self) -> Vec<Batch> {
        self.transfers_of(&self.send)
    }

    /// Splits some of the entries to send into batches.
    #[must_use]
    pub fn transfers_of(&self, send: &Listing) -> Vec<Batch> {
        Batch::of(send, &self.links)
    }
}

/// Returns whether both sides agree on an entry that is identical on both, so that there is nothing to do.
fn is_plain(entry: &Entry) -> bool {
    match entry.kind {
        EntryKind::File | EntryKind::Folder | EntryKind::Link => !entry.is_followed_link(),
        EntryKind::Unreadable | EntryKind::Other => false,
    }
}

/// Returns whether the permissions differ by those alone that pulls have withheld: nobody has changed them.
fn is_withheld_alone(entry: &Entry, receiver: &Entry, agreed: &Entry) -> bool {
    entry.same_permissions(agreed) && receiver.has_agreed_permissions(agreed)
}

/// The highest of the places at and above `folder` that a listing has as something else than a folder: a host may list
/// an entry below a link, so that it would be written through that link.
///
/// The places at and above `before` were looked up already. In the order of a listing that is nearly all of a deep path:
/// to look all of it up for each folder in turn would take minutes for as many as a host may list.
fn not_a_folder(
    folder: Option<&Path>,
    before: Option<&Path>,
    listings: [&Listing; 2],
) -> Option<PackedEntry> {
    let is_known = |at: &Path| before.is_some_and(|before| before.starts_with(at));
    let new = folder?.ancestors().take_while(|at| !is_known(at));
    let listed = new.flat_map(|at| listings.map(|listing| listing.find_packed(at)));
    listed.flatten().filter(|packed| packed.kind() != EntryKind::Folder).last()
}

/// Why an entry is skipped; `None` if it isn't.
fn why_skipped(direction: TransferDirection, versions: Versions, to: &Listing) -> Option<Skipped> {
    let Versions { path, sender, receiver, agreed } = versions;
    if let Some(receiver) = receiver.filter(|receiver| is_blocked_by(sender, receiver)) {
        return Some(match receiver.kind {
            _ if receiver.is_unheld() => Skipped::Unheld,
            EntryKind::Unreadable => Skipped::Closed,
            _ => Skipped::OtherKind,
        });
    }
    // A link that is also on the local side belongs to the user, who sent it with a push.
    let is_receivers = receiver.is_some_and(|receiver| receiver.same_content(sender));
    match sender.kind {
        EntryKind::Other => Some(Skipped::Special),
        EntryKind::Unreadable => Some(Skipped::Unreadable),
        EntryKind::Link if direction == TransferDirection::Up || is_receivers => None,
        EntryKind::Link if leads_out_of(path, sender, to) => {
            let is_sent = agreed.is_some_and(|agreed| agreed.same_content(sender));
            let was_sent = is_sent && receiver.is_none();
            Some(if was_sent { Skipped::SentLink } else { Skipped::LeadsOut })
        }
        EntryKind::Link if sender.target.iter().any(is_reserved) => Some(Skipped::ReservedLink),
        _ => None,
    }
}

/// Returns whether `entry` can't be put where the receiver has `receiver`: a folder only where there is a folder, a
/// file or a link only where there is no folder and nothing unreadable, and nothing under a name that can't be stored.
fn is_blocked_by(entry: &Entry, receiver: &Entry) -> bool {
    if receiver.is_unheld() {
        return true;
    }
    match entry.kind {
        EntryKind::Folder => receiver.kind != EntryKind::Folder,
        EntryKind::File | EntryKind::Link => {
            matches!(receiver.kind, EntryKind::Folder | EntryKind::Unreadable)
        }
        EntryKind::Unreadable | EntryKind::Other => false,
    }
}

/// Returns whether an entry is a link whose text leads out of the workspace.
#[must_use]
pub fn leads_out(path: &Path, entry: &Entry) -> bool {
    leads_out_of(path, entry, &Listing::default())
}

/// Returns whether a link's text leads out of the workspace. A `..` counts as inside only at the start: after a name,
/// which may itself be a link, it can lead anywhere. So can one that leaves a folder that is a link on the receiver.
fn leads_out_of(path: &Path, entry: &Entry, to: &Listing) -> bool {
    if entry.kind != EntryKind::Link {
        return false;
    }
    let mut components =
        entry.target.components().filter(|part| *part != Component::CurDir).peekable();
    let mut up = 0;
    while components.next_if_eq(&Component::ParentDir).is_some() {
        up += 1;
    }
    let is_linked =
        |folder: &Path| to.get(folder).is_some_and(|folder| !folder.target.as_os_str().is_empty());
    let left = path.ancestors().skip(1);
    // The last one is the workspace itself.
    left.take(up).any(|folder| folder == Path::new("") || is_linked(folder))
        || components.any(|part| !matches!(part, Component::Normal(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(files: &[(&str, u64)]) -> Listing {
        let line = |(path, size): &(&str, u64)| format!("f 644 {size} {size}.000000001 {path}\0\0");
        let text = files.iter().map(line).collect::<Vec<_>>().concat();
        Listing::parse(text.as_bytes()).unwrap()
    }

    fn plan(from: &[(&str, u64)], to: &[(&str, u64)], agreed: &[(&str, u64)]) -> (usize, usize) {
        let plan =
            Plan::new(TransferDirection::Up, &listing(from), &listing(to), &listing(agreed), false);
        (plan.send.len(), plan.kept.len())
    }

    #[test]
    fn the_table() {
        assert_eq!(plan(&[("a", 1)], &[], &[]), (1, 0), "only on the sender");
        assert_eq!(plan(&[("a", 1)], &[("a", 1)], &[]), (0, 0), "the same");
        assert_eq!(plan(&[("a", 2)], &[("a", 1)], &[("a", 1)]), (1, 0), "changed on the sender");
        assert_eq!(plan(&[("a", 1)], &[("a", 2)], &[("a", 1)]), (0, 0), "changed on the receiver");
        assert_eq!(plan(&[("a", 2)], &[("a", 3)], &[("a", 1)]), (0, 1), "changed on both sides");
        assert_eq!(plan(&[("a", 2)], &[("a", 3)], &[]), (0, 1), "nobody knows");
    }

    #[test]
    fn nothing_is_planned_below_what_is_no_folder() {
        let link = "l 777 1 1.000000001 a\0../../victim\0";
        let below = "f 644 1 1.000000001 a/b/keys\0\0";
        let file = "f 644 1 1.000000001 a\0\0";
        let parse = |text: &str| Listing::parse(text.as_bytes()).unwrap();
        for direction in [TransferDirection::Up, TransferDirection::Down] {
            for (from, to) in [
                (format!("{link}{below}"), link),
                (format!("{link}{below}"), ""),
                (format!("{file}{below}"), file),
                (below.to_owned(), link),
                (below.to_owned(), file),
            ] {
                let plan = Plan::new(direction, &parse(&from), &parse(to), &parse(""), true);
                let sent = plan.send.get(Path::new("a/b/keys"));
                let skipped: Vec<_> = plan.skipped_for(Skipped::is_other_kind).collect();
                assert_eq!((sent, &*skipped), (None, &[Path::new("a")][..]), "{from:?} {to:?}");
            }
        }
    }

    #[test]
    fn a_place_above_two_entries_is_looked_up_in_both_listings() {
        let parse = |entries: &[&str]| {
            let line = |entry: &&str| {
                let (kind, path) = entry.split_once(' ').unwrap();
                format!("{kind} 755 1 1.000000001 {path}\0\0")
            };
            Listing::parse(entries.iter().map(line).collect::<String>().as_bytes()).unwrap()
        };
        // The sender's own link is deeper than what the receiver has in the way.
        let from = ["d a", "d a/b", "l a/b/c", "f a/b/c/x", "f a/b/d/y", "d e", "f e/z"];
        let (from, to) = (parse(&from), parse(&["d a", "f a/b", "d e"]));
        let plan = Plan::new(TransferDirection::Down, &from, &to, &Listing::default(), true);
        let sent: Vec<_> = plan.send.iter().map(|(path, _)| path).collect();
        assert_eq!(sent, [Path::new("e/z")]);
        let without = from.filter(|path, _| path != Path::new("a/b"));
        let plan = Plan::new(TransferDirection::Down, &without, &to, &Listing::default(), true);
        let sent: Vec<_> = plan.send.iter().map(|(path, _)| path).collect();
        assert_eq!(sent, [Path::new("e/z")], "{:?}", plan.skipped);
    }

    #[test]
    fn permissions_go_alone() {
        let with = |mode: &str| {
            Listing::parse(format!("f {mode} 1 1.000000001 a\0\0").as_bytes()).unwrap()
        };
        let plan = |from: &str, to: &str, agreed: &str| {
            let plan =
                Plan::new(TransferDirection::Up, &with(from), &with(to), &with(agreed), false);
            assert!(plan.send.is_empty());
            (plan.permissions.len(), plan.will_agree.get(Path::new("a")).unwrap().mode)
        };
        assert_eq!(plan("755", "644", "644"), (1, 0o755), "changed on the sender");
        assert_eq!(plan("644", "755", "644"), (0, 0o644), "changed on the receiver");
        assert_eq!(plan("755", "4755", "4755"), (0, 0o755), "set-uid stays where it is");
        assert_eq!(plan("755", "700", "644"), (0, 0o644), "changed on both sides");
        let plan = |overwrite| {
            Plan::new(TransferDirection::Up, &with("755"), &with("700"), &with("644"), overwrite)
        };
        assert_eq!((plan(false).kept.len(), plan(true).permissions.len()), (1, 1));
        let first = |from: &str, to: &str, overwrite| {
            let none = Listing::default();
            let plan = Plan::new(TransferDirection::Up, &with(from), &with(to), &none, overwrite);
            (plan.kept.len(), plan.permissions.len(), plan.will_agree.len())
        };
        assert_eq!(first("755", "644", false), (1, 0, 0), "nobody knows");
        assert_eq!(first("755", "644", true), (0, 1, 1));
        assert_eq!(first("664", "644", false), (0, 0, 1), "of another umask");
    }

    #[test]
    fn what_a_pull_withheld_is_not_taken_from_the_remote() {
        let file = |mode: &str, size: u64| {
            Listing::parse(format!("f {mode} {size} {size}.000000001 a\0\0").as_bytes()).unwrap()
        };
        let a = Path::new("a");
        let mut agreed = Listing::default();
        agreed.insert(a, &file("664", 1).get(a).unwrap().withholding(0o22));
        let plan = |from: &str, size: u64, to: &str| {
            let (from, to) = (file(from, size), file(to, 1));
            let plan = Plan::new(TransferDirection::Up, &from, &to, &agreed, true);
            let agreed = plan.will_agree.get(a).unwrap().withheld();
            let sent = plan.send.get(a).map(|sent| sent.permissions());
            (sent, plan.permissions.len(), agreed)
        };
        assert_eq!(plan("644", 1, "664"), (None, 0, 0o20));
        assert_eq!(plan("644", 2, "664"), (Some(0o664), 0, 0o20));
        assert_eq!(plan("600", 1, "664"), (None, 1, 0), "changed locally");
        assert_eq!(plan("644", 1, "600"), (None, 1, 0), "changed on the remote");
    }

    #[test]
    fn the_same_content_with_another_time_is_agreed_on_with_the_remotes() {
        let file = |mode: &str, size: u64, time: u64| {
            Listing::parse(format!("f {mode} {size} {time}.000000001 a\0\0").as_bytes()).unwrap()
        };
        let merged = |from: &Listing, to: &Listing, agreed: &Listing| {
            let mut plan = Plan::new(TransferDirection::Up, from, to, agreed, false);
            let files = plan.kept_of_equal_size(TransferDirection::Up, from, to, agreed);
            plan.agree_on(&files);
            let entry = plan.will_agree.get(Path::new("a")).filter(|_| !files.is_empty());
            (entry.map(|entry| (entry.mode, entry.modified.0)), plan.kept.len())
        };
        let (none, agreed) = (Listing::default(), file("644", 1, 1));
        let (from, to) = (file("644", 2, 2), file("640", 2, 3));
        assert_eq!(merged(&from, &to, &none), (Some((0o644, 3)), 0), "nobody knows");
        assert_eq!(merged(&from, &to, &agreed), (Some((0o644, 3)), 0), "changed on both sides");
        assert_eq!(merged(&from, &file("644", 3, 3), &agreed), (None, 1), "another size");
        assert_eq!(merged(&file("600", 2, 2), &to, &agreed), (None, 1), "other permissions");
        assert_eq!(merged(&file("755", 2, 2), &to, &none), (None, 1), "of the owner");
        let plan = Plan::new(TransferDirection::Down, &to, &from, &none, false);
        let files = plan.kept_of_equal_size(TransferDirection::Down, &from, &to, &none);
        assert_eq!(files, file("640", 2, 3), "a pull agrees on the remote's time, too");
    }

    #[test]
    fn permissions_that_only_the_receiver_changed_stay_when_content_is_sent() {
        let file = |mode: &str, size: u64| {
            Listing::parse(format!("f {mode} {size} {size}.000000001 a\0\0").as_bytes()).unwrap()
        };
        let plan = |from: &str, to: &str, overwrite| {
            let (from, to, agreed) = (file(from, 2), file(to, 1), file("644", 1));
            let plan = Plan::new(TransferDirection::Down, &from, &to, &agreed, overwrite);
            let sent = plan.send.get(Path::new("a"));
            let sent = sent.map(|sent| (sent.permissions(), sent.is_content_alone()));
            (sent, plan.will_agree.get(Path::new("a")).unwrap().mode, plan.kept.len())
        };
        assert_eq!(plan("644", "600", false), (Some((0o600, true)), 0o644, 0), "receiver's");
        assert_eq!(plan("755", "644", false), (Some((0o755, false)), 0o755, 0), "sender's");
        assert_eq!(plan("600", "600", false), (Some((0o600, true)), 0o600, 0), "both the same");
        assert_eq!(plan("755", "600", false), (None, 0o644, 1), "both, a conflict");
        assert_eq!(plan("755", "600", true), (Some((0o755, false)), 0o755, 0), "overwritten");
    }

    #[test]
    fn a_skipped_entry_keeps_its_place_in_the_sync_state() {
        let link =
            |to: &str| Listing::parse(format!("l 777 1 1.000000001 a\0{to}\0").as_bytes()).unwrap();
        let plan = Plan::new(
            TransferDirection::Down,
            &link("/out"),
            &Listing::default(),
            &link("in"),
            false,
        );
        let skipped = |plan: &Plan, why| plan.skipped_for(|is| *is == why).eq([Path::new("a")]);
        assert!(skipped(&plan, Skipped::LeadsOut) && plan.will_agree == link("in"), "{plan:?}");
        let both = link("/out");
        let plan = Plan::new(TransferDirection::Down, &both, &Listing::default(), &both, false);
        assert!(skipped(&plan, Skipped::SentLink), "sent by a push: {plan:?}");
        assert_eq!((plan.send.is_empty(), plan.will_agree), (true, both));
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
            leads_out_of(Path::new(path), &link(target), &Listing::default())
        };
        assert!(out("a", "/etc/passwd"));
        assert!(out("a/b", "../../x"));
        assert!(out("a", "x/../../y"));
        assert!(out("l", "a/b/up/../x"), "a/b/up may be a link to the top");
        assert!(!out("a/b", "../c") && !out("a", "./b/c") && !out("a/b/c", "../../d"));
    }
}
