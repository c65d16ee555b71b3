//! The command line.

use std::path::PathBuf;

use clap::Parser;
use mlcube_ssh::pipe::step::{EXIT_STATUSES, StepArgs};
use mlcube_ssh::remote::job::WaitArgs;

/// The program's name, as messages begin.
pub(crate) const PROGRAM: &str = "mlcube-ssh-push";

/// Send the cube, its build context and its workspace to the remote host.
///
/// Reads the document on standard input and writes it with a receipt on standard output. The cube's folder and its
/// build context become there what they are here. Of the workspace only what changed here is sent: a file
/// that changed there, the result of a run, is kept, and named when it changed here too.
#[derive(Parser, Debug)]
#[command(name = PROGRAM, version, after_help = EXIT_STATUSES)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct Args {
    /// Do nothing, not even connect, when nothing changed here since the last push
    #[arg(long)]
    pub(crate) if_changed: bool,
    /// Replace files of the workspace that changed on the remote too; they are kept aside there
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// Compare by content, not by size and time, which a write through a memory map may leave as they were
    #[arg(long, conflicts_with_all = ["verify", "if_changed"])]
    pub(crate) checksum: bool,
    /// Compare with what is there by content, name what differs, and send nothing
    #[arg(long, conflicts_with_all = ["overwrite", "if_changed", "inputs"])]
    pub(crate) verify: bool,
    /// Send of the workspace only what the chosen tasks read, and no other of them makes
    #[arg(long)]
    pub(crate) inputs: bool,
    /// Delete there the code that was pushed from here and is gone here; never anything of the workspace
    #[arg(long, conflicts_with = "verify")]
    pub(crate) delete: bool,
    /// Refuse to delete more files than this
    #[arg(long, value_name = "FILES", default_value_t = 1000, requires = "delete")]
    pub(crate) max_delete: u64,
    /// Send this folder, a workspace of the cube once, as code from now on; PATH is absolute, or relative to the base
    #[arg(long, value_name = "PATH", conflicts_with = "verify")]
    pub(crate) as_code: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) wait: WaitArgs,
    #[command(flatten)]
    pub(crate) step: StepArgs,
}
