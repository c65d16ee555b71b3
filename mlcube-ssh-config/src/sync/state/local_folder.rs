//! Identifies a local folder among others that had the same path: that of another machine with the same home, another
//! disk mounted there, a fresh checkout, a copy restored from a backup.

use std::fs;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::UNIX_EPOCH;

use crate::text::quote::one_line;

/// Where the system keeps the id of a machine (machine-id(5)); a container may have none, or that of its image.
const MACHINE_ID: &str = "/etc/machine-id";

/// A folder on a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LocalFolder {
    /// The machine, by its id and its name.
    machine: String,
    /// Its inode number and its time of birth; `None` if it doesn't exist.
    folder: Option<String>,
}

impl LocalFolder {
    /// Looks at a folder of this machine.
    pub(super) fn of(folder: &Path) -> Self {
        let id = fs::read_to_string(MACHINE_ID).unwrap_or_default();
        let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let machine = one_line(&format!("{}/{name}", id.trim())).replace(' ', "_");
        Self { machine, folder: fs::metadata(folder).ok().map(|found| identity(&found)) }
    }

    /// Reads what [`LocalFolder::text`] has written; `None` if it is damaged.
    fn parse(text: &str) -> Option<Self> {
        let (machine, folder) = text.trim_end().split_once(' ')?;
        Some(Self { machine: machine.to_owned(), folder: Some(folder.to_owned()) })
    }

    /// The line that identifies the folder; `None` if it doesn't exist.
    pub(super) fn text(&self) -> Option<String> {
        Some(format!("{} {}\n", self.machine, self.folder.as_ref()?))
    }

    /// Returns whether a line is about this machine or this folder. A folder of this machine may be a fresh checkout,
    /// and a machine with this folder may have another name: a container gets a new one each time.
    pub(super) fn is_own(&self, text: &str) -> bool {
        Self::parse(text).is_some_and(|other| {
            other.machine == self.machine || self.folder.is_none() || other.folder == self.folder
        })
    }

    /// Returns whether a line is about another folder, whatever the machine's name is, or about none.
    pub(super) fn is_another(&self, text: &str) -> bool {
        self.folder.is_some() && Self::parse(text).is_none_or(|other| other.folder != self.folder)
    }
}

/// What identifies a folder: its inode number, and its time of birth if the file system stores one.
fn identity(found: &Metadata) -> String {
    let number = format!("number {}", found.ino());
    let made = found.created().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    match made {
        Some(made) => format!("{number} made {}.{:09}", made.as_secs(), made.subsec_nanos()),
        None => number,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_folder_on_another_machine_is_another_one() {
        let folder = tempfile::tempdir().unwrap();
        let here = LocalFolder::of(folder.path());
        let text = here.text().unwrap();
        assert!(here.is_own(&text) && !here.is_another(&text));
        assert!(!here.is_own("damaged") && here.is_another("damaged"));
        let elsewhere = LocalFolder { machine: "id/other".to_owned(), ..here.clone() };
        assert!(elsewhere.is_own(&text), "a container with the same folder");
        assert!(!elsewhere.is_another(&text));
        let checkout = LocalFolder { folder: Some("made 1.5".to_owned()), ..here.clone() };
        assert!(checkout.is_own(&text), "a fresh checkout on the same machine");
        assert!(checkout.is_another(&text));
        let another = LocalFolder { folder: Some("made 1.5".to_owned()), ..elsewhere.clone() };
        assert!(!another.is_own(&text));
        let gone = LocalFolder { folder: None, ..elsewhere };
        assert!(gone.is_own(&text) && !gone.is_another(&text) && gone.text().is_none());
    }
}
