//! Comparisons by content: rsync's checksum pass, which transfers nothing.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::anyhow;

use crate::pipe::failure::{Failure, Outcome};
use crate::process::command::Command;
use crate::remote::connection::Connection;
use crate::sync::direction::TransferDirection;
use crate::sync::plan::Plan;
use crate::sync::plan::batch::Batch;
use crate::sync::rsync::run::{Heard, Transfer, run};
use crate::sync::skipped::Skipped;
use crate::sync::umask::Umask;
use crate::text::units::human_bytes;
use crate::ui::names::shown;
use crate::ui::report::Report;

/// The comparisons of one folder; the paths in them are relative to it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Comparison {
    /// The path of the folder; empty for the whole of what is compared.
    pub folder: PathBuf,
    /// The commands that compare its content.
    pub commands: Vec<Command>,
}

/// The most entries that one fetching rsync compares: 40,000 at once took 12 s, in pieces of this size 3 s.
const AT_ONCE: usize = 5000;

impl Comparison {
    /// Makes the comparisons of batches of the folders `local` and `remote`, one for each folder that the batches name.
    /// With `of_links`, the batches of a fetch are links that it follows to files.
    #[must_use]
    pub fn of(
        connection: &Connection,
        direction: TransferDirection,
        batches: &[Batch],
        [local, remote]: [&str; 2],
        of_links: bool,
    ) -> Vec<Self> {
        let is_up = direction == TransferDirection::Up;
        let command = |batch: &Batch| {
            let mut ends = [batch.below(local), connection.rsync_path(&batch.below(remote))];
            if !is_up {
                ends.reverse();
            }
            crate::sync::rsync::command_along_links(connection)
                .args(["--files-from=-", "--from0", "--dirs", "--no-implied-dirs"])
                // `--checksum` reads every file on both sides; times and permissions don't count.
                .args(["--checksum", "--dry-run", "--no-times", "--no-perms"])
                // Compares the target of a link that is followed.
                .args((of_links || is_up && batch.is_followed).then_some("--copy-links"))
                // A pull takes these permissions, so without them nothing differs.
                .args(if is_up { None } else { Umask::of_process().option() })
                .arg("--")
                .args(ends)
                .list(batch.files_from.clone())
        };
        let pieces = |batch: &Batch| {
            if is_up {
                return vec![batch.clone()];
            }
            let short = batch.with_short_names();
            short.iter().flat_map(|batch| batch.pieces(AT_ONCE)).collect()
        };
        let batches: Vec<_> = batches.iter().flat_map(pieces).collect();
        let folders = batches.chunk_by(|one, other| one.folder == other.folder);
        let comparison = |batches: &[Batch]| Self {
            folder: batches[0].folder.clone(),
            commands: batches.iter().map(command).collect(),
        };
        folders.map(comparison).collect()
    }
}

/// Runs the commands of a comparison: [`run`] does it, and so does a caller that has to pause something meanwhile.
pub type Run<'a> = dyn Fn(&[Command], Heard) -> (Transfer, Outcome<Option<Failure>>) + 'a;

/// Runs comparisons and names what differs, including the entries of a plan that are of different kinds. `is_all` says
/// that the comparison covers everything else.
///
/// # Errors
/// When anything differs (125), and the errors of [`run`].
pub fn compare(
    comparisons: &[Comparison],
    plan: &Plan,
    is_all: bool,
    connection: &Connection,
    report: Report,
) -> Outcome<()> {
    let host = connection.host();
    let name = |path: &Path| {
        report.warn(&format!("the local {} differs from that on '{host}'", shown(path)));
    };
    let something_else = || plan.skipped_for(Skipped::is_other_kind);
    something_else().for_each(name);
    let (compared, left_out) =
        differing(comparisons, report, &name, &|commands, heard| run(commands, connection, heard))?;
    if let Some(failure) = left_out {
        return Err(failure);
    }
    let different = (something_else().count() as u64).saturating_add(compared.changed);
    let bytes = compared.bytes;
    match different {
        0 => {
            let what = if is_all { "no file" } else { "no readable file" };
            let bytes = human_bytes(bytes);
            report.say(&format!("{what} differs from that on '{host}'; {bytes} compared"));
            Ok(())
        }
        number => Err(Failure::ours(anyhow!(
            "{} on '{host}'; nothing was transferred",
            if number == 1 {
                "1 file differs in content from that".to_owned()
            } else {
                format!("{number} files differ in content from those")
            }
        ))
        .hint("push and pull transfer what changed on one side; add --checksum for files of equal size and time, --overwrite for files that changed on both")),
    }
}

/// Runs comparisons, passes those compared paths that differ to `hear`, and returns the failure about files that
/// couldn't be compared.
///
/// # Errors
/// The errors of `run`.
fn differing(
    comparisons: &[Comparison],
    report: Report,
    hear: &(dyn Fn(&Path) + Sync),
    run: &Run,
) -> Outcome<(Transfer, Option<Failure>)> {
    let (mut all, mut left_out) = (Transfer::default(), None);
    for Comparison { folder, commands } in comparisons {
        // The host's rsync may name anything. The hashes take less than the paths of a million entries.
        let hasher = RandomState::new();
        let compared = commands.iter().flat_map(Command::listed);
        let compared: HashSet<u64> = compared.map(|path| hasher.hash_one(path)).collect();
        let changed = |changed: &Path| {
            if compared.contains(&hasher.hash_one(changed)) {
                hear(&folder.join(changed));
            }
        };
        let heard = Heard { report, total: 0, changed: Some(&changed) };
        let (compared, ended) = run(commands, heard);
        left_out = left_out.or(ended?);
        all.add(compared);
    }
    Ok((all, left_out))
}

/// Returns the paths whose content differs; `run` compares all at once.
///
/// # Errors
/// The errors of `run`, and when files couldn't be compared (125).
pub fn differing_names(
    comparisons: &[Comparison],
    report: Report,
    run: &Run,
) -> Outcome<HashSet<PathBuf>> {
    let (names, left_out) = names(comparisons, report, run)?;
    left_out.map_or(Ok(names), Err)
}

/// As [`differing_names`]; `None` if files couldn't be compared, so that nobody knows which others differ.
///
/// # Errors
/// The errors of `run`.
pub fn differing_names_if_known(
    comparisons: &[Comparison],
    report: Report,
    run: &Run,
) -> Outcome<Option<HashSet<PathBuf>>> {
    let (names, left_out) = names(comparisons, report, run)?;
    Ok(left_out.is_none().then_some(names))
}

fn names(
    comparisons: &[Comparison],
    report: Report,
    run: &Run,
) -> Outcome<(HashSet<PathBuf>, Option<Failure>)> {
    let names = Mutex::new(HashSet::new());
    let hear = |path: &Path| {
        names.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned());
    };
    let (_, left_out) = differing(comparisons, report, &hear, run)?;
    Ok((names.into_inner().unwrap_or_else(PoisonError::into_inner), left_out))
}
