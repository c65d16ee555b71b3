//! Comparisons by content: rsync's checksum pass, which transfers nothing.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::anyhow;

use crate::pipe::failure::{Failure, Outcome};
use crate::process::command::Command;
use crate::process::file_list::List;
use crate::remote::connection::Connection;
use crate::sync::plan::batch::Batch;
use crate::sync::rsync::run::{Heard, Transfer, run};
use crate::text::units::human_bytes;
use crate::ui::report::Report;

/// An rsync that compares by content the files of a list, and transfers nothing.
#[must_use]
pub fn comparison(connection: &Connection, files_from: List) -> Command {
    crate::sync::rsync::command_along_links(connection)
        .args(["--files-from=-", "--from0", "--dirs", "--no-implied-dirs"])
        // Every file is read on both sides; times and permissions don't count.
        .args(["--checksum", "--dry-run", "--no-times", "--no-perms"])
        .list(files_from)
}

/// The comparisons of a folder, by its path in what is compared; theirs are relative to it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Comparison {
    /// The folder; empty for all that is compared.
    pub folder: PathBuf,
    /// The commands that compare what is in it.
    pub commands: Vec<Command>,
}

impl Comparison {
    /// One of each folder that parts of a plan are about; `command` compares a part.
    #[must_use]
    pub fn of(parts: &[Batch], command: impl Fn(&Batch) -> Command) -> Vec<Self> {
        let folders = parts.chunk_by(|one, other| one.folder == other.folder);
        let comparison = |parts: &[Batch]| Self {
            folder: parts[0].folder.clone(),
            commands: parts.iter().map(&command).collect(),
        };
        folders.map(comparison).collect()
    }
}

/// Runs the commands of a comparison: as [`run`] does, or beside something that has to make room for it.
pub type Run<'a> = dyn Fn(&[Command], Heard) -> (Transfer, Outcome<Option<Failure>>) + 'a;

/// Runs comparisons and names what differs: also what is something else on one side, and couldn't be compared. `is_all` says that
/// nothing else is left out of the comparison.
///
/// # Errors
/// When anything differs (125), and those of [`run`].
pub fn compare(
    comparisons: &[Comparison],
    something_else: &[PathBuf],
    is_all: bool,
    connection: &Connection,
    report: Report,
) -> Outcome<()> {
    let host = connection.host();
    let name = |path: &Path| {
        let path = path.to_string_lossy();
        report.error(&format!("{} differs between this machine and {host}", path.escape_debug()));
    };
    for path in something_else {
        name(path);
    }
    let (compared, left_out) =
        differing(comparisons, report, &name, &|commands, heard| run(commands, connection, heard))?;
    if let Some(failure) = left_out {
        return Err(failure);
    }
    let different = (something_else.len() as u64).saturating_add(compared.changed);
    let bytes = compared.bytes;
    match different {
        0 => {
            let what = if is_all { "no file" } else { "no readable file" };
            let bytes = human_bytes(bytes);
            report
                .say(&format!("{what} differs between this machine and {host}; {bytes} compared"));
            Ok(())
        }
        number => Err(Failure::ours(anyhow!(
            "{} in content between this machine and '{host}'; nothing was transferred",
            if number == 1 {
                "1 file differs".to_owned()
            } else {
                format!("{number} files differ")
            }
        ))),
    }
}

/// Runs comparisons, hands over the paths of what differs, and returns the failure that tells of files which couldn't be
/// compared.
///
/// # Errors
/// Those of `run`.
fn differing(
    comparisons: &[Comparison],
    report: Report,
    hear: &(dyn Fn(&Path) + Sync),
    run: &Run,
) -> Outcome<(Transfer, Option<Failure>)> {
    let (mut all, mut left_out) = (Transfer::default(), None);
    for Comparison { folder, commands } in comparisons {
        let changed = |changed: &Path| hear(&folder.join(changed));
        let heard = Heard { report, total: 0, changed: Some(&changed) };
        let (compared, ended) = run(commands, heard);
        left_out = left_out.or(ended?);
        all.add(compared);
    }
    Ok((all, left_out))
}

/// The paths whose content differs, all compared at once by `run`.
///
/// # Errors
/// Those of `run`, and when files couldn't be compared (125).
pub fn differing_names(
    comparisons: &[Comparison],
    report: Report,
    run: &Run,
) -> Outcome<HashSet<PathBuf>> {
    let names = Mutex::new(HashSet::new());
    let hear = |path: &Path| {
        names.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned());
    };
    let (_, left_out) = differing(comparisons, report, &hear, run)?;
    if let Some(failure) = left_out {
        return Err(failure);
    }
    Ok(names.into_inner().unwrap_or_else(PoisonError::into_inner))
}
