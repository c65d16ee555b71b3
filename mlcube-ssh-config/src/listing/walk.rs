//! Lists a local folder.

use std::ffi::{CString, OsStr};
use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rustix::fs::{AtFlags, Dir, Mode, OFlags, open, readlinkat, statat};
use rustix::io::{Errno, Result as Looked};
use rustix::process::{Uid, geteuid};

use crate::listing::entry::{Entry, EntryKind, is_absence};
use crate::listing::interner::interner;
use crate::listing::packed_entry::PackedEntry;
use crate::listing::{Listing, PARTIAL};

/// How many entries are packed together.
const AT_ONCE: usize = 256;

/// Returns whether a path, with what was found at it, is left out of a listing.
pub type Skip<'a> = dyn Fn(&Path, Found) -> Result<bool> + 'a;

/// What was found at a path.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Found {
    /// Whether it is a folder.
    pub is_folder: bool,
    /// Whether this user can surely read it (and enter it, if it is a folder) according to owner and permissions. If
    /// not, only the system knows.
    pub is_readable: bool,
}

impl Found {
    /// Makes a value for a path whose permissions aren't known, so that only the system knows whether this user can
    /// read it.
    #[must_use]
    pub fn new(is_folder: bool) -> Self {
        Self { is_folder, is_readable: false }
    }
}

impl Listing {
    /// Lists the local `folder`; if it doesn't exist, the listing is empty. `skip` leaves out entries by their relative
    /// path and what was found at it; a folder is left out with its content. What can't be inspected, such as a folder
    /// that this user may not enter or an entry on a failing disk, is listed as unreadable, without its content.
    ///
    /// # Errors
    /// When `folder` itself can't be read, and the errors of `skip`.
    pub fn of_folder(folder: &Path, skip: &Skip<'_>) -> Result<Self> {
        Self::of_folder_with_parts(folder, skip, &mut Vec::new())
    }

    /// As [`Listing::of_folder`]. `partial` gets the paths of the folders in it where transfers have left parts of files;
    /// no listing has them.
    ///
    /// # Errors
    /// Those of [`Listing::of_folder`].
    pub fn of_folder_with_parts(
        folder: &Path,
        skip: &Skip<'_>,
        partial: &mut Vec<PathBuf>,
    ) -> Result<Self> {
        let user = geteuid();
        let mut walk = Walk { top: folder, skip, user, listing: Self::default(), partial };
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
    user: Uid,
    listing: Listing,
    partial: &'a mut Vec<PathBuf>,
}

impl Walk<'_> {
    /// Adds the content of a folder.
    fn add_folder(&mut self, below: &Path) -> Result<()> {
        let place = self.top.join(below);
        let opened = open_folder(&place, below == Path::new(""));
        let names = opened.and_then(|folder| Ok((names(&folder)?, folder)));
        let (names, folder) = match names {
            // The folder was removed meanwhile, or replaced by something else: a link is refused with ELOOP.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) if below != Path::new("") => {
                return Ok(());
            }
            Err(why) if below != Path::new("") => {
                self.add_closed(below, why);
                return Ok(());
            }
            names => names.with_context(|| format!("can't read {}", place.display()))?,
        };
        let mut entries = Vec::with_capacity(names.len());
        let mut looked = Vec::new();
        for name in names {
            let path = below.join(OsStr::from_bytes(name.as_bytes()));
            if name.as_bytes() == PARTIAL.as_bytes() {
                self.partial.push(path);
                continue;
            }
            let (found, is_readable) = match look(&folder, &name, self.user) {
                Ok(Some(found)) => found,
                Ok(None) => continue,
                Err(why) => (Entry::unreadable(&why.into()), false),
            };
            let is_folder = found.is_folder();
            if !(self.skip)(&path, Found { is_folder, is_readable })? {
                looked.push((path, found));
            }
            if looked.len() == AT_ONCE {
                pack(&mut looked, &mut entries);
            }
        }
        pack(&mut looked, &mut entries);
        // A process may have a thousand files open, and a tree may be deeper than that.
        drop(folder);
        for entry in entries {
            // Adding them now keeps the order of a listing.
            self.listing.push(entry);
            if entry.kind() == EntryKind::Folder {
                self.add_folder(entry.path())?;
            }
        }
        Ok(())
    }

    /// Adds a folder that can't be listed. If this user may not enter it, the entry has no reason: its owner can change
    /// that.
    fn add_closed(&mut self, path: &Path, why: Errno) {
        let is_denied = why == Errno::ACCESS;
        let closed = Entry::look(&self.top.join(path)).ok().flatten().filter(|_| is_denied);
        let closed = closed.map(|closed| Entry { kind: EntryKind::Unreadable, ..closed });
        let closed = closed.unwrap_or_else(|| Entry::unreadable(&why.into()));
        self.listing.insert(path, &closed);
    }
}

/// Packs the inspected entries, and clears the list.
fn pack(looked: &mut Vec<(PathBuf, Entry)>, entries: &mut Vec<PackedEntry>) {
    let mut interner = interner();
    let packed =
        |(path, entry): (PathBuf, Entry)| PackedEntry::new_in(&mut interner, &path, &entry);
    entries.extend(looked.drain(..).map(packed));
}

/// Opens a folder; only the top folder may be a link.
fn open_folder(place: &Path, is_top: bool) -> Looked<OwnedFd> {
    let nofollow = if is_top { OFlags::empty() } else { OFlags::NOFOLLOW };
    open(place, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | nofollow, Mode::empty())
}

/// The names in a folder, in the order of a listing.
fn names(folder: &OwnedFd) -> Looked<Vec<CString>> {
    // A folder that can be read but not entered shows its names and nothing else.
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

/// Reads the entry of this name, relative to an open folder, which takes half the time of a lookup by the whole path;
/// and whether `user` can surely read it. `None` if it was removed meanwhile.
fn look(folder: impl AsFd, name: &CString, user: Uid) -> Looked<Option<(Entry, bool)>> {
    let found = match statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) => return Ok(None),
        found => found?,
    };
    let mut entry = Entry::of_stat(&found);
    if entry.kind == EntryKind::Link {
        entry.target = match readlinkat(&folder, name, Vec::new()) {
            // The link was removed, or replaced; the next transfer finds what replaced it.
            Err(Errno::NOENT | Errno::INVAL) => return Ok(None),
            target => PathBuf::from(OsStr::from_bytes(target?.to_bytes())),
        };
    }
    let wanted = if entry.is_folder() { 0o500 } else { 0o400 };
    let is_readable = found.st_uid == user.as_raw() && entry.mode & wanted == wanted;
    Ok(Some((entry, is_readable)))
}
