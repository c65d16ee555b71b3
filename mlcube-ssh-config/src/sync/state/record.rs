//! A file of the sync state.

use std::fs;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::listing::Listing;
use crate::listing::entry::{Entry, is_absence};
use crate::pipe::private_file::{FILE_REMEDY, write_atomically};
use crate::text::hint::OrHint;

/// A file that holds a text or a listing. A file that doesn't exist reads as `None`; one that can't be read is an error
/// that names it. It is written as a whole or not at all.
#[derive(Clone, Debug)]
pub(super) struct Record(PathBuf);

impl Record {
    pub(super) fn at(path: PathBuf) -> Self {
        Self(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    pub(super) fn exists(&self) -> Result<bool> {
        Ok(Entry::look(&self.0)?.is_some())
    }

    /// The content; a file name in it needn't be UTF-8.
    pub(super) fn bytes(&self) -> Result<Option<Vec<u8>>> {
        self.found(fs::read(&self.0).map_err(anyhow::Error::new))
    }

    pub(super) fn text(&self) -> Result<Option<String>> {
        self.found(fs::read_to_string(&self.0).map_err(anyhow::Error::new))
    }

    /// The text without white space around it, if it consists of hexadecimal digits; a damaged file reads as `None`.
    pub(super) fn id(&self) -> Result<Option<String>> {
        let is_id = |text: &String| !text.is_empty() && is_hexadecimal(text);
        Ok(self.text()?.map(|text| text.trim().to_owned()).filter(is_id))
    }

    /// The listing; a damaged one reads as `None`: without what was agreed on, every difference is kept and named.
    pub(super) fn listing(&self) -> Result<Option<Listing>> {
        let is_of_the_system = |problem: &anyhow::Error| {
            let problem = problem.downcast_ref::<io::Error>();
            problem.is_some_and(|problem| problem.raw_os_error().is_some())
        };
        match self.read_listing() {
            Err(problem) if !is_of_the_system(&problem) => Ok(None),
            read => self.found(read),
        }
    }

    /// As [`Record::listing`]; a damaged one is an error.
    pub(super) fn whole_listing(&self) -> Result<Option<Listing>> {
        self.found(self.read_listing())
    }

    fn read_listing(&self) -> Result<Listing> {
        Listing::read(File::open(&self.0)?)
    }

    pub(super) fn write(&self, content: impl AsRef<[u8]>) -> Result<()> {
        let written = write_atomically(&self.0, |file| file.write_all(content.as_ref()));
        self.checked(written, "write")
    }

    pub(super) fn write_listing(&self, listing: &Listing) -> Result<()> {
        self.checked(write_atomically(&self.0, |file| listing.write(file)), "write")
    }

    /// Puts the file in the place of another one.
    pub(super) fn replace(&self, other: &Self) -> Result<()> {
        other.checked(fs::rename(&self.0, &other.0), "write")
    }

    /// Removes the file if it exists.
    pub(super) fn remove(&self) -> Result<()> {
        let removed = fs::remove_file(&self.0);
        if removed.as_ref().is_err_and(is_absence) {
            return Ok(());
        }
        self.checked(removed, "remove")
    }

    fn found<T>(&self, read: Result<T>) -> Result<Option<T>> {
        let is_absent = |problem: &anyhow::Error| problem.downcast_ref().is_some_and(is_absence);
        if read.as_ref().is_err_and(is_absent) {
            return Ok(None);
        }
        self.checked(read, "read").map(Some)
    }

    fn checked<T, E>(&self, done: Result<T, E>, what: &str) -> Result<T>
    where
        Result<T, E>: Context<T, E>,
    {
        done.with_context(|| format!("can't {what} the sync state {}", self.0.display()))
            .or_hint(FILE_REMEDY)
    }
}

/// Returns whether a text is the name or the id that a sync state chose.
pub(super) fn is_hexadecimal(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_absent_or_whole_or_an_error_that_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let record = Record::at(folder.path().join("record"));
        assert!(!record.exists().unwrap() && record.text().unwrap().is_none());
        assert!(record.listing().unwrap().is_none() && record.remove().is_ok());
        record.write("3af\n").unwrap();
        assert_eq!(record.id().unwrap().as_deref(), Some("3af"));
        assert!(record.listing().unwrap().is_none(), "damaged");
        assert!(record.whole_listing().is_err());
        record.write("../x").unwrap();
        assert_eq!(record.id().unwrap(), None);
        record.remove().unwrap();
        fs::create_dir(record.path()).unwrap();
        for refused in
            [record.text().map(drop), record.listing().map(drop), record.write(""), record.remove()]
        {
            let refused = format!("{:#}", refused.unwrap_err());
            assert!(refused.contains(&record.path().display().to_string()), "{refused}");
        }
    }
}
