//! The sync state of a remote tree: what both sides last agreed on, and the code that was pushed.
//!
//! It is kept in `${XDG_STATE_HOME:-~/.local/state}/mlcube-ssh/`, in one folder for each pair of a remote and a local
//! tree. Every file in it is a [`Record`]; ARCHITECTURE.md lists them all under "What lies on disk". The agreement is
//! in this file; what was pushed, the workspaces, and the folders that a transfer leaves are in [`code`],
//! [`workspaces`] and [`folders`].
//!
//! Beside these folders there are two files for each pair of a remote tree and a local base: `NAME-HASH.workspaces`,
//! the places in the base that are or were a workspace, and `NAME-HASH.about`, the machine and the local folder that
//! they belong to. Machines that share a home, each with a folder of its own at one path, have separate sync states:
//! those of later machines have an id at the end of the name, as in `NAME-HASH.ID.about`.

pub(crate) mod agreed;
mod code;
pub(crate) mod compared;
pub(crate) mod confirm;
mod folders;
pub(crate) mod former_places;
pub(crate) mod known_disks;
mod local_folder;
mod other_sides;
mod own_name;
mod record;
pub(crate) mod transfer_id;
mod workspaces;

use std::fs;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::cube::layout::Layout;
use crate::cube::tree_owner::Owner;
use crate::listing::Listing;
use crate::listing::entry::Entry;
use crate::pipe::document::Remote;
use crate::pipe::failure::{MAKE_ROOM, Outcome, hinted, is_disk_full};
use crate::pipe::private_file::{FILE_REMEDY, STATE_REMEDY, make_private, state_folder};
use crate::settings::names::{RemotePath, User};
use crate::sync::direction::TransferDirection;
use crate::sync::plan::Plan;
use crate::sync::state::agreed::{Agreed, Confirmed};
use crate::sync::state::former_places::FormerPlaces;
use crate::sync::state::local_folder::LocalFolder;
use crate::sync::state::own_name::OwnName;
use crate::sync::state::record::Record;
use crate::text::hint::OrHint;
use crate::text::stable_hash::{StableHash, former};
use crate::ui::report::Report;

/// The sync state of one pair of trees.
#[derive(Clone, Debug)]
pub struct SyncState {
    folder: PathBuf,
    /// The file with the places of the tree's workspaces.
    workspaces: Record,
    /// Its owner among the machines that share a home.
    own: OwnName,
    /// The local base.
    base: PathBuf,
    /// The local workspace.
    workspace: PathBuf,
}

/// The name of the file that says with which local folders both sides agreed.
const ABOUT: &str = "about";

/// The name of the file of the former places.
const MADE: &str = "made";

const BOTH: [TransferDirection; 2] = [TransferDirection::Up, TransferDirection::Down];

impl SyncState {
    /// Finds the sync state of a layout and its place on the remote. Makes no folder; a sync state of an earlier
    /// version is renamed.
    ///
    /// # Errors
    /// When there is neither `XDG_STATE_HOME` nor a home, or a sync state of an earlier version can't be renamed.
    pub fn of(layout: &Layout, remote: &Remote) -> Result<Self> {
        let state = state_folder()?;
        let tree = StableHash::default()
            .field(remote.host.as_str())
            .optional(remote.user.as_ref().map(User::as_str))
            .field(remote.base.as_str())
            .field(&layout.base);
        let pair = tree.clone().field(remote.workspace.as_str()).field(&layout.workspace);
        let name = remote.base.as_str().rsplit('/').next().unwrap_or("tree");
        let (tree, pair) =
            (format!("{name}-{:016x}", tree.finish()), format!("{name}-{:016x}", pair.finish()));
        let folder = state.join(&pair);
        let workspaces = state.join(format!("{tree}.workspaces"));
        let former_workspace = layout.former_workspace(remote)?;
        let (former_tree, former_pair) =
            former_names(layout, remote, former_workspace.as_ref().unwrap_or(&remote.workspace));
        take_over(&state.join(format!("{name}-{former_tree:016x}.workspaces")), &workspaces)?;
        take_over(&state.join(format!("{name}-{former_pair:016x}")), &folder)?;
        let own = OwnName::find(state, tree, LocalFolder::of(&layout.base), &folder.join(ABOUT))?;
        let (base, workspace) = (layout.base.clone(), layout.workspace.clone());
        let (folder, workspaces) = (own.name(&pair), Record::at(workspaces));
        Ok(Self { folder, workspaces, own, base, workspace })
    }

