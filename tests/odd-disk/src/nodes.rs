//! The numbers by which the kernel names entries and open files.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fuser::FileType;

/// The path of each entry that the kernel knows, by its number.
#[derive(Debug, Default)]
pub(crate) struct Nodes(HashMap<u64, PathBuf>);

impl Nodes {
    pub(crate) fn note(&mut self, number: u64, path: &Path) {
        self.0.insert(number, path.to_owned());
    }

    pub(crate) fn path(&self, number: u64) -> Option<PathBuf> {
        self.0.get(&number).cloned()
    }

    /// Follows a rename.
    pub(crate) fn moved(&mut self, from: &Path, to: &Path) {
        for path in self.0.values_mut() {
            if let Ok(below) = path.strip_prefix(from) {
                *path = if below.as_os_str().is_empty() { to.to_owned() } else { to.join(below) };
            }
        }
    }
}

/// An entry of a folder: its number, what it is, its name.
pub(crate) type Named = (u64, FileType, OsString);

/// Something that is open.
#[derive(Clone, Debug)]
pub(crate) enum Opened {
    File(Arc<File>),
    /// What was in a folder when it was opened.
    Folder(Arc<Vec<Named>>),
}

/// What is open, by number.
#[derive(Debug, Default)]
pub(crate) struct Handles {
    open: HashMap<u64, Opened>,
    last: u64,
}

impl Handles {
    pub(crate) fn add(&mut self, opened: Opened) -> u64 {
        self.last += 1;
        self.open.insert(self.last, opened);
        self.last
    }

    pub(crate) fn get(&self, number: u64) -> Option<Opened> {
        self.open.get(&number).cloned()
    }

    pub(crate) fn close(&mut self, number: u64) {
        self.open.remove(&number);
    }
}
