//! Parses the command line: an error has status 125, one `error:` line and a hint, like every other error.

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Command, Parser};

use crate::pipe::exit_status::ExitStatus;
use crate::pipe::generate;
use crate::pipe::usage_error::UsageError;
use crate::text::units::LONGEST_TIME;
use crate::ui::report::{Report, Verbosity};

/// The largest number of files or lines that an option takes.
const MOST: u64 = 999_999_999_999;

/// Parses the command line of `program`. Help, version and what `--generate` asks for are written to standard output.
///
/// # Errors
/// The status to exit with at once, after one of these texts or the error was written.
pub fn parse<A: Parser>(
    program: &'static str,
    words: impl IntoIterator<Item = OsString>,
) -> Result<A, ExitCode> {
    let words: Vec<OsString> = words.into_iter().collect();
    if let Some(status) = generate::printed(program, &words, A::command) {
        return Err(status);
    }
    A::try_parse_from(&words).map_err(|error| answered(program, &A::command(), &words, &error))
}

/// Parses the command line of this process, and runs the program.
pub fn main<A: Parser>(program: &'static str, run: impl FnOnce(&A) -> ExitCode) -> ExitCode {
    parse(program, std::env::args_os()).map_or_else(|status| status, |args| run(&args))
}

/// As [`parse`], for a verb of another command line, that of `command`, which hands its options to this program: an
/// error is one of that command line.
///
/// # Errors
/// As [`parse`].
pub fn parse_for<A: Parser>(
    program: &'static str,
    command: &Command,
    verb: &str,
    words: Vec<OsString>,
) -> Result<A, ExitCode> {
    let verb = [program.into(), verb.into()];
    A::try_parse_from(words).map_err(|error| answered(program, command, &verb, &error))
}

/// Checks words against a command line that another program acts on; returns the status to exit with.
#[must_use]
pub fn check(program: &'static str, command: &Command, words: &[OsString]) -> ExitCode {
    match command.clone().try_get_matches_from(words) {
        Ok(_) => ExitStatus::Done.into(),
        Err(error) => answered(program, command, words, &error),
    }
}

/// Writes what clap has to say about `words`; returns the status to exit with.
fn answered(
    program: &'static str,
    command: &Command,
    words: &[OsString],
    error: &clap::Error,
) -> ExitCode {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            // A failed write isn't reported: a reader that closed the pipe has seen enough.
            let _ = write!(std::io::stdout().lock(), "{error}");
            ExitStatus::Done.into()
        }
        _ => {
            let UsageError { message, hint } = UsageError::new(error, command, words);
            let report = Report::new(program, Verbosity::Quiet);
            report.error(&message);
            report.hint(&hint);
            ExitStatus::Ours.into()
        }
    }
}

/// Parses a number of seconds. The error follows the option's name.
///
/// # Errors
/// If `text` isn't a whole number, or more than [`LONGEST_TIME`].
pub fn seconds(text: &str) -> Result<u64, String> {
    number_to(LONGEST_TIME.into(), text)
        .ok_or_else(|| format!("'{text}' isn't a number of seconds from 0 to {LONGEST_TIME}"))
}

/// Parses a number of files or lines, as [`seconds`] does.
///
/// # Errors
/// If `text` isn't a whole number, or too large.
pub fn number(text: &str) -> Result<u64, String> {
    number_to(MOST, text).ok_or_else(|| format!("'{text}' isn't a number from 0 to {MOST}"))
}

fn number_to(most: u64, text: &str) -> Option<u64> {
    text.parse().ok().filter(|number| *number <= most)
}
