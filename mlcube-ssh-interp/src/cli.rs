//! The command line.

use clap::Parser;
use mlcube_ssh::pipe::exit_status::EXIT_STATUSES;
use mlcube_ssh::pipe::step::StepArgs;

/// The program's name at the beginning of its messages.
pub(crate) const PROGRAM: &str = "mlcube-ssh-interp";

/// Create or update the python environment that runs mlcube on the remote host.
///
/// Reads the document from standard input, creates the interpreter of the platform's settings or installs what its
/// requirements lack, and writes the document with a receipt to standard output. When nothing has changed, it takes one
/// round trip and doesn't start pip.
#[derive(Parser, Debug)]
#[command(name = PROGRAM, version, after_help = EXIT_STATUSES)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) step: StepArgs,
}
