//! The file systems of folders. Each is probed with a file: how does it store times and permissions?

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;
use std::convert::Infallible;
use std::fs;
use std::fs::{File, FileTimes, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use rustix::process::geteuid;

use crate::listing::entry::Entry;
use crate::listing::granularity::{Granularity, TRIED_MODE, TRIED_TIME, may_be_shown};
use crate::listing::{Listing, PARTIAL, folders_of};
use crate::text::random_id;

/// How the file systems of folders store times and permissions. One that wasn't probed counts as exact, or as what an
/// earlier transfer found: a full or read-only file system can't be probed.
#[derive(Clone, Debug, Default)]
pub struct Disks {
    asked: HashMap<PathBuf, Granularity>,
    others: Option<Granularity>,
}

impl FromIterator<(PathBuf, Granularity)> for Disks {
    fn from_iter<I: IntoIterator<Item = (PathBuf, Granularity)>>(folders: I) -> Self {
        Self { asked: folders.into_iter().collect(), others: None }
    }
}

impl Disks {
    /// Probes the local file systems of `folders`, which are relative to `top`.
    #[must_use]
    pub fn local(top: &Path, folders: &[&Path]) -> Self {
        let mut known = HashMap::new();
        let mut of = |folder: &Path| {
            let place = top.join(folder);
            let disk = fs::metadata(&place).ok()?.dev();
            match known.entry(disk) {
                Slot::Occupied(known) => Some(*known.get()),
                // Where one folder can't be written, another one on the same file system may be.
                Slot::Vacant(new) => Some(*new.insert(try_in(&place).ok().flatten()?)),
            }
        };
        folders.iter().filter_map(|folder| Some((folder.to_path_buf(), of(folder)?))).collect()
    }

    /// The same, except that file systems which couldn't be probed count as `others`.
    #[must_use]
    pub(crate) fn or(self, others: Option<Granularity>) -> Self {
        Self { others, ..self }
    }

    /// The coarsest granularity of those that were probed; `None` if none was.
    pub(crate) fn coarsest(&self) -> Option<Granularity> {
        self.asked.values().copied().max()
    }

    /// The granularity of the file system that holds the entry `path`.
    #[must_use]
    pub fn of(&self, path: &Path) -> Granularity {
        let folder = path.parent().and_then(|folder| self.asked.get(folder));
        folder.copied().or(self.others).unwrap_or(Granularity::EXACT)
    }
}

/// Makes a file in a folder, gives it a time and permissions, and looks at it.
fn try_in(folder: &Path) -> io::Result<Option<Granularity>> {
    // Out of sight of every listing, and of a task.
    let partial = folder.join(PARTIAL);
    let made = fs::create_dir(&partial);
    let found = fs::symlink_metadata(&partial)?;
    // A cube may have put a link there.
    if !found.is_dir() || found.uid() != geteuid().as_raw() {
        return Ok(None);
    }
    let name = random_id::hex_digits::<8>().map_err(io::Error::other)?;
    let path = partial.join(format!("attributes-{name}"));
    let tried = (|| {
        let file = File::options().write(true).create_new(true).open(&path)?;
        let time = UNIX_EPOCH
            + Duration::new(TRIED_TIME.0.try_into().map_err(io::Error::other)?, TRIED_TIME.1);
        file.set_times(FileTimes::new().set_accessed(time).set_modified(time))?;
        // A disk without permissions may refuse them.
        let _ = file.set_permissions(Permissions::from_mode(TRIED_MODE));
        drop(file);
        Entry::look(&path)
    })();
    let _ = fs::remove_file(&path);
    if made.is_ok() {
        let _ = fs::remove_dir(&partial);
    }
    Ok(tried?.as_ref().and_then(Granularity::of_tried))
}

impl Listing {
    /// Replaces entries that a file system has rounded by the originals in `exact`. `probe` probes the file systems of
    /// their folders; it isn't called if there is no such entry.
    ///
    /// # Errors
    /// When `probe` fails.
    pub fn unrounded<E>(
        &self,
        exact: &Self,
        probe: impl FnOnce(&[&'static Path]) -> Result<Disks, E>,
    ) -> Result<Cow<'_, Self>, E> {
        let doubtful = || {
            let mut exact = exact.cursor();
            self.packed().filter_map(move |packed| {
                let exact = exact.find(packed).filter(|exact| *exact != packed)?.entry();
                let (path, shown) = packed.unpack();
                may_be_shown(&exact, &shown).then_some((path, shown, exact))
            })
        };
        let folders = folders_of(doubtful().map(|(path, ..)| path));
        if folders.is_empty() {
            return Ok(Cow::Borrowed(self));
        }
        let disks = probe(&folders)?;
        let replaced = doubtful().filter_map(|(path, shown, exact)| {
            let entry = disks.of(path).exact_of(&shown, &exact)?;
            (entry != shown).then_some((path, entry))
        });
        let replaced: Self = replaced.collect();
        if replaced.is_empty() {
            return Ok(Cow::Borrowed(self));
        }
        let mut listing = self.clone();
        listing.merge(&replaced);
        Ok(Cow::Owned(listing))
    }

    /// As [`Listing::unrounded`], with a `probe` that can't fail.
    pub(crate) fn unrounded_by(
        &self,
        exact: &Self,
        probe: impl FnOnce(&[&'static Path]) -> Disks,
    ) -> Cow<'_, Self> {
        match self.unrounded(exact, |folders| Ok::<_, Infallible>(probe(folders))) {
            Ok(listing) => listing,
            Err(never) => match never {},
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_disk_of_a_folder_is_asked_and_nothing_is_left() {
        let top = tempfile::tempdir().unwrap();
        fs::create_dir_all(top.path().join("a/b")).unwrap();
        let disks = Disks::local(top.path(), &["", "a/b", "gone"].map(Path::new));
        assert_eq!(disks.asked.len(), 2, "{disks:?}");
        assert_eq!(disks.of(Path::new("a/b/file")), Granularity::EXACT);
        let left: Vec<_> = fs::read_dir(top.path()).unwrap().flatten().collect();
        assert_eq!(left.len(), 1, "{left:?}");
    }

    #[test]
    fn nothing_is_made_behind_a_link() {
        let top = tempfile::tempdir().unwrap();
        fs::create_dir(top.path().join("victim")).unwrap();
        std::os::unix::fs::symlink("victim", top.path().join(PARTIAL)).unwrap();
        assert!(Disks::local(top.path(), &[Path::new("")]).asked.is_empty());
        assert_eq!(fs::read_dir(top.path().join("victim")).unwrap().count(), 0);
    }

    fn listing(files: &[(&str, &str, &str)]) -> Listing {
        let line =
            |(path, mode, time): &(&str, &str, &str)| format!("f {mode} 1 {time} {path}\0\0");
        Listing::parse(files.iter().map(line).collect::<String>().as_bytes()).unwrap()
    }

    /// The granularity of a file system that shows the probe file with this time and these permissions.
    fn disk(time: &str, mode: &str) -> Option<Granularity> {
        let tried = listing(&[("tried", mode, time)]);
        Granularity::of_tried(&tried.get(Path::new("tried")).unwrap())
    }

    /// Of the exact times of two files, those that a file system is thought to have rounded to the times that it shows.
    fn agreed(disk: Option<Granularity>, exact: [&str; 2], shown: [&str; 2]) -> [bool; 2] {
        let of = |[a, b]: [&str; 2], mode| listing(&[("a", mode, a), ("b", mode, b)]);
        let (exact, shown) = (of(exact, "600"), of(shown, "755"));
        let probe = |folders: &[&'static Path]| {
            assert_eq!(folders, [Path::new("")]);
            Ok::<_, Infallible>(
                disk.map(|disk| (Path::new("").to_owned(), disk)).into_iter().collect(),
            )
        };
        let shown = shown.unrounded(&exact, probe).unwrap();
        let get = |name| shown.get(Path::new(name)).map(|entry| entry.modified);
        ["a", "b"].map(|name| get(name) == exact.get(Path::new(name)).map(|entry| entry.modified))
    }

    #[test]
    fn a_disk_says_by_one_file_how_it_stores_times() {
        let exact = ["7.123456789", "9.000000000"];
        let fat = disk("1000000000.000000000", "755");
        assert!(fat.is_some_and(|fat| !fat.keeps_modes()));
        assert_eq!(agreed(fat, exact, ["6.000000000", "8.000000000"]), [true, true]);
        assert_eq!(
            agreed(fat, exact, ["8.000000000", "9.000000000"]),
            [false, true],
            "a was written"
        );
        let up = disk("1000000002.000000000", "755");
        assert_eq!(agreed(up, exact, ["8.000000000", "8.000000000"]), [true, false]);
        let ext3 = disk("1000000001.000000000", "640");
        assert!(ext3.is_some_and(Granularity::keeps_modes));
        assert_eq!(agreed(ext3, exact, ["7.000000000", "8.000000000"]), [true, false]);
        let exfat = disk("1000000001.120000000", "755");
        assert_eq!(agreed(exfat, exact, ["7.120000000", "8.990000000"]), [true, false]);
        let smb = disk("1000000001.123456700", "640");
        assert_eq!(agreed(smb, exact, ["7.123456700", "8.000000000"]), [true, false]);
    }

    #[test]
    fn a_disk_that_stores_all_or_was_not_looked_at_shows_every_change() {
        for disk in [disk("1000000001.123456789", "640"), disk("1700000000.000000000", "640"), None]
        {
            let exact = ["7.123456789", "9.500000000"];
            assert_eq!(agreed(disk, exact, ["7.000000000", "8.000000000"]), [false, false]);
        }
    }

    #[test]
    fn no_disk_is_asked_where_nothing_is_rounded() {
        let (exact, shown) =
            (listing(&[("a", "644", "7.500000000")]), listing(&[("a", "644", "9.500000000")]));
        let probe = |_: &[&'static Path]| -> Result<Disks, &str> { Err("probed") };
        assert_eq!(*shown.unrounded(&exact, probe).unwrap(), shown);
        assert_eq!(*exact.unrounded(&exact, probe).unwrap(), exact);
    }

    #[test]
    fn permissions_that_a_disk_stores_were_changed_by_somebody() {
        let (exact, shown) =
            (listing(&[("a", "644", "7.500000000")]), listing(&[("a", "755", "7.500000000")]));
        let mode_on = |time, mode| {
            let disk = disk(time, mode).map(|disk| (Path::new("").to_owned(), disk));
            let probe = |_: &[&'static Path]| Ok::<_, Infallible>(disk.into_iter().collect());
            shown.unrounded(&exact, probe).unwrap().get(Path::new("a")).unwrap().permissions()
        };
        assert_eq!(mode_on("1000000001.123456789", "640"), 0o755);
        assert_eq!(mode_on("1000000001.123456789", "777"), 0o644);
    }
}
