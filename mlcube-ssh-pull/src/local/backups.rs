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
    /// by content; `before` is that listing, and `fetched` what was fetched. If a disk was full, or
    /// the pull was cut off, removes incomplete backups, whose files are still in their places.
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
        let is_before = |path: &Path, entry: &Entry| {
            before.get(path).is_some_and(|before| before.same_content(entry))
        };
        let looked_the_same =
            |path: &Path| fetched.get(path).is_some_and(|fetched| is_before(path, &fetched));
        let mut changed: Vec<&Path> = Vec::new();
        for (path, backup) in backups.iter() {
            if backup.is_folder() || is_before(path, &backup) && !looked_the_same(path) {
                continue;
            }
            // A full disk, or a kill, ends a backup in its middle; the file itself is then still in its place.
            let (kept, place) = (self.folder.join(path), workspace.join(path));
            let is_larger = |now: &Entry| backup.size < now.size;
            let is_in_place = match end {
                PullEnd::Whole => false,
                PullEnd::Full => Entry::is_at(&place, |now| is_larger(now) && is_before(path, now)),
                PullEnd::CutOff => {
                    Entry::is_at(&place, |now| is_larger(now) && now.is_file() && backup.is_file())
                        && is_start_of(&kept, &place)
                }
            };
            if !is_in_place {
                changed.push(path);
            } else if let Err(problem) = fs::remove_file(&kept) {
                report.warn(&format!(
                    "can't remove the incomplete file {}: {problem}",
                    kept.display()
                ));
            }
        }
        self.remove_empty(&backups);
        let name = Names { report, field: "", total: 0 };
        name.each(&changed, |path| {
            if end == PullEnd::CutOff {
                let backup = self.folder.join(path);
                return format!("a pull that was cut off kept a backup: {}", backup.display());
            }
            let is_twin = |(other, entry): &(&Path, Entry)| {
                other != path
                    && backups.get(path).is_some_and(|backup| entry.same_content(&backup))
                    && are_one(&workspace.join(other), &workspace.join(path))
            };
            if let Some((other, _)) = fetched.iter().find(is_twin) {
                return format!(
                    "'{}' replaced '{}', which is the same file locally; its backup is {}",
                    shown(path),
                    shown(other),
                    self.folder.join(path).display()
                );
            }
            let was_as_listed = backups.get(path).is_some_and(|backup| is_before(path, &backup));
            let did = if was_as_listed {
                "differed locally by content alone, and was replaced"
            } else {
                "was written locally during this pull"
            };
            format!("'{}' {did}; its backup is {}", shown(path), self.folder.join(path).display())
        });
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
