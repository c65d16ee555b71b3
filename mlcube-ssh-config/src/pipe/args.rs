//! Reading the command line: a wrong one is status 125 and one line, as every other error of ours.

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
/// The status to exit with at once, when everything there was to say is said.
pub fn parse<A: Parser>(
    program: &'static str,
    words: impl IntoIterator<Item = OsString>,
) -> Result<A, ExitCode> {
    A::try_parse_from(words).map_err(|error| match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            // A reader that is gone has seen enough.
            let _ = write!(std::io::stdout().lock(), "{error}");
            ExitStatus::Done.into()
        }
        _ => {
            let report = Report::new(program, Verbosity::Quiet);
            report.error(&one_line(&error.to_string()));
            report.hint(&format!("{program} --help lists the options"));
            ExitStatus::Ours.into()
        }
    })
}

/// The first paragraph of clap's message, without its prefix, on one line.
fn one_line(message: &str) -> String {
    let message = message.strip_prefix("error: ").unwrap_or(message);
    let paragraph = message.split("\n\n").next().unwrap_or(message);
    paragraph.lines().map(str::trim).collect::<Vec<_>>().join(" ")
}
