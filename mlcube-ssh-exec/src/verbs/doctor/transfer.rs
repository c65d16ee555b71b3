//! The transfer of two files, one of them with an odd name, by the rsyncs of both sides.

use std::fs;
use std::path::Path;

use anyhow::Context;
use mlcube_ssh::pipe::failure::{Failure, Outcome};
use mlcube_ssh::process::command::{Command, List};
use mlcube_ssh::remote::connection::Connection;
use mlcube_ssh::sync::rsync;
use mlcube_ssh::sync::rsync::Heard;
use mlcube_ssh::ui::report::Report;

/// A name that every file system takes.
const PLAIN: &str = "mlcube-ssh";

/// A name that shells, rsync's patterns and terminals would misread.
const ODD: &str = "#it's \"$(id)\" *[1]?\\ é\n;-x";

/// What the transfer showed.
pub(crate) struct Transferred {
    /// Whether the host had no session for it on the shared connection.
    pub(crate) was_refused: bool,
    pub(crate) outcome: Outcome<()>,
    /// Why the file with the odd name couldn't be sent, although the other one was.
    pub(crate) odd_name: Option<Failure>,
}

/// The command that sends the files in a local folder to a remote folder.
pub(crate) fn command(connection: &Connection, local: &Path, remote: &str) -> Command {
    command_for(connection, local, remote, &[PLAIN, ODD])
}

fn command_for(
    connection: &Connection,
    local: &Path,
    remote: &str,
    names: &[&'static str],
) -> Command {
    let names: List = names.iter().copied().map(Path::new).collect();
    rsync::command(connection)
        .args(["--files-from=-", "--from0"])
        .arg("--")
        .arg(format!("{}/", local.display()))
        .arg(connection.rsync_path(&format!("{remote}/")))
        .list(names)
}

/// Sends the files.
pub(crate) fn send(connection: &Connection, report: Report, remote: &str) -> Transferred {
    let mut attempt = Attempt { connection, report, remote, was_refused: false, is_partial: false };
    let mut outcome = attempt.send(&[PLAIN, ODD]);
    let mut odd_name = None;
    if attempt.is_partial {
        let alone = attempt.send(&[PLAIN]);
        odd_name = std::mem::replace(&mut outcome, alone).err();
    }
    Transferred { was_refused: attempt.was_refused, odd_name, outcome }
}

struct Attempt<'a> {
    connection: &'a Connection,
    report: Report,
    remote: &'a str,
    was_refused: bool,
    /// Whether rsync left something out, and sent the rest.
    is_partial: bool,
}

impl Attempt<'_> {
    fn send(&mut self, names: &[&'static str]) -> Outcome<()> {
        let folder = tempfile::tempdir().context("can't make a temporary folder")?;
        for name in names {
            fs::write(folder.path().join(name), "mlcube-ssh\n")
                .context("can't write a temporary file")?;
        }
        let heard = Heard { report: self.report, total: 0, changed: None };
        let command = command_for(self.connection, folder.path(), self.remote, names);
        let (transfer, ended) = rsync::run(&[command], self.connection, heard);
        self.was_refused = transfer.was_refused;
        let partial = ended?;
        self.is_partial = partial.is_some();
        if let Some(partial) = partial {
            return Err(partial);
        }
        if transfer.files_sent == names.len() as u64 {
            return Ok(());
        }
        Err(Failure::ours(anyhow::anyhow!(
            "rsync to '{}' succeeded, and transferred nothing",
            self.connection.host()
        ))
        .hint("look at what `rsync` is locally and on the remote (`command -v rsync`): a wrapper may do nothing"))
    }
}
