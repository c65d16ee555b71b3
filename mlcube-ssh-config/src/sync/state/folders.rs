//! The folders that a transfer may have left: incoming folders of pushes, the stage and the backups of pulls.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::sync::state::SyncState;
use crate::sync::state::record::is_hexadecimal;

const INCOMING: &str = "incoming";
const UNNAMED: &str = "unnamed";
const STAGE: &str = "stage";

impl SyncState {
    /// The names of the remote incoming folders of pushes that failed, the newest last.
    ///
    /// # Errors
    /// When the file exists and can't be read.
    pub fn incoming(&self) -> Result<Vec<String>> {
        let text = self.record(INCOMING).text()?.unwrap_or_default();
        Ok(text.split_whitespace().filter(|name| is_hexadecimal(name)).map(str::to_owned).collect())
    }

    /// Writes down the names of the incoming folders.
    ///
    /// # Errors
    /// When the file can't be written or removed.
    pub fn set_incoming(&self, names: &[String]) -> Result<()> {
        if names.is_empty() {
            return self.record(INCOMING).remove();
        }
        self.record(INCOMING).write(names.join("\n"))
    }

    /// The folder with the backups of local files that a pull replaced.
    #[must_use]
    pub fn replaced(&self) -> PathBuf {
        self.folder.join("replaced")
    }

    /// The folder in [`SyncState::replaced`] of a pull that was cut off before it could name its backups.
    ///
    /// # Errors
    /// When the file exists and can't be read.
    pub fn unnamed_backups(&self) -> Result<Option<PathBuf>> {
        let Some(text) = self.record(UNNAMED).text()? else { return Ok(None) };
        let name = Path::new(text.trim()).file_name();
        Ok(name.map(|name| self.replaced().join(name)))
    }

    /// Writes down the folder of a pull in [`SyncState::replaced`]; `None` once its backups are named.
    ///
    /// # Errors
    /// When the file can't be written or removed.
    pub fn set_unnamed_backups(&self, folder: Option<&Path>) -> Result<()> {
        match folder.and_then(Path::file_name) {
            Some(name) => self.record(UNNAMED).write(name.as_bytes()),
            None => self.record(UNNAMED).remove(),
        }
    }

    /// The name of the folder in which pulls of this pair receive entries before they are placed; `None` before the
    /// first one. It is random: a cube that has a link of that name would decide where entries are written and removed.
    ///
    /// # Errors
    /// When the file exists and can't be read.
    pub fn stage(&self) -> Result<Option<String>> {
        self.record(STAGE).id()
    }

    /// Writes down the name of that folder, hexadecimal digits.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn set_stage(&self, name: &str) -> Result<()> {
        self.record(STAGE).write(name)
    }
}
