//! Names that the receiving file system may not hold as they are: one that folds case or normal forms takes two for one, others
//! have shorter names, or refuse some characters.
//!
//! No table says which file system does what. A doubtful name is tried: a file of that name is made in a folder of our own on
//! that disk, and has to be listed under its own name.

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

/// Longer names, in bytes, are tried: eCryptfs holds 143.
const LONG: usize = 140;

/// Names that have to be tried, in the order of their folders.
#[derive(Clone, Debug, Default)]
pub struct DoubtfulNames(Vec<&'static Path>);

impl DoubtfulNames {
    /// The doubtful ones among the entries of `send` that are new in `to`.
    #[must_use]
    pub fn of(send: &Listing, to: &Listing) -> Self {
        let new = || send.iter().map(|(path, _)| path).filter(|path| to.get(path).is_none());
        if new().next().is_none() {
            return Self::default();
        }
        let hasher = RandomState::new();
        let key = |path: &Path| hasher.hash_one(path.as_os_str().as_bytes().to_ascii_lowercase());
        // Of a million names eight megabytes; a table of them would take four times as much.
        let mut keys: Vec<u64> = new().chain(to.iter().map(|(path, _)| path)).map(key).collect();
        keys.sort_unstable();
        let repeated: HashSet<u64> =
            keys.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
        drop(keys);
        let is_doubtful = |path: &&Path| is_unusual(path) || repeated.contains(&key(path));
        let mut doubtful: Vec<_> = new().filter(is_doubtful).collect();
        // Those of one folder together; a stable sort keeps the order in it.
        doubtful.sort_by_key(|path| path.parent());
        Self(doubtful)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each with its place among the tries: a folder for each of their own folders, by number, and the name in it.
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

    /// Tries the names in the folder `scratch`, on the disk of `workspace`; gives the list of what is there then.
    ///
    /// # Errors
    /// When the folder can't be made or listed, and when a file can't be made for another reason than its name.
    pub fn try_in(&self, workspace: &Path, scratch: &Path) -> io::Result<Listing> {
        fs::create_dir_all(scratch)?;
        for (path, place) in self.tries() {
            let here = workspace.join(path);
            // What is found by this name is listed under another one, unless it came since the list was made.
            if fs::symlink_metadata(&here).is_ok() && !is_listed(&here)? {
                continue;
            }
            if let Some(folder) = place.parent() {
                fs::create_dir_all(scratch.join(folder))?;
            }
            // Of most reasons why it can't be made only that counts that it isn't there: each file system has its own.
            if let Err(problem) = File::create_new(scratch.join(place))
                && !is_about_the_name(&problem)
            {
                let _ = fs::remove_dir_all(scratch);
                return Err(problem);
            }
        }
        let tried = Listing::of_folder(scratch, &|_, _| Ok(false)).map_err(io::Error::other);
        let _ = fs::remove_dir_all(scratch);
        tried
    }

    /// Notes in `to` the names that aren't in the list of what was tried.
    pub fn mark(&self, to: &mut Listing, tried: &Listing) {
        let unheld = self.tries().filter(|(_, place)| tried.get(place).is_none());
        to.extend(unheld.map(|(path, _)| (path, Entry::unheld())));
    }
}

/// Whether the folder of a path lists its name, in these bytes.
fn is_listed(path: &Path) -> io::Result<bool> {
    let mut names = fs::read_dir(path.parent().unwrap_or(path))?;
    Ok(names.any(|entry| entry.is_ok_and(|entry| Some(&*entry.file_name()) == path.file_name())))
}

/// Whether an error may say something of a name: a full disk, a quota and their like don't.
fn is_about_the_name(problem: &io::Error) -> bool {
    let disk = [Errno::NOSPC, Errno::DQUOT, Errno::ROFS, Errno::IO, Errno::MFILE, Errno::NFILE];
    !Errno::from_io_error(problem).is_some_and(|problem| disk.contains(&problem))
}

/// Whether a name is one that some file system can't hold, or keeps in another form.
fn is_unusual(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().as_bytes();
    name.len() > LONG
        || name.ends_with(b".")
        || name.ends_with(b" ")
        || name.iter().any(|byte| !(b' '..=b'~').contains(byte) || br#"\:*?"<>|"#.contains(byte))
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
        assert_eq!(doubtful(&["\u{e9}", "a:b", "x.", "ok"], &[]), ["a:b", "x.", "\u{e9}"]);
    }

    #[test]
    fn a_name_that_is_not_listed_is_marked() {
        let folder = tempfile::tempdir().unwrap();
        let names =
            DoubtfulNames::of(&listing(&["d/A", "d/a", "d/n/a", "d/n/A"]), &Listing::default());
        let tried = names.try_in(folder.path(), &folder.path().join("try")).unwrap();
        assert_eq!(tried.files(), 4);
        let mut to = Listing::default();
        names.mark(&mut to, &tried);
        assert!(to.is_empty() && !folder.path().join("try").exists());
        names.mark(&mut to, &tried.filter(|path, _| path != Path::new("1/a")));
        assert!(to.len() == 1 && to.get(Path::new("d/a")).unwrap().is_unheld());
        // One that came since the list was made is listed, and held.
        fs::create_dir(folder.path().join("d")).unwrap();
        fs::write(folder.path().join("d/a"), "").unwrap();
        let tried = names.try_in(folder.path(), &folder.path().join("try")).unwrap();
        assert_eq!(tried.files(), 4);
    }
}
