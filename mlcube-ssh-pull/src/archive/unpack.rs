//! Unpacks an archive from the remote. It accepts only requested entries, as they were listed. Every file is written
//! out of sight first, and never replaces another.

use std::fs;
use std::fs::{DirBuilder, File};
use std::io;
use std::io::{ErrorKind, Read, Write};
use std::mem;
use std::os::unix::fs::{DirBuilderExt, symlink};
use std::path::{Path, PathBuf};

use mlcube_ssh::listing::{Entry as Planned, EntryKind, Listing};
use mlcube_ssh::pipe::failure::is_disk_full;
use mlcube_ssh::sync::archive::{Member, Members, exceeded};
use mlcube_ssh::ui::progress::Progress;
use rustix::fs::CWD;
use tar::Archive;
use tempfile::{NamedTempFile, TempPath};

use crate::archive::attributes::{permissions, set_attributes_of_folder, set_time_of_link, times};
use crate::archive::received::Received;
use crate::local::scratch;

/// How much is read at once, in bytes.
const PIECE: usize = 64 << 10;

/// Unpacks entries into a workspace.
pub(crate) struct Unpacker<'a> {
    local: &'a Path,
    wanted: &'a Listing,
    /// The last folder, relative to the workspace, that was found to have no link in its path.
    real: Option<PathBuf>,
    /// Files that may differ from the remote ones, under temporary names.
    doubtful: Vec<(TempPath, PathBuf)>,
    received: &'a mut Received,
    bytes: u64,
    piece: Vec<u8>,
}

impl<'a> Unpacker<'a> {
    pub(crate) fn new(local: &'a Path, wanted: &'a Listing, received: &'a mut Received) -> Self {
        Self {
            local,
            wanted,
            real: None,
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
            if member.is(&planned) && self.is_in_real_folder(&path) {
                match self.put(&mut member, &path, &planned) {
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
            let is_placed =
                was_all_packed && file.persist_noclobber(self.local.join(&path)).is_ok();
            if let Some(planned) = self.wanted.get(&path).filter(|_| is_placed) {
                self.received.entries.insert(&path, &planned);
            }
        }
        let folders = self.received.entries.iter().rev().filter(|(_, entry)| entry.is_folder());
        for (path, entry) in folders {
            // A folder without its permissions or times is still usable.
            let _ = File::open(self.local.join(path))
                .and_then(|folder| set_attributes_of_folder(&folder, &entry));
        }
        self.received.is_all = was_all_packed && self.received.entries.len() == self.wanted.len();
    }

    /// Puts an entry in its place; returns whether it did.
    fn put(
        &mut self,
        member: &mut Member<impl Read>,
        path: &Path,
        planned: &Planned,
    ) -> io::Result<bool> {
        let place = self.local.join(path);
        match planned.kind {
            EntryKind::Folder => DirBuilder::new().mode(0o700).create(place)?,
            EntryKind::Link => {
                symlink(&planned.target, &place)?;
                set_time_of_link(CWD, &place, planned)?;
            }
            _ => {
                let file = self.read(member, planned)?;
                // tar replaces what it can't read by zeros, up to the end of the file, and reports it only at its own
                // end.
                if planned.size > 0 && self.piece[0] == 0 {
                    self.doubtful.push((file.into_temp_path(), path.to_owned()));
                    return Ok(false);
                }
                // noclobber: a file that was made since the listing belongs to its maker.
                file.persist_noclobber(place).map_err(|refused| refused.error)?;
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
        self.local.join(scratch::folder())
    }

    /// Returns whether the folder of a path exists and no link is in its path, so that nothing is written through a
    /// link.
    fn is_in_real_folder(&mut self, path: &Path) -> bool {
        let folder = path.parent().unwrap_or(path);
        if self.real.as_deref() == Some(folder) {
            return true;
        }
        let mut around = folder.ancestors().filter(|folder| *folder != Path::new(""));
        let is_real = around.all(|folder| {
            fs::symlink_metadata(self.local.join(folder)).is_ok_and(|found| found.is_dir())
        });
        self.real = is_real.then(|| folder.to_owned());
        is_real
    }
}

/// Ignores what keeps a single file from being stored, because rsync will report it. A full disk is an error,
/// because it keeps every file from being stored.
fn unless_full(problem: &io::Error) -> io::Result<()> {
    if is_disk_full(problem) {
        let message = format!("no room left on this machine ({problem})");
        return Err(io::Error::new(problem.kind(), message));
    }
    Ok(())
}
