//! Jobs as the remote scripts describe them, and the lock of a workspace.

pub mod frames;
pub(crate) mod record;
pub(crate) mod state;

use std::thread;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use clap::Args;
use serde_json::Value;

use crate::pipe::args::seconds;
use crate::pipe::document::Document;
use crate::pipe::failure::{Failure, Outcome};
use crate::process::script::Script;
use crate::remote::connection::Connection;
use crate::remote::job::state::JobState;
use crate::remote::problem::{Problem, SharedProblem};
use crate::remote::session::Session;
use crate::remote::session::reply::Reply;
use crate::settings::names::{Host, JobId};
use crate::text::date::utc;

pub use record::{JobRecord, record};
pub use state::{JobReport, WhyLost, job_table, readable};

/// Shell functions about jobs: their leader, state, processes, and the job that holds a workspace
/// ([`crate::process::script::Script::with`]).
pub const FUNCTIONS: &str = concat!(
    include_str!("../sh/containers.sh"),
    include_str!("../sh/slurm.sh"),
    include_str!("../sh/jobs.sh")
);

/// Those of [`FUNCTIONS`] that the script of a job itself calls, where no batch system runs it.
pub const OF_A_JOB: &str =
    concat!(include_str!("../sh/containers.sh"), include_str!("../sh/jobs.sh"));

/// Shell functions for the incoming folder of a push. They need [`FUNCTIONS`].
pub const INCOMING: &str = include_str!("../sh/incoming.sh");

/// Shell functions for links on the way to a workspace.
pub const WORKSPACE_LINK: &str = include_str!("../sh/workspace-link.sh");

/// The longest pause between two checks of a workspace that is held.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What to do about a workspace that a job holds.
#[derive(Args, Clone, Copy, Debug)]
#[non_exhaustive]
pub struct WaitArgs {
    /// Wait while another job holds the workspace: SECONDS at most, or until it ends
    // Without a number the longest time counts, which no job takes.
    #[arg(long, value_name = "SECONDS", value_parser = seconds, num_args = 0..=1, require_equals = true, default_missing_value = "99999999")]
    pub wait: Option<u64>,
}

/// The job that holds a workspace.
#[derive(Clone, Debug)]
pub struct Holder {
    /// `None` if the script's word isn't a job id.
    id: Option<JobId>,
    state: JobState,
    started: u64,
    /// The node that the job runs on; `None` if the script's word isn't a host name.
    node: Option<Host>,
    about: Value,
}

impl Holder {
    /// Parses what a script says about the job: `ID STATE STARTED HOST ABOUT`.
    #[must_use]
    pub fn parse(subject: &str) -> Self {
        let mut words = subject.splitn(5, ' ');
        let mut next = || words.next().unwrap_or_default();
        let (id, state, started, host, about) = (next(), next(), next(), next(), next());
        Self {
            id: id.parse().ok(),
            state: JobState::parse(state).unwrap_or(JobState::Unknown),
            started: started.parse().unwrap_or_default(),
            node: host.split('/').next().and_then(|node| node.parse().ok()),
            about: serde_json::from_str(about).unwrap_or_default(),
        }
    }

    /// Returns whether its processes can't be inspected.
    fn is_out_of_sight(&self) -> bool {
        match self.state {
            JobState::Elsewhere { .. } | JobState::Unknown => true,
            JobState::Lost(why) => why != WhyLost::Remains,
            _ => false,
        }
    }

    /// Describes the job: its id, its start, who started it, and from where.
    fn describe(&self, document: &Document) -> String {
        let about = |key: &str| self.about[key].as_str().unwrap_or("somebody");
        let node = if self.is_out_of_sight() {
            match &self.node {
                Some(node) => format!(" on its node '{node}'"),
                None => " on another of its nodes".to_owned(),
            }
        } else {
            String::new()
        };
        let state = match self.state {
            JobState::Pending(_) => "; it hasn't started yet",
            JobState::Requeued(_) => "; it was requeued, and hasn't started again",
            JobState::Lost(WhyLost::Remains) => {
                "; its first process is gone, but other processes of it still run"
            }
            JobState::Finished(_) | JobState::Killed(_) | JobState::KilledByLauncher(_) => {
                "; it has ended, but its processes and containers aren't known to be gone"
            }
            _ => "",
        };
        let act = match self.state {
            JobState::Pending(_) | JobState::Requeued(_) => "submitted",
            _ => "started",
        };
        format!(
            "the workspace on '{}' is locked by {}, which {} {act} from {}{node} at {} UTC{state}",
            document.remote.host,
            self.id.as_ref().map_or_else(|| "a job".to_owned(), |id| format!("job {id}")),
            about("user"),
            about("folder"),
            utc(self.started.cast_signed()),
        )
    }

