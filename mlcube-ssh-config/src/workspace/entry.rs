//! What lies at a path: one form for this machine, for the remote's `find`, and for the record on disk.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
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

/// A file, folder or link.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// What it is.
    pub kind: Kind,
    /// Its permission bits.
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
    #[must_use]
    pub fn read(path: &Path) -> Option<Self> {
        Self::of(&fs::symlink_metadata(path).ok()?, path).ok()
    }

    /// What a file that is open is now; none when the system can't tell.
    #[must_use]
    pub fn of_open(file: &File) -> Option<Self> {
        Self::of(&file.metadata().ok()?, Path::new("")).ok()
    }

    /// The entry at `path`, of which `metadata` is known already.
    pub(super) fn of(metadata: &Metadata, path: &Path) -> io::Result<Self> {
        let kind = match metadata.file_type() {
            file if file.is_file() => Kind::File,
            folder if folder.is_dir() => Kind::Folder,
            link if link.is_symlink() => Kind::Link,
            _ => Kind::Other,
        };
        let target = if kind == Kind::Link { fs::read_link(path)? } else { PathBuf::new() };
        let modified = (metadata.mtime(), u32::try_from(metadata.mtime_nsec()).unwrap_or(0));
        Ok(Self { kind, mode: metadata.mode() & 0o7777, size: metadata.size(), modified, target })
    }

    /// Whether it is a regular file.
    #[must_use]
    pub fn is_file(&self) -> bool {
        self.kind == Kind::File
    }

    /// Whether it is a folder.
    #[must_use]
    pub fn is_folder(&self) -> bool {
        self.kind == Kind::Folder
    }

    /// Whether it is a link to a folder that stands for the folder.
    pub(super) fn is_followed_link(&self) -> bool {
        self.kind == Kind::Folder && !self.target.as_os_str().is_empty()
    }

    /// Whether both hold the same content as far as size and time tell, as rsync's quick check has it. A file system
    /// that keeps whole seconds agrees with one that keeps more.
    #[must_use]
    pub fn same_content(&self, other: &Self) -> bool {
        let ((one, one_ns), (two, two_ns)) = (self.modified, other.modified);
        self.kind == other.kind
            && match self.kind {
                Kind::File => {
                    self.size == other.size
                        && one == two
                        && (one_ns == two_ns || one_ns == 0 || two_ns == 0)
                }
                Kind::Link => self.target == other.target,
                Kind::Folder | Kind::Unreadable | Kind::Other => true,
            }
    }

    /// Whether both have the same permissions. A link has none; set-uid and its like belong to a machine.
    #[must_use]
    pub fn same_permissions(&self, other: &Self) -> bool {
        self.kind == Kind::Link || self.mode & 0o777 == other.mode & 0o777
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
            kind: Kind::File,
            mode: 0o644,
            size: 1,
            modified: (5, ns),
            target: PathBuf::new(),
        };
        assert!(entry(0).same_content(&entry(123)));
        assert!(!entry(1).same_content(&entry(2)));
    }
}
