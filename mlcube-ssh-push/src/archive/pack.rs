//! Packs new entries as a tar archive, in this process: a separate `tar` would have to be given all names, and couldn't
//! tell which files changed while it read them.

use std::fs::File;
use std::io;
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use mlcube_ssh::listing::{Entry, EntryKind, Listing};
use mlcube_ssh::sync::RealFolders;
use rustix::fs::{Mode, OFlags, openat};
use tar::EntryType;

use crate::archive::format::Archive;

/// How much of a file is read at once, in bytes.
const PIECE: usize = 256 << 10;

/// Receives the name of every file that is packed, and the number of bytes packed.
pub(crate) trait PackObserver {
    fn file(&mut self, path: &Path);
    fn packed(&mut self, bytes: u64);
}

/// Packs the entries of a listing of the folder `local` as the content of a folder `name`. The last entry of the
/// archive is a file `NAME.changed`, which proves that the archive is complete. It holds the paths of the files that
/// changed while they were read and mustn't be used, each followed by a NUL.
///
/// Returns the entries that are no longer as they were listed, whether they were packed or not.
///
/// # Errors
/// When the archive can't be written.
pub(crate) fn pack(
    real: RealFolders<'_>,
    name: &str,
    entries: &Listing,
    to: impl Write,
    observer: &mut impl PackObserver,
) -> io::Result<Listing> {
    let archive = Archive::new(to);
    let mut packer = Packer {
        real,
        last: None,
        name,
        archive,
        observer,
        piece: vec![0; PIECE],
        unusable: vec![],
    };
    let mut changed = Listing::default();
    for (path, entry) in entries.iter() {
        packer.observer.file(path);
        if !packer.add(path, &entry)? {
            changed.insert(path, &entry);
        }
    }
    packer.finish()?;
    Ok(changed)
}

struct Packer<'a, W, H> {
    real: RealFolders<'a>,
    /// The folder of the last file. By a path, somebody who may write in the workspace could lead it elsewhere
    /// meanwhile.
    last: Option<(PathBuf, File)>,
    name: &'a str,
    archive: Archive<W>,
    observer: &'a mut H,
    piece: Vec<u8>,
    unusable: Vec<u8>,
}

impl<W: Write, H: PackObserver> Packer<'_, W, H> {
    /// Adds an entry; returns whether it was as listed from beginning to end.
    fn add(&mut self, path: &Path, entry: &Entry) -> io::Result<bool> {
        let place = self.real.top.join(path);
        if entry.is_file() {
            return match self.open(path, entry) {
                Some(file) => self.add_file(file, path, entry),
                None => Ok(false),
            };
        }
        if !Entry::is_at(&place, |now| now.same_content(entry)) {
            return Ok(false);
        }
        let packed = self.packed_name(path);
        match entry.kind {
            EntryKind::Folder => self.archive.header(&packed, entry, EntryType::Directory)?,
            EntryKind::Link => self.archive.header(&packed, entry, EntryType::Symlink)?,
            EntryKind::File | EntryKind::Unreadable | EntryKind::Other => return Ok(false),
        }
        Ok(true)
    }

    fn add_file(&mut self, mut file: File, path: &Path, entry: &Entry) -> io::Result<bool> {
        let packed = self.packed_name(path);
        self.archive.header(&packed, entry, EntryType::Regular)?;
        let (mut left, mut is_whole) = (entry.size, true);
        while left > 0 {
            let wanted = usize::try_from(left).map_or(PIECE, |left| left.min(PIECE));
            let piece = &mut self.piece[..wanted];
            if is_whole && file.read_exact(piece).is_err() {
                is_whole = false;
                // The header has announced the listed size, so zeros take the place of what is missing or can't be
                // read.
                piece.fill(0);
            }
            self.archive.content(piece)?;
            left -= wanted as u64;
            self.observer.packed(wanted as u64);
        }
        self.archive.end_content(entry.size)?;
        // A failing disk, or a file system that reports another size, changes nothing that a listing shows.
        let is_as_listed = is_whole && is_as_listed(&file, entry);
        if !is_as_listed {
            self.unusable.extend_from_slice(path.as_os_str().as_bytes());
            self.unusable.push(0);
        }
        Ok(is_as_listed)
    }

    fn finish(mut self) -> io::Result<()> {
        self.archive.file(format!("{}.changed", self.name).as_bytes(), &self.unusable)?;
        self.archive.finish()
    }

    /// Opens a file if it is the one that was listed. It may have been replaced by anything, so no link is followed and
    /// no pipe is waited for.
    fn open(&mut self, path: &Path, entry: &Entry) -> Option<File> {
        let above = path.parent().unwrap_or(path);
        if self.last.as_ref().is_none_or(|(last, _)| last != above) {
            self.last = Some((above.to_owned(), self.real.open_to_read(above).ok()?));
        }
        let (_, folder) = self.last.as_ref()?;
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = File::from(openat(folder, path.file_name()?, flags, Mode::empty()).ok()?);
        is_as_listed(&file, entry).then_some(file)
    }

    fn packed_name(&self, path: &Path) -> Vec<u8> {
        [self.name.as_bytes(), b"/", path.as_os_str().as_bytes()].concat()
    }
}

fn is_as_listed(file: &File, entry: &Entry) -> bool {
    Entry::of_open(file).is_some_and(|now| now.same_content(entry))
}

