//! The folders of a pull. They are made locally, as the listing has them: an rsync that is asked for a folder takes
//! whatever the host sends in it.

use std::collections::BTreeSet;
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use mlcube_ssh::listing::{Entry, Listing};
use mlcube_ssh::process::command::Command;
use rustix::fs::Mode;

use crate::archive::attributes::set_attributes_of_folder;
use crate::transfer::unmade::Unmade;
use mlcube_ssh::sync::RealFolders;

/// What this user needs in a folder that is being filled.
const OPEN: u32 = 0o700;

/// The folders among the entries that a pull fetches.
pub(crate) struct Folders<'a> {
    planned: Listing,
    real: RealFolders<'a>,
}

/// The result of making folders.
#[derive(Default)]
pub(crate) struct Made {
    pub(crate) number: u64,
    /// Folders that can't be made.
    pub(crate) unmade: Vec<Unmade>,
}

impl<'a> Folders<'a> {
    pub(crate) fn of(rest: &Listing, real: RealFolders<'a>) -> Self {
        Self { planned: rest.filter(|_, entry| entry.is_folder()), real }
    }

    /// The command that makes the folders.
    pub(crate) fn command(&self) -> Option<Command> {
        let make = Command::new("mkdir").args(["-p", "--"]);
        let place =
            |(path, _): (&Path, Entry)| self.real.top.join(path).to_string_lossy().into_owned();
        (!self.planned.is_empty()).then(|| make.args(self.planned.iter().map(place)))
    }

    /// Makes the folders, and opens for this user those that were made already, which `is_made` knows.
    pub(crate) fn make(&self, is_made: impl Fn(&Path) -> bool) -> Made {
        let mut made = Made::default();
        let mut missing = BTreeSet::new();
        for (path, entry) in self.planned.iter() {
            if path.parent().is_some_and(|above| missing.contains(above)) {
                missing.insert(path);
                continue;
            }
            let done = if is_made(path) {
                self.open_up(path, &entry)
            } else {
                self.make_one(path, &entry).inspect(|()| made.number += 1)
            };
            if let Err(problem) = done {
                missing.insert(path);
                made.unmade.push(Unmade { what: "folder", path: path.to_owned(), problem });
            }
        }
        made
    }

    /// Gives the folders their times and permissions, now that all of their entries exist.
    pub(crate) fn finish(&self) {
        // The deepest first: the permissions of a folder may close it.
        for (path, entry) in self.planned.iter().rev().filter(|(_, it)| !it.is_followed_link()) {
            // A folder without its permissions or times is still usable.
            let _ =
                self.real.open(path).and_then(|folder| set_attributes_of_folder(&folder, &entry));
        }
    }

    fn make_one(&self, path: &Path, entry: &Entry) -> io::Result<()> {
        // The permissions of what a link leads to belong to each machine.
        let mode = if entry.is_followed_link() { 0o777 } else { OPEN };
        self.real.make(path, Mode::from_raw_mode(mode))
    }

    fn open_up(&self, path: &Path, entry: &Entry) -> io::Result<()> {
        if entry.permissions() & OPEN == OPEN {
            return Ok(());
        }
        let folder = self.real.open(path)?;
        let mode = folder.metadata()?.permissions().mode() | OPEN;
        folder.set_permissions(Permissions::from_mode(mode))
    }
}
