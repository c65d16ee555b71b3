//! The stage: the folder into which rsync writes where it can't be trusted to take only the listed names. Before 3.2.5
//! it takes any name that a host sends (CVE-2022-29154). Every rsync reads `*`, `?`, `[` and backslashes in a list as
//! wildcards when it checks the received names, so that a host which lists `m*ne` could send `mine`. Only the names of
//! the plan leave the stage, and no rsync makes a link in it.

use std::fs;
use std::fs::Permissions;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use mlcube_ssh::listing::{Entry, Listing, PARTIAL, is_absence};
use mlcube_ssh::pipe::failure::Outcome;
use mlcube_ssh::process::command::{Command, List};
use mlcube_ssh::sync::{Batch, Plan, SyncState, unrounded_local};
use mlcube_ssh::text::random_id::hex_digits;

use crate::local::scratch;
use crate::transfer::load::Load;
use mlcube_ssh::remote::rsync_version;

/// The stage of a pull: a folder in each of the folders that it writes to, on the same file system and out of sight.
#[derive(Clone, Debug)]
pub(crate) struct Stage {
    /// The name in the sync state.
    name: String,
    folder: String,
}

impl Stage {
    /// The stage for the local rsync; `None` if that rsync checks the names of these loads itself.
    ///
    /// # Errors
    /// When the sync state can't be read.
    pub(crate) fn of(sync_state: &SyncState, loads: &[Load]) -> Outcome<Option<Self>> {
        if !loads.iter().any(|load| load.needs_stage) {
            return Ok(None);
        }
        // One for each remote tree, so that the next pull continues with what one that was cut off has left in it.
        let name = sync_state.stage()?.map_or_else(hex_digits::<8>, Ok)?;
        Ok(Some(Self { folder: Self::folder_of(&name), name }))
    }

