//! What a pull replaces on this machine: kept aside first, in a folder of the record for each pull.

use std::fs;
use std::path::{Path, PathBuf};

use mlcube_ssh::listing::{Entry, Listing};
use mlcube_ssh::sync::{SyncState, name_aside};
use mlcube_ssh::ui::report::Report;

use crate::transfer::summary;

/// The folder for the backups of one pull.
pub(crate) struct Backups {
    folder: PathBuf,
}

impl Backups {
    /// A folder that no other pull has.
    pub(crate) fn of_a_pull(record: &SyncState) -> Self {
        Self { folder: record.replaced().join(name_aside()) }
    }

    /// The folder for what lies in a part of the workspace, by that part's path in it.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Names what was written since the workspace was listed; `before` tells what it was then. Where a disk was full
    /// (`may_be_half`) what isn't whole is removed, of files that are in their place still. By content nobody can tell these
    /// from what was fetched.
    pub(crate) fn settle(
        &self,
        workspace: &Path,
        before: &Listing,
        may_be_half: bool,
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
        let mut changed: Vec<&Path> = Vec::new();
        for (path, backup) in backups.iter() {
            if backup.is_folder() || is_before(path, &backup) {
                continue;
            }
            // A full disk ends a backup in its middle; the file itself stays in its place then.
            let is_half = |now: &Entry| is_before(path, now) && backup.size < now.size;
            if !may_be_half || !Entry::is_at(&workspace.join(path), is_half) {
                changed.push(path);
            } else if let Err(problem) = fs::remove_file(self.folder.join(path)) {
                let half = self.folder.join(path);
                report.warn(&format!(
                    "can't remove the incomplete file {}: {problem}",
                    half.display()
                ));
            }
        }
        self.remove_empty(&backups);
        let name = summary::Names { report, field: "" };
        name.each(&changed, |path| {
            format!(
                "'{}' was written locally during this pull; its backup is {}",
                summary::shown(path),
                self.folder.join(path).display()
            )
        });
    }

    /// Removes the folders that are empty, the deepest first.
    fn remove_empty(&self, backups: &Listing) {
        let folders = backups.iter().rev().filter(|(_, entry)| entry.is_folder());
        for folder in folders.map(|(path, _)| path).chain([Path::new("")]) {
            // One that holds anything stays.
            let _ = fs::remove_dir(self.folder.join(folder));
        }
    }
}
