//! What this machine remembers of a remote tree: what both sides last had in common, and the code that was pushed.
//!
//! In `${XDG_STATE_HOME:-~/.local/state}/mlcube-ssh/`, one folder for each pair of a remote tree and a local one:
//!
//! | file | holds |
//! |---|---|
//! | `workspace` | what both sides of the workspace last had in common |
//! | `going-up`, `going-down` | what they will have in common once the transfer that goes on, or was cut off, is done |
//! | `code`, `gone`, `configured` | the code that was pushed, that is gone since, that the image was built from |
//! | `incoming` | the incoming folders there of pushes that didn't end well, the newest last |
//! | `shown` | what the disk here shows in place of some of them, as it can't keep their times or permissions |
//! | `replaced/` | files of this machine in whose place a pull has put others |
//! | `lock` | held by the transfer that goes on |
//!
//! and beside these folders a file `NAME-HASH.workspaces` for each pair of a remote tree and a local base: the places in it that
//! are or were a workspace.

pub(crate) mod agreed;
pub(crate) mod confirm;
pub(crate) mod shared_tree;
pub(crate) mod shown;

use std::ffi::OsStr;
use std::fs;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::cube::layout::Layout;
use crate::listing::Listing;
use crate::listing::entry::{Entry, is_absence};
use crate::pipe::document::Remote;
use crate::pipe::private_file::state_folder;
use crate::pipe::private_file::{make_private, write_atomically};
use crate::settings::names::{RemotePath, User};
use crate::sync::plan::{Plan, TransferDirection};
use crate::sync::state::agreed::{Agreed, Confirmed};
use crate::text::stable_hash::{StableHash, former};
use crate::ui::report::Report;

/// The records of one pair of trees.
#[derive(Clone, Debug)]
pub struct SyncState {
    folder: PathBuf,
    /// The file that names the workspaces of the tree.
    workspaces: PathBuf,
}

impl SyncState {
    /// The record for a layout and its place on the remote. Nothing is made; what an earlier version kept gets its name.
    ///
    /// # Errors
    /// When there is neither `XDG_STATE_HOME` nor a home, or a record of an earlier version can't be renamed.
    pub fn of(layout: &Layout, remote: &Remote) -> Result<Self> {
        let state = state_folder()?;
        let tree = StableHash::default()
            .field(remote.host.as_str())
            .optional(remote.user.as_ref().map(User::as_str))
            .field(remote.base.as_str())
            .field(&layout.base);
        let pair = tree.clone().field(remote.workspace.as_str()).field(&layout.workspace);
        let name = remote.base.as_str().rsplit('/').next().unwrap_or("tree");
        let record = Self {
            folder: state.join(format!("{name}-{:016x}", pair.finish())),
            workspaces: state.join(format!("{name}-{:016x}.workspaces", tree.finish())),
        };
        let former_workspace = layout.former_workspace(remote)?;
        let (tree, pair) =
            former_names(layout, remote, former_workspace.as_ref().unwrap_or(&remote.workspace));
        take_over(&state.join(format!("{name}-{tree:016x}.workspaces")), &record.workspaces)?;
        take_over(&state.join(format!("{name}-{pair:016x}")), &record.folder)?;
        Ok(record)
    }