#[cfg(test)]
mod tests {
    use mlcube_ssh::cube::boundary::Boundary;
    use std::fs;
    use std::mem;
    use std::os::unix::fs::symlink;

    use super::*;

    /// Runs `act` once this number of bytes is packed.
    struct At<F>(u64, F);

    impl<F: FnMut()> PackObserver for At<F> {
        fn file(&mut self, _: &Path) {}
        fn packed(&mut self, bytes: u64) {
            if self.0 > 0 && self.0 <= bytes {
                (self.1)();
            }
            self.0 = self.0.saturating_sub(bytes);
        }
    }

    fn contents(archive: &[u8]) -> Vec<(String, Vec<u8>)> {
        let mut archive = tar::Archive::new(archive);
        let read = |entry: io::Result<tar::Entry<'_, &[u8]>>| {
            let mut entry = entry.unwrap();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            (entry.path().unwrap().display().to_string(), content)
        };
        archive.entries().unwrap().map(read).collect()
    }

    #[test]
    fn returns_changed_entries() {
        let folder = tempfile::tempdir().unwrap();
        let local = folder.path();
        let real = RealFolders { top: local, boundary: &Boundary::of_folder(local).unwrap() };
        for name in ["a", "b", "c", "d", "e"] {
            fs::write(local.join(name), vec![b'x'; PIECE + 1]).unwrap();
        }
        let listed = Listing::of_folder(local, &|_, _| Ok(false)).unwrap();
        fs::remove_file(local.join("b")).unwrap();
        fs::remove_file(local.join("c")).unwrap();
        symlink("a", local.join("c")).unwrap();
        let mut packed = Vec::new();
        let shorten = || fs::write(local.join("d"), "short").unwrap();
        // In the middle of d, which is the second that can be packed.
        let mut observer = At(PIECE as u64 + 2 + PIECE as u64, shorten);
        let changed = pack(real, "code", &listed, &mut packed, &mut observer).unwrap();
        let names: Vec<_> = changed.iter().map(|(path, _)| path.display().to_string()).collect();
        assert_eq!(names, ["b", "c", "d"]);
        let contents = contents(&packed);
        let names: Vec<_> = contents.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["code/a", "code/d", "code/e", "code.changed"]);
        assert_eq!(contents[1].1.len(), PIECE + 1);
        assert_eq!(contents[3].1, b"d\0");
        assert_eq!(packed.len() % 512, 0);
    }

    /// Another user puts a link in the place of a folder, to one with a private file of the same size and time.
    #[test]
    fn reads_nothing_through_a_link_that_took_a_folders_place() {
        let folder = tempfile::tempdir().unwrap();
        let (private, top) = (folder.path().join("private"), folder.path().join("top"));
        for place in [&private, &top.join("a"), &top.join("own")] {
            fs::create_dir_all(place).unwrap();
            fs::write(place.join("file"), place.file_name().unwrap().as_bytes()[..1].repeat(9))
                .unwrap();
        }
        let time = fs::metadata(private.join("file")).unwrap().modified().unwrap();
        File::options().write(true).open(top.join("a/file")).unwrap().set_modified(time).unwrap();
        let listed = Listing::of_folder(&top, &|_, _| Ok(false)).unwrap();
        fs::rename(top.join("a"), top.join("away")).unwrap();
        symlink("../private", top.join("a")).unwrap();
        let boundary = Boundary::of_folder(&top).unwrap();
        let pack_all = || {
            let mut packed = Vec::new();
            let real = RealFolders { top: &top, boundary: &boundary };
            pack(real, "code", &listed, &mut packed, &mut At(0, || ())).unwrap();
            contents(&packed).into_iter().map(|(_, content)| content).collect::<Vec<_>>()
        };
        let contents = pack_all();
        assert!(
            !contents.contains(&b"ppppppppp".to_vec()) && contents.contains(&b"ooooooooo".to_vec())
        );
        // A link within the base is followed.
        fs::remove_file(top.join("a")).unwrap();
        symlink("away", top.join("a")).unwrap();
        assert!(pack_all().contains(&b"aaaaaaaaa".to_vec()));
    }

    /// Moves the content away while it is read. The file looks as listed before and after, as on a failing disk.
    struct Away(PathBuf, u64);

    impl PackObserver for Away {
        fn file(&mut self, _: &Path) {}
        fn packed(&mut self, _: u64) {
            let file = File::options().write(true).open(&self.0).unwrap();
            let (time, size) = (file.metadata().unwrap().modified().unwrap(), self.1);
            file.set_len(mem::replace(&mut self.1, 2 * PIECE as u64 + 1)).unwrap();
            file.set_modified(time).unwrap();
            assert!(size > 0);
        }
    }

    #[test]
    fn treats_unreadable_content_as_changed() {
        let folder = tempfile::tempdir().unwrap();
        let (local, place) = (folder.path(), folder.path().join("a"));
        let real = RealFolders { top: local, boundary: &Boundary::of_folder(local).unwrap() };
        fs::write(&place, vec![b'x'; 2 * PIECE + 1]).unwrap();
        let listed = Listing::of_folder(local, &|_, _| Ok(false)).unwrap();
        let mut packed = Vec::new();
        let mut observer = Away(place, PIECE as u64);
        let changed = pack(real, "code", &listed, &mut packed, &mut observer).unwrap();
        assert_eq!((changed.len(), &contents(&packed)[1].1[..]), (1, &b"a\0"[..]));
    }
}
