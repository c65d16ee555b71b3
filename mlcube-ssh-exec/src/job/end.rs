//! The end of a job, as far as the remote reported it.

use mlcube_ssh::remote::job::WhyLost;
use mlcube_ssh::remote::problem::Problem;
use mlcube_ssh::settings::names::Host;

use crate::job::which_job::WhichJob;

/// The program that produced a job's status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Blame {
    /// The task.
    #[default]
    Task,
    /// `mlcube`, before the task.
    Mlcube,
    /// The container engine.
    Engine,
}

/// The end of a job, as far as the remote reported it.
#[derive(Clone, Debug, Default)]
pub(crate) struct End {
    pub(crate) job: WhichJob,
    /// The node on which the job was started, if the remote reported it.
    pub(crate) node: Option<Host>,
    /// The batch system of the job, if it has one.
    pub(crate) batch: Option<Batch>,
    /// How many seconds the job ran.
    pub(crate) seconds: Option<u64>,
    /// The node on which containers of the job may still run.
    pub(crate) left_on: Option<Host>,
    /// The state in which its launcher ended the job, if it did.
    pub(crate) ended_in: Option<String>,
    /// The node on which the job couldn't run, and the problem.
    pub(crate) node_failed: Option<(Host, Problem)>,
    /// The job's `job.json`, if it existed already.
    pub(crate) record: Option<Vec<u8>>,
    /// Why the job is lost, if it is.
    pub(crate) lost: Option<WhyLost>,
    /// The job's status; `None` if it is lost or still runs.
    pub(crate) status: Option<u8>,
    /// The program that failed, if the status isn't 0.
    pub(crate) blame: Blame,
    /// Whether a task began, so that results may exist.
    pub(crate) began: bool,
    /// How many bytes the whole log has, once the job has ended.
    pub(crate) log_size: Option<u64>,
    /// Whether `stop` or Ctrl-C ended the job.
    pub(crate) was_stopped: bool,
    /// The cause that `mlcube` named, or the leader of the job for an engine that failed under a task; if any.
    pub(crate) cause: Option<String>,
    /// The signal that made this program stop the job.
    pub(crate) interrupted: Option<u8>,
    /// Whether `mlcube` failed to pull an image, and could build it: its recipe is there, and the engine works.
    pub(crate) could_be_built: bool,
    /// The error of writing the log locally, if a part of it couldn't be written.
    pub(crate) unwritten: Option<String>,
    /// The result of the stop that this program requested, if it did.
    pub(crate) stop: Option<Stop>,
    /// The last meaningful line of the log, or the line that reports the engine's failure.
    pub(crate) last_line: String,
    /// What the user can do about the engine's failure, if it is a known one.
    pub(crate) hint: Option<String>,
}

impl End {
    /// Notes which program failed, and its cause, if that is known.
    pub(crate) fn blame_on(&mut self, blame: Blame, cause: Option<String>) {
        self.blame = blame;
        self.cause = cause;
    }
}

/// The batch system that launched a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Batch {
    /// Its name, which is that of its launcher.
    pub(crate) system: String,
    /// The number that it gave the job.
    pub(crate) number: u64,
}

/// The remote's reply to the stop of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// No process and no container of the job is left.
    AllGone,
    /// These processes or containers are left.
    Left(String),
    /// The job wasn't stopped, or its state is unknown: the reason, and what the user can do.
    Failed(String, Option<String>),
}
