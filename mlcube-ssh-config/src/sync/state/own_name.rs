//! The suffix of a sync state's name, which separates machines that share one home.
//!
//! Several machines may share a home and each have a folder of its own at one path: nodes of a cluster, a laptop and a
//! desktop, containers. What one of them agreed on with the remote says nothing about another one's files. The first
//! machine of a pair of trees has names without the suffix; each later one has an id, which is also in the id of the
//! owner of the trees that it pushes.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};

use crate::listing::entry::is_absence;
use crate::pipe::private_file::{FILE_REMEDY, write_atomically};
use crate::sync::state::local_folder::LocalFolder;
use crate::sync::state::record::Record;
use crate::text::hint::OrHint;
use crate::text::stable_hash::StableHash;

/// The suffix of the files that name the owner of a sync state.
const ABOUT: &str = ".about";
/// How long an unused sync state of a later machine is kept. Every container with a new name and a folder of its own
/// leaves one.
const UNUSED: Duration = Duration::from_secs(90 * 24 * 60 * 60);
/// The age after which the note of the last use is renewed.
const USED: Duration = Duration::from_secs(24 * 60 * 60);

/// Which of the machines that share this state folder owns the sync states of a tree.
#[derive(Clone, Debug)]
pub(super) struct OwnName {
    /// The folder of all sync states.
    state: PathBuf,
    /// The name of the files of the tree in it.
    tree: String,
    /// The local base, on this machine.
    base: LocalFolder,
    /// The id of a machine that isn't the first one.
    pub(super) id: Option<String>,
}

impl OwnName {
    /// Finds the names of this machine's sync states of the tree whose files in the folder `state` begin with `tree`.
    /// `earlier` is the line of an earlier version in the sync state of the first machine.
    pub(super) fn find(
        state: PathBuf,
        tree: String,
        base: LocalFolder,
        earlier: &Path,
    ) -> Result<Self> {
        let mut own = Self { state, tree, base, id: None };
        let first = Record::at(own.about()).text()?;
        if first.as_ref().is_some_and(|first| own.base.is_own(first)) {
            return Ok(own);
        }
        for id in own.ids()? {
            own.id = Some(id);
            if Record::at(own.about()).text()?.is_some_and(|about| own.base.is_own(&about)) {
                return Ok(own);
            }
        }
        own.id = None;
        let is_free = match first {
            Some(_) => false,
            None => Record::at(earlier.to_owned())
                .text()?
                .is_none_or(|earlier| own.base.is_own(&earlier)),
        };
        if !is_free {
            let about = own.base.text().unwrap_or_default();
            let id = StableHash::default().field(&own.tree).field(about).finish();
            own.id = Some(format!("{id:016x}"));
        }
        Ok(own)
    }

    /// The name of a file or folder of the first machine, as this one calls its own.
    pub(super) fn name(&self, first: &str) -> PathBuf {
        let id = self.id.as_ref().map(|id| format!(".{id}")).unwrap_or_default();
        self.state.join(format!("{first}{id}"))
    }

    fn about(&self) -> PathBuf {
        let id = self.id.as_ref().map(|id| format!(".{id}")).unwrap_or_default();
        self.state.join(format!("{}{id}{ABOUT}", self.tree))
    }

    /// The ids of the machines that have sync states of this tree, except the first one.
    fn ids(&self) -> Result<Vec<String>> {
        let entries = match fs::read_dir(&self.state) {
            Err(problem) if is_absence(&problem) => return Ok(Vec::new()),
            read => read
                .with_context(|| format!("can't read {}", self.state.display()))
                .or_hint(FILE_REMEDY)?,
        };
        let id = |name: &str| {
            let rest = name.strip_prefix(&self.tree)?.strip_prefix('.')?;
            Some(rest.strip_suffix(ABOUT)?.to_owned())
        };
        Ok(entries.flatten().filter_map(|entry| id(entry.file_name().to_str()?)).collect())
    }

    /// Writes down the owner of the sync states and this use. A new machine also removes those that nobody has used for
    /// long.
    pub(super) fn note(&self) -> io::Result<()> {
        let (about, Some(text)) = (self.about(), self.base.text()) else { return Ok(()) };
        let known = fs::read_to_string(&about).ok();
        if known.is_none() && self.id.is_some() {
            self.remove_unused();
        }
        if known.is_some_and(|known| known == text) && age(&about).is_some_and(|age| age < USED) {
            return Ok(());
        }
        write_atomically(&about, |file| file.write_all(text.as_bytes()))
    }

    /// Removes the sync states of later machines that nobody has used for long. Keeps a sync state that has backups.
    fn remove_unused(&self) {
        for id in self.ids().unwrap_or_default() {
            let other = Self { id: Some(id), ..self.clone() };
            if age(&other.about()).is_some_and(|age| age > UNUSED) && other.remove_states() {
                let _ = fs::remove_file(other.about());
            }
        }
    }

    /// Removes the sync states of this id; returns whether none is left.
    fn remove_states(&self) -> bool {
        let Some(id) = &self.id else { return false };
        let is_own = |path: &PathBuf| path.extension().is_some_and(|ending| ending == id.as_str());
        let Ok(entries) = fs::read_dir(&self.state) else { return false };
        entries.flatten().map(|entry| entry.path()).filter(is_own).fold(true, |all, folder| {
            let has_backups =
                fs::read_dir(folder.join("replaced")).is_ok_and(|mut all| all.next().is_some());
            all & (!has_backups && fs::remove_dir_all(&folder).is_ok())
        })
    }
}

/// How long ago a file was written; `None` if that is unknown.
fn age(file: &Path) -> Option<Duration> {
    SystemTime::now().duration_since(fs::metadata(file).ok()?.modified().ok()?).ok()
}
