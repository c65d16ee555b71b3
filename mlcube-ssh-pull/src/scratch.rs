//! Where rsync puts a file together before it takes its place: on the same disk, and out of sight.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use mlcube_ssh_config::rsync::PARTIAL;
use mlcube_ssh_config::workspace::Plan;

/// The folder for a part of a plan, below the part's own; this process's own, since other pulls may go on in the same
/// workspace.
pub(crate) fn folder() -> String {
    format!("{PARTIAL}/pull-{}", std::process::id())
}

/// The folders of a plan, which go when the pull ends.
pub(crate) struct Scratch(Vec<PathBuf>);

impl Scratch {
    /// Makes them, and removes what a pull that was killed has left there.
    ///
    /// # Errors
    /// When one can't be made.
    pub(crate) fn make(plan: &Plan, workspace: &Path) -> Result<Self> {
        let mut made = Self(Vec::new());
        for part in plan.transfers() {
            let folder = Path::new(&part.below(&workspace.to_string_lossy())).join(folder());
            fs::create_dir_all(&folder)
                .with_context(|| format!("can't make {}", folder.display()))?;
            folder.parent().into_iter().for_each(remove_left_over);
            made.0.push(folder);
        }
        Ok(made)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        for folder in &self.0 {
            let _ = fs::remove_dir_all(folder);
            // Stays while it holds what was cut off, for the next pull to go on with.
            let _ = folder.parent().map(fs::remove_dir);
        }
    }
}

/// Removes the folders of processes that are gone.
fn remove_left_over(partial: &Path) {
    for entry in fs::read_dir(partial).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let process =
            name.to_str().and_then(|name| name.strip_prefix("pull-")?.parse::<u32>().ok());
        if process.is_some_and(|process| !Path::new(&format!("/proc/{process}")).exists()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
