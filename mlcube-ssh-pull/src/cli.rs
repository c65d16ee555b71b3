//! The command line.

use clap::Parser;
use mlcube_ssh::pipe::step::{EXIT_STATUSES, StepArgs};

/// The program's name, as messages begin.
pub(crate) const PROGRAM: &str = "mlcube-ssh-pull";

/// Fetch the workspace from the remote host.
///
/// Reads the document on standard input and writes it with a receipt on standard output. A file that was edited here
/// since is kept, and named. It needs nothing but the document: it can be run again alone, after a failed run too, and
/// then exits with the task's status.
#[derive(Parser, Debug)]
#[command(name = PROGRAM, version, after_help = EXIT_STATUSES)]
#[expect(clippy::struct_excessive_bools, reason = "one for each flag")]
pub(crate) struct Args {
    /// Fetch only these paths and patterns of the workspace (`model/last*`, `logs/`); one that matches nothing there is an error
    #[arg(value_name = "PATTERN")]
    pub(crate) patterns: Vec<String>,
    /// Fetch only what the tasks declare as outputs
    #[arg(long, conflicts_with = "patterns")]
    pub(crate) outputs: bool,
    /// Replace files that were edited here since
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// Compare by content, not by size and time, which a write through a memory map may leave as they were
    #[arg(long, conflicts_with_all = ["list", "verify"])]
    pub(crate) checksum: bool,
    /// Show what is in the workspace there, with sizes and times (UTC), and fetch nothing
    #[arg(long, conflicts_with = "overwrite")]
    pub(crate) list: bool,
    /// Compare with what is there by content, name what differs, and fetch nothing
    #[arg(long, conflicts_with_all = ["overwrite", "list"])]
    pub(crate) verify: bool,
    #[command(flatten)]
    pub(crate) step: StepArgs,
}
