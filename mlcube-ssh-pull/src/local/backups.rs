//! The backups of what a pull replaces locally: for each pull, one folder in the sync state.

use std::fs;
use std::path::{Path, PathBuf};
use std::process;

use anyhow::Result;
use mlcube_ssh::listing::{Entry, Listing};
use mlcube_ssh::sync::{SyncState, name_backups};
use mlcube_ssh::ui::names::{Names, shown};
use mlcube_ssh::ui::report::Report;

/// The folder for the backups of one pull.
pub(crate) struct Backups {
    folder: PathBuf,
    /// Whether the pull was cut off before it could name its backups.
    was_cut_off: bool,
}

impl Backups {
    /// Chooses a folder that no other pull has.
    pub(crate) fn of_a_pull(sync_state: &SyncState) -> Self {
        let was_cut_off = false;
        Self {
            was_cut_off,
            folder: sync_state.replaced().join(name_backups(&process::id().to_string())),
        }
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
        Self { folder, was_cut_off: true }.settle(
            workspace,
            before,
            &Listing::default(),
            false,
            report,
        );
        sync_state.set_unnamed_backups(None)
    }

    /// The folder for the backups. Those of a batch are in it under the batch's path in the workspace.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Names the files that were written since the workspace was listed, and those that looked the same and were replaced
    /// by content; `before` is that listing, and `fetched` what was fetched. If a disk was full
    /// (`may_be_incomplete`), removes incomplete backups, whose files are still in their places. After a transfer by content,
    /// nobody can tell such files from the fetched ones.
    pub(crate) fn settle(
        &self,
        workspace: &Path,
        before: &Listing,
        fetched: &Listing,
        may_be_incomplete: bool,
        report: Report,
    ) {
        let backups = match Listing::of_folder(&self.folder, &|_, _| Ok(false)) {
            Ok(backups) => backups,
            Err(problem) => {
                return report.warn(&format!("can't read the backups: {problem:#}"));
            }
        };
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
            // A full disk ends a backup in its middle; the file itself is then still in its place.
            let is_incomplete = |now: &Entry| is_before(path, now) && backup.size < now.size;
            if !may_be_incomplete || !Entry::is_at(&workspace.join(path), is_incomplete) {
                changed.push(path);
            } else if let Err(problem) = fs::remove_file(self.folder.join(path)) {
                let incomplete = self.folder.join(path);
                report.warn(&format!(
                    "can't remove the incomplete file {}: {problem}",
                    incomplete.display()
                ));
            }
        }
        self.remove_empty(&backups);
        let name = Names { report, field: "" };
        name.each(&changed, |path| {
            if self.was_cut_off {
                let backup = self.folder.join(path);
                return format!("a pull that was cut off kept a backup: {}", backup.display());
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