    /// Returns whether the local base is another folder than the one with which both sides last agreed. If an earlier
    /// version has noted nothing, it counts as another one.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn has_other_base(&self) -> Result<bool> {
        let text = self.record(ABOUT).text()?.unwrap_or_default();
        Ok(LocalFolder::of(&self.base).is_another(text.lines().next().unwrap_or_default()))
    }

    /// As [`SyncState::has_other_base`], for the local workspace.
    fn has_other_workspace(&self) -> Result<bool> {
        let text = self.record(ABOUT).text()?.unwrap_or_default();
        match text.lines().nth(1) {
            Some(line) => Ok(LocalFolder::of(&self.workspace).is_another(line)),
            // An earlier version noted the base alone.
            None => self.has_other_base(),
        }
    }

    /// Writes down the local folders with which both sides agree.
    fn note_folders(&self) -> Result<()> {
        let about = self.record(ABOUT);
        let line =
            |place: &PathBuf| LocalFolder::of(place).text().unwrap_or_else(|| "-\n".to_owned());
        let text = line(&self.base) + &line(&self.workspace);
        let is_known = about.text().is_ok_and(|known| known.as_ref() == Some(&text));
        if is_known { Ok(()) } else { about.write(text) }
    }

    /// The owner of the remote tree that this machine pushes.
    ///
    /// # Errors
    /// When the id of the local machine can't be read or made.
    pub fn owner(&self, layout: &Layout) -> Result<Owner> {
        Owner::of(layout, self.own.id.as_deref())
    }

    /// Waits until no other transfer of this pair runs; no other one begins until the returned file is dropped. The
    /// lock is a lock of the local machine, and ends with the process.
    ///
    /// # Errors
    /// When the file can't be made.
    pub fn lock(&self, report: &Report) -> Result<File> {
        let path = self.folder.join("lock");
        let lock = || {
            if let Some(state) = self.folder.parent() {
                make_private(state)?;
            }
            make_private(&self.folder)?;
            let file = OpenOptions::new().create(true).append(true).mode(0o600).open(&path)?;
            match file.try_lock() {
                Ok(()) => self.remove_unfinished(),
                Err(TryLockError::WouldBlock) => {
                    report.say("waiting for another transfer of this cube");
                    file.lock()?;
                    self.remove_unfinished();
                }
                // A home on NFS without lockd returns ENOLCK. Unfinished files may belong to another transfer, so they
                // are kept.
                Err(TryLockError::Error(_)) => report.warn(&format!(
                    "the file system of {} has no file locks; start no other transfer of this cube meanwhile",
                    self.folder.display()
                )),
            }
            self.own.note()?;
            Ok::<_, std::io::Error>(file)
        };
        lock().map_err(|problem| {
            let hint = if is_disk_full(&problem) { MAKE_ROOM } else { STATE_REMEDY };
            hinted(format!("can't lock {}: {problem}", path.display()), hint)
        })
    }

    /// Removes unfinished files of processes that were killed: only the holder of the lock writes.
    fn remove_unfinished(&self) {
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            if entry.path().extension().is_some_and(|ending| ending == "new") {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    /// What both sides of the workspace last agreed on; empty if there is no sync state.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn agreed(&self) -> Result<Listing> {
        Ok(self.agreed_if_any()?.unwrap_or_default())
    }

    /// As [`SyncState::agreed`], but `None` if there is no sync state.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn agreed_if_any(&self) -> Result<Option<Listing>> {
        self.agreement().listing()
    }

    /// Returns whether the remote workspace may have been pushed to before this sync state began: by another machine,
    /// or by this one with a state that is lost.
    ///
    /// # Errors
    /// When the file can't be inspected.
    pub fn is_joined(&self) -> Result<bool> {
        self.record("joined").exists()
    }

    /// Writes down whether the remote workspace may have been pushed to before this sync state began.
    ///
    /// # Errors
    /// When the file can't be written or removed.
    pub fn set_joined(&self, is_joined: bool) -> Result<()> {
        let joined = self.record("joined");
        if is_joined { joined.write_listing(&Listing::default()) } else { joined.remove() }
    }

    /// Writes down, before a transfer, what both sides will agree on once it is done.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn begin(&self, direction: TransferDirection, plan: &Plan) -> Result<()> {
        self.add_former_places(&plan.forgotten)?;
        self.under_way(direction).write_listing(&plan.will_agree)
    }

    /// Writes down what both sides agree on now.
    ///
    /// # Errors
    /// When a file can't be written or removed.
    pub fn agree(&self, agreed: &Agreed) -> Result<()> {
        self.add_former_places(agreed.forgotten())?;
        self.agreement().write_listing(agreed)?;
        BOTH.iter().try_for_each(|direction| self.under_way(*direction).remove())
    }

    /// Writes down what both sides agree on after a transfer.
    ///
    /// # Errors
    /// When a file can't be written, renamed or removed.
    pub fn finish(&self, confirmed: &Confirmed) -> Result<()> {
        let direction = confirmed.direction;
        if confirmed.otherwise.is_empty() && confirmed.as_before.is_empty() {
            return self.under_way(direction).replace(&self.agreement());
        }
        let begun = self.under_way(direction);
        // The file was written when the transfer began; without it almost no agreement would be left.
        let agreed = begun
            .whole_listing()?
            .with_context(|| format!("the sync state {} is gone", begun.path().display()))?;
        let mut agreed = Agreed::of_both_sides(agreed);
        agreed.replace(&confirmed.otherwise);
        agreed.replace(&confirmed.as_before);
        self.agree(&agreed)
    }

    /// Returns whether a transfer was cut off, so that the sync state isn't what both sides agree on.
    #[must_use]
    pub fn was_cut_off(&self) -> bool {
        // A file that can't be inspected may exist.
        BOTH.iter().any(|direction| self.under_way(*direction).exists().unwrap_or(true))
    }

    /// Returns what both sides agree on, given the previous agreement (`agreed`) and the present listings of both
    /// sides. An entry of a transfer that was cut off has arrived if the receiver has it as planned. `unrounded` puts
    /// into a receiver's listing what its file system can't store.
    ///
    /// # Errors
    /// When the file of a transfer that was cut off can't be inspected, or `unrounded` fails.
    pub fn settled(
        &self,
        mut agreed: Listing,
        local: &Listing,
        remote: &Listing,
        unrounded: &dyn Fn(TransferDirection, &Listing, &Listing) -> Outcome<Listing>,
    ) -> Outcome<Agreed> {
        let mut forgotten = Listing::default();
        for (direction, receiver) in
            [(TransferDirection::Down, local), (TransferDirection::Up, remote)]
        {
            let Some(planned) = self.under_way(direction).listing()? else { continue };
            // The receiver's disk may not be able to store the times.
            let receiver = unrounded(direction, receiver, &planned)?;
            let mut arrived = Listing::default();
            for (path, planned) in planned.iter() {
                let now = receiver.get(path);
                let Some(now) = now.as_ref().filter(|now| now.same_content(&planned)) else {
                    // It may have arrived, and somebody may have removed or replaced it since. What is still to be sent
                    // is planned again.
                    let is_planned_again =
                        !planned.is_folder() && now.is_none() && local.get(path).is_some();
                    if !is_planned_again && agreed.get(path).is_none() {
                        forgotten.insert(path, &planned);
                    }
                    continue;
                };
                if now.same_permissions(&planned) {
                    arrived.insert(path, &planned);
                } else {
                    // The content arrived; the previous agreement on the permissions still holds.
                    let mode = agreed.get(path).map_or(now.mode, |agreed| agreed.mode);
                    arrived.insert(path, &Entry { mode, ..planned });
                }
            }
            agreed.merge(&arrived);
        }
        Ok(Agreed::of_both_sides(agreed).without(forgotten))
    }

    /// The places at which both sides had something, and neither has any more.
    ///
    /// # Errors
    /// When the file can't be inspected.
    pub fn former_places(&self) -> Result<FormerPlaces> {
        let made = self.record(MADE);
        if !made.exists()? {
            return Ok(FormerPlaces::default());
        }
        Ok(FormerPlaces::of_file(made.listing()?.unwrap_or_default()))
    }

    fn add_former_places(&self, places: &Listing) -> Result<()> {
        if places.is_empty() {
            return Ok(());
        }
        let all = self.former_places()?.with(places);
        all.map_or(Ok(()), |all| self.record(MADE).write_listing(&all))
    }

    /// Forgets these places, because the remote tree is a new one.
    ///
    /// # Errors
    /// When the file can't be removed.
    pub fn forget_former_places(&self) -> Result<()> {
        self.record(MADE).remove()
    }

    /// The file that holds the agreement.
    fn agreement(&self) -> Record {
        self.record("workspace")
    }

    /// The file that holds what a running transfer will agree on.
    fn under_way(&self, direction: TransferDirection) -> Record {
        self.record(match direction {
            TransferDirection::Up => "going-up",
            TransferDirection::Down => "going-down",
        })
    }

    fn record(&self, name: &str) -> Record {
        Record::at(self.folder.join(name))
    }
}

