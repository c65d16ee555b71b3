//! Runs transfers, one after another.

use std::path::Path;

use anyhow::anyhow;

use crate::pipe::failure::{Failure, Outcome};
use crate::pipe::limits;
use crate::pipe::limits::Exceeded;
use crate::process::command::{Command, Finished};
use crate::remote::connection::Connection;
use crate::sync::rsync::diagnosis::{classify, is_partial, was_refused};
use crate::sync::rsync::output::{Line, Lines, statistic};
use crate::ui::progress::Progress;
use crate::ui::report::Report;

/// The listeners of a running transfer.
#[derive(Clone, Copy)]
pub struct Heard<'a> {
    /// Shows the progress.
    pub report: Report,
    /// The total bytes of the files to move, for the progress; 0 shows none.
    pub total: u64,
    /// Receives the path of every change on the receiver; a folder's path ends with a slash.
    pub changed: Option<&'a (dyn Fn(&Path) + Sync)>,
}

/// What a transfer did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Transfer {
    /// Files, folders and links considered.
    pub files: u64,
    /// Regular files transferred.
    pub files_sent: u64,
    /// Bytes sent over the link, in both directions.
    pub bytes_sent: u64,
    /// Bytes of all files considered.
    pub bytes: u64,
    /// How many files, links and folders changed on the receiver; a folder's new time doesn't count.
    pub changed: u64,
    /// How many files and links replaced another entry.
    pub replaced: u64,
    /// Whether some entries were skipped, and all the others were transferred.
    pub is_partial: bool,
    /// Whether the host refused another session.
    pub was_refused: bool,
    /// Whether rsync moved nothing and only said what it would move.
    pub was_dry_run: bool,
    /// The names of the first changes that aren't folders, at most one more than [`Transfer::NAMES`].
    pub names: Vec<String>,
}

impl Transfer {
    /// The most names that a message lists.
    pub const NAMES: usize = 3;

    /// Adds what another transfer of the same step did.
    pub fn add(&mut self, other: Self) {
        // The numbers come from the remote rsync, which may send any.
        self.files = self.files.saturating_add(other.files);
        self.files_sent = self.files_sent.saturating_add(other.files_sent);
        self.bytes_sent = self.bytes_sent.saturating_add(other.bytes_sent);
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.changed = self.changed.saturating_add(other.changed);
        self.replaced = self.replaced.saturating_add(other.replaced);
        self.is_partial |= other.is_partial;
        self.was_refused |= other.was_refused;
        self.was_dry_run |= other.was_dry_run;
        let new: Vec<_> =
            other.names.into_iter().filter(|name| !self.names.contains(name)).collect();
        self.names.extend(new);
        self.names.truncate(Self::NAMES + 1);
    }

    /// Counts no more than the files and the entries that the receiver was seen to have of what rsync was to transfer:
    /// the sender counts a file before the receiver has it in its place. Returns how many files and entries are taken
    /// off.
    pub fn limit(&mut self, files: u64, entries: u64) -> [u64; 2] {
        let excess = [self.files_sent.saturating_sub(files), self.changed.saturating_sub(entries)];
        (self.files_sent, self.changed) = (self.files_sent.min(files), self.changed.min(entries));
        excess
    }

    /// Counts an entry that changed. A file that is sent in two parts, or once more, is named once.
    pub fn note(&mut self, name: &str) {
        self.changed += 1;
        let is_new = !self.names.iter().any(|known| known == name);
        if is_new && !name.ends_with('/') && self.names.len() <= Self::NAMES {
            self.names.push(name.to_owned());
        }
    }

    /// Reads what a transfer did from pieces of rsync's standard output.
    pub fn of_output<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let (mut lines, mut transfer) = (Lines::default(), Self::default());
        for piece in pieces {
            lines.take(piece, |line| transfer.hear(&Line::read(line), Path::new("")));
        }
        transfer
    }

    /// Counts what a line of rsync's output says; its names are relative to `folder`.
    fn hear(&mut self, line: &Line, folder: &Path) {
        match line {
            Line::Progress(_) => {}
            Line::Changed(change) => {
                self.note(&folder.join(change.path()).to_string_lossy());
                self.files_sent += u64::from(change.was_sent);
                self.replaced += u64::from(change.has_replaced);
            }
            Line::Other(line) => self.read(line),
        }
    }

    /// Reads a line of the statistics.
    fn read(&mut self, line: &str) {
        self.was_dry_run |= line.ends_with("(DRY RUN)");
        for (label, number) in
            [("Number of files", &mut self.files), ("Total file size", &mut self.bytes)]
        {
            *number = statistic(line, label).unwrap_or(*number);
        }
        for label in ["Total bytes sent", "Total bytes received"] {
            let bytes = statistic(line, label).unwrap_or(0);
            self.bytes_sent = self.bytes_sent.saturating_add(bytes);
        }
    }
}

