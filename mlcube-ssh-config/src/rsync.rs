//! rsync: the options that every transfer has, what its statistics say, what its exit statuses mean.

use crate::command::{Command, Finished};
use crate::connection::Connection;
use crate::failure::{Failure, Outcome};
use crate::progress::{Progress, is_reading};
use crate::quote::one_line;
use crate::report::{Report, human_bytes};
use crate::status::ExitStatus;

/// Where rsync keeps what it has of a file that was cut off, beside the file.
pub const PARTIAL: &str = ".mlcube-ssh-partial";

/// What a transfer did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Transfer {
    /// Files, folders and links considered.
    pub files: u64,
    /// Regular files transferred.
    pub files_sent: u64,
    /// Bytes that went over the link, both ways.
    pub bytes_sent: u64,
    /// Bytes of all files considered.
    pub bytes: u64,
    /// What changed on the receiving side, by name; a folder's new time doesn't count.
    pub changed: Vec<String>,
    /// What couldn't be read or written, each as rsync puts it.
    pub left_out: Vec<String>,
}

impl Transfer {
    /// Adds what another transfer of the same act did.
    pub fn add(&mut self, other: Self) {
        self.files += other.files;
        self.files_sent += other.files_sent;
        self.bytes_sent += other.bytes_sent;
        self.bytes += other.bytes;
        self.changed.extend(other.changed);
        self.left_out.extend(other.left_out);
    }
}

/// An rsync over the shared connection, with the options that every transfer has.
#[must_use]
pub fn command(connection: &Connection) -> Command {
    Command::new("rsync")
        // Its numbers and messages are read.
        .variable("LC_ALL", "C")
        .args(connection.rsync_options())
        // Links, permissions and times as they are; owners, groups and devices are each machine's own.
        .arg("-lpt")
        // Names never pass through the remote shell.
        .arg("--secluded-args")
        // A folder that is a link on the receiving side stays one.
        .arg("--keep-dirlinks")
        // What was cut off is resumed, and never stands under the file's name.
        .arg(format!("--partial-dir={PARTIAL}"))
        // A peer that says nothing for a minute is dead.
        .arg("--timeout=60")
        // What changed, by name, as it is; then the numbers, as plain digits.
        .args(["--out-format=%i %n", "--8-bit-output", "--stats", "--no-human-readable"])
        // How far it is, as soon as rsync knows.
        .args(["--info=progress2", "--outbuf=L"])
}

/// An rsync that compares by content the files of a list, as `--files-from=-` reads it, and transfers nothing.
#[must_use]
pub fn comparison(connection: &Connection, files_from: Vec<u8>) -> Command {
    command(connection)
        .args(["--files-from=-", "--from0", "--dirs", "--no-implied-dirs"])
        // Every file is read on both sides; times and permissions don't count.
        .args(["--checksum", "--dry-run", "--no-times", "--no-perms"])
        .list(files_from)
}

/// Runs comparisons and names what differs.
///
/// # Errors
/// When anything differs (125), and those of [`run`].
pub fn compare(commands: &[Command], connection: &Connection, report: &Report) -> Outcome<()> {
    let (mut different, mut bytes) = (Vec::new(), 0);
    for command in commands {
        let transfer = run(command, connection, report)?;
        different.extend(transfer.changed);
        bytes += transfer.bytes;
    }
    let host = connection.host();
    for name in &different {
        report.error(&format!("{} isn't the same here and on {host}", name.escape_debug()));
    }
    if different.is_empty() {
        report.say(&format!("the same here and on {host}, {} compared", human_bytes(bytes)));
        return Ok(());
    }
    Err(Failure::ours(anyhow::anyhow!(
        "{} not the same here and on '{host}', by content; nothing was transferred",
        if different.len() == 1 {
            "1 file is".to_owned()
        } else {
            format!("{} files are", different.len())
        }
    )))
}

/// Runs a transfer.
///
/// # Errors
/// By cause: the connection (255), rsync missing here or there (127), a full disk, files that can't be read or written
/// (125).
pub fn run(command: &Command, connection: &Connection, report: &Report) -> Outcome<Transfer> {
    report.command(command);
    let mut progress = Progress::of(report);
    let mut lines = Lines::default();
    let finished = command.run_heard(|bytes| {
        lines.take(bytes, |line| match &mut progress {
            Some(progress) if is_reading(line) => progress.show(line),
            Some(progress) => changed_name(line).iter().for_each(|name| progress.file(name)),
            None => {}
        });
    })?;
    if let Some(progress) = &progress {
        progress.end();
    }
    let transfer = read(&lines.kept, &finished);
    match classify(&finished, connection.host().as_str()) {
        None => Ok(transfer),
        Some(failure) => Err(failure),
    }
}

/// What rsync writes, in lines that end with a newline or, where one is drawn over, with a carriage return.
#[derive(Default)]
struct Lines {
    cut_off: Vec<u8>,
    /// The lines that tell of more than progress.
    kept: String,
}

impl Lines {
    fn take(&mut self, bytes: &[u8], mut hear: impl FnMut(&str)) {
        self.cut_off.extend_from_slice(bytes);
        while let Some(end) = self.cut_off.iter().position(|&byte| byte == b'\n' || byte == b'\r') {
            let line: Vec<u8> = self.cut_off.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line[..end]);
            if line.is_empty() {
                continue;
            }
            hear(&line);
            if !is_reading(&line) {
                self.kept.push_str(&line);
                self.kept.push('\n');
            }
        }
    }
}

