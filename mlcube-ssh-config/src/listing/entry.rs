//! An entry of a folder, in one form for the local disk, for the remote's `find`, and for the sync state.

use std::fs;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Stat};
use rustix::io::Errno;

use crate::text::system_error::without_numbers;

/// The prefix of a reason why an entry can't be read; the reason is stored where the owner's name is otherwise.
const REASON: char = '!';

/// Returns whether an error says that nothing exists at a path; every other error leaves that open.
#[must_use]
pub fn is_absence(problem: &io::Error) -> bool {
    matches!(problem.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// The system's message, without the error number.
fn reason(problem: &io::Error) -> String {
    without_numbers(&problem.to_string())
}

/// The kind of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Link,
    /// A remote file or folder that the remote user can't read; a local folder that the local user can't enter.
    Unreadable,
    /// A device, a socket or a pipe, which is never transferred.
    Other,
}

/// Why an entry can't be read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unreadable {
    /// The account that owns it gives no permission.
    Owner(String),
    /// The system's message.
    Reason(String),
}

impl Unreadable {
    /// Reads what a listing has of an unreadable entry in the place of a link's target.
    #[must_use]
    pub fn of(target: &Path) -> Self {
        let text = target.to_string_lossy();
        match text.strip_prefix(REASON) {
            Some(reason) => Self::Reason(reason.to_owned()),
            None => Self::Owner(text.into_owned()),
        }
    }
}

/// Facts about an entry that are kept in the bits of its mode above the permissions.
const SPARSE: u32 = 0o1_0000;
const UNWRITABLE: u32 = 0o2_0000;
const UNHELD: u32 = 0o4_0000;
const CONTENT_ALONE: u32 = 0o10_0000;

/// Permissions of the remote entry that pulls have withheld from the local one, this many bits above where they count.
const WITHHELD_SHIFT: u32 = 16;
const WITHHELD: u32 = 0o77 << WITHHELD_SHIFT;

/// The bits of a mode that a listing keeps, and those that the sync state keeps.
pub(crate) const KEPT_MODE: u32 = 0o17_7777 | WITHHELD;
pub(crate) const RECORDED_MODE: u32 = 0o7777 | WITHHELD;

/// The bytes of holes that make a file sparse. Fewer aren't worth a transfer of their own.
const HOLES: u64 = 64 << 10;

/// The unit of `st_blocks` and of `find -printf %b`, in bytes, whatever the block size of the file system is.
const BLOCK: u64 = 512;

/// A file, folder or link.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// The kind.
    pub kind: EntryKind,
    /// The permission bits; above them the facts that [`Entry::is_sparse`] and similar functions return.
    pub mode: u32,
    /// The size in bytes.
    pub size: u64,
    /// The time of the last change of the content: seconds since 1970, and nanoseconds.
    pub modified: (i64, u32),
    /// The target of a link, also of one that was followed; the owner of an unreadable remote entry; else empty.
    pub target: PathBuf,
}

impl Entry {
    /// Reads the local entry at `path` without following a link; `None` if there is none.
    ///
    /// # Errors
    /// When it can't be inspected: a failing disk, a path that is too long, an unreachable server. That isn't absence.
    pub fn look(path: &Path) -> io::Result<Option<Self>> {
        match fs::symlink_metadata(path).and_then(|metadata| Self::of(&metadata, path)) {
            Ok(entry) => Ok(Some(entry)),
            Err(problem) if is_absence(&problem) => Ok(None),
            Err(problem) => {
                let what = format!("can't inspect '{}': {problem}", path.display());
                Err(io::Error::new(problem.kind(), what))
            }
        }
    }

    /// Returns whether there is a local entry at `path` for which `is` holds; `false` if it can't be inspected.
    #[must_use]
    pub fn is_at(path: &Path, is: impl FnOnce(&Self) -> bool) -> bool {
        matches!(Self::look(path), Ok(Some(entry)) if is(&entry))
    }

    /// Makes an entry that can't be inspected, for this reason.
    #[must_use]
    pub fn unreadable(problem: &io::Error) -> Self {
        let target = PathBuf::from(format!("{REASON}{}", reason(problem)));
        Self { kind: EntryKind::Unreadable, mode: 0, size: 0, modified: (0, 0), target }
    }

    /// Makes an unreadable entry in which something has a path that is too long for any system call.
    pub(crate) fn too_long() -> Self {
        Self::unreadable(&Errno::NAMETOOLONG.into())
    }

    /// Why an unreadable entry can't be read.
    #[must_use]
    pub fn why_unreadable(&self) -> Unreadable {
        Unreadable::of(&self.target)
    }

    /// Reads the entry of an open file; `None` if the system can't.
    #[must_use]
    pub fn of_open(file: &File) -> Option<Self> {
        Self::of(&file.metadata().ok()?, Path::new("")).ok()
    }

    /// Makes the entry at `path` from its `metadata`.
    pub(crate) fn of(metadata: &Metadata, path: &Path) -> io::Result<Self> {
        let kind = match metadata.file_type() {
            file if file.is_file() => EntryKind::File,
            folder if folder.is_dir() => EntryKind::Folder,
            link if link.is_symlink() => EntryKind::Link,
            _ => EntryKind::Other,
        };
        let target = if kind == EntryKind::Link { fs::read_link(path)? } else { PathBuf::new() };
        let modified = (metadata.mtime(), u32::try_from(metadata.mtime_nsec()).unwrap_or(0));
        let (mode, size) = (metadata.mode() & 0o7777, metadata.size());
        Ok(Self { kind, mode, size, modified, target }.with_blocks(metadata.blocks()))
    }

