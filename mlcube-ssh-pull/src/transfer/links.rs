//! The links of a pull. They are made locally, as the listing has them, once everything else has come: an rsync that
//! fetches a link makes whatever the host has at that moment, and the next rsync of the same pull would write through it.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use mlcube_ssh::listing::{Entry, EntryKind, Listing};
use mlcube_ssh::process::command::Command;
use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, linkat, openat, readlinkat, renameat, statat, symlinkat,
    unlinkat,
};
use rustix::io::Errno;

use crate::archive::attributes::set_time_of_link;
use crate::local::backups::Backups;
use crate::local::scratch;
use crate::transfer::unmade::Unmade;
use mlcube_ssh::sync::RealFolders;

/// The name, in the scratch folder, of a link that will replace an entry.
const ASIDE: &str = "link";

/// Returns whether an entry is a link that isn't followed.
pub(crate) fn is_link(entry: &Entry) -> bool {
    entry.kind == EntryKind::Link
}

/// The links among the entries that a pull fetches.
pub(crate) struct Links<'a> {
    planned: Listing,
    real: RealFolders<'a>,
    backups: &'a Backups,
}

impl<'a> Links<'a> {
    pub(crate) fn of(rest: &Listing, real: RealFolders<'a>, backups: &'a Backups) -> Self {
        Self { planned: rest.filter(|_, entry| is_link(entry)), real, backups }
    }

    /// The commands that make the links.
    pub(crate) fn commands(&self) -> Vec<Command> {
        let make = |(path, link): (&Path, Entry)| {
            let place = self.real.top.join(path);
            let make = Command::new("ln").args(["-s", "--"]).arg(link.target.to_string_lossy());
            make.arg(place.to_string_lossy())
        };
        self.planned.iter().map(make).collect()
    }

    /// Makes the links; returns how many, and the first one that can't be made.
    pub(crate) fn make(&self) -> (u64, Option<Unmade>) {
        let (mut made, mut unmade) = (0, None);
        for (path, link) in self.planned.iter() {
            match self.make_one(path, &link) {
                Ok(()) => made += 1,
                Err(problem) => {
                    let path = path.to_owned();
                    unmade.get_or_insert(Unmade { what: "link", path, problem });
                }
            }
        }
        (made, unmade)
    }

    fn make_one(&self, path: &Path, link: &Entry) -> io::Result<()> {
        let folder = self.real.open(path.parent().unwrap_or(Path::new("")))?;
        let name = Path::new(path.file_name().unwrap_or_default());
        match symlinkat(&link.target, &folder, name) {
            Err(Errno::EXIST) => self.replace(path, &folder, name, link),
            made => {
                made?;
                set_time_of_link(&folder, name, link)
            }
        }
    }

    /// Puts a link in the place of a file or another link, which is kept as a backup.
    fn replace(&self, path: &Path, folder: &File, name: &Path, link: &Entry) -> io::Result<()> {
        // Made out of sight, so that a disk without links loses nothing.
        let scratch = self.real.top.join(scratch::folder());
        scratch::make_private(&scratch)?;
        let aside = scratch.join(ASIDE);
        let _ = fs::remove_file(&aside);
        symlink(&link.target, &aside)?;
        set_time_of_link(CWD, &aside, link)?;
        self.keep(path, folder, name)?;
        match renameat(CWD, &aside, folder, name) {
            // A followed link, or a mounted folder, may be on another disk.
            Err(Errno::XDEV) => {
                fs::remove_file(&aside)?;
                unlinkat(folder, name, AtFlags::empty())?;
                symlinkat(&link.target, folder, name)?;
                set_time_of_link(folder, name, link)
            }
            placed => Ok(placed?),
        }
    }

    /// Makes the backup of an entry that stays in its place.
    fn keep(&self, path: &Path, folder: &File, name: &Path) -> io::Result<()> {
        let backup = self.backups.folder().join(path);
        fs::create_dir_all(backup.parent().unwrap_or(&backup))?;
        let found = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
        let entry = match FileType::from_raw_mode(found.st_mode) {
            FileType::RegularFile => None,
            FileType::Symlink => Some(readlinkat(folder, name, Vec::new())?),
            _ => return Err(io::Error::other("a folder or a device is in its place")),
        };
        // Another disk, and some that know no second name, need a copy.
        if linkat(folder, name, CWD, &backup, AtFlags::empty()).is_ok() {
            return Ok(());
        }
        if let Some(target) = entry {
            return symlink(OsStr::from_bytes(target.to_bytes()), backup);
        }
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let mut file = File::from(openat(folder, name, flags, Mode::empty())?);
        copy(&mut file, &backup).inspect_err(|_| {
            // Remove the incomplete backup; the file itself is still in its place.
            let _ = fs::remove_file(&backup);
        })
    }
}

/// Copies an open file with its time and permissions.
fn copy(file: &mut File, backup: &Path) -> io::Result<()> {
    let found = file.metadata()?;
    let mut copy = File::create_new(backup)?;
    io::copy(file, &mut copy)?;
    copy.set_permissions(fs::Permissions::from_mode(found.permissions().mode() & 0o777))?;
    // Both times, because a file system made with libfuse 2 may ignore one alone.
    let times = fs::FileTimes::new().set_accessed(found.accessed()?);
    copy.set_times(times.set_modified(found.modified()?))
}