    /// A name that no other pair of trees has, of plain letters.
    #[must_use]
    pub fn name(&self) -> String {
        self.folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Waits until no other transfer of this pair goes on; none begins before what is returned is dropped. The lock is
    /// one of this machine's, and ends with the process.
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
                // A home on NFS without lockd: ENOLCK. What lies there may be another transfer's.
                Err(TryLockError::Error(_)) => report.warn(&format!(
                    "the file system of {} has no file locks; start no other transfer of this cube meanwhile",
                    self.folder.display()
                )),
            }
            Ok::<_, std::io::Error>(file)
        };
        lock().with_context(|| format!("can't lock {}", path.display()))
    }

    /// Removes files that a process which was killed had begun to write: whoever holds the lock is the only one that writes.
    fn remove_unfinished(&self) {
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            if entry.path().extension().is_some_and(|ending| ending == "new") {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    /// What both sides of the workspace last had in common; empty where there is no record.
    ///
    /// # Errors
    /// When the file can't be looked at.
    pub fn workspace(&self) -> Result<Listing> {
        Ok(self.read("workspace")?.unwrap_or_default())
    }

    /// Notes, before a transfer, what both sides will have in common once it is done.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn begin(&self, direction: TransferDirection, plan: &Plan) -> Result<()> {
        self.write(under_way(direction), &plan.common)
    }

    /// Notes what both sides have in common now.
    ///
    /// # Errors
    /// When a file can't be written or removed.
    pub fn agree(&self, agreed: &Agreed) -> Result<()> {
        self.write("workspace", agreed)?;
        self.remove(&[TransferDirection::Up, TransferDirection::Down].map(under_way))
    }

    /// Notes what both sides have in common after a transfer.
    ///
    /// # Errors
    /// When a file can't be written, renamed or removed.
    pub fn finish(&self, confirmed: &Confirmed) -> Result<()> {
        let direction = confirmed.direction;
        if confirmed.others().next().is_none() {
            return self.finish_as_begun(direction);
        }
        // It was written when the transfer began; without it next to nothing would be in common.
        let path = self.folder.join(under_way(direction));
        let read = File::open(&path).map_err(anyhow::Error::new).and_then(Listing::read);
        let mut common =
            read.with_context(|| format!("can't read the record {}", path.display()))?;
        for (path, entry) in confirmed.others() {
            match entry {
                Some(entry) => common.insert(path, entry),
                None => common.remove(path),
            }
        }
        self.agree(&Agreed::of_both_sides(common))
    }

    fn finish_as_begun(&self, direction: TransferDirection) -> Result<()> {
        let path = |name| self.folder.join(name);
        fs::rename(path(under_way(direction)), path("workspace"))
            .with_context(|| format!("can't write the record {}", path("workspace").display()))
    }

    /// Whether a transfer was cut off, so that the record isn't what both sides have in common.
    #[must_use]
    pub fn was_cut_off(&self) -> bool {
        [TransferDirection::Up, TransferDirection::Down]
            .iter()
            // One that can't be looked at may be there.
            .any(|way| !matches!(Entry::look(&self.folder.join(under_way(*way))), Ok(None)))
    }

    /// What both sides have in common, given what they had (`common`) and what lies on either now. Of a transfer that was cut
    /// off that has come which lies on the receiving side as it was meant to.
    ///
    /// # Errors
    /// When the record of such a transfer can't be looked at.
    pub fn settled(&self, mut common: Listing, here: &Listing, there: &Listing) -> Result<Agreed> {
        for (direction, receiver) in
            [(TransferDirection::Down, here), (TransferDirection::Up, there)]
        {
            let Some(meant) = self.read(under_way(direction))? else { continue };
            // As the receiver's disk makes of it.
            let receiver = receiver.unrounded(&meant);
            let mut came = Listing::default();
            for (path, meant) in meant.iter() {
                let now = receiver.get(path).filter(|now| now.same_content(&meant));
                let Some(now) = now else { continue };
                if now.same_permissions(&meant) {
                    came.insert(path, &meant);
                } else {
                    // The content came; of the permissions the older agreement stays.
                    let mode = common.get(path).map_or(now.mode, |common| common.mode);
                    came.insert(path, &Entry { mode, ..meant });
                }
            }
            common.merge(&came);
        }
        Ok(Agreed::of_both_sides(common))
    }

    /// The code that was last pushed; none where nothing was.
    ///
    /// # Errors
    /// When the file can't be looked at.
    pub fn code(&self) -> Result<Option<Listing>> {
        self.read("code")
    }

    /// The same, unless it takes more bytes in the record.
    ///
    /// # Errors
    /// When the file can't be looked at.
    pub fn code_within(&self, bytes: u64) -> Result<Option<Listing>> {
        let file = Entry::look(&self.folder.join("code"))?;
        if file.is_some_and(|file| file.size <= bytes) { self.code() } else { Ok(None) }
    }

    /// Code that was pushed once, is gone here, and may still be there.
    ///
    /// # Errors
    /// When the file can't be looked at.
    pub fn gone(&self) -> Result<Listing> {
        Ok(self.read("gone")?.unwrap_or_default())
    }

    /// The part of the code that the image there was built from; none where it never was.
    ///
    /// # Errors
    /// When the file can't be looked at.
    pub fn configured(&self) -> Result<Option<Listing>> {
        self.read("configured")
    }

    /// The places in the base that are or were a workspace, as far as this machine knows.
    ///
    /// # Errors
    /// When the file is there and can't be read: without it somebody's results would be taken for code.
    pub fn workspaces(&self) -> Result<Vec<PathBuf>> {
        let text = match fs::read(&self.workspaces) {
            Err(problem) if problem.kind() == ErrorKind::NotFound => Vec::new(),
            read => read.with_context(|| format!("can't read {}", self.workspaces.display()))?,
        };
        let lines = text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
        Ok(lines.map(|line| PathBuf::from(OsStr::from_bytes(line))).collect())
    }

    /// Adds places to them.
    ///
    /// # Errors
    /// When the file can't be read or written.
    pub fn add_workspaces(&self, places: &[PathBuf]) -> Result<()> {
        let mut known = self.workspaces()?;
        let new: Vec<_> = places.iter().filter(|place| !known.contains(place)).cloned().collect();
        if new.is_empty() {
            return Ok(());
        }
        known.extend(new);
        self.write_workspaces(&known)
    }

    /// Takes a place from them: the user says that it is code.
    ///
    /// # Errors
    /// When the file can't be read or written.
    pub fn forget_workspace(&self, place: &Path) -> Result<()> {
        let mut known = self.workspaces()?;
        known.retain(|known| known != place);
        self.write_workspaces(&known)
    }

    fn write_workspaces(&self, known: &[PathBuf]) -> Result<()> {
        let write = |file: &mut dyn Write| {
            known.iter().try_for_each(|place| {
                file.write_all(place.as_os_str().as_bytes())?;
                file.write_all(b"\n")
            })
        };
        write_atomically(&self.workspaces, write)
            .with_context(|| format!("can't write {}", self.workspaces.display()))
    }

    /// The names of the incoming folders on the remote of pushes that didn't end well, the newest last.
    #[must_use]
    pub fn incoming(&self) -> Vec<String> {
        let text = fs::read_to_string(self.folder.join("incoming")).unwrap_or_default();
        let is_name = |name: &&str| name.bytes().all(|byte| byte.is_ascii_hexdigit());
        text.split_whitespace().filter(is_name).map(str::to_owned).collect()
    }

    /// Notes them.
    ///
    /// # Errors
    /// When the file can't be written or removed.
    pub fn set_incoming(&self, names: &[String]) -> Result<()> {
        if names.is_empty() {
            return self.remove(&["incoming"]);
        }
        let path = self.folder.join("incoming");
        write_atomically(&path, |file| file.write_all(names.join("\n").as_bytes()))
            .with_context(|| format!("can't write the record {}", path.display()))
    }

    /// The folder in which files of this machine that a pull replaces are kept aside.
    #[must_use]
    pub fn replaced(&self) -> PathBuf {
        self.folder.join("replaced")
    }

    /// Notes the code that was pushed.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn set_code(&self, listing: &Listing) -> Result<()> {
        self.write("code", listing)
    }

    /// Forgets what was pushed: it was removed there.
    ///
    /// # Errors
    /// When a file can't be removed.
    pub fn forget_code(&self) -> Result<()> {
        self.remove(&["code", "gone", "configured"])
    }

    /// Notes the code that is gone here and was left there.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn set_gone(&self, listing: &Listing) -> Result<()> {
        self.write("gone", listing)
    }

    /// Notes that the image was built from the code that was pushed last.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn set_configured(&self, layout: &Layout) -> Result<()> {
        let code = self.code()?.unwrap_or_default();
        self.write("configured", &code.below(layout.build_context()))
    }

    fn remove(&self, names: &[&str]) -> Result<()> {
        for path in names.iter().map(|name| self.folder.join(name)) {
            match fs::remove_file(&path) {
                Err(problem) if !is_absence(&problem) => Err(problem)
                    .with_context(|| format!("can't remove the record {}", path.display()))?,
                _ => {}
            }
        }
        Ok(())
    }

    pub(crate) fn read(&self, name: &str) -> Result<Option<Listing>> {
        let path = self.folder.join(name);
        let read = match File::open(&path) {
            Err(problem) if is_absence(&problem) => return Ok(None),
            file => file.map_err(anyhow::Error::new).and_then(Listing::read),
        };
        let is_of_the_system = |problem: &anyhow::Error| {
            let problem = problem.downcast_ref::<io::Error>();
            problem.is_some_and(|problem| problem.raw_os_error().is_some())
        };
        match read {
            // One that isn't whole is none: then whatever differs is kept and named.
            Err(problem) if !is_of_the_system(&problem) => Ok(None),
            read => {
                read.map(Some).with_context(|| format!("can't read the record {}", path.display()))
            }
        }
    }

    pub(crate) fn write(&self, name: &str, listing: &Listing) -> Result<()> {
        let path = self.folder.join(name);
        write_atomically(&path, |file| listing.write(file))
            .with_context(|| format!("can't write the record {}", path.display()))
    }
}

