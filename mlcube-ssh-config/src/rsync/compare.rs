//! Comparisons by content: rsync's checksum pass, which transfers nothing.

use std::path::{Path, PathBuf};

use anyhow::anyhow;

use super::run::{Heard, run};
use crate::command::{Command, List};
use crate::connection::Connection;
use crate::failure::{Failure, Outcome};
use crate::report::{Report, human_bytes};
use crate::workspace::Part;

/// An rsync that compares by content the files of a list, and transfers nothing.
#[must_use]
pub fn comparison(connection: &Connection, files_from: List) -> Command {
    super::command_along_links(connection)
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
    pub fn of(parts: &[Part], command: impl Fn(&Part) -> Command) -> Vec<Self> {
        let folders = parts.chunk_by(|one, other| one.folder == other.folder);
        let comparison = |parts: &[Part]| Self {
            folder: parts[0].folder.clone(),
            commands: parts.iter().map(&command).collect(),
        };
        folders.map(comparison).collect()
    }
}

/// Runs comparisons and names what differs: also what is something else on one side, and couldn't be compared.
///
/// # Errors
/// When anything differs (125), and those of [`run`].
pub fn compare(
    comparisons: &[Comparison],
    something_else: &[PathBuf],
    connection: &Connection,
    report: Report,
) -> Outcome<()> {
    let host = connection.host();
    let name = |path: &Path| {
        let path = path.to_string_lossy();
        report.error(&format!("{} isn't the same here and on {host}", path.escape_debug()));
    };
    for path in something_else {
        name(path);
    }
    let (mut different, mut bytes) = (something_else.len() as u64, 0_u64);
    for Comparison { folder, commands } in comparisons {
        let changed = |changed: &str| name(&folder.join(changed));
        let heard = Heard { report, total: 0, changed: Some(&changed) };
        let (compared, ended) = run(commands, connection, heard);
        ended?;
        different = different.saturating_add(compared.changed);
        bytes = bytes.saturating_add(compared.bytes);
    }
    match different {
        0 => {
            report.say(&format!("the same here and on {host}, {} compared", human_bytes(bytes)));
            Ok(())
        }
        number => Err(Failure::ours(anyhow!(
            "{} not the same here and on '{host}', by content; nothing was transferred",
            if number == 1 { "1 file is".to_owned() } else { format!("{number} files are") }
        ))),
    }
}
