//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use mlcube_ssh::pipe::step::{EXIT_STATUSES, StepArgs};
use mlcube_ssh::remote::job::WaitArgs;
use mlcube_ssh::settings::names::JobId;

use crate::verbs::clean::What;

/// The program's name, as messages begin.
pub(crate) const PROGRAM: &str = "mlcube-ssh-exec";

/// Run mlcube on the remote host and stream its log.
///
/// Reads the document on standard input. configure, run and attach write it with a receipt on standard output; status,
/// list, logs and stop write their answer there. A job is chosen by --job, else by the document (steps.exec.job), else it
/// is the newest of the workspace. The command runs in a session
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

/// What to do there.
#[derive(Subcommand, Clone, Debug)]
pub(crate) enum Verb {
    /// Run `mlcube configure`: build or fetch the image
    Configure {
        /// Do nothing unless the build context changed since the image was built
        #[arg(long)]
        if_changed: bool,
        #[command(flatten)]
        wait: WaitArgs,
        #[command(flatten)]
        follow: FollowArgs,
    },
    /// Run `mlcube run` with the tasks of the document
    Run {
        /// Return as soon as the job has started; attach takes it up later
        #[arg(long)]
        detach: bool,
        #[command(flatten)]
        wait: WaitArgs,
        #[command(flatten)]
        follow: FollowArgs,
    },
    /// Follow a job that runs or ran, to its end, and return its status
    Attach {
        #[command(flatten)]
        job: JobArgs,
        #[command(flatten)]
        tail: TailArgs,
        #[command(flatten)]
        follow: FollowArgs,
    },
    /// Tell how a job is, as a line of JSON
    Status {
        #[command(flatten)]
        job: JobArgs,
        /// All jobs of the cube there, the newest first
        #[arg(long, conflicts_with = "job")]
        all: bool,
    },
    /// Write the log of a job to standard output
    Logs {
        #[command(flatten)]
        job: JobArgs,
        #[command(flatten)]
        tail: TailArgs,
        /// Go on until the job ends; Ctrl-C leaves it running
        #[arg(short, long)]
        follow: bool,
        #[command(flatten)]
        reconnect: ReconnectArgs,
    },
    /// End a job with all its processes and its container
    Stop {
        #[command(flatten)]
        job: JobArgs,
        /// Kill at once; and give the workspace up that a job of another machine holds
        #[arg(long)]
        force: bool,
        /// Seconds between TERM and KILL
        #[arg(long, value_name = "SECONDS", default_value_t = 10)]
        grace: u64,
    },
    /// List the jobs of the cube there, for people
    List,
    /// Close the shared connection to the host; jobs go on, and the next step logs in anew
    Logout,
    /// List what is ours there, with sizes; with --yes, remove it
    Clean {
        /// Remove these, separated by commas; never a running job, or a workspace with results that weren't fetched
        #[arg(long, value_name = "WHAT", value_delimiter = ',', value_enum)]
        yes: Vec<What>,
        /// Remove what wasn't fetched, too
        #[arg(long, requires = "yes")]
        force: bool,
    },
}

impl Verb {
    /// What the step does, as the document names it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Configure { .. } => "configure",
            _ => "run",
        }
    }

    /// The file for the document, if it isn't standard output.
    pub(crate) fn output(&self) -> Option<PathBuf> {
        match self {
            Self::Configure { follow, .. }
            | Self::Run { follow, .. }
            | Self::Attach { follow, .. } => follow.output.clone(),
            _ => None,
        }
    }
}

/// How the job is followed.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct FollowArgs {
    /// Write the document to FILE, and the job's output to standard output instead of standard error
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) reconnect: ReconnectArgs,
}

/// How long a lost connection is sought again.
#[derive(clap::Args, Clone, Copy, Debug)]
pub(crate) struct ReconnectArgs {
    /// Seconds to go on trying when the connection is lost
    #[arg(long, value_name = "SECONDS", default_value_t = 3600)]
    pub(crate) reconnect_timeout: u64,
}

/// Which job.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct JobArgs {
    /// The job's id, instead of the document's job or the newest one
    #[arg(long, value_name = "ID")]
    pub(crate) job: Option<JobId>,
}

/// How much of the log.
#[derive(clap::Args, Clone, Copy, Debug)]
pub(crate) struct TailArgs {
    /// Begin with the last lines that are there, so many of them
    #[arg(long, value_name = "LINES")]
    pub(crate) tail: Option<u64>,
}
