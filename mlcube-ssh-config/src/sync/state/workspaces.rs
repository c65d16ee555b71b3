//! The places in the base that are or were a workspace: nothing in them is code.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::sync::state::{ABOUT, SyncState};

impl SyncState {
    /// The places in the base that are or were a workspace, as far as this machine knows.
    ///
    /// # Errors
    /// When the file exists and can't be read: without it somebody's results would be taken for code.
    pub fn workspaces(&self) -> Result<Vec<PathBuf>> {
        let text = self.workspaces.bytes()?.unwrap_or_default();
        let lines = text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
        Ok(lines.map(|line| PathBuf::from(OsStr::from_bytes(line))).collect())
    }

    /// Returns whether this machine has pushed the tree with other workspaces, and never with this one.
    ///
    /// # Errors
    /// When a file can't be inspected.
    pub fn is_new_workspace(&self) -> Result<bool> {
        // `clean` leaves it: after that, a workspace isn't new.
        let is_known = self.record(ABOUT).exists()?;
        Ok(!is_known && self.workspaces.exists()?)
    }

    /// Adds places of workspaces.
    ///
    /// # Errors
    /// When the file can't be read or written.
    pub fn add_workspaces(&self, places: &[PathBuf]) -> Result<()> {
        let mut known = self.workspaces()?;
        let new: Vec<_> = places.iter().filter(|place| !known.contains(place)).cloned().collect();
        if new.is_empty() {
            return Ok(());
        }
        known.extend(new);
        self.write_workspaces(&known)
    }

    /// Removes a place of a workspace: the user says that it is code.
    ///
    /// # Errors
    /// When the file can't be read or written.
    pub fn forget_workspace(&self, place: &Path) -> Result<()> {
        let mut known = self.workspaces()?;
        known.retain(|known| known != place);
        self.write_workspaces(&known)
    }

    fn write_workspaces(&self, known: &[PathBuf]) -> Result<()> {
        let lines = known.iter().flat_map(|place| [place.as_os_str().as_bytes(), b"\n"]);
        self.workspaces.write(lines.collect::<Vec<_>>().concat())
    }
}
