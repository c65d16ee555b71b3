//! What lies at a path: one form for this machine, for the remote's `find`, and for the record on disk.

use std::fs;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Stat};

/// What stands before the reason why an entry can't be read, in the place of its owner's name.
const REASON: char = '!';

/// Whether an error says that nothing is there; every other one says that nobody knows.
#[must_use]
pub fn is_absence(problem: &io::Error) -> bool {
    matches!(problem.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// The system's own words, without the number.
fn reason(problem: &io::Error) -> String {
    let text = problem.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Link,
    /// A file or folder there that the remote user can't read; a folder here that this user can't enter.
    Unreadable,
    /// A device, a socket, a pipe: nothing that is ever transferred.
    Other,
}

/// What is known of an entry besides its permissions, in the bits of its mode above them.
const SPARSE: u32 = 0o1_0000;
const UNWRITABLE: u32 = 0o2_0000;
const UNHELD: u32 = 0o4_0000;

/// All bits of a mode that a listing keeps.
pub(crate) const KEPT_MODE: u32 = 0o7_7777;

/// A file with so many bytes of holes is sparse. Fewer aren't worth a transfer of their own.
const HOLES: u64 = 64 << 10;

/// The unit of `st_blocks` and of `find -printf %b`, in bytes, whatever the blocks of the file system are.
const BLOCK: u64 = 512;

/// A file, folder or link.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// What it is.
    pub kind: EntryKind,
    /// Its permission bits; above them what [`Entry::is_sparse`] and its like tell.
    pub mode: u32,
    /// Its size in bytes.
    pub size: u64,
    /// When its content changed: seconds since 1970, and nanoseconds.
    pub modified: (i64, u32),
    /// Where a link points, also one to a folder that stands for it; the owner of what can't be read there; else empty.
    pub target: PathBuf,
}

impl Entry {
    /// What lies at `path` on this machine now, a link for itself; none when nothing does.
    ///
    /// # Errors
    /// When it can't be looked at: a disk that fails, a path that is too long, a server that is gone. That isn't absence.
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

    /// Whether `is` holds for what lies at `path` on this machine now, as far as that can be looked at.
    #[must_use]
    pub fn is_at(path: &Path, is: impl FnOnce(&Self) -> bool) -> bool {
        matches!(Self::look(path), Ok(Some(entry)) if is(&entry))
    }

    /// An entry that can't be looked at, for this reason.
    #[must_use]
    pub fn unreadable(problem: &io::Error) -> Self {
        let target = PathBuf::from(format!("{REASON}{}", reason(problem)));
        Self { kind: EntryKind::Unreadable, mode: 0, size: 0, modified: (0, 0), target }
    }

    /// Why it can't be read, of an unreadable one; as far as that isn't a matter of its owner.
    #[must_use]
    pub fn reason(&self) -> Option<String> {
        self.target.to_str()?.strip_prefix(REASON).map(str::to_owned)
    }

    /// What a file that is open is now; none when the system can't tell.
    #[must_use]
    pub fn of_open(file: &File) -> Option<Self> {
        Self::of(&file.metadata().ok()?, Path::new("")).ok()
    }

    /// The entry at `path`, of which `metadata` is known already.
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

    /// The same, of which it is known how many blocks of 512 bytes are allocated for it.
    pub(crate) fn with_blocks(mut self, blocks: u64) -> Self {
        let allocated = blocks.saturating_mul(BLOCK);
        if self.is_file() && self.size.saturating_sub(allocated) >= HOLES {
            self.mode |= SPARSE;
        }
        self
    }

    /// A folder in which nothing can be made, replaced or removed by whoever listed it.
    #[must_use]
    pub fn unwritable(mut self) -> Self {
        self.mode |= UNWRITABLE;
        self
    }

    /// What stands in a listing for a name that the file system can't hold, or takes for the name of another entry.
    #[must_use]
    pub fn unheld() -> Self {
        let (kind, mode) = (EntryKind::Other, UNHELD);
        Self { kind, mode, size: 0, modified: (0, 0), target: PathBuf::new() }
    }

    /// Whether it is a file with holes, for which fewer bytes are allocated than its size says.
    #[must_use]
    pub fn is_sparse(&self) -> bool {
        self.mode & SPARSE != 0
    }

    /// Whether it is a folder in which whoever listed it can't make, replace or remove anything.
    #[must_use]
    pub fn is_unwritable(&self) -> bool {
        self.mode & UNWRITABLE != 0
    }

    /// Whether no entry can have this name on this file system.
    #[must_use]
    pub fn is_unheld(&self) -> bool {
        self.mode & UNHELD != 0
    }

    /// Its permission bits alone.
    #[must_use]
    pub fn permissions(&self) -> u32 {
        self.mode & 0o7777
    }

    /// The entry of which the system says this, a link without its target.
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

    /// Whether it is a regular file.
    #[must_use]
    pub fn is_file(&self) -> bool {
        self.kind == EntryKind::File
    }

    /// Whether it is a folder.
    #[must_use]
    pub fn is_folder(&self) -> bool {
        self.kind == EntryKind::Folder
    }

    /// Whether it is a link that stands for the file or folder to which it leads.
    #[must_use]
    pub fn is_followed_link(&self) -> bool {
        matches!(self.kind, EntryKind::File | EntryKind::Folder)
            && !self.target.as_os_str().is_empty()
    }

    /// Whether both hold the same content as far as size and time tell, as rsync's quick check has it. A file system
    /// that keeps whole seconds agrees with one that keeps more.
    #[must_use]
    pub fn same_content(&self, other: &Self) -> bool {
        let ((one, one_ns), (two, two_ns)) = (self.modified, other.modified);
        self.kind == other.kind
            && match self.kind {
                EntryKind::File => {
                    self.size == other.size
                        && one == two
                        && (one_ns == two_ns || one_ns == 0 || two_ns == 0)
                }
                EntryKind::Link => self.target == other.target,
                EntryKind::Folder | EntryKind::Unreadable | EntryKind::Other => true,
            }
    }

    /// Whether both have the same permissions. A link has none; set-uid and its like belong to a machine.
    #[must_use]
    pub fn same_permissions(&self, other: &Self) -> bool {
        self.kind == EntryKind::Link || self.mode & 0o777 == other.mode & 0o777
    }

    /// As [`Entry::same_content`], with the same permissions.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        self.same_content(other) && self.same_permissions(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_seconds_agree_with_finer_ones() {
        let entry = |ns| Entry {
            kind: EntryKind::File,
            mode: 0o644,
            size: 1,
            modified: (5, ns),
            target: PathBuf::new(),
        };
        assert!(entry(0).same_content(&entry(123)));
        assert!(!entry(1).same_content(&entry(2)));
    }
}
