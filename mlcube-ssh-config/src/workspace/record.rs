//! What this machine remembers of a remote tree: what both sides last had in common, and the code that was pushed.
//!
//! In `${XDG_STATE_HOME:-~/.local/state}/mlcube-ssh/`, one folder for each pair of a remote tree and a local one.

use std::env;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::listing::Listing;
use crate::document::Remote;
use crate::file::write_atomically;
use crate::layout::Layout;

/// The folder of this user's records, `mlcube-ssh` in `XDG_STATE_HOME` or its default.
///
/// # Errors
/// When there is neither `XDG_STATE_HOME` nor a home.
pub fn state_folder() -> Result<PathBuf> {
    let state =
        env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|folder| folder.is_absolute());
    let state = state.or_else(|| env::home_dir().map(|home| home.join(".local/state")));
    let state = state.context(
        "there is no home folder to keep the record of transfers in; set HOME or XDG_STATE_HOME",
    )?;
    Ok(state.join("mlcube-ssh"))
}

/// The records of one pair of trees.
#[derive(Clone, Debug)]
pub struct Record {
    folder: PathBuf,
}

impl Record {
    /// The record for a layout and its place on the remote. Nothing is read or made.
    ///
    /// # Errors
    /// When there is neither `XDG_STATE_HOME` nor a home.
    pub fn of(layout: &Layout, remote: &Remote) -> Result<Self> {
        let state = state_folder()?;
        let mut hasher = DefaultHasher::new();
        (
            &remote.host,
            &remote.user,
            &remote.base,
            &remote.workspace,
            &layout.base,
            &layout.workspace,
        )
            .hash(&mut hasher);
        let name = remote.base.as_str().rsplit('/').next().unwrap_or("tree");
        Ok(Self { folder: state.join(format!("{name}-{:016x}", hasher.finish())) })
    }

    /// What both sides of the workspace last had in common; empty where there is no record.
    #[must_use]
    pub fn workspace(&self) -> Listing {
        self.read("workspace").unwrap_or_default()
    }

    /// The code that was last pushed; none where nothing was.
    #[must_use]
    pub fn code(&self) -> Option<Listing> {
        self.read("code")
    }

    /// Code that was pushed once, is gone here, and may still be there.
    #[must_use]
    pub fn gone(&self) -> Listing {
        self.read("gone").unwrap_or_default()
    }

    /// The part of the code that the image there was built from; none where it never was.
    #[must_use]
    pub fn configured(&self) -> Option<Listing> {
        self.read("configured")
    }

    /// The folder in which files of this machine that a pull replaces are kept aside.
    #[must_use]
    pub fn replaced(&self) -> PathBuf {
        self.folder.join("replaced")
    }

    /// Notes what both sides of the workspace have in common now.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn set_workspace(&self, listing: &Listing) -> Result<()> {
        self.write("workspace", listing)
    }

    /// Notes the code that was pushed.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn set_code(&self, listing: &Listing) -> Result<()> {
        self.write("code", listing)
    }

    /// Forgets what was pushed: it was removed there.
    ///
    /// # Errors
    /// When a file can't be removed.
    pub fn forget_code(&self) -> Result<()> {
        for name in ["code", "gone", "configured"] {
            let path = self.folder.join(name);
            if path.exists() {
                fs::remove_file(&path)
                    .with_context(|| format!("can't remove the record {}", path.display()))?;
            }
        }
        Ok(())
    }

    /// Notes the code that is gone here and was left there.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn set_gone(&self, listing: &Listing) -> Result<()> {
        self.write("gone", listing)
    }

    /// Notes that the image was built from the code that was pushed last.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn set_configured(&self, layout: &Layout) -> Result<()> {
        let code = self.code().unwrap_or_default();
        self.write("configured", &layout.build_context(&code))
    }

    fn read(&self, name: &str) -> Option<Listing> {
        // A record that can't be read is none: then whatever differs is kept and named.
        Listing::parse(&fs::read(self.folder.join(name)).ok()?).ok()
    }

    fn write(&self, name: &str, listing: &Listing) -> Result<()> {
        let path = self.folder.join(name);
        write_atomically(&path, &listing.to_text())
            .with_context(|| format!("can't write the record {}", path.display()))
    }
}