/// The hashes in the names that earlier versions gave to the sync state of a tree, and of a pair of workspaces.
fn former_names(layout: &Layout, remote: &Remote, workspace: &RemotePath) -> (u64, u64) {
    let Remote { host, user, base, .. } = remote;
    let tree = former::hash(&(host, user, base, &layout.base));
    let pair = former::hash(&(host, user, base, workspace, &layout.base, &layout.workspace));
    (tree, pair)
}

/// Renames a file or folder of an earlier version, unless the new name exists. If several processes do so, one
/// succeeds.
fn take_over(former: &Path, now: &Path) -> Result<()> {
    // A read-only disk would refuse to rename even a file that doesn't exist.
    if Entry::look(former)?.is_none() || Entry::look(now)?.is_some() {
        return Ok(());
    }
    match fs::rename(former, now) {
        Err(problem)
            if !matches!(problem.kind(), ErrorKind::NotFound | ErrorKind::DirectoryNotEmpty) =>
        {
            Err(problem)
                .with_context(|| format!("can't rename {} to {}", former.display(), now.display()))
                .or_hint(FILE_REMEDY)
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::state::agreed::AgreedEntry;

    fn listing(files: &[(&str, u64)]) -> Listing {
        let line = |(path, size): &(&str, u64)| format!("f 644 {size} {size}.000000001 {path}\0\0");
        Listing::parse(files.iter().map(line).collect::<String>().as_bytes()).unwrap()
    }

    fn plan(files: &[(&str, u64)]) -> Plan {
        Plan { will_agree: listing(files), ..Plan::default() }
    }

    pub(super) fn sync_state(state: &Path) -> SyncState {
        let base = LocalFolder::of(state);
        let tree = "tree".to_owned();
        SyncState {
            folder: state.join("pair"),
            workspaces: Record::at(state.join("tree.workspaces")),
            own: OwnName::find(state.to_owned(), tree, base, Path::new("none")).unwrap(),
            base: state.to_owned(),
            workspace: state.to_owned(),
        }
    }

    /// The receiver of a file system that stores all times.
    #[expect(clippy::unnecessary_wraps, reason = "a remote may not reply")]
    fn exact(_: TransferDirection, now: &Listing, _: &Listing) -> Outcome<Listing> {
        Ok(now.clone())
    }

    #[test]
    fn an_interrupted_transfer_counts_the_entries_that_arrived() {
        let folder = tempfile::tempdir().unwrap();
        let sync_state = sync_state(folder.path());
        let before = listing(&[("came", 1), ("did not", 1), ("theirs", 1)]);
        sync_state.agree(&Agreed::of_both_sides(before)).unwrap();
        sync_state
            .begin(TransferDirection::Up, &plan(&[("came", 2), ("did not", 2), ("new", 2)]))
            .unwrap();
        assert!(sync_state.was_cut_off());
        let (local, remote) = (
            listing(&[("came", 9), ("did not", 2), ("new", 2)]),
            listing(&[("came", 2), ("did not", 1), ("theirs", 1), ("new", 2)]),
        );
        let agreed =
            sync_state.settled(sync_state.agreed().unwrap(), &local, &remote, &exact).unwrap();
        assert_eq!(*agreed, listing(&[("came", 2), ("did not", 1), ("theirs", 1), ("new", 2)]));
        sync_state.agree(&agreed).unwrap();
        assert!(!sync_state.was_cut_off());
        assert_eq!(sync_state.agreed().unwrap(), *agreed);
    }

    #[test]
    fn what_came_otherwise_is_agreed_on_and_what_did_not_come_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let sync_state = sync_state(folder.path());
        let direction = TransferDirection::Down;
        let before = listing(&[("same", 1), ("kept", 1)]);
        let here = listing(&[("other", 3), ("new", 3)]);
        sync_state
            .begin(direction, &plan(&[("same", 2), ("kept", 2), ("other", 2), ("gone", 2)]))
            .unwrap();
        let of = |listing, path| AgreedEntry::of(Path::new(path), listing);
        let otherwise = ["gone", "never", "new", "other"].map(|path| of(&here, path)).to_vec();
        let as_before = vec![of(&before, "kept")];
        let confirmed = Confirmed { otherwise, as_before, ..Confirmed::as_planned(direction) };
        sync_state.finish(&confirmed).unwrap();
        let agreed = listing(&[("same", 2), ("kept", 1), ("other", 3), ("new", 3)]);
        assert_eq!(sync_state.agreed().unwrap(), agreed);
        let former = sync_state.former_places().unwrap();
        assert!(former.covers(Path::new("gone")) && !former.covers(Path::new("kept")));
        assert!(!sync_state.was_cut_off());
    }

    #[test]
    fn a_pull_looks_for_arrived_entries_locally() {
        let folder = tempfile::tempdir().unwrap();
        let sync_state = sync_state(folder.path());
        sync_state.begin(TransferDirection::Down, &plan(&[("a", 2), ("b", 2)])).unwrap();
        let (local, remote) = (listing(&[("a", 2)]), listing(&[("a", 3), ("b", 2)]));
        let agreed =
            sync_state.settled(sync_state.agreed().unwrap(), &local, &remote, &exact).unwrap();
        assert_eq!(*agreed, listing(&[("a", 2)]));
    }
}
