//! Where rsync puts a file together before it takes its place: on the same disk, and out of sight.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process;

use anyhow::Result;
use mlcube_ssh::listing::{Listing, PARTIAL};
use mlcube_ssh::pipe::failure::hinted;
use mlcube_ssh::process::command::Command;
use mlcube_ssh::sync::Plan;
use rustix::process::geteuid;

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
            // One that isn't ours leads anywhere.
            if check(&top.join(folder)).is_err() {
                continue;
            }
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

/// Refuses a folder for what is on its way that isn't ours: a cube may have made a link of that name, to be written and
/// cleared through. One that isn't there is no matter.
///
/// # Errors
/// When `top` holds one.
pub(crate) fn check(top: &Path) -> Result<()> {
    let partial = top.join(PARTIAL);
    let is_ours = match fs::symlink_metadata(&partial) {
        Ok(found) => found.is_dir() && found.uid() == geteuid().as_raw(),
        Err(problem) => matches!(problem.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory),
    };
    if is_ours {
        return Ok(());
    }
    Err(hinted(
        format!("{} isn't a folder of yours, and transfers write there", partial.display()),
        "remove it; a transfer makes its own",
    ))
}

/// The places of a plan's folders, where nothing is left when the pull ends.
pub(crate) struct Scratch(Vec<PathBuf>);

impl Scratch {
    /// Removes what a pull that was killed has left in them.
    ///
    /// # Errors
    /// When one isn't ours.
    pub(crate) fn of(plan: &Plan, workspace: &Path) -> Result<Self> {
        let tops = plan.links.iter().map(|link| workspace.join(link));
        let tops: Vec<_> = tops.chain([workspace.to_owned()]).collect();
        tops.iter().try_for_each(|top| check(top))?;
        let scratch = Self(tops.iter().map(|top| top.join(PARTIAL)).collect());
        scratch.clear(&|process| !Path::new(&format!("/proc/{process}")).exists());
        Ok(scratch)
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
