//! Unpacks an archive from the remote. It accepts only requested entries, as they were listed. Every file is written
//! out of sight first, and never replaces another.

use std::fs::File;
use std::io;
use std::io::{ErrorKind, Read, Write};
use std::mem;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use mlcube_ssh::listing::{Entry as Planned, EntryKind, Listing};
use mlcube_ssh::pipe::failure::is_disk_full;
use mlcube_ssh::sync::archive::{Member, Members, exceeded};
use mlcube_ssh::ui::progress::Progress;
use rustix::fs::{AtFlags, CWD, Mode, RenameFlags, linkat, mkdirat, renameat_with, symlinkat};
use rustix::io::Errno;
use tar::Archive;
use tempfile::{NamedTempFile, TempPath};

use crate::archive::attributes::{permissions, set_attributes_of_folder, set_time_of_link, times};
use crate::archive::received::Received;
use crate::local::scratch;
use mlcube_ssh::sync::RealFolders;

/// How much is read at once, in bytes.
const PIECE: usize = 64 << 10;

/// Unpacks entries into a workspace.
pub(crate) struct Unpacker<'a> {
    real: RealFolders<'a>,
    wanted: &'a Listing,
    /// The folder of the last entry. Everything is put into open folders: by a path, somebody who may write in the
    /// workspace could lead it elsewhere meanwhile.
    last: Option<(PathBuf, Rc<File>)>,
    /// Files that may differ from the remote ones, under temporary names.
    doubtful: Vec<(TempPath, PathBuf)>,
    received: &'a mut Received,
    bytes: u64,
    piece: Vec<u8>,
}

impl<'a> Unpacker<'a> {
    pub(crate) fn new(
        real: RealFolders<'a>,
        wanted: &'a Listing,
        received: &'a mut Received,
    ) -> Self {
        Self {
            real,
            wanted,
            last: None,
            doubtful: Vec::new(),
            received,
            bytes: 0,
            piece: vec![0; PIECE],
        }
    }

    /// Unpacks an archive up to its end, or to where it is cut off. Entries that can't be stored locally are skipped.
    ///
    /// # Errors
    /// When the archive holds anything that wasn't requested, or the disk is full.
    pub(crate) fn unpack(&mut self, archive: impl Read, progress: &mut Progress) -> io::Result<()> {
        scratch::make_private(&self.scratch()).or_else(|problem| unless_full(&problem))?;
        let mut in_order = self.wanted.iter();
        let mut archive = Archive::new(archive);
        let mut members = Members::of(&mut archive)?;
        loop {
            let mut member = match members.next() {
                Ok(Some(member)) => member,
                Err(problem) if exceeded(&problem).is_some() => return Err(problem),
                // The remote or ssh reports that the archive was cut off.
                Ok(None) | Err(_) => return Ok(()),
            };
            let path = member.path();
            progress.file(&path.to_string_lossy());
            // Entries arrive in the order in which they were requested; entries that have vanished on the remote are
            // missing.
            let expected = in_order.next().filter(|(wanted, _)| *wanted == path);
            let planned = expected.map(|(_, planned)| planned).or_else(|| self.wanted.get(&path));
            let Some(planned) = planned else {
                let shown = path.to_string_lossy().escape_debug().to_string();
                return Err(io::Error::other(format!(
                    "the host sent {shown}, which this pull didn't request"
                )));
            };
            if member.is(&planned)
                && let Some(folder) = self.folder(&path)
            {
                match self.put(&mut member, &folder, &path, &planned) {
                    Ok(true) => self.received.entries.insert(&path, &planned),
                    Ok(false) => {}
                    Err(problem) => unless_full(&problem)?,
                }
            }
            let size = if planned.is_file() { planned.size } else { 0 };
            self.bytes = self.bytes.saturating_add(size);
            progress.reached(self.bytes);
        }
    }