/// The hashes in the names that earlier versions gave the records of a tree, and of a pair of workspaces.
fn former_names(layout: &Layout, remote: &Remote, workspace: &RemotePath) -> (u64, u64) {
    let Remote { host, user, base, .. } = remote;
    let tree = former::hash(&(host, user, base, &layout.base));
    let pair = former::hash(&(host, user, base, workspace, &layout.base, &layout.workspace));
    (tree, pair)
}

/// Gives what an earlier version kept its name, where nothing has that name yet. Of several processes that do so one succeeds.
fn take_over(former: &Path, now: &Path) -> Result<()> {
    if now.exists() {
        return Ok(());
    }
    match fs::rename(former, now) {
        Err(problem)
            if !matches!(problem.kind(), ErrorKind::NotFound | ErrorKind::DirectoryNotEmpty) =>
        {
            Err(problem)
                .with_context(|| format!("can't rename {} to {}", former.display(), now.display()))
        }
        _ => Ok(()),
    }
}

/// The file that tells of a transfer that goes on.
fn under_way(direction: TransferDirection) -> &'static str {
    match direction {
        TransferDirection::Up => "going-up",
        TransferDirection::Down => "going-down",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(files: &[(&str, u64)]) -> Listing {
        let line = |(path, size): &(&str, u64)| format!("f 644 {size} {size}.000000001 {path}\0\0");
        Listing::parse(files.iter().map(line).collect::<String>().as_bytes()).unwrap()
    }

    fn plan(files: &[(&str, u64)]) -> Plan {
        Plan { common: listing(files), ..Plan::default() }
    }

    #[test]
    fn of_a_transfer_that_was_cut_off_counts_what_has_come() {
        let folder = tempfile::tempdir().unwrap();
        let record = SyncState {
            folder: folder.path().join("pair"),
            workspaces: folder.path().join("tree.workspaces"),
        };
        let before = listing(&[("came", 1), ("did not", 1), ("theirs", 1)]);
        record.agree(&Agreed::of_both_sides(before)).unwrap();
        record
            .begin(TransferDirection::Up, &plan(&[("came", 2), ("did not", 2), ("new", 2)]))
            .unwrap();
        assert!(record.was_cut_off());
        let (here, there) = (
            listing(&[("came", 9), ("did not", 2), ("new", 2)]),
            listing(&[("came", 2), ("did not", 1), ("theirs", 1), ("new", 2)]),
        );
        let common = record.settled(record.workspace().unwrap(), &here, &there).unwrap();
        assert_eq!(*common, listing(&[("came", 2), ("did not", 1), ("theirs", 1), ("new", 2)]));
        record.agree(&common).unwrap();
        assert!(!record.was_cut_off());
        assert_eq!(record.workspace().unwrap(), *common);
    }

    #[test]
    fn what_comes_down_is_sought_here() {
        let folder = tempfile::tempdir().unwrap();
        let record = SyncState {
            folder: folder.path().join("pair"),
            workspaces: folder.path().join("tree.workspaces"),
        };
        record.begin(TransferDirection::Down, &plan(&[("a", 2), ("b", 2)])).unwrap();
        let (here, there) = (listing(&[("a", 2)]), listing(&[("a", 3), ("b", 2)]));
        let common = record.settled(record.workspace().unwrap(), &here, &there).unwrap();
        assert_eq!(*common, listing(&[("a", 2)]));
    }
}