/// What the statistics and the names say.
fn read(text: &str, finished: &Finished) -> Transfer {
    let number = |label: &str| {
        let line = text.lines().rev().find_map(|line| line.strip_prefix(label))?;
        line.trim_start_matches([':', ' ']).split([' ', ',']).next()?.parse().ok()
    };
    Transfer {
        files: number("Number of files").unwrap_or(0),
        files_sent: number("Number of regular files transferred").unwrap_or(0),
        bytes_sent: number("Total bytes sent").unwrap_or(0)
            + number("Total bytes received").unwrap_or(0),
        bytes: number("Total file size").unwrap_or(0),
        changed: text.lines().filter_map(changed_name).collect(),
        left_out: finished
            .errors
            .lines()
            .filter(|line| line.starts_with("rsync: ["))
            .map(one_line)
            .collect(),
    }
}

/// The name in a line of `--out-format='%i %n'` if it stands for a change (rsync(1), `--itemize-changes`).
fn changed_name(line: &str) -> Option<String> {
    let (code, name) = line.split_at_checked(11)?;
    let name = name.strip_prefix(' ')?;
    if code == "*deleting  " {
        return Some(name.trim_start().to_owned());
    }
    let mut kinds = code.chars();
    let (update, kind) = (kinds.next()?, kinds.next()?);
    let itemized = "<>ch.".contains(update) && "fdLDS".contains(kind);
    let only_a_time =
        update == '.' && kind == 'd' && code.chars().skip(2).all(|c| ".t".contains(c));
    (itemized && !only_a_time).then(|| name.to_owned())
}

/// Why a transfer failed, by cause (rsync(1), EXIT VALUES); none for success. Files that vanished meanwhile (24) are no
/// failure.
fn classify(finished: &Finished, host: &str) -> Option<Failure> {
    let errors = &finished.errors;
    let first = errors
        .lines()
        .find(|line| line.contains("rsync: ") || line.contains("rsync error"))
        .map(one_line)
        .unwrap_or_default();
    if matches!(finished.status, 0 | 24) || (finished.status == 23 && only_vanished(errors)) {
        return None;
    }
    if errors.contains("No space left on device") || errors.contains("Disk quota exceeded") {
        return Some(Failure::ours(anyhow::anyhow!(
            "no room left: {first}; make room and run this step again, it goes on where it stopped"
        )));
    }
    Some(match finished.status {
        127 => missing_there(host),
        _ if errors.contains("rsync: command not found") || errors.contains("rsync: not found") => {
            missing_there(host)
        }
        23 => Failure::ours(anyhow::anyhow!(
            "{} couldn't be transferred to or from '{host}': {first}",
            left_out(errors)
        )),
        10 | 12 | 30 | 35 | 255 => Failure::connection(format!(
            "the connection to '{host}' was lost during the transfer; run this step again, it goes on where it stopped"
        )),
        status if status > 128 => Failure::signal(
            u8::try_from(status - 128).unwrap_or(1),
            "rsync was ended by a signal; run this step again".to_owned(),
        ),
        20 => Failure::signal(2, "rsync was interrupted; run this step again".to_owned()),
        status => Failure::ours(anyhow::anyhow!("rsync failed with status {status}: {first}")),
    })
}

/// Whether nothing failed but for files of the list that went away meanwhile, which rsync has in one class with those
/// that can't be read.
fn only_vanished(errors: &str) -> bool {
    let mut failures = errors.lines().filter(|line| line.starts_with("rsync: [")).peekable();
    failures.peek().is_some()
        && failures.all(|line| line.contains("link_stat ") && line.ends_with("(2)"))
}

fn missing_there(host: &str) -> Failure {
    Failure::tool(
        ExitStatus::NotFound,
        format!("rsync isn't installed on '{host}'; install it there"),
    )
}

fn left_out(errors: &str) -> String {
    crate::report::count(
        errors.lines().filter(|line| line.starts_with("rsync: [")).count() as u64,
        "file",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_vanished_is_no_failure() {
        let gone = "rsync: [sender] link_stat \"/w/a\" failed: No such file or directory (2)\n";
        let denied = "rsync: [sender] send_files failed to open \"/w/b\": Permission denied (13)\n";
        let end = "rsync error: some files could not be transferred (code 23) at main.c(1338)\n";
        assert!(only_vanished(&format!("{gone}{end}")));
        assert!(!only_vanished(&format!("{gone}{denied}{end}")) && !only_vanished(end));
    }

    #[test]
    fn names_of_changes() {
        assert_eq!(
            changed_name("<f+++++++++ cube/mlcube.yaml"),
            Some("cube/mlcube.yaml".to_owned())
        );
        assert_eq!(changed_name("cd+++++++++ out/"), Some("out/".to_owned()));
        assert_eq!(changed_name("*deleting   old"), Some("old".to_owned()));
        assert_eq!(changed_name(".f...p..... run.sh"), Some("run.sh".to_owned()));
        assert_eq!(changed_name(".d..t...... ./"), None);
        assert_eq!(changed_name("Number of files: 3"), None);
    }
}
