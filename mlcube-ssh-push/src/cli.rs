//! The command line.

use std::path::PathBuf;

use clap::Parser;
use mlcube_ssh::pipe::args::number;
use mlcube_ssh::pipe::exit_status::EXIT_STATUSES;
use mlcube_ssh::pipe::step::StepArgs;
use mlcube_ssh::remote::job::WaitArgs;

/// The program's name, which precedes its messages.
pub(crate) const PROGRAM: &str = "mlcube-ssh-push";

/// Send the cube, its build context and its workspace to the remote host.
///
/// Reads the document from standard input and writes it with a receipt to standard output. Code, which is the cube's
/// folder and its build context, is mirrored one way; nothing is deleted unless you pass --delete. Of the workspace
/// only local changes are sent: a file that changed on the remote, such as a result, is kept, and reported if it
/// changed locally too.
#[derive(Parser, Debug)]
#[command(name = PROGRAM, version, after_help = EXIT_STATUSES)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct Args {
    /// Do nothing, and don't connect, if nothing changed locally since the last push
    #[arg(long)]
    pub(crate) if_changed: bool,
    /// Replace workspace files that changed on the remote too; the remote keeps backups of them
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// Compare files by content; their size and time may hide a write through a memory map
    #[arg(long, conflicts_with_all = ["verify", "if_changed"])]
    pub(crate) checksum: bool,
    /// Compare local and remote files by content, report differences, and send nothing
    #[arg(long, conflicts_with_all = ["overwrite", "if_changed", "inputs"])]
    pub(crate) verify: bool,
    /// Send only the workspace inputs of the chosen tasks, except what an earlier chosen task produces
    #[arg(long)]
    pub(crate) inputs: bool,
    /// Delete remote code that a push sent and that no longer exists locally; never a file of the workspace
    #[arg(long, conflicts_with = "verify")]
    pub(crate) delete: bool,
    /// Refuse to delete more than FILES files
    #[arg(long, value_name = "FILES", value_parser = number, default_value_t = 1000, requires = "delete")]
    pub(crate) max_delete: u64,
    /// Send PATH, a former workspace of the cube, as code from now on; PATH is absolute, or relative to the base
    #[arg(long, value_name = "PATH", conflicts_with = "verify")]
    pub(crate) as_code: Option<PathBuf>,
    /// Write through the remote link at PATH, relative to the workspace, from now on; `.` is the workspace itself
    #[arg(long, value_name = "PATH")]
    pub(crate) follow_link: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) wait: WaitArgs,
    #[command(flatten)]
    pub(crate) step: StepArgs,
}
