//! What lies in a folder: one form for this machine, for the remote's `find`, and for the record on disk.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result};

use crate::rsync::PARTIAL;

/// The format of `find -printf` that [`Listing::parse`] reads: kind, mode, size, time of change, path, link target;
/// the last two end with a NUL.
pub const FIND_FORMAT: &str = r"%y %m %s %T@ %P\0%l\0";

/// The same for what lies behind a link to a folder, under the link's name.
pub const FIND_FORMAT_LINKED: &str = r"%y %m %s %T@ %p\0%l\0";

/// The same for an entry that whoever lists can't read: its owner stands in the place of the link target.
pub const FIND_FORMAT_UNREADABLE: &str = r"u %m %s %T@ %P\0%u\0";

/// The entries of a folder, by their path relative to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing(BTreeMap<PathBuf, Entry>);

/// Says of a path, and whether it is a folder, that it is left out of a listing.
pub type Skip<'a> = dyn Fn(&Path, bool) -> Result<bool> + 'a;

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Link,
    /// A file or folder that the remote user can't read.
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
    /// Where a link points, also one to a folder that stands for it; the owner of what can't be read; else empty.
    pub target: PathBuf,
}

impl Entry {
    /// What lies at `path` on this machine now, a link for itself; none when nothing does.
    #[must_use]
    pub fn read(path: &Path) -> Option<Self> {
        Self::of(&fs::symlink_metadata(path).ok()?, path).ok()
    }

    fn of(metadata: &Metadata, path: &Path) -> io::Result<Self> {
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

    /// As [`Entry::same_content`], with the same permissions.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        self.same_content(other) && (self.mode == other.mode || self.kind == Kind::Link)
    }
}

impl Listing {
    /// Lists `folder` on this machine; one that isn't there is empty. `skip` leaves entries out, folders with all
    /// that is in them, by their relative path and whether they are folders.
    ///
    /// # Errors
    /// When a folder can't be read, and those of `skip`.
    pub fn of_folder(folder: &Path, skip: &Skip<'_>) -> Result<Self> {
        let mut listing = Self::default();
        if folder.is_dir() {
            listing.add_folder(folder, Path::new(""), skip)?;
        }
        Ok(listing)
    }

    fn add_folder(&mut self, top: &Path, below: &Path, skip: &Skip<'_>) -> Result<()> {
        let folder = top.join(below);
        for entry in
            fs::read_dir(&folder).with_context(|| format!("can't read {}", folder.display()))?
        {
            let entry = entry.with_context(|| format!("can't read {}", folder.display()))?;
            let path = below.join(entry.file_name());
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if entry.file_name() == PARTIAL || skip(&path, is_folder)? {
                continue;
            }
            let found = entry.metadata().and_then(|metadata| Entry::of(&metadata, &entry.path()));
            // An entry that went away meanwhile isn't there.
            let Ok(found) = found else { continue };
            let is_folder = found.kind == Kind::Folder;
            self.0.insert(path.clone(), found);
            if is_folder {
                self.add_folder(top, &path, skip)?;
            }
        }
        Ok(())
    }

    /// Reads what `find -printf` wrote with [`FIND_FORMAT`]. Entries with a path that leads out of the folder are
    /// dropped: nobody's `find` writes them.
    ///
    /// # Errors
    /// When the text isn't of that form.
    pub fn parse(text: &[u8]) -> Result<Self> {
        let mut listing = Self::default();
        let mut fields = text.split(|&byte| byte == 0);
        while let Some(field) = fields.next().filter(|field| !field.is_empty()) {
            let target = fields.next().context("a list of files is cut off")?;
            let (path, mut entry) = parse_entry(field).context("a list of files can't be read")?;
            entry.target = PathBuf::from(OsStr::from_bytes(target));
            let inside =
                path.components().all(|component| matches!(component, Component::Normal(_)));
            let ours = path.components().any(|component| component.as_os_str() == PARTIAL);
            if inside && !ours && !path.as_os_str().is_empty() {
                listing.0.insert(path, entry);
            }
        }
        Ok(listing)
    }

