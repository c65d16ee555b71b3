//! The backups of what a pull replaces locally: for each pull, one folder in the sync state.

use std::fs;
use std::fs::File;
use std::io;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process;

use anyhow::Result;
use mlcube_ssh::listing::{Entry, Listing};
use mlcube_ssh::sync::{SyncState, name_backups, unrounded_local};
use mlcube_ssh::ui::names::{Names, shown};
use mlcube_ssh::ui::report::Report;

/// How much is compared at once, in bytes.
const PIECE: usize = 64 << 10;

/// The folder for the backups of one pull.
pub(crate) struct Backups {
    folder: PathBuf,
}

/// How the pull ended that made backups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PullEnd {
    /// It names them itself.
    Whole,
    /// The same, on a disk that was full, so that a backup may be incomplete.
    Full,
    /// It was cut off before it could name them.
    CutOff,
}

/// A pull that ended, and what is known of the entries in whose places it has put others.
struct EndedPull<'a> {
    /// The folder of its backups.
    backups: &'a Path,
    workspace: &'a Path,
    /// The workspace before the pull, as it was listed.
    before: &'a Listing,
    fetched: &'a Listing,
    end: PullEnd,
}

impl EndedPull<'_> {
    /// Returns whether the workspace had this entry when it was listed.
    fn was_listed(&self, path: &Path, entry: &Entry) -> bool {
        self.before.get(path).is_some_and(|before| before.same_content(entry))
    }

    /// Returns whether the user doesn't know yet that this entry was replaced: it was written since the listing, or
    /// looked like the one that was fetched.
    fn is_news(&self, path: &Path, backup: &Entry) -> bool {
        let looked_the_same =
            || self.fetched.get(path).is_some_and(|fetched| self.was_listed(path, &fetched));
        !backup.is_folder() && (!self.was_listed(path, backup) || looked_the_same())
    }

    /// Returns whether a full disk, or a kill, ended this backup in its middle: the file itself is then still in its
    /// place.
    fn is_still_in_place(&self, path: &Path, backup: &Entry) -> bool {
        let place = self.workspace.join(path);
        let is_larger = |now: &Entry| backup.size < now.size;
        match self.end {
            PullEnd::Whole => false,
            PullEnd::Full => {
                Entry::is_at(&place, |now| is_larger(now) && self.was_listed(path, now))
            }
            PullEnd::CutOff => {
                Entry::is_at(&place, |now| is_larger(now) && now.is_file() && backup.is_file())
                    && is_start_of(&self.backups.join(path), &place)
            }
        }
    }

    /// The message about a backup.
    fn describe(&self, path: &Path, backup: &Entry) -> String {
        let place = self.backups.join(path);
        let place = place.display();
        if self.end == PullEnd::CutOff {
            return format!("a pull that was cut off kept a backup: {place}");
        }
        // Two names of one file on a disk that ignores case.
        let is_twin = |(other, entry): &(&Path, Entry)| {
            *other != path
                && entry.same_content(backup)
                && are_one(&self.workspace.join(other), &self.workspace.join(path))
        };
        if let Some((other, _)) = self.fetched.iter().find(is_twin) {
            return format!(
                "'{}' replaced '{}', which is the same file locally; its backup is {place}",
                shown(path),
                shown(other)
            );
        }
        let did = if self.was_listed(path, backup) {
            "differed locally by content alone, and was replaced"
        } else {
            "was written locally during this pull"
        };
        format!("'{}' {did}; its backup is {place}", shown(path))
    }
}

/// Returns whether the first file is the start of the second one, so that all of it is still there.
fn is_start_of(file: &Path, other: &Path) -> bool {
    let compare = || {
        let (mut file, mut other) = (File::open(file)?, File::open(other)?);
        let mut pieces = [vec![0; PIECE], vec![0; PIECE]];
        loop {
            let length = file.read(&mut pieces[0])?;
            if length == 0 {
                return Ok(true);
            }
            other.read_exact(&mut pieces[1][..length])?;
            if pieces[0][..length] != pieces[1][..length] {
                return Ok::<_, io::Error>(false);
            }
        }
    };
    compare().unwrap_or(false)
}

/// Returns whether two paths lead to one file.
fn are_one(path: &Path, other: &Path) -> bool {
    let is = |path: &Path| fs::canonicalize(path).ok();
    is(path).is_some_and(|path| is(other) == Some(path))
}

impl Backups {
    /// Chooses a folder that no other pull has.
    pub(crate) fn of_a_pull(sync_state: &SyncState) -> Self {
        let folder = sync_state.replaced().join(name_backups(&process::id().to_string()));
        Self { folder }
    }

    /// Names the backups of a pull that was cut off; `before` is what both sides last agreed on.
    ///
    /// # Errors
    /// When the sync state can't be read or written.
    pub(crate) fn settle_earlier(
        sync_state: &SyncState,
        workspace: &Path,
        before: &Listing,
        report: Report,
    ) -> Result<()> {
        let Some(folder) = sync_state.unnamed_backups()? else { return Ok(()) };
        let fetched = Listing::default();
        Self { folder }.settle(workspace, before, &fetched, PullEnd::CutOff, report);
        sync_state.set_unnamed_backups(None)
    }

    /// The folder for the backups. Those of a batch are in it under the batch's path in the workspace.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Names the files that were written since the workspace was listed, and those that looked the same and were replaced
    /// by content; `before` is that listing, and `fetched` what was fetched. If a disk was full, or the pull was cut off,
    /// removes incomplete backups, whose files are still in their places.
    ///
    /// After a transfer by content, nobody can tell such files from the fetched ones.
    pub(crate) fn settle(
        &self,
        workspace: &Path,
        before: &Listing,
        fetched: &Listing,
        end: PullEnd,
        report: Report,
    ) {
        let backups = match Listing::of_folder(&self.folder, &|_, _| Ok(false)) {
            Ok(backups) => backups,
            Err(problem) => {
                return report.warn(&format!("can't read the backups: {problem:#}"));
            }
        };
        // The file system of the backups may not be able to store the times, and after a pull that was cut off `before`
        // has times that the workspace's may not be able to store.
        let backups = unrounded_local(&self.folder, &backups, before);
        let backups = unrounded_local(workspace, &backups, before);
        let ended = EndedPull { backups: &self.folder, workspace, before, fetched, end };
        let mut changed: Vec<(&Path, Entry)> = Vec::new();
        for (path, backup) in backups.iter().filter(|(path, backup)| ended.is_news(path, backup)) {
            if !ended.is_still_in_place(path, &backup) {
                changed.push((path, backup));
                continue;
            }
            let incomplete = self.folder.join(path);
            if let Err(problem) = fs::remove_file(&incomplete) {
                report.warn(&format!(
                    "can't remove the incomplete file {}: {problem}",
                    incomplete.display()
                ));
            }
        }
        self.remove_empty(&backups);
        let name = Names { report, field: "", total: 0 };
        name.each(&changed, |(path, backup)| ended.describe(path, backup));
    }

    /// Removes empty folders, the deepest first.
    fn remove_empty(&self, backups: &Listing) {
        let folders = backups.iter().rev().filter(|(_, entry)| entry.is_folder());
        for folder in folders.map(|(path, _)| path).chain([Path::new("")]) {
            // Fails for a folder that isn't empty, which is kept.
            let _ = fs::remove_dir(self.folder.join(folder));
        }
    }
}