    /// Adds how many blocks of 512 bytes the entry has allocated.
    pub(crate) fn with_blocks(mut self, blocks: u64) -> Self {
        let allocated = blocks.saturating_mul(BLOCK);
        if self.is_file() && self.size.saturating_sub(allocated) >= HOLES {
            self.mode |= SPARSE;
        }
        self
    }

    /// Marks a folder in which the user who listed it can't make, replace or remove anything.
    #[must_use]
    pub fn unwritable(mut self) -> Self {
        self.mode |= UNWRITABLE;
        self
    }

    /// Makes an entry of which only the content is sent: the receiver keeps the permissions that it has as `receiver`.
    pub(crate) fn content_alone(&self, receiver: &Self) -> Self {
        Self { mode: self.mode & !0o7777 | receiver.permissions() | CONTENT_ALONE, ..self.clone() }
    }

    /// Makes the entry that marks a name which the file system can't store, or confuses with the name of another entry.
    #[must_use]
    pub fn unheld() -> Self {
        let (kind, mode) = (EntryKind::Other, UNHELD);
        Self { kind, mode, size: 0, modified: (0, 0), target: PathBuf::new() }
    }

    /// Returns whether it is a file with holes: fewer bytes are allocated than its size.
    #[must_use]
    pub fn is_sparse(&self) -> bool {
        self.mode & SPARSE != 0
    }

    /// Returns whether it is a folder in which the user who listed it can't make, replace or remove anything.
    #[must_use]
    pub fn is_unwritable(&self) -> bool {
        self.mode & UNWRITABLE != 0
    }

    /// Returns whether only the content of the entry is sent.
    #[must_use]
    pub fn is_content_alone(&self) -> bool {
        self.mode & CONTENT_ALONE != 0
    }

    /// Returns whether this file system can't store the name.
    #[must_use]
    pub fn is_unheld(&self) -> bool {
        self.mode & UNHELD != 0
    }

    /// The permission bits alone.
    #[must_use]
    pub fn permissions(&self) -> u32 {
        self.mode & 0o7777
    }

    /// Makes an entry from `stat`, for a link without its target.
    pub(crate) fn of_stat(stat: &Stat) -> Self {
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => EntryKind::File,
            FileType::Directory => EntryKind::Folder,
            FileType::Symlink => EntryKind::Link,
            _ => EntryKind::Other,
        };
        let modified = (stat.st_mtime, u32::try_from(stat.st_mtime_nsec).unwrap_or(0));
        let size = u64::try_from(stat.st_size).unwrap_or(0);
        let entry =
            Self { kind, mode: stat.st_mode & 0o7777, size, modified, target: PathBuf::new() };
        entry.with_blocks(u64::try_from(stat.st_blocks).unwrap_or(0))
    }

    /// The permissions of the remote entry that pulls have withheld from the local one.
    pub(crate) fn withheld(&self) -> u32 {
        (self.mode & WITHHELD) >> WITHHELD_SHIFT
    }

    /// The entry without the permissions in `surplus`, which are noted as withheld.
    pub(crate) fn withholding(&self, surplus: u32) -> Self {
        let surplus = self.permissions() & surplus & 0o77;
        Self { mode: self.mode & !surplus | surplus << WITHHELD_SHIFT, ..self.clone() }
    }

    /// Returns whether this remote entry has the permissions that both sides agreed on, with those that pulls have
    /// withheld.
    pub(crate) fn has_agreed_permissions(&self, agreed: &Self) -> bool {
        self.permissions() & 0o777 == (agreed.permissions() | agreed.withheld()) & 0o777
    }

    /// Returns whether it is a regular file.
    #[must_use]
    pub fn is_file(&self) -> bool {
        self.kind == EntryKind::File
    }

    /// Returns whether it is a folder.
    #[must_use]
    pub fn is_folder(&self) -> bool {
        self.kind == EntryKind::Folder
    }

    /// Returns whether it is a followed link, listed as the file or folder that it leads to.
    #[must_use]
    pub fn is_followed_link(&self) -> bool {
        matches!(self.kind, EntryKind::File | EntryKind::Folder)
            && !self.target.as_os_str().is_empty()
    }

    /// Returns whether both have the same content according to size and time, as in rsync's quick check, to the
    /// nanosecond. Where a file system can't store a time, [`Listing::unrounded`](super::Listing::unrounded) puts it
    /// back before anything is compared.
    #[must_use]
    pub fn same_content(&self, other: &Self) -> bool {
        self.kind == other.kind
            && match self.kind {
                EntryKind::File => self.size == other.size && self.modified == other.modified,
                EntryKind::Link => self.target == other.target,
                EntryKind::Folder | EntryKind::Unreadable | EntryKind::Other => true,
            }
    }

    /// Returns whether both have the same permissions. Links have none; set-uid and similar bits belong to a machine.
    #[must_use]
    pub fn same_permissions(&self, other: &Self) -> bool {
        self.kind == EntryKind::Link || self.mode & 0o777 == other.mode & 0o777
    }

    /// Returns whether the owner has other permissions on each, which no umask explains.
    pub(crate) fn differs_for_owner(&self, other: &Self) -> bool {
        self.kind != EntryKind::Link && (self.mode ^ other.mode) & 0o700 != 0
    }

    /// Returns whether [`Entry::same_content`] holds and the permissions are the same.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        self.same_content(other) && self.same_permissions(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_in_whole_seconds_is_a_time_like_any_other() {
        let entry = |ns| Entry {
            kind: EntryKind::File,
            mode: 0o644,
            size: 1,
            modified: (5, ns),
            target: PathBuf::new(),
        };
        assert!(!entry(0).same_content(&entry(123)));
        assert!(!entry(1).same_content(&entry(2)));
        assert!(entry(1).same_content(&entry(1)));
    }
}