    /// The form that [`Listing::parse`] reads.
    #[must_use]
    pub fn to_text(&self) -> Vec<u8> {
        let mut text = Vec::new();
        for (path, entry) in &self.0 {
            let kind = match entry.kind {
                Kind::File => 'f',
                Kind::Folder => 'd',
                Kind::Link => 'l',
                Kind::Unreadable => 'u',
                Kind::Other => 'p',
            };
            let (seconds, nanoseconds) = entry.modified;
            text.extend(
                format!("{kind} {:o} {} {seconds}.{nanoseconds:09} ", entry.mode, entry.size)
                    .into_bytes(),
            );
            text.extend(path.as_os_str().as_bytes());
            text.push(0);
            text.extend(entry.target.as_os_str().as_bytes());
            text.push(0);
        }
        text
    }

    /// The entry at `path`.
    #[must_use]
    pub fn get(&self, path: &Path) -> Option<&Entry> {
        self.0.get(path)
    }

    /// Notes an entry.
    pub fn insert(&mut self, path: PathBuf, entry: Entry) {
        self.0.insert(path, entry);
    }

    /// Forgets an entry.
    pub fn remove(&mut self, path: &Path) {
        self.0.remove(path);
    }

    /// Lets the link at `path` count as the folder that it leads to.
    pub(super) fn follow(&mut self, path: &Path) {
        if let Some(entry) = self.0.get_mut(path) {
            entry.kind = Kind::Folder;
        }
    }

    /// Every entry with its path, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&PathBuf, &Entry)> {
        self.0.iter()
    }

    /// How many entries are files or links.
    #[must_use]
    pub fn files(&self) -> u64 {
        self.0.values().filter(|entry| entry.kind != Kind::Folder).count() as u64
    }

    /// The bytes of all files.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.0.values().filter(|entry| entry.kind == Kind::File).map(|entry| entry.size).sum()
    }

    /// Whether both hold the same entries, permissions included.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        self.0.len() == other.0.len()
            && self
                .0
                .iter()
                .all(|(path, entry)| other.get(path).is_some_and(|there| entry.same(there)))
    }

    /// The entries below `folder`, in a listing of their own with their paths as they were.
    #[must_use]
    pub fn below(&self, folder: &Path) -> Self {
        Self(
            self.0
                .iter()
                .filter(|(path, _)| path.starts_with(folder))
                .map(|(path, entry)| (path.clone(), entry.clone()))
                .collect(),
        )
    }
}

/// `kind mode size seconds.fraction path`.
fn parse_entry(field: &[u8]) -> Option<(PathBuf, Entry)> {
    let mut words = field.splitn(5, |&byte| byte == b' ');
    let mut word = || std::str::from_utf8(words.next()?).ok();
    let kind = match word()? {
        "f" => Kind::File,
        "d" => Kind::Folder,
        "l" => Kind::Link,
        "u" => Kind::Unreadable,
        _ => Kind::Other,
    };
    let mode = u32::from_str_radix(word()?, 8).ok()?;
    let size = word()?.parse().ok()?;
    let (seconds, fraction) = word()?.split_once('.')?;
    // GNU find writes ten digits, of which nine count.
    let nanoseconds = fraction.get(..9)?.parse().ok()?;
    let path = words.next()?;
    let path = path.strip_prefix(b"./").unwrap_or(path);
    let path = PathBuf::from(std::ffi::OsString::from_vec(path.to_vec()));
    Some((
        path,
        Entry {
            kind,
            mode,
            size,
            modified: (seconds.parse().ok()?, nanoseconds),
            target: PathBuf::new(),
        },
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_back() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("a b")).unwrap();
        fs::write(folder.path().join("a b/new\nline"), "x").unwrap();
        std::os::unix::fs::symlink("a b", folder.path().join("link")).unwrap();
        let listing = Listing::of_folder(folder.path(), &|_, _| Ok(false)).unwrap();
        assert_eq!(listing.0.len(), 3);
        assert_eq!(Listing::parse(&listing.to_text()).unwrap(), listing);
    }

    #[test]
    fn paths_that_lead_out_are_dropped() {
        let text =
            b"f 644 1 1.000000000 ../x\0\0f 644 1 1.000000000 /etc/x\0\0f 644 1 1.000000000 ok\0\0";
        assert_eq!(Listing::parse(text).unwrap().0.len(), 1);
        assert!(Listing::parse(b"rubbish").is_err());
    }

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
