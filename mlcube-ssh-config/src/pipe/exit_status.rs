//! The exit statuses of every program of the suite: [`EXIT_STATUSES`] is their table, [`ExitStatus`] their type.

use std::process::ExitCode;

/// The table of the statuses, the last part of every program's help. The reference has the same rows.
pub const EXIT_STATUSES: &str = "\
Exit status:
  0        done
  125      usage, document, configuration, a failed check, or skipped files
  126/127  ssh or rsync can't be run, or isn't installed, locally or on the remote
  255      the connection: unreachable, refused, lost, host key, login
  128+n    ended by signal n
  other    the task's own status";

/// The reason why a program ends, as the status that its caller sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExitStatus {
    /// Everything that was asked for is done.
    Done,
    /// Usage, document, configuration, a precondition, or files that were left out.
    Ours,
    /// `ssh` or `rsync` can't be run.
    CannotRun,
    /// `ssh` or `rsync` is missing.
    NotFound,
    /// The host can't be reached, or the connection broke.
    Connection,
    /// The task's own status. A task may end with 125, 127 or 255 itself; [`crate::pipe::failure::FailureKind`] tells
    /// them apart.
    Task(u8),
    /// A signal of this number ended the program.
    Signal(u8),
}

impl ExitStatus {
    /// Returns the number that the caller's `$?` shows.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Ours => 125,
            Self::CannotRun => 126,
            Self::NotFound => 127,
            Self::Connection => 255,
            Self::Task(status) => status,
            Self::Signal(number) => 128u8.saturating_add(number),
        }
    }
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(status.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_table() {
        let table = [
            (ExitStatus::Done, 0),
            (ExitStatus::Ours, 125),
            (ExitStatus::CannotRun, 126),
            (ExitStatus::NotFound, 127),
            (ExitStatus::Connection, 255),
            (ExitStatus::Task(7), 7),
            (ExitStatus::Signal(2), 130),
            (ExitStatus::Signal(15), 143),
        ];
        for (status, code) in table {
            assert_eq!(status.code(), code, "{status:?}");
            let has_own_row = !matches!(status, ExitStatus::Task(_) | ExitStatus::Signal(_));
            assert!(!has_own_row || EXIT_STATUSES.contains(&code.to_string()), "{status:?}");
        }
    }
}