    /// Finishes the unpacked entries. Doubtful files get their names if the remote packed everything; otherwise they
    /// are left for rsync. Folders get their permissions and times, now that all of their entries exist.
    pub(crate) fn finish(mut self, was_all_packed: bool) {
        for (file, path) in mem::take(&mut self.doubtful) {
            let folder = self.folder(&path).filter(|_| was_all_packed);
            let is_placed = folder.is_some_and(|folder| place(file, &folder, &path).is_ok());
            if let Some(planned) = self.wanted.get(&path).filter(|_| is_placed) {
                self.received.entries.insert(&path, &planned);
            }
        }
        let folders = self.received.entries.iter().rev().filter(|(_, entry)| entry.is_folder());
        for (path, entry) in folders {
            // A folder without its permissions or times is still usable.
            let opened = self.real.open(path);
            let _ = opened.and_then(|folder| set_attributes_of_folder(&folder, &entry));
        }
        self.received.is_all = was_all_packed && self.received.entries.len() == self.wanted.len();
    }

    /// Puts an entry in its place; returns whether it did.
    fn put(
        &mut self,
        member: &mut Member<impl Read>,
        folder: &File,
        path: &Path,
        planned: &Planned,
    ) -> io::Result<bool> {
        let name = Path::new(path.file_name().unwrap_or_default());
        match planned.kind {
            EntryKind::Folder => mkdirat(folder, name, Mode::RWXU)?,
            EntryKind::Link => {
                symlinkat(&planned.target, folder, name)?;
                set_time_of_link(folder, name, planned)?;
            }
            _ => {
                let file = self.read(member, planned)?;
                // tar replaces what it can't read by zeros, up to the end of the file, and reports it only at its own
                // end.
                if planned.size > 0 && self.piece[0] == 0 {
                    self.doubtful.push((file.into_temp_path(), path.to_owned()));
                    return Ok(false);
                }
                place(file.into_temp_path(), folder, path)?;
            }
        }
        Ok(true)
    }

    /// Writes a file out of sight. Afterwards its last byte is the first one in the buffer.
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
        self.real.top.join(scratch::folder())
    }

    /// Opens the folder of a path; `None` if it doesn't exist or a link is on the way to it.
    fn folder(&mut self, path: &Path) -> Option<Rc<File>> {
        let path = path.parent().unwrap_or(path);
        if self.last.as_ref().is_none_or(|(last, _)| last != path) {
            self.last = Some((path.to_owned(), Rc::new(self.real.open(path).ok()?)));
        }
        self.last.as_ref().map(|(_, folder)| folder.clone())
    }
}

/// Gives a file its place in a folder. A file that was made there since the listing belongs to its maker, and is kept.
fn place(file: TempPath, folder: &File, path: &Path) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default();
    match renameat_with(CWD, &*file, folder, name, RenameFlags::NOREPLACE) {
        // Not every file system can do that.
        Err(Errno::NOSYS | Errno::INVAL | Errno::NOTSUP) => {
            Ok(linkat(CWD, &*file, folder, name, AtFlags::empty())?)
        }
        placed => {
            placed?;
            file.keep()?;
            Ok(())
        }
    }
}

/// Ignores what keeps a single file from being stored, because rsync will report it. A full disk is an error,
/// because it keeps every file from being stored.
fn unless_full(problem: &io::Error) -> io::Result<()> {
    if is_disk_full(problem) {
        let message = format!("no room left locally ({problem})");
        return Err(io::Error::new(problem.kind(), message));
    }
    Ok(())
}

#[cfg(test)]
#[path = "../../fuzz/archive_input.rs"]
mod archive_input;

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// What the fuzz target `unpack` found its way with.
    #[test]
    fn the_corpus_is_unpacked() {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/hostile_host/unpack.tar");
        let packed = fs::read(corpus).unwrap();
        let mut inputs = 0;
        for entry in Archive::new(packed.as_slice()).entries().unwrap() {
            let mut input = Vec::new();
            entry.unwrap().read_to_end(&mut input).unwrap();
            archive_input::read(&input);
            inputs += 1;
        }
        assert!(inputs > 600, "only {inputs}");
    }
}
