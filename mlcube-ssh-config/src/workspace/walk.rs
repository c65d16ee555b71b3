//! Listing a folder of this machine.

use std::ffi::{CString, OsStr};
use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rustix::fs::{AtFlags, Dir, Mode, OFlags, open, readlinkat, statat};
use rustix::io::{Errno, Result as Looked};

use super::entry::{Entry, Kind, is_absence};
use super::listing::Listing;
use super::packed_entry::PackedEntry;
use crate::rsync::PARTIAL;

/// Says of a path, and whether it is a folder, that it is left out of a listing.
pub type Skip<'a> = dyn Fn(&Path, bool) -> Result<bool> + 'a;

impl Listing {
    /// Lists `folder` on this machine; one that isn't there is empty. `skip` leaves entries out, folders with all
    /// that is in them, by their relative path and whether they are folders. What can't be looked at, a folder that this user
    /// may not enter or an entry on a disk that fails, is unreadable, and nothing is known of what is in it.
    ///
    /// # Errors
    /// When `folder` itself can't be read, and those of `skip`.
    pub fn of_folder(folder: &Path, skip: &Skip<'_>) -> Result<Self> {
        let mut walk = Walk { top: folder, skip, listing: Self::default() };
        let can_hold = match fs::metadata(folder) {
            Ok(found) => found.is_dir(),
            Err(problem) if is_absence(&problem) => false,
            Err(problem) => {
                return Err(problem).with_context(|| format!("can't read {}", folder.display()));
            }
        };
        if can_hold {
            walk.add_folder(Path::new(""))?;
        }
        Ok(walk.listing)
    }
}

struct Walk<'a> {
    top: &'a Path,
    skip: &'a Skip<'a>,
    listing: Listing,
}

impl Walk<'_> {
    /// Adds what is in a folder.
    fn add_folder(&mut self, below: &Path) -> Result<()> {
        let place = self.top.join(below);
        let opened = open_folder(&place, below == Path::new(""));
        let names = opened.and_then(|folder| Ok((names(&folder)?, folder)));
        let (names, folder) = match names {
            // It went away meanwhile, or became something else: a link is refused with ELOOP.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) if below != Path::new("") => {
                return Ok(());
            }
            Err(why) if below != Path::new("") => {
                self.add_closed(below, why);
                return Ok(());
            }
            names => names.with_context(|| format!("can't read {}", place.display()))?,
        };
        let mut entries = Vec::new();
        for name in names {
            let path = below.join(OsStr::from_bytes(name.as_bytes()));
            if name.as_bytes() == PARTIAL.as_bytes() {
                continue;
            }
            let found = match look(&folder, &name) {
                Ok(Some(found)) => found,
                Ok(None) => continue,
                Err(why) => Entry::unreadable(&why.into()),
            };
            if !(self.skip)(&path, found.is_folder())? {
                entries.push(PackedEntry::new(&path, &found));
            }
        }
        // A process may have a thousand files open, and a tree may be deeper.
        drop(folder);
        for entry in entries {
            // In the order of a listing.
            self.listing.push(entry);
            if entry.kind() == Kind::Folder {
                self.add_folder(entry.path())?;
            }
        }
        Ok(())
    }

    /// Notes of a folder that it can't be listed. Of one that this user may not enter its owner is to be asked.
    fn add_closed(&mut self, path: &Path, why: Errno) {
        let is_denied = why == Errno::ACCESS;
        let closed = Entry::look(&self.top.join(path)).ok().flatten().filter(|_| is_denied);
        let closed = closed.map(|closed| Entry { kind: Kind::Unreadable, ..closed });
        let closed = closed.unwrap_or_else(|| Entry::unreadable(&why.into()));
        self.listing.insert(path, &closed);
    }
}

/// Opens a folder; only the one that is listed may be a link.
fn open_folder(place: &Path, is_top: bool) -> Looked<OwnedFd> {
    let nofollow = if is_top { OFlags::empty() } else { OFlags::NOFOLLOW };
    open(place, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | nofollow, Mode::empty())
}

/// The names in a folder, in the order of a listing.
fn names(folder: &OwnedFd) -> Looked<Vec<CString>> {
    // In one that can be read and not entered there are names, and nothing else.
    statat(folder, ".", AtFlags::empty())?;
    let mut names = Vec::new();
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            names.push(entry.file_name().to_owned());
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// What has this name in a folder, which is half the work of a look along a whole path; none when it went away meanwhile.
fn look(folder: impl AsFd, name: &CString) -> Looked<Option<Entry>> {
    let found = match statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) => return Ok(None),
        found => found?,
    };
    let mut entry = Entry::of_stat(&found);
    if entry.kind == Kind::Link {
        entry.target = match readlinkat(&folder, name, Vec::new()) {
            // It went away, or became something else, which is as new as what comes tomorrow.
            Err(Errno::NOENT | Errno::INVAL) => return Ok(None),
            target => PathBuf::from(OsStr::from_bytes(target?.to_bytes())),
        };
    }
    Ok(Some(entry))
}
