//! Local folders, opened one by one from the top of a workspace or a base. Nothing is made or read through a link: a
//! cube may have put one on the way, a disk that folds case finds it under the name of a listed folder, and another
//! user who may write there can put one in a folder's place at any time.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat};
use rustix::io::Errno;

use crate::cube::boundary::Boundary;

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// Opens folders below a local folder.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "push and pull make it")]
pub struct RealFolders<'a> {
    /// The workspace or the base.
    pub top: &'a Path,
    /// Decides which links are followed.
    pub boundary: &'a Boundary,
}

impl RealFolders<'_> {
    /// Opens the folder at a path, to make something in it.
    ///
    /// # Errors
    /// When something on the way is neither a folder nor a link that is followed.
    pub fn open(&self, path: &Path) -> io::Result<File> {
        self.open_along(path, |link| self.boundary.followed(link))
    }

    /// Opens the folder at a path, to read what a push sends: links within the base are followed, too.
    ///
    /// # Errors
    /// When something on the way is neither a folder nor a link that is followed.
    pub fn open_to_read(&self, path: &Path) -> io::Result<File> {
        self.open_along(path, |link| self.boundary.readable(link))
    }

    fn open_along(
        &self,
        path: &Path,
        followed: impl Fn(&Path) -> Option<PathBuf>,
    ) -> io::Result<File> {
        // The way to the top itself was checked before anything was listed.
        let mut folder = openat(CWD, self.top, FOLDER, Mode::empty())?;
        let mut at = PathBuf::new();
        for name in path {
            at.push(name);
            folder = match openat(&folder, name, FOLDER | OFlags::NOFOLLOW, Mode::empty()) {
                Err(Errno::LOOP | Errno::NOTDIR) => match followed(&self.top.join(&at)) {
                    // By its real path: the link may be another one by now.
                    Some(place) => Self::open_real(&place)?,
                    None => {
                        return Err(io::Error::other(format!("{} isn't a folder", at.display())));
                    }
                },
                opened => opened?,
            };
        }
        Ok(File::from(folder))
    }

    /// Opens a folder by its real path, step by step: whatever is on the way may have become a link since.
    fn open_real(place: &Path) -> io::Result<OwnedFd> {
        // A folder on the way may be closed for reading.
        let step = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let top = openat(CWD, "/", step, Mode::empty())?;
        let next = |folder: OwnedFd, name| openat(&folder, name, step, Mode::empty());
        let folder = place.iter().skip(1).try_fold(top, next)?;
        Ok(openat(&folder, ".", FOLDER, Mode::empty())?)
    }

    /// Returns whether every folder on the way to a path, as far as it exists, and what is at the path is a folder or a
    /// link that is followed.
    #[must_use]
    pub fn can_hold(&self, path: &Path) -> bool {
        self.open(path).map_or_else(|why| why.kind() == io::ErrorKind::NotFound, |_| true)
    }

    /// Makes a folder that this user alone can enter. Accepts one that was made meanwhile.
    ///
    /// # Errors
    /// When it can't be made, and when the file system takes its name for that of another entry.
    pub fn make(&self, path: &Path, mode: Mode) -> io::Result<()> {
        let above = path.parent().unwrap_or(Path::new(""));
        let name = path.file_name().unwrap_or_default();
        match mkdirat(self.open(above)?, name, mode) {
            Err(Errno::EXIST) if !lists(&self.top.join(above), name)? => {
                Err(io::Error::other("the file system confuses its name with another one"))
            }
            Err(Errno::EXIST) => self.open(path).map(drop),
            ended => Ok(ended?),
        }
    }
}

/// Returns whether a folder lists this name byte for byte.
fn lists(folder: &Path, name: &OsStr) -> io::Result<bool> {
    Ok(fs::read_dir(folder)?.any(|entry| entry.is_ok_and(|entry| entry.file_name() == name)))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A folder above one that `follow_links` lists becomes a link after the look at where it leads.
    #[test]
    fn a_real_path_that_has_become_a_link_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path().canonicalize().unwrap();
        for place in ["listed/above/end", "private/end"] {
            fs::create_dir_all(top.join(place)).unwrap();
        }
        let place = top.join("listed/above/end");
        assert!(RealFolders::open_real(&place).is_ok());
        fs::rename(top.join("listed/above"), top.join("away")).unwrap();
        symlink("../private", top.join("listed/above")).unwrap();
        assert!(place.is_dir() && RealFolders::open_real(&place).is_err());
    }
}