    /// The failure of a step that doesn't wait, with the commands that help.
    #[must_use]
    pub fn refusal(&self, document: &Document) -> Failure {
        let hint = match (&self.id, &self.state) {
            (
                Some(id),
                JobState::Lost(WhyLost::Remains)
                | JobState::Finished(_)
                | JobState::Killed(_)
                | JobState::KilledByLauncher(_),
            ) => {
                format!("`{}` ends them", document.stop_command(Some(id)))
            }
            (Some(id), _) => {
                let (stop, gone) = if self.is_out_of_sight() {
                    let force = format!("{} --force", document.stop_command(Some(id)));
                    (
                        self.node.as_ref().map_or_else(
                            || document.stop_command(Some(id)),
                            |node| document.stop_command_on(node, id),
                        ),
                        format!("; only if that node is gone, `{force}` releases the workspace"),
                    )
                } else {
                    (document.stop_command(Some(id)), String::new())
                };
                format!(
                    "follow it with `{}`, end it with `{stop}`, or wait for its end with --wait{gone}",
                    document.attach_command(Some(id))
                )
            }
            (None, _) => "wait for its end with --wait".to_owned(),
        };
        Failure::ours(anyhow!("{}", self.describe(document))).hint(hint)
    }

    /// The message while waiting for the job's end.
    #[must_use]
    pub fn waiting(&self, document: &Document) -> String {
        format!("waiting: {}", self.describe(document))
    }
}

/// Waits for a workspace, with growing pauses.
#[derive(Debug)]
pub struct LockWait {
    limit: Duration,
    since: Option<Instant>,
    pause: Duration,
}

impl LockWait {
    /// Waits for up to `seconds`; `None` doesn't wait.
    #[must_use]
    pub fn new(seconds: Option<u64>) -> Self {
        let limit = Duration::from_secs(seconds.unwrap_or(0));
        Self { limit, since: None, pause: Duration::from_millis(250) }
    }

    /// Returns whether this is the first check of a workspace that is held.
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        self.since.is_none()
    }

    /// How long to pause before the next check; `None` after the limit.
    pub fn pause(&mut self) -> Option<Duration> {
        let left = self.limit.checked_sub(self.since.get_or_insert_with(Instant::now).elapsed())?;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        (!left.is_zero()).then(|| self.pause.min(left))
    }
}

/// Runs a script that needs a workspace which no job holds; waits for the workspace if `wait` says so. If the script is
/// followed, also returns the session for the next script, unless this one failed.
///
/// # Errors
/// When a job holds the workspace for longer than the wait, or the host can't be reached.
pub fn run_when_free(
    connection: &Connection,
    script: &Script,
    document: &Document,
    wait: WaitArgs,
) -> Outcome<(Reply, Option<Session>)> {
    let mut lock_wait = LockWait::new(wait.wait);
    loop {
        let (reply, session) = connection.run_and_keep(script)?;
        let locked = |problem: &Problem| problem.kind() == Some(SharedProblem::Locked);
        let Some(problem) = reply.problem().filter(locked) else { return Ok((reply, session)) };
        let holder = Holder::parse(&problem.subject);
        if wait.wait.is_some() && lock_wait.is_fresh() {
            connection.report().say(&holder.waiting(document));
        }
        thread::sleep(lock_wait.pause().ok_or_else(|| holder.refusal(document))?);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_a_host_or_none() {
        let node = |host: &str| Holder::parse(&format!("1-a elsewhere 1 {host}/machine {{}}")).node;
        assert_eq!(node("n_1.lab").map(|node| node.to_string()).as_deref(), Some("n_1.lab"));
        for host in ["$(id)", "-oProxyCommand=x", "a;b", ""] {
            assert!(node(host).is_none(), "{host}");
        }
    }

    #[test]
    fn patience_ends() {
        assert_eq!(LockWait::new(None).pause(), None);
        assert!(LockWait::new(Some(60)).pause().is_some());
    }
}
