//! A stage for what an rsync of this machine brings that takes whatever names a host sends (CVE-2022-29154, before 3.2.5):
//! it writes into a folder of ours, and only what the plan names leaves that.

use std::fs;
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use mlcube_ssh::listing::{Entry, Listing, PARTIAL};
use mlcube_ssh::pipe::failure::Outcome;
use mlcube_ssh::process::command::{Command, List};
use mlcube_ssh::sync::{Batch, SyncState};

use crate::transfer::load::Load;
use mlcube_ssh::process::rsync_version;

/// The stage of a pull: a folder in each of the folders that it writes to, on the same disk and out of sight.
#[derive(Clone, Debug)]
pub(crate) struct Stage {
    folder: String,
}

impl Stage {
    /// The stage for what this machine's rsync brings; none where rsync checks the names itself.
    ///
    /// # Errors
    /// When there is no rsync.
    pub(crate) fn where_needed(record: &SyncState) -> Outcome<Option<Self>> {
        if rsync_version::checks_names()? {
            return Ok(None);
        }
        // One for each remote tree: what a pull that was cut off has left there the next one goes on with.
        Ok(Some(Self { folder: format!("{PARTIAL}/stage-{}", record.name()) }))
    }

    /// Its folder, by a part's own.
    pub(crate) fn folder(&self) -> &str {
        &self.folder
    }

    /// The commands that make it for these loads.
    pub(crate) fn commands(&self, loads: &[Load], workspace: &Path) -> Vec<Command> {
        let make = |top: PathBuf| {
            let folder = top.join(&self.folder).to_string_lossy().into_owned();
            Command::new("mkdir").args(["-p", "--"]).arg(folder)
        };
        tops(loads, workspace).into_iter().map(make).collect()
    }

    /// Makes it for these loads, and removes from it what an earlier pull left that isn't in them.
    ///
    /// # Errors
    /// When it can't be made: without it nothing may come.
    pub(crate) fn make(&self, loads: &[Load], workspace: &Path) -> Result<()> {
        for top in tops(loads, workspace) {
            let folder = top.join(&self.folder);
            let make = || {
                fs::create_dir_all(&folder)?;
                remove_others(&folder, Path::new(""), &wanted(loads, workspace, &top)).map(drop)
            };
            make().with_context(|| format!("can't create the folder {}", folder.display()))?;
        }
        Ok(())
    }

    /// The names of a load that are there as they were planned; a link above one would lead anywhere.
    pub(crate) fn arrived(&self, load: &Load, planned: &Listing, workspace: &Path) -> List {
        let part = &load.part;
        let top = workspace.join(&part.folder).join(&self.folder);
        let is_it = |name: &Path| {
            let kind = planned.get(&part.folder.join(name)).map(|entry| entry.kind);
            let found = Entry::look(&top.join(name)).ok().flatten().map(|entry| entry.kind);
            let above = name.ancestors().skip(1).filter(|above| *above != Path::new(""));
            let is_folder = |path: &Path| fs::symlink_metadata(path).is_ok_and(|it| it.is_dir());
            kind.is_some() && kind == found && above.into_iter().all(|it| is_folder(&top.join(it)))
        };
        part.files_from.iter().filter(|name| is_it(name)).collect()
    }

    /// Removes it, but for what has begun to come where that is `unfinished`; returns a name that came and wasn't asked for,
    /// if any did.
    pub(crate) fn clear(
        &self,
        loads: &[Load],
        workspace: &Path,
        unfinished: bool,
    ) -> io::Result<Option<PathBuf>> {
        let mut unasked = None;
        for top in tops(loads, workspace) {
            let folder = top.join(&self.folder);
            let other = remove_others(&folder, Path::new(""), &wanted(loads, workspace, &top))?;
            unasked = unasked.or(other);
            if !unfinished {
                remove(&folder)?;
            }
        }
        Ok(unasked)
    }
}

/// The folders that loads are put into.
fn tops(loads: &[Load], workspace: &Path) -> Vec<PathBuf> {
    let mut tops: Vec<_> = loads.iter().map(|load| workspace.join(&load.part.folder)).collect();
    tops.dedup();
    tops
}

/// What is asked for in a folder.
fn wanted(loads: &[Load], workspace: &Path, top: &Path) -> Vec<&'static Path> {
    let is_of_top = |part: &Batch| workspace.join(&part.folder) == top;
    let loads = loads.iter().filter(|load| is_of_top(&load.part));
    let mut wanted: Vec<_> = loads.flat_map(|load| load.part.files_from.iter()).collect();
    wanted.sort_unstable();
    wanted
}

/// Removes what isn't `wanted`, holds none of that, and isn't a part of a file; returns the name of one that was removed.
fn remove_others(top: &Path, at: &Path, wanted: &[&Path]) -> io::Result<Option<PathBuf>> {
    let mut removed = None;
    for entry in fs::read_dir(top.join(at))? {
        let entry = entry?;
        let path = at.join(entry.file_name());
        let is_folder = entry.file_type()?.is_dir();
        // Names in order of their components: what lies in a folder stands behind it.
        let next = wanted.partition_point(|name| *name < path.as_path());
        let is_named = wanted.get(next).is_some_and(|name| name.starts_with(&path));
        if is_folder && entry.file_name() == PARTIAL {
            continue;
        }
        if is_folder && is_named {
            let below = remove_others(top, &path, wanted)?;
            removed = removed.or(below);
        } else if !is_named || wanted.get(next) != Some(&path.as_path()) {
            remove(&top.join(&path))?;
            removed.get_or_insert(path);
        }
    }
    Ok(removed)
}

/// Removes a file, or a folder with all in it, whatever permissions the host gave it.
fn remove(path: &Path) -> io::Result<()> {
    if !fs::symlink_metadata(path)?.is_dir() {
        return fs::remove_file(path);
    }
    fs::set_permissions(path, Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(path)? {
        remove(&entry?.path())?;
    }
    fs::remove_dir(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_wanted_stays() {
        let top = tempfile::tempdir().unwrap();
        let partial = format!("d/{PARTIAL}/x");
        for name in ["a", "a b", "d/wanted", "d/other", "e/f/deep", &partial] {
            let path = top.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let closed = top.path().join("e/f");
        fs::set_permissions(closed, Permissions::from_mode(0o500)).unwrap();
        let wanted = ["a", "d/wanted", "gone"].map(Path::new);
        let mut removed = Vec::new();
        while let Some(name) = remove_others(top.path(), Path::new(""), &wanted).unwrap() {
            removed.push(name);
        }
        assert!(!removed.is_empty());
        for (name, stays) in
            [("a", true), ("a b", false), ("d/wanted", true), ("d/other", false), ("e", false)]
        {
            assert_eq!(top.path().join(name).exists(), stays, "{name}");
        }
        assert!(top.path().join(partial).exists());
        remove(top.path()).unwrap();
    }
}
