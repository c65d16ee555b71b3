//! The transfer of one file with an odd name, by the rsyncs of both sides.

use std::fs;
use std::path::Path;

use anyhow::Context;
use mlcube_ssh::pipe::failure::{Failure, Outcome};
use mlcube_ssh::process::command::{Command, List};
use mlcube_ssh::remote::connection::Connection;
use mlcube_ssh::sync::rsync;
use mlcube_ssh::sync::rsync::Heard;
use mlcube_ssh::ui::report::Report;

/// A name that shells, rsync's patterns and terminals would misread.
const NAME: &str = "#it's \"$(id)\" *[1]?\\ é\n;-x";

/// What the transfer showed.
pub(crate) struct Transferred {
    /// Whether the host had no session for it on the shared connection.
    pub(crate) was_refused: bool,
    pub(crate) outcome: Outcome<()>,
}

/// The command that sends the file of that name in a local folder to a remote folder.
pub(crate) fn command(connection: &Connection, local: &Path, remote: &str) -> Command {
    let names: List = std::iter::once(Path::new(NAME)).collect();
    rsync::command(connection)
        .args(["--files-from=-", "--from0"])
        .arg("--")
        .arg(format!("{}/", local.display()))
        .arg(connection.rsync_path(&format!("{remote}/")))
        .list(names)
}

/// Sends the file.
pub(crate) fn send(connection: &Connection, report: Report, remote: &str) -> Transferred {
    let mut was_refused = false;
    let outcome = try_to_send(connection, report, remote, &mut was_refused);
    Transferred { was_refused, outcome }
}

fn try_to_send(
    connection: &Connection,
    report: Report,
    remote: &str,
    was_refused: &mut bool,
) -> Outcome<()> {
    let folder = tempfile::tempdir().context("can't make a temporary folder")?;
    fs::write(folder.path().join(NAME), "mlcube-ssh\n").context("can't write a temporary file")?;
    let heard = Heard { report, total: 0, changed: None };
    let command = command(connection, folder.path(), remote);
    let (transfer, ended) = rsync::run(&[command], connection, heard);
    *was_refused = transfer.was_refused;
    if let Some(partial) = ended? {
        return Err(partial);
    }
    if transfer.files_sent == 1 {
        return Ok(());
    }
    Err(Failure::ours(anyhow::anyhow!(
        "rsync to '{}' succeeded, and transferred nothing",
        connection.host()
    ))
    .hint("look at what `rsync` is locally and on the remote (`command -v rsync`): a wrapper may do nothing"))
}
