//! Comparisons by content: rsync's checksum pass, which transfers nothing.

use anyhow::anyhow;

use super::run::{Heard, run};
use crate::command::Command;
use crate::connection::Connection;
use crate::failure::{Failure, Outcome};
use crate::report::{Report, human_bytes};

/// An rsync that compares by content the files of a list, as `--files-from=-` reads it, and transfers nothing.
#[must_use]
pub fn comparison(connection: &Connection, files_from: Vec<u8>) -> Command {
    super::command(connection)
        .args(["--files-from=-", "--from0", "--dirs", "--no-implied-dirs"])
        // Every file is read on both sides; times and permissions don't count.
        .args(["--checksum", "--dry-run", "--no-times", "--no-perms"])
        .list(files_from)
}

/// Runs comparisons and names what differs.
///
/// # Errors
/// When anything differs (125), and those of [`run`].
pub fn compare(commands: &[Command], connection: &Connection, report: Report) -> Outcome<()> {
    let host = connection.host();
    let name = |name: &str| {
        report.error(&format!("{} isn't the same here and on {host}", name.escape_debug()));
    };
    let (compared, ended) = run(commands, connection, Heard { report, total: 0, changed: &name });
    ended?;
    match compared.changed {
        0 => {
            report.say(&format!(
                "the same here and on {host}, {} compared",
                human_bytes(compared.bytes)
            ));
            Ok(())
        }
        number => Err(Failure::ours(anyhow!(
            "{} not the same here and on '{host}', by content; nothing was transferred",
            if number == 1 { "1 file is".to_owned() } else { format!("{number} files are") }
        ))),
    }
}
