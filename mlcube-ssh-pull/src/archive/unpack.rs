//! Unpacking what a stream brings. Nothing gets here but what was asked for, as it was listed; every file is put together out
//! of sight, and takes no other's place.

use std::fs;
use std::fs::{DirBuilder, File};
use std::io;
use std::io::{ErrorKind, Read, Write};
use std::mem;
use std::os::unix::fs::{DirBuilderExt, symlink};
use std::path::{Path, PathBuf};

use mlcube_ssh::listing::{Entry as Planned, EntryKind, Listing};
use mlcube_ssh::sync::archive::{Member, Members, exceeded};
use mlcube_ssh::ui::progress::Progress;
use tar::Archive;
use tempfile::{NamedTempFile, TempPath};

use crate::archive::attributes::{permissions, set_time_of_link, times};
use crate::archive::received::Received;
use crate::local::scratch;

/// What is read at once, in bytes.
const PIECE: usize = 64 << 10;

/// Puts what comes into a workspace.
pub(crate) struct Unpacker<'a> {
    here: &'a Path,
    wanted: &'a Listing,
    /// The folder, relative to the workspace, of which it is known that no link leads there.
    real: Option<PathBuf>,
    /// Files that may not be what they were there, under names that nobody sees.
    doubtful: Vec<(TempPath, PathBuf)>,
    came: &'a mut Received,
    bytes: u64,
    piece: Vec<u8>,
}

impl<'a> Unpacker<'a> {
    pub(crate) fn new(here: &'a Path, wanted: &'a Listing, came: &'a mut Received) -> Self {
        Self {
            here,
            wanted,
            real: None,
            doubtful: Vec::new(),
            came,
            bytes: 0,
            piece: vec![0; PIECE],
        }
    }

    /// Takes what is in an archive, up to its end or to where it is cut off. What can't be put here is left out.
    ///
    /// # Errors
    /// When something comes that nobody asked for, or the disk is full.
    pub(crate) fn unpack(&mut self, archive: impl Read, progress: &mut Progress) -> io::Result<()> {
        fs::create_dir_all(self.scratch()).or_else(|problem| unless_full(&problem))?;
        let mut in_order = self.wanted.iter();
        let mut archive = Archive::new(archive);
        let mut members = Members::of(&mut archive)?;
        loop {
            let mut member = match members.next() {
                Ok(Some(member)) => member,
                Err(problem) if exceeded(&problem).is_some() => return Err(problem),
                // That it was cut off the remote says, or ssh.
                Ok(None) | Err(_) => return Ok(()),
            };
            let path = member.path();
            progress.file(&path.to_string_lossy());
            // It comes in the order in which it was asked for, but for what went away there.
            let expected = in_order.next().filter(|(wanted, _)| *wanted == path);
            let planned = expected.map(|(_, planned)| planned).or_else(|| self.wanted.get(&path));
            let Some(planned) = planned else {
                let shown = path.to_string_lossy().escape_debug().to_string();
                return Err(io::Error::other(format!(
                    "the host sent {shown}, which this pull didn't request"
                )));
            };
            if member.is(&planned) && self.is_in_real_folder(&path) {
                match self.put(&mut member, &path, &planned) {
                    Ok(true) => self.came.entries.insert(&path, &planned),
                    Ok(false) => {}
                    Err(problem) => unless_full(&problem)?,
                }
            }
            let size = if planned.is_file() { planned.size } else { 0 };
            self.bytes = self.bytes.saturating_add(size);
            progress.reached(0, self.bytes);
        }
    }

    /// Ends what the archive began. What is in doubt gets its name if all was packed as it was there, else it is rsync's;
    /// folders get their permissions and times, now that all is in them.
    pub(crate) fn finish(mut self, was_all_packed: bool) {
        for (file, path) in mem::take(&mut self.doubtful) {
            let is_placed = was_all_packed && file.persist_noclobber(self.here.join(&path)).is_ok();
            if let Some(planned) = self.wanted.get(&path).filter(|_| is_placed) {
                self.came.entries.insert(&path, &planned);
            }
        }
        let folders = self.came.entries.iter().rev().filter(|(_, entry)| entry.is_folder());
        for (path, entry) in folders {
            // One that can't have them is a folder that can be used.
            let _ = File::open(self.here.join(path)).and_then(|folder| {
                folder.set_times(times(&entry))?;
                folder.set_permissions(permissions(&entry))
            });
        }
        self.came.is_all = was_all_packed && self.came.entries.len() == self.wanted.len();
    }

    /// Puts what comes in its place, and says whether it is there.
    fn put(
        &mut self,
        member: &mut Member<impl Read>,
        path: &Path,
        planned: &Planned,
    ) -> io::Result<bool> {
        let place = self.here.join(path);
        match planned.kind {
            EntryKind::Folder => DirBuilder::new().mode(0o700).create(place)?,
            EntryKind::Link => {
                symlink(&planned.target, &place)?;
                set_time_of_link(&place, planned)?;
            }
            _ => {
                let file = self.read(member, planned)?;
                // tar fills what it can't read with zeros, up to the end, and tells of it when all is over.
                if planned.size > 0 && self.piece[0] == 0 {
                    self.doubtful.push((file.into_temp_path(), path.to_owned()));
                    return Ok(false);
                }
                // What is here since the list was made is its owner's.
                file.persist_noclobber(place).map_err(|refused| refused.error)?;
            }
        }
        Ok(true)
    }

    /// Puts a file together out of sight. Afterwards its last byte stands first in the buffer.
    fn read(
        &mut self,
        member: &mut Member<impl Read>,
        planned: &Planned,
    ) -> io::Result<NamedTempFile> {
        let mut file = tempfile::Builder::new().tempfile_in(self.scratch())?;
        let mut left = planned.size;
        while left > 0 {
            let length = member.read(&mut self.piece)?;
            if length == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            file.write_all(&self.piece[..length])?;
            left = left.saturating_sub(length as u64);
            self.piece.swap(0, length - 1);
        }
        file.as_file().set_permissions(permissions(planned))?;
        file.as_file().set_times(times(planned))?;
        Ok(file)
    }

    fn scratch(&self) -> PathBuf {
        self.here.join(scratch::folder())
    }

    /// Whether the folder of a path is one, and none above it is a link: nothing lands behind one.
    fn is_in_real_folder(&mut self, path: &Path) -> bool {
        let folder = path.parent().unwrap_or(path);
        if self.real.as_deref() == Some(folder) {
            return true;
        }
        let mut around = folder.ancestors().filter(|folder| *folder != Path::new(""));
        let is_real = around.all(|folder| {
            fs::symlink_metadata(self.here.join(folder)).is_ok_and(|found| found.is_dir())
        });
        self.real = is_real.then(|| folder.to_owned());
        is_real
    }
}

/// Whatever keeps one file from getting here rsync will tell; but a full disk keeps all of them.
fn unless_full(problem: &io::Error) -> io::Result<()> {
    match problem.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            Err(io::Error::new(problem.kind(), format!("no room left on this machine ({problem})")))
        }
        _ => Ok(()),
    }
}
