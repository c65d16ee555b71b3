//! The owner of a remote tree: most public cubes' folder is called `mlcube`, and two of them must not mix.
//!
//! A tree belongs to one local folder on one machine. The machine's part of the id is random, made once and kept in the
//! state folder; the folder's part is a hash of its path.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, anyhow};

use crate::cube::layout::Layout;
use crate::pipe::document::{Document, Remote};
use crate::pipe::failure::{Failure, hinted};
use crate::pipe::private_file::{STATE_REMEDY, state_folder, write_once};
use crate::text::quote::{one_line, shell_word};
use crate::text::random_id::hex_digits;
use crate::text::stable_hash::{StableHash, former};

/// The owner of a remote tree.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Owner {
    /// The line in the tree's file `origin`: an id without blanks, then host and path for people.
    pub line: String,
    /// The id that an earlier version gave to the same local folder.
    pub former_id: String,
}

impl Owner {
    /// Makes the owner of a layout. `apart` is the id of a machine that shares its home, and so the file with the id,
    /// with another one.
    ///
    /// # Errors
    /// When the id of the local machine can't be read or made.
    pub(crate) fn of(layout: &Layout, apart: Option<&str>) -> Result<Self> {
        let machine = match apart {
            Some(id) => id.to_owned(),
            None => machine_id(&state_folder()?)?,
        };
        let folder = StableHash::default().field(&layout.base).finish();
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let path = one_line(&layout.base.to_string_lossy());
        Ok(Self {
            line: format!("{machine}-{folder:016x} {host}:{path}"),
            former_id: format!("{machine}-{:016x}", former::hash(&layout.base)),
        })
    }

    /// The id, without blanks.
    #[must_use]
    pub fn id(&self) -> &str {
        self.line.split(' ').next().unwrap_or_default()
    }
}

/// Refuses to push to a tree of another owner; `line` is the content of its file `origin`.
#[must_use]
pub fn other(document: &Document, line: &str) -> Failure {
    refused(document, line, "pushed it", "take over")
}

/// Refuses to start a job in a tree that this machine has pushed, and that another one has taken over since.
#[must_use]
pub fn taken_over(document: &Document, line: &str) -> Failure {
    refused(document, line, "has taken it over since the last push of this machine", "take back")
}

fn refused(document: &Document, line: &str, did: &str, take: &str) -> Failure {
    let from = pushed_from(line);
    let mut renamed = document.clone();
    renamed.run.runner_overrides.retain(|word| !word.starts_with("runner.remote_name="));
    let base = document.remote.base.as_str();
    let name = base.rsplit('/').next().unwrap_or_default();
    let other_name = shell_word(&format!("-Prunner.remote_name={name}-2"));
    let host = &document.remote.host;
    let message = format!("the remote tree {base} on '{host}' belongs to {from}, which {did}");
    Failure::ours(anyhow!(message)).hint(format!(
        "to keep both, run `{} {other_name}`; to {take} the tree of the same cube (another machine, a fresh checkout), run `{} -Prunner.adopt=true`",
        renamed.configure_command(),
        document.configure_command()
    ))
}

/// Refuses to remove a tree of another owner.
#[must_use]
pub fn not_removed(document: &Document, line: &str) -> Failure {
    let Remote { base, host, .. } = &document.remote;
    let from = pushed_from(line);
    Failure::ours(anyhow!("the remote tree {base} on '{host}' belongs to {from}, which pushed it; nothing was removed")).hint(
        "run clean on that machine; with -Prunner.adopt=true this one removes the tree, with files that only that machine knows",
    )
}

fn pushed_from(line: &str) -> &str {
    line.split_once(' ').map_or("another machine", |(_, from)| from)
}

/// The random id of this user on this machine; made once, even if several processes start at the same time.
fn machine_id(state: &Path) -> Result<String> {
    let file = state.join("id");
    let read = || fs::read_to_string(&file).ok().map(|text| text.trim().to_owned());
    if let Some(id) = read().filter(|id| !id.is_empty()) {
        return Ok(id);
    }
    let id = hex_digits::<8>()?;
    write_once(&file, format!("{id}\n").as_bytes()).map_err(|problem| {
        hinted(format!("can't write {}: {problem}", file.display()), STATE_REMEDY)
    })?;
    read().with_context(|| format!("can't read {}", file.display()))
}
