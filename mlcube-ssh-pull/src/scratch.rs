//! Where rsync puts a file together before it takes its place: on the same disk, and out of sight.

use std::fs;
use std::path::{Path, PathBuf};
use std::process;

use mlcube_ssh_config::command::Command;
use mlcube_ssh_config::rsync::PARTIAL;
use mlcube_ssh_config::workspace::{Listing, Plan};

/// The folder for a part of a plan, below the part's own; this process's own, since other pulls may go on in the same
/// workspace.
pub(crate) fn folder() -> String {
    format!("{PARTIAL}/pull-{}", process::id())
}

/// The folder in which names are tried, below the workspace.
pub(crate) fn names() -> String {
    format!("{}/names", folder())
}

/// The command that makes it; `top` ends with a slash.
pub(crate) fn make(top: &str) -> Command {
    Command::new("mkdir").args(["-p", "--"]).arg(format!("{top}{}", folder()))
}

/// Removes what an earlier pull that was cut off has left beside files, and no later one needs: in the workspace, and behind the
/// links of the user's own that are followed.
pub(crate) fn remove_left(workspace: &Path, links: &[PathBuf]) {
    let tops = links.iter().map(|link| workspace.join(link)).chain([workspace.to_owned()]);
    for top in tops {
        let Ok(listing) = Listing::of_folder(&top, &|_, _| Ok(false)) else { continue };
        let below = listing.iter().filter(|(_, entry)| entry.is_folder());
        for folder in below.map(|(path, _)| path).chain([Path::new("")]) {
            let partial = top.join(folder).join(PARTIAL);
            for entry in fs::read_dir(&partial).into_iter().flatten().flatten() {
                // The folder of a pull is its own to remove.
                if !entry.path().is_dir() {
                    let _ = fs::remove_file(entry.path());
                }
            }
            let _ = fs::remove_dir(partial);
        }
    }
}

/// The places of a plan's folders, where nothing is left when the pull ends.
pub(crate) struct Scratch(Vec<PathBuf>);

impl Scratch {
    /// Removes what a pull that was killed has left in them.
    pub(crate) fn of(plan: &Plan, workspace: &Path) -> Self {
        let tops = plan.links.iter().map(|link| workspace.join(link));
        let partial = tops.chain([workspace.to_owned()]).map(|top| top.join(PARTIAL)).collect();
        let scratch = Self(partial);
        scratch.clear(&|process| !Path::new(&format!("/proc/{process}")).exists());
        scratch
    }

    /// Removes the folders of the processes that `is_done` says.
    fn clear(&self, is_done: &dyn Fn(u32) -> bool) {
        for partial in &self.0 {
            for entry in fs::read_dir(partial).into_iter().flatten().flatten() {
                let name = entry.file_name();
                let process =
                    name.to_str().and_then(|name| name.strip_prefix("pull-")?.parse().ok());
                if process.is_some_and(is_done) {
                    let _ = fs::remove_dir_all(entry.path());
                }
            }
            // Stays while it holds what was cut off, for the next pull to go on with.
            let _ = fs::remove_dir(partial);
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        self.clear(&|process| process == process::id());
    }
}
