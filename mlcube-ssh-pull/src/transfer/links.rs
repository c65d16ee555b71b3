//! The links of a pull. They are made locally, as the listing has them, once everything else has come: an rsync that
//! fetches a link makes whatever the host has at that moment, and the next rsync of the same pull would write through it.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use mlcube_ssh::listing::{Entry, EntryKind, Listing};
use mlcube_ssh::process::command::{Command, List};
use mlcube_ssh::sync::{Batch, Plan};

use crate::archive::attributes::{permissions, set_time_of_link, times};
use crate::local::scratch;
use crate::local::stage::remove;

/// The name of the folder, in a scratch folder, in which links are made.
const FOLDER: &str = "links";

/// Returns whether an entry is a link that isn't followed.
pub(crate) fn is_link(entry: &Entry) -> bool {
    entry.kind == EntryKind::Link
}

/// The links of a batch, with the planned folders around them.
pub(crate) struct Links<'a> {
    pub(crate) batch: Batch,
    planned: &'a Listing,
    /// The folder that the links are made in.
    folder: PathBuf,
}

/// A link that can't be made.
pub(crate) struct Unmade {
    pub(crate) path: PathBuf,
    pub(crate) problem: io::Error,
}

impl<'a> Links<'a> {
    /// Splits the links of `rest` into batches.
    pub(crate) fn of(plan: &'a Plan, rest: &Listing, workspace: &Path) -> Vec<Self> {
        let links = rest.filter(|_, entry| is_link(entry));
        let make = |batch: Batch| {
            let folder = workspace.join(&batch.folder).join(scratch::folder()).join(FOLDER);
            Self { batch, planned: &plan.send, folder }
        };
        plan.transfers_of(&links).into_iter().map(make).collect()
    }

    /// The folder that the links are made in, as rsync takes it.
    pub(crate) fn from(&self) -> String {
        format!("{}/", self.folder.display())
    }

    /// The commands that make the links.
    pub(crate) fn commands(&self) -> Vec<Command> {
        let make = |name: &'static Path| {
            let target = self.planned(name).map(|link| link.target).unwrap_or_default();
            let place = self.folder.join(name);
            let around = place.parent().unwrap_or(&self.folder);
            let folder = Command::new("mkdir").args(["-p", "--"]);
            let link = Command::new("ln").args(["-s", "--"]).arg(target.to_string_lossy());
            [folder.arg(around.to_string_lossy()), link.arg(place.to_string_lossy())]
        };
        self.batch.files_from.iter().flat_map(make).collect()
    }

    /// Makes the links in the folder; returns the names to place, and the first link that can't be made.
    pub(crate) fn make(&self, workspace: &Path) -> (List, Option<Unmade>) {
        let (mut names, mut folders, mut unmade) = (Vec::new(), BTreeMap::new(), None);
        for name in self.batch.files_from.iter() {
            let Some(link) = self.planned(name) else { continue };
            let made = if is_in_real_folders(&workspace.join(&self.batch.folder), name) {
                self.make_one(name, &link)
            } else {
                Err(io::Error::other("a folder on the way is none"))
            };
            if let Err(problem) = made {
                let path = self.batch.folder.join(name);
                unmade.get_or_insert(Unmade { path, problem });
                continue;
            }
            let around = name.ancestors().skip(1).filter_map(|folder| {
                let planned = self.planned(folder).filter(Entry::is_folder)?;
                Some((folder, planned))
            });
            folders.extend(around);
            names.push(name);
        }
        // The deepest first: setting the attributes of a folder may close it.
        for (name, planned) in folders.iter().rev() {
            // A folder without its permissions or times is still usable.
            let _ = fs::File::open(self.folder.join(name)).and_then(|folder| {
                folder.set_times(times(planned))?;
                folder.set_permissions(permissions(planned))
            });
        }
        // A folder is named, too: with the links in it, it would get another time.
        names.extend(folders.into_keys());
        names.sort_unstable();
        (names.into_iter().collect(), unmade)
    }

    /// Removes the folder.
    pub(crate) fn remove(&self) {
        // The scratch folder around it is removed at the end of the pull, and by later pulls.
        let _ = remove(&self.folder);
    }

    fn make_one(&self, name: &Path, link: &Entry) -> io::Result<()> {
        let place = self.folder.join(name);
        fs::create_dir_all(place.parent().unwrap_or(&self.folder))?;
        symlink(&link.target, &place)?;
        set_time_of_link(&place, link)
    }

    fn planned(&self, name: &Path) -> Option<Entry> {
        self.planned.get(&self.batch.folder.join(name))
    }
}

/// Returns whether the folders of `name` in `top`, as far as they exist, are no links.
fn is_in_real_folders(top: &Path, name: &Path) -> bool {
    let mut around = name.ancestors().skip(1).filter(|folder| *folder != Path::new(""));
    around.all(|folder| match fs::symlink_metadata(top.join(folder)) {
        Ok(found) => found.is_dir(),
        Err(problem) => problem.kind() == io::ErrorKind::NotFound,
    })
}