/// Runs transfers one after another. Two at once could both make the folder for backups, and one of them fails then.
/// Returns what they did together, even if one failed; and, if only some files failed, the failure about these files.
///
/// # Errors
/// By cause: the connection (255), a missing local or remote rsync (127), a full disk (125). Transfers that hadn't
/// begun by then don't run.
pub fn run(
    commands: &[Command],
    connection: &Connection,
    heard: Heard,
) -> (Transfer, Outcome<Option<Failure>>) {
    let mut progress = Progress::new(heard.report, heard.total);
    let mut all = Transfer::default();
    let mut partial: Option<(Finished, &Command)> = None;
    let ended = commands.iter().try_for_each(|command| {
        let finished = run_one(command, connection, &heard, &mut progress, &mut all)?;
        // A comparison is a dry run of ours.
        if all.was_dry_run && !command.has("--dry-run") {
            return Err(of_alias());
        }
        all.was_refused |= was_refused(&finished);
        if is_partial(&finished) {
            // Files that one transfer skips don't stop the other transfers.
            return add_errors(&mut partial, finished, command)
                .map_err(|exceeded| connection.refuse(exceeded));
        }
        classify(&finished, connection, pushes(command, connection))
    });
    let partial = partial.filter(|_| ended.is_ok());
    all.is_partial = partial.is_some();
    let failure = |(finished, command): (Finished, &Command)| {
        classify(&finished, connection, pushes(command, connection)).err()
    };
    (all, ended.map(|()| partial.and_then(failure)))
}

/// The failure if rsync was given `--dry-run` by an alias, which popt(3) reads: nothing was transferred.
fn of_alias() -> Failure {
    Failure::ours(anyhow!("the local rsync transferred nothing: an alias gives it --dry-run"))
        .hint("remove the alias from ~/.popt or /etc/popt; aliases can leave out files, too")
}

/// Appends the errors of a transfer that skipped files to those of earlier ones: all have one limit.
fn add_errors<'a>(
    all: &mut Option<(Finished, &'a Command)>,
    one: Finished,
    command: &'a Command,
) -> Result<(), Exceeded> {
    let (all, _) = match all {
        Some(all) => {
            all.0.errors.push_str(&one.errors);
            all
        }
        None => all.insert((one, command)),
    };
    if all.errors.len() > limits::ERRORS { Err(Exceeded::Errors) } else { Ok(()) }
}

/// Returns whether the local machine is the sender.
fn pushes(command: &Command, connection: &Connection) -> bool {
    command.ends_with(&connection.rsync_path(""))
}

/// Runs one transfer, and adds what it does to `done`.
fn run_one(
    command: &Command,
    connection: &Connection,
    heard: &Heard,
    progress: &mut Progress,
    done: &mut Transfer,
) -> Outcome<Finished> {
    heard.report.command(command);
    let (mut lines, mut this) = (Lines::default(), Transfer::default());
    let mut excess = ExcessOutput::of(command);
    let finished = command.run_heard(|bytes| {
        lines.take(bytes, |line| {
            let length = line.len();
            let line = Line::read(line);
            excess.count(&line, length);
            this.hear(&line, command.folder());
            match line {
                Line::Progress(bytes) => progress.reached(bytes),
                Line::Changed(change) => {
                    progress.file(&change.shown());
                    if let Some(say) = heard.changed {
                        progress.clear();
                        say(&command.folder().join(change.path()));
                    }
                }
                Line::Other(_) => {}
            }
        });
        if excess.bytes > limits::LINES {
            return Err(connection.refuse(Exceeded::Lines));
        }
        Ok(())
    });
    progress.clear();
    progress.ended();
    done.add(this);
    finished
}

/// Counts what rsync prints beyond a few lines for each file: the remote rsync may send messages without end, which the
/// local one prints.
#[derive(Default)]
struct ExcessOutput {
    /// Lines that are still expected.
    expected: usize,
    /// The bytes of which progress was reported.
    reached: u64,
    /// The bytes of all lines beyond the expected ones.
    bytes: usize,
}

impl ExcessOutput {
    /// A change and the progress after it; both twice for a file that changes while it is sent; and as many again.
    const LINES_OF_A_FILE: usize = 8;

    fn of(command: &Command) -> Self {
        let expected = command.names().saturating_mul(Self::LINES_OF_A_FILE);
        Self { expected, ..Self::default() }
    }

    fn count(&mut self, line: &Line, length: usize) {
        match *line {
            Line::Progress(bytes) if bytes > self.reached => self.reached = bytes,
            _ if self.expected > 0 => {
                self.expected -= 1;
                self.bytes = self.bytes.saturating_add(length.saturating_sub(2 * limits::PATH));
            }
            _ => self.bytes = self.bytes.saturating_add(length),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_named_once_by_its_path() {
        let lines = b"<f+++++++++ l\\#012n\n<f.st...... a\n<f.st...... a\ncd+++++++++ d/\n";
        let mut transfer = Transfer::of_output([&lines[..]]);
        assert_eq!(transfer.names, ["l\nn", "a"]);
        transfer.add(Transfer::of_output([&b"<f.st...... a\n<f.st...... b\n"[..]]));
        assert_eq!(
            (transfer.names.as_slice(), transfer.changed),
            (&["l\nn", "a", "b"].map(String::from)[..], 6)
        );
    }
}
