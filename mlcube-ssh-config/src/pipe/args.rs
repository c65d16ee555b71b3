//! Parses the command line: an error has status 125 and one line, like every other error of these programs.

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use crate::pipe::exit_status::ExitStatus;
use crate::ui::report::{Report, Verbosity};

/// Parses the command line of `program`. Help and version are written to standard output.
///
/// # Errors
/// The status to exit with at once, after the help, the version or the error was written.
pub fn parse<A: Parser>(
    program: &'static str,
    words: impl IntoIterator<Item = OsString>,
) -> Result<A, ExitCode> {
    A::try_parse_from(words).map_err(|error| match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            // A failed write isn't reported: a reader that closed the pipe has seen enough.
            let _ = write!(std::io::stdout().lock(), "{error}");
            ExitStatus::Done.into()
        }
        _ => {
            let report = Report::new(program, Verbosity::Quiet);
            report.error(&one_line(&error.to_string()));
            report.hint(&format!("`{program} --help` lists the options"));
            ExitStatus::Ours.into()
        }
    })
}

/// Parses a number of seconds. clap shows the error after the option's name and value.
///
/// # Errors
/// If `text` isn't a whole number.
pub fn seconds(text: &str) -> Result<u64, &'static str> {
    text.parse().map_err(|_| "it isn't a number of seconds")
}

/// Parses a number of files or lines, as [`seconds`] does.
///
/// # Errors
/// If `text` isn't a whole number.
pub fn number(text: &str) -> Result<u64, &'static str> {
    text.parse().map_err(|_| "it isn't a number")
}

/// Returns the first paragraph of clap's message on one line, without its prefix.
fn one_line(message: &str) -> String {
    let message = message.strip_prefix("error: ").unwrap_or(message);
    let paragraph = message.split("\n\n").next().unwrap_or(message);
    paragraph.lines().map(str::trim).collect::<Vec<_>>().join(" ")
}
