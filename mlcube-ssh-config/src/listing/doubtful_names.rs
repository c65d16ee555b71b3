//! Finds names that the receiver's file system may not store as they are: one that folds case or Unicode normal forms
//! confuses two names, others limit the length of names or refuse some characters.
//!
//! There is no table of file systems. A doubtful name is tested: a file of that name is made in a scratch folder on the
//! same disk, and has to be listed under exactly that name.

use std::collections::HashSet;
use std::fs;
use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use crate::listing::Listing;
use crate::listing::entry::Entry;

/// Longer names, in bytes, are tested: eCryptfs stores 143.
const LONG: usize = 140;

/// Names to be tested, sorted by folder.
#[derive(Clone, Debug, Default)]
pub struct DoubtfulNames(Vec<&'static Path>);

impl DoubtfulNames {
    /// Finds the doubtful names among the entries of `send` that are new in `to`.
    #[must_use]
    pub fn of(send: &Listing, to: &Listing) -> Self {
        let new = || send.iter().map(|(path, _)| path).filter(|path| to.get(path).is_none());
        if new().next().is_none() {
            return Self::default();
        }
        let hasher = RandomState::new();
        let key = |path: &Path| hasher.hash_one(path.as_os_str().as_bytes().to_ascii_lowercase());
        // For a million names this takes eight megabytes; a hash table would take four times as much.
        let mut keys: Vec<u64> = new().chain(to.iter().map(|(path, _)| path)).map(key).collect();
        keys.sort_unstable();
        let repeated: HashSet<u64> =
            keys.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
        drop(keys);
        let is_doubtful = |path: &&Path| is_unusual(path) || repeated.contains(&key(path));
        let mut doubtful: Vec<_> = new().filter(is_doubtful).collect();
        // Groups the names of a folder; the stable sort keeps their order.
        doubtful.sort_by_key(|path| path.parent());
        Self(doubtful)
    }

    /// Returns whether no name is doubtful.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Every name with the path at which it is tested: a numbered folder for each original folder, and the name in it.
    fn tries(&self) -> impl Iterator<Item = (&'static Path, PathBuf)> {
        let mut number = 0;
        let mut last = None;
        self.0.iter().map(move |path| {
            if last != Some(path.parent()) {
                last = Some(path.parent());
                number += 1;
            }
            let name = path.file_name().unwrap_or_default();
            (*path, Path::new(&format!("{number}")).join(name))
        })
    }

    /// The paths, as words of a script.
    pub fn words(&self) -> impl Iterator<Item = &'static Path> {
        self.0.iter().copied()
    }

    /// Makes files of these names in the folder `scratch`, on the disk of `workspace`, and returns whether a place is
    /// listed afterwards.
    ///
    /// # Errors
    /// When the folder can't be made or listed, and when a file can't be made for a reason that isn't its name.
    pub fn try_in(
        &self,
        workspace: &Path,
        scratch: &Path,
    ) -> io::Result<impl Fn(&Path) -> bool + use<>> {
        fs::create_dir_all(scratch)?;
        for (path, place) in self.tries() {
            let local = workspace.join(path);
            // An entry that is found by this name was listed under another name, unless it was made after the listing.
            if fs::symlink_metadata(&local).is_ok() && !is_listed(&local)? {
                continue;
            }
            if let Some(folder) = place.parent() {
                fs::create_dir_all(scratch.join(folder))?;
            }
            // Most errors only mean that the name can't be stored: every file system has its own.
            if let Err(problem) = File::create_new(scratch.join(place))
                && !is_about_the_name(&problem)
            {
                let _ = fs::remove_dir_all(scratch);
                return Err(problem);
            }
        }
        let hasher = RandomState::new();
        let places = hashes_of(&hasher, scratch);
        let _ = fs::remove_dir_all(scratch);
        let places = places?;
        Ok(move |place: &Path| places.contains(&hasher.hash_one(place)))
    }

    /// Marks in `to` the names whose places aren't listed.
    pub fn mark(&self, to: &mut Listing, is_listed: impl Fn(&Path) -> bool) {
        let unheld = self.tries().filter(|(_, place)| !is_listed(place));
        to.extend(unheld.map(|(path, _)| (path, Entry::unheld())));
    }
}