    /// Splits a batch into the entries that rsync itself checks and those that need the stage, as the flag says.
    ///
    /// # Errors
    /// When there is no rsync.
    pub(crate) fn split(batch: Batch) -> Outcome<Vec<(Batch, bool)>> {
        if !rsync_version::checks_names()? {
            return Ok(vec![(batch, true)]);
        }
        let has_wildcard =
            |name: &Path| name.as_os_str().as_bytes().iter().any(|byte| br"*?[\".contains(byte));
        if !batch.files_from.iter().any(has_wildcard) {
            return Ok(vec![(batch, false)]);
        }
        let part = |needs_stage: bool| {
            let mut part = batch.clone();
            let names = batch.files_from.iter();
            part.files_from = names.filter(|name| has_wildcard(name) == needs_stage).collect();
            (part, needs_stage)
        };
        let parts = [part(false), part(true)].into_iter();
        Ok(parts.filter(|(part, _)| !part.files_from.is_empty()).collect())
    }

    /// Removes what an earlier pull that needed a stage has left, for one that needs none.
    ///
    /// # Errors
    /// When the sync state can't be read, or a stage can't be removed.
    pub(crate) fn remove_left(sync_state: &SyncState, plan: &Plan, workspace: &Path) -> Result<()> {
        let Some(name) = sync_state.stage()? else { return Ok(()) };
        let folders = plan.links.iter().map(|link| workspace.join(link));
        for top in folders.chain([workspace.to_owned()]) {
            let stage = top.join(Self::folder_of(&name));
            match remove(&stage) {
                Err(problem) if !is_absence(&problem) => {
                    return Err(problem)
                        .with_context(|| format!("can't remove the folder {}", stage.display()));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn folder_of(name: &str) -> String {
        format!("{PARTIAL}/stage-{name}")
    }

    /// The path of the stage relative to a batch's folder.
    pub(crate) fn folder(&self) -> &str {
        &self.folder
    }

    /// The commands that make the stage for these loads.
    pub(crate) fn commands(&self, loads: &[Load], workspace: &Path) -> Vec<Command> {
        let make =
            |top: PathBuf| scratch::make_private_command(&top.join(&self.folder).to_string_lossy());
        tops(loads, workspace).into_iter().map(make).collect()
    }

    /// Writes the stage's name down and makes it for these loads, and removes from it entries of an earlier pull that aren't in them.
    ///
    /// # Errors
    /// When the stage can't be made; nothing may be fetched without it.
    pub(crate) fn make(
        &self,
        sync_state: &SyncState,
        loads: &[Load],
        workspace: &Path,
    ) -> Result<()> {
        sync_state.set_stage(&self.name)?;
        for top in tops(loads, workspace) {
            let folder = top.join(&self.folder);
            let make = || {
                scratch::make_private(&folder)?;
                remove_others(&folder, Path::new(""), &wanted(loads, workspace, &top)).map(drop)
            };
            make().with_context(|| format!("can't create the folder {}", folder.display()))?;
        }
        Ok(())
    }

    /// The names of a load whose entries are in the stage as they were planned. After a transfer that is `complete`,
    /// everything in the stage has just arrived, so the planned kind is enough: a log may have grown meanwhile. After
    /// any other, an entry may be what an earlier pull had fetched. A name below a link doesn't count, because the link
    /// could lead anywhere.
    pub(crate) fn arrived(
        &self,
        load: &Load,
        planned: &Listing,
        workspace: &Path,
        complete: bool,
    ) -> List {
        let batch = &load.batch;
        let top = workspace.join(&batch.folder).join(&self.folder);
        let look = |name: &'static Path| {
            let entry = Entry::look(&top.join(name)).ok().flatten()?;
            Some((batch.folder.join(name), entry))
        };
        let staged: Listing = batch.files_from.iter().filter_map(look).collect();
        // The stage is on the file system of the folder that its entries go to.
        let staged = unrounded_local(workspace, &staged, planned);
        let is_as_planned = |name: &Path| {
            let path = batch.folder.join(name);
            let (Some(planned), Some(staged)) = (planned.get(&path), staged.get(&path)) else {
                return false;
            };
            let above = name.ancestors().skip(1).filter(|above| *above != Path::new(""));
            let is_folder = |path: &Path| fs::symlink_metadata(path).is_ok_and(|it| it.is_dir());
            planned.kind == staged.kind
                && (complete || planned.same_content(&staged))
                && above.into_iter().all(|it| is_folder(&top.join(it)))
        };
        batch.files_from.iter().filter(|name| is_as_planned(name)).collect()
    }

    /// Removes the stage; if the transfer is `unfinished`, keeps the requested entries. Returns one of the entries that
    /// the host sent without a request.
    pub(crate) fn clear(
        &self,
        loads: &[Load],
        workspace: &Path,
        unfinished: bool,
    ) -> io::Result<Option<PathBuf>> {
        let mut unrequested = None;
        for top in tops(loads, workspace) {
            let folder = top.join(&self.folder);
            let other = remove_others(&folder, Path::new(""), &wanted(loads, workspace, &top))?;
            unrequested = unrequested.or(other);
            if !unfinished {
                remove(&folder)?;
            }
        }
        Ok(unrequested)
    }
}

/// The folders that the loads are written to.
fn tops(loads: &[Load], workspace: &Path) -> Vec<PathBuf> {
    let staged = loads.iter().filter(|load| load.needs_stage);
    let mut tops: Vec<_> = staged.map(|load| workspace.join(&load.batch.folder)).collect();
    tops.dedup();
    tops
}

/// The names requested for the folder `top`.
fn wanted(loads: &[Load], workspace: &Path, top: &Path) -> Vec<&'static Path> {
    let is_of_top = |batch: &Batch| workspace.join(&batch.folder) == top;
    let loads = loads.iter().filter(|load| load.needs_stage && is_of_top(&load.batch));
    let mut wanted: Vec<_> = loads.flat_map(|load| load.batch.files_from.iter()).collect();
    wanted.sort_unstable();
    wanted
}

/// Removes entries that aren't `wanted`, don't contain a wanted one and aren't partial files; returns the path of one
/// that was removed.
fn remove_others(top: &Path, at: &Path, wanted: &[&Path]) -> io::Result<Option<PathBuf>> {
    let mut removed = None;
    for entry in fs::read_dir(top.join(at))? {
        let entry = entry?;
        let path = at.join(entry.file_name());
        let is_folder = entry.file_type()?.is_dir();
        // Names are sorted by component, so the entries of a folder come directly after it.
        let next = wanted.partition_point(|name| *name < path.as_path());
        let is_named = wanted.get(next).is_some_and(|name| name.starts_with(&path));
        if is_folder && entry.file_name() == PARTIAL {
            continue;
        }
        if is_folder && is_named {
            let below = remove_others(top, &path, wanted)?;
            removed = removed.or(below);
        } else if !is_named
            || wanted.get(next) != Some(&path.as_path())
            // rsync would write through it, if the host has a folder there by now.
            || entry.file_type()?.is_symlink()
        {
            remove(&top.join(&path))?;
            removed.get_or_insert(path);
        }
    }
    Ok(removed)
}

/// Removes a file, or a folder with all in it, whatever permissions the host gave it.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
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
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn removes_all_but_wanted_entries() {
        let top = tempfile::tempdir().unwrap();
        let partial = format!("d/{PARTIAL}/x");
        for name in ["a", "a b", "d/wanted", "d/other", "e/f/deep", &partial] {
            let path = top.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        symlink("/", top.path().join("link")).unwrap();
        let closed = top.path().join("e/f");
        fs::set_permissions(closed, Permissions::from_mode(0o500)).unwrap();
        let wanted = ["a", "d/wanted", "gone", "link"].map(Path::new);
        let mut removed = Vec::new();
        while let Some(name) = remove_others(top.path(), Path::new(""), &wanted).unwrap() {
            removed.push(name);
        }
        assert!(!removed.is_empty());
        for (name, is_kept) in [
            ("a", true),
            ("a b", false),
            ("d/wanted", true),
            ("d/other", false),
            ("e", false),
            ("link", false),
        ] {
            assert_eq!(top.path().join(name).exists(), is_kept, "{name}");
        }
        assert!(top.path().join(partial).exists());
        remove(top.path()).unwrap();
    }
}
