//! Listing a folder of this machine.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::Path;

use anyhow::{Context, Result};

use super::entry::{Entry, Kind};
use super::listing::Listing;
use crate::rsync::PARTIAL;

/// Says of a path, and whether it is a folder, that it is left out of a listing.
pub type Skip<'a> = dyn Fn(&Path, bool) -> Result<bool> + 'a;

impl Listing {
    /// Lists `folder` on this machine; one that isn't there is empty. `skip` leaves entries out, folders with all
    /// that is in them, by their relative path and whether they are folders. A folder below that this user may not enter
    /// is unreadable, and nothing is known of what is in it.
    ///
    /// # Errors
    /// When a folder can't be read for another reason, or `folder` itself, and those of `skip`.
    pub fn of_folder(folder: &Path, skip: &Skip<'_>) -> Result<Self> {
        let mut listing = Self::default();
        if folder.is_dir() {
            add_folder(&mut listing, folder, Path::new(""), skip)?;
        }
        Ok(listing)
    }
}

fn add_folder(listing: &mut Listing, top: &Path, below: &Path, skip: &Skip<'_>) -> Result<()> {
    let folder = top.join(below);
    let names = match names(&folder) {
        Err(why) if why.kind() == io::ErrorKind::PermissionDenied && below != Path::new("") => {
            if let Some(closed) = Entry::read(&folder) {
                listing.insert(below, &Entry { kind: Kind::Unreadable, ..closed });
            }
            return Ok(());
        }
        names => names.with_context(|| format!("can't read {}", folder.display()))?,
    };
    for name in names {
        let path = below.join(&name);
        // An entry that went away meanwhile isn't there.
        let Some(found) = Entry::read(&top.join(&path)).filter(|_| name != PARTIAL) else {
            continue;
        };
        let is_folder = found.kind == Kind::Folder;
        if skip(&path, is_folder)? {
            continue;
        }
        listing.insert(&path, &found);
        if is_folder {
            add_folder(listing, top, &path, skip)?;
        }
    }
    Ok(())
}

/// The names in a folder, in the order of a listing.
fn names(folder: &Path) -> io::Result<Vec<OsString>> {
    // In one that can be read and not entered there are names, and nothing else.
    fs::metadata(folder.join("."))?;
    let names = fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name()));
    let mut names = names.collect::<io::Result<Vec<_>>>()?;
    names.sort_unstable();
    Ok(names)
}
