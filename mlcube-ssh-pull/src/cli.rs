//! The command line.

use clap::Parser;
use mlcube_ssh::pipe::args::seconds;
use mlcube_ssh::pipe::exit_status::EXIT_STATUSES;
use mlcube_ssh::pipe::step::StepArgs;

/// The program's name, which precedes its messages.
pub(crate) const PROGRAM: &str = "mlcube-ssh-pull";

/// Fetch the workspace from the remote host.
///
/// Reads the document from standard input and writes it with a receipt to standard output. A file that was edited
/// locally since the last transfer is kept, and reported. Pull needs only the document: you can repeat it alone, also
/// after a failed run, and it then exits with the task's status.
#[derive(Parser, Debug)]
#[command(name = PROGRAM, version, after_help = EXIT_STATUSES)]
#[expect(clippy::struct_excessive_bools, reason = "one for each flag")]
pub(crate) struct Args {
    /// Fetch only these paths and patterns of the workspace (`model/last*`, `logs/`); one that matches nothing on the
    /// remote is an error
    #[arg(value_name = "PATTERN")]
    pub(crate) patterns: Vec<String>,
    /// Fetch only the outputs that the tasks declare
    #[arg(long, conflicts_with = "patterns")]
    pub(crate) outputs: bool,
    /// Replace files that were edited locally since the last transfer
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// Compare files by content; their size and time may hide a write through a memory map
    #[arg(long, conflicts_with_all = ["list", "verify"])]
    pub(crate) checksum: bool,
    /// Leave files that changed in the last SECONDS, by the remote's clock, to a later pull: something may still write to
    /// them. A path or pattern that matches nothing yet is no error
    #[arg(long, value_name = "SECONDS", value_parser = seconds, conflicts_with_all = ["list", "verify"])]
    pub(crate) unchanged_for: Option<u64>,
    /// Use an open connection, and fail if there is none
    #[arg(long)]
    pub(crate) no_login: bool,
    /// List the remote workspace, with sizes and times (UTC), and fetch nothing
    #[arg(long, conflicts_with = "overwrite")]
    pub(crate) list: bool,
    /// Write the list as one JSON value
    #[arg(long, requires = "list")]
    pub(crate) json: bool,
    /// Compare local and remote files by content, report differences, and fetch nothing
    #[arg(long, conflicts_with_all = ["overwrite", "list"])]
    pub(crate) verify: bool,
    #[command(flatten)]
    pub(crate) step: StepArgs,
}
