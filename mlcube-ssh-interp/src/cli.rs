//! The command line.

use clap::Parser;
use mlcube_ssh::pipe::step::{EXIT_STATUSES, StepArgs};

/// The program's name, as messages begin.
pub(crate) const PROGRAM: &str = "mlcube-ssh-interp";

/// Create or update the python environment that runs mlcube on the remote host.
///
/// Reads the document that mlcube-ssh-config writes on standard input, makes sure that the interpreter of the
/// platform's settings is there with its requirements, and writes the document with a receipt on standard output.
/// When nothing has changed it takes one round trip and no pip.
#[derive(Parser, Debug)]
#[command(name = PROGRAM, version, after_help = EXIT_STATUSES)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) step: StepArgs,
}
