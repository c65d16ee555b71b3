//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use mlcube_ssh_config::step::{EXIT_STATUSES, StepArgs};

/// The program's name, as messages begin.
pub(crate) const PROGRAM: &str = "mlcube-ssh-exec";

/// Run mlcube on the remote host and stream its log.
///
/// Reads the document on standard input and writes it with a receipt on standard output. The command runs in a session
/// of its own there: when the connection breaks the job goes on, and its log is taken up again at the byte where it
/// stopped. Ctrl-C ends the job with all its processes and its container; closing the terminal leaves it running.
#[derive(Parser, Debug)]
#[command(name = PROGRAM, version, after_help = EXIT_STATUSES)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) verb: Verb,
    #[command(flatten)]
    pub(crate) step: StepArgs,
}

/// What to run there.
#[derive(Subcommand, Clone, Debug)]
pub(crate) enum Verb {
    /// Run `mlcube configure`: build or fetch the image
    Configure {
        /// Do nothing unless the build context changed since the image was built
        #[arg(long)]
        if_changed: bool,
        #[command(flatten)]
        follow: FollowArgs,
    },
    /// Run `mlcube run` with the tasks of the document
    Run {
        #[command(flatten)]
        follow: FollowArgs,
    },
}

impl Verb {
    /// What the step does, as the document names it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Configure { .. } => "configure",
            Self::Run { .. } => "run",
        }
    }

    /// The file for the document, if it isn't standard output.
    pub(crate) fn output(&self) -> Option<PathBuf> {
        let (Self::Configure { follow, .. } | Self::Run { follow }) = self;
        follow.output.clone()
    }
}

/// How the job is followed.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct FollowArgs {
    /// Write the document to FILE, and the job's output to standard output instead of standard error
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Seconds to go on trying when the connection is lost
    #[arg(long, value_name = "SECONDS", default_value_t = 3600)]
    pub(crate) reconnect_timeout: u64,
}
