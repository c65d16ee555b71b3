//! Folders of the workspace, opened one by one from its top. Nothing is made through a link: a cube may have put one on
//! the way, and a disk that folds case finds it under the name of a listed folder.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use mlcube_ssh::cube::boundary::Boundary;
use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat};
use rustix::io::Errno;

/// Opens folders of a workspace.
#[derive(Clone, Copy)]
pub(crate) struct RealFolders<'a> {
    pub(crate) workspace: &'a Path,
    /// Decides which links are followed.
    pub(crate) boundary: &'a Boundary,
}

impl RealFolders<'_> {
    /// Opens the folder at a path in the workspace.
    ///
    /// # Errors
    /// When something on the way is neither a folder nor a link that is followed.
    pub(crate) fn open(&self, path: &Path) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        // The way to the workspace itself was checked before anything was listed.
        let mut folder = openat(CWD, self.workspace, flags, Mode::empty())?;
        let mut at = PathBuf::new();
        for name in path {
            at.push(name);
            folder = match openat(&folder, name, flags | OFlags::NOFOLLOW, Mode::empty()) {
                Err(Errno::LOOP | Errno::NOTDIR) => {
                    if !self.boundary.follows(&self.workspace.join(&at)) {
                        return Err(io::Error::other(format!("{} isn't a folder", at.display())));
                    }
                    openat(&folder, name, flags, Mode::empty())?
                }
                opened => opened?,
            };
        }
        Ok(File::from(folder))
    }

    /// Returns whether every folder on the way to a path, as far as it exists, and what is at the path is a folder or a
    /// link that is followed.
    pub(crate) fn can_hold(&self, path: &Path) -> bool {
        self.open(path).map_or_else(|why| why.kind() == io::ErrorKind::NotFound, |_| true)
    }

    /// Makes a folder that this user alone can enter. One that was made meanwhile serves, too.
    ///
    /// # Errors
    /// When it can't be made, and when the file system takes its name for that of another entry.
    pub(crate) fn make(&self, path: &Path, mode: Mode) -> io::Result<()> {
        let above = path.parent().unwrap_or(Path::new(""));
        let name = path.file_name().unwrap_or_default();
        match mkdirat(self.open(above)?, name, mode) {
            Err(Errno::EXIST) if !lists(&self.workspace.join(above), name)? => {
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