/// The names that some file system may take for names of `these`: they differ in case alone, or both are unusual.
pub fn confusable_with(these: &Listing) -> impl Fn(&Path) -> bool + use<> {
    let key = |path: &Path| {
        let name = path.as_os_str().as_bytes();
        name.is_ascii().then(|| name.to_ascii_lowercase())
    };
    let keys: HashSet<_> = these.iter().map(|(path, _)| key(path)).collect();
    move |path| keys.contains(&key(path))
}

/// The hashes of the places in the numbered folders of `scratch`. A host may list a million long names, and a listing
/// is kept until the process ends.
fn hashes_of(hasher: &RandomState, scratch: &Path) -> io::Result<HashSet<u64>> {
    let mut found = HashSet::new();
    for folder in fs::read_dir(scratch)? {
        let folder = folder?;
        for entry in fs::read_dir(folder.path())? {
            let place = Path::new(&folder.file_name()).join(entry?.file_name());
            found.insert(hasher.hash_one(place.as_path()));
        }
    }
    Ok(found)
}

/// Returns whether the folder of a path lists its name byte for byte.
fn is_listed(path: &Path) -> io::Result<bool> {
    let mut names = fs::read_dir(path.parent().unwrap_or(path))?;
    Ok(names.any(|entry| entry.is_ok_and(|entry| Some(&*entry.file_name()) == path.file_name())))
}

/// Returns whether an error may be due to the name; a full disk, a quota and similar ones aren't.
fn is_about_the_name(problem: &io::Error) -> bool {
    let disk = [Errno::NOSPC, Errno::DQUOT, Errno::ROFS, Errno::IO, Errno::MFILE, Errno::NFILE];
    !Errno::from_io_error(problem).is_some_and(|problem| disk.contains(&problem))
}

/// Returns whether some file system can't store the name, or stores it in another form.
fn is_unusual(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().as_bytes();
    name.len() > LONG
        || name.ends_with(b".")
        || name.ends_with(b" ")
        // FAT finds `.git` under its short name, `GIT~1`.
        || name.iter().any(|byte| !(b' '..=b'}').contains(byte) || br#"\:*?"<>|"#.contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(paths: &[&str]) -> Listing {
        let line = |path: &&str| format!("f 644 1 1.000000001 {path}\0\0");
        Listing::parse(paths.iter().map(line).collect::<String>().as_bytes()).unwrap()
    }

    #[test]
    fn doubtful_ones() {
        let doubtful = |send: &[&str], to: &[&str]| -> Vec<String> {
            let names = DoubtfulNames::of(&listing(send), &listing(to));
            names.words().map(|path| path.display().to_string()).collect()
        };
        assert_eq!(
            doubtful(&["a/Model.pt", "a/b/x", "a/model.pt", "c"], &[]),
            ["a/Model.pt", "a/model.pt"]
        );
        assert_eq!(doubtful(&["Model.pt", "b"], &["model.pt"]), ["Model.pt"]);
        assert_eq!(doubtful(&["model.pt"], &["model.pt", "Model.pt"]), [""; 0], "both are there");
        assert_eq!(
            doubtful(&["\u{e9}", "a:b", "x.", "GIT~1", "ok"], &[]),
            ["GIT~1", "a:b", "x.", "\u{e9}"]
        );
    }

    #[test]
    fn a_name_that_is_not_listed_is_marked() {
        let folder = tempfile::tempdir().unwrap();
        let names =
            DoubtfulNames::of(&listing(&["d/A", "d/a", "d/n/a", "d/n/A"]), &Listing::default());
        let tried = names.try_in(folder.path(), &folder.path().join("try")).unwrap();
        let mut to = Listing::default();
        names.mark(&mut to, &tried);
        assert!(to.is_empty() && !folder.path().join("try").exists());
        names.mark(&mut to, |place| place != Path::new("1/a") && tried(place));
        assert!(to.len() == 1 && to.get(Path::new("d/a")).unwrap().is_unheld());
        // An entry that was made after the listing is listed, and its name can be stored.
        fs::create_dir(folder.path().join("d")).unwrap();
        fs::write(folder.path().join("d/a"), "").unwrap();
        let tried = names.try_in(folder.path(), &folder.path().join("try")).unwrap();
        names.mark(&mut to, tried);
        assert_eq!(to.len(), 1, "what was marked before");
    }
}
