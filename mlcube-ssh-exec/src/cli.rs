//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use mlcube_ssh::pipe::args::{number, seconds};
use mlcube_ssh::pipe::document::Phase;
use mlcube_ssh::pipe::exit_status::EXIT_STATUSES;
use mlcube_ssh::pipe::step::StepArgs;
use mlcube_ssh::remote::job::WaitArgs;
use mlcube_ssh::settings::names::JobId;

use crate::verbs::clean::What;

/// The program's name at the beginning of its messages.
pub(crate) const PROGRAM: &str = "mlcube-ssh-exec";

/// Run mlcube on the remote host and stream its log.
///
/// Reads the document from standard input. configure, run and attach write it with a receipt to standard output; the
/// other verbs write their result to standard output. --job chooses a job, else the document does (steps.exec.job),
/// else the newest job of the workspace is used. A job runs in a session of its own on the remote: when the connection
/// breaks, the job continues, and the log resumes at the byte where it stopped. Ctrl-C ends the job with all its
/// processes and its container; closing the terminal leaves it running.
#[derive(Parser, Debug)]
// Without this setting clap shows the help as the text of the error when no verb is given.
#[command(name = PROGRAM, version, after_help = EXIT_STATUSES, arg_required_else_help = false)]
#[command(subcommand_value_name = "VERB", subcommand_help_heading = "Verbs")]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) verb: Verb,
    #[command(flatten)]
    pub(crate) step: StepArgs,
}

/// What to do on the remote.
#[derive(Subcommand, Clone, Debug)]
pub(crate) enum Verb {
    /// Run `mlcube configure` on the remote: build or pull the image
    Configure {
        /// Do nothing unless the build context changed since the image was built
        #[arg(long)]
        if_changed: bool,
        #[command(flatten)]
        wait: WaitArgs,
        #[command(flatten)]
        follow: FollowArgs,
    },
    /// Run the tasks of the document with `mlcube run`
    Run {
        /// Return as soon as the job has started; `attach` follows it later
        #[arg(long)]
        detach: bool,
        /// Run with what the remote workspace has, even if it isn't as the last push left it (put back from a backup)
        #[arg(long)]
        as_is: bool,
        #[command(flatten)]
        wait: WaitArgs,
        #[command(flatten)]
        follow: FollowArgs,
    },
    /// Follow a job to its end and exit with its status
    Attach {
        #[command(flatten)]
        job: JobArgs,
        #[command(flatten)]
        tail: TailArgs,
        #[command(flatten)]
        follow: FollowArgs,
    },
    /// Show a job's state as one line of JSON
    Status {
        #[command(flatten)]
        job: JobArgs,
        /// Show all jobs of the cube, the newest first
        #[arg(long, conflicts_with = "job")]
        all: bool,
        #[command(flatten)]
        answer: AnswerArgs,
    },
    /// Write the log of a job to standard output
    Logs {
        #[command(flatten)]
        job: JobArgs,
        #[command(flatten)]
        tail: TailArgs,
        /// Continue until the job ends; Ctrl-C leaves it running
        #[arg(short, long)]
        follow: bool,
        #[command(flatten)]
        reconnect: ReconnectArgs,
    },
    /// End a job with all its processes and its container
    Stop {
        #[command(flatten)]
        job: JobArgs,
        /// Send KILL at once, and release a workspace that a job on another machine holds
        #[arg(long)]
        force: bool,
        /// Wait SECONDS between TERM and KILL
        #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value_t = 10)]
        grace: u64,
        #[command(flatten)]
        answer: AnswerArgs,
    },
    /// List the jobs of the cube as a table
    List {
        /// List the shared connections that are open, to whatever host; reads no document
        #[arg(long)]
        connections: bool,
        #[command(flatten)]
        answer: AnswerArgs,
    },
    /// Open the shared connection to the host, and say how long it stays open
    Login {
        #[command(flatten)]
        answer: AnswerArgs,
    },
    /// Check the local machine, the login and the host, a line for each check
    Doctor {
        #[command(flatten)]
        answer: AnswerArgs,
        /// Check only the local machine: mlcube-ssh-config failed with the messages in FILE
        #[arg(long, value_name = "FILE", hide = true)]
        refused_by_config: Option<PathBuf>,
    },
    /// Close the shared connection to the host; jobs continue, and the next step logs in again
    Logout {
        #[command(flatten)]
        answer: AnswerArgs,
    },
    /// List what the cube occupies on the remote, with sizes; remove it with --yes
    Clean {
        /// Remove WHAT, separated by commas; never a running job, or a workspace with results that weren't fetched
        #[arg(long, value_name = "WHAT", value_delimiter = ',', value_enum)]
        yes: Vec<What>,
        /// Remove results that weren't fetched, too, and folders of jobs that may have left containers
        #[arg(long, requires = "yes")]
        force: bool,
        #[command(flatten)]
        answer: AnswerArgs,
    },
}

impl Verb {
    /// Returns whether the verb follows a job, and acts on Ctrl-C itself.
    pub(crate) fn follows_a_job(&self) -> bool {
        matches!(
            self,
            Self::Configure { .. } | Self::Run { .. } | Self::Attach { .. } | Self::Logs { .. }
        )
    }

    /// Returns the phase under which the document records this step.
    pub(crate) fn phase(&self) -> Phase {
        match self {
            Self::Configure { .. } => Phase::Configure,
            _ => Phase::Run,
        }
    }

    /// Returns the file for the document; `None` means standard output.
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

/// How long to try to reconnect.
#[derive(clap::Args, Clone, Copy, Debug)]
pub(crate) struct ReconnectArgs {
    /// Try for SECONDS to connect again when the connection is lost
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value_t = 3600)]
    pub(crate) reconnect_timeout: u64,
}

/// Which job.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct JobArgs {
    /// Use the job ID instead of the document's job or the newest one; the beginning of an id is enough
    #[arg(long, value_name = "ID")]
    pub(crate) job: Option<JobId>,
}

/// How the answer is written.
#[derive(clap::Args, Clone, Copy, Debug)]
pub(crate) struct AnswerArgs {
    /// Write the answer as one JSON value
    #[arg(long)]
    pub(crate) json: bool,
}

/// How much of the log.
#[derive(clap::Args, Clone, Copy, Debug)]
pub(crate) struct TailArgs {
    /// Start with the last LINES lines
    #[arg(long, value_name = "LINES", value_parser = number)]
    pub(crate) tail: Option<u64>,
}
