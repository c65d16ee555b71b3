//! Slurm: a job is a batch job, and the host a login node of the cluster.

use anyhow::anyhow;
use clap::ValueEnum;
use mlcube_ssh::pipe::document::{Document, Receipt};
use mlcube_ssh::pipe::failure::{Failure, hinted};
use mlcube_ssh::process::script::{SETUP, Script};
use mlcube_ssh::remote::job;
use mlcube_ssh::remote::job::WhyLost;
use mlcube_ssh::remote::problem::Problem;
use mlcube_ssh::settings::names::{Host, JobId};
use mlcube_ssh::settings::runner::Runner;
use mlcube_ssh::settings::runner::launcher::Slurm as Settings;

use crate::launcher::{Launcher, Needs};

/// Submits jobs with `sbatch`.
pub(crate) struct Slurm<'a>(pub(crate) &'a Settings);

impl Launcher for Slurm<'_> {
    fn name(&self) -> &'static str {
        "slurm"
    }

    fn launch(&self) -> &'static str {
        include_str!("launch.sh")
    }

    fn job_script(&self, run: &str) -> String {
        [
            job::FUNCTIONS,
            include_str!("../../sh/place.sh"),
            include_str!("../../sh/end-processes.sh"),
            include_str!("node.sh"),
            SETUP,
            include_str!("node-end.sh"),
            include_str!("watch.sh"),
            run,
        ]
        .concat()
    }

    fn given(&self, script: Script, runner: &Runner, needs: Needs<'_>) -> Script {
        script
            .given("launcher_args", &self.0.args.join("\n"))
            .given("setup", &runner.setup)
            .given("needed_engine", needs.engine.unwrap_or_default())
            .given("image", needs.image.unwrap_or_default())
    }
}

/// What Slurm's states mean, and what helps.
const ENDS: [(&str, &str, &str); 8] = [
    (
        "TIMEOUT",
        "it reached its time limit",
        "give it more with --launcher-arg=--time=…, or shorten the task",
    ),
    (
        "OUT_OF_MEMORY",
        "it used more memory than it had asked for",
        "ask for more with --launcher-arg=--mem=…",
    ),
    ("NODE_FAIL", "its node failed", "run it again"),
    (
        "PREEMPTED",
        "a job with a higher priority took its place",
        "run it again, or let Slurm do so with --launcher-arg=--requeue",
    ),
    ("BOOT_FAIL", "its node couldn't be started", "run it again"),
    ("DEADLINE", "it couldn't end before its deadline", "change --deadline in launcher.args"),
    ("CANCELLED", "it was cancelled (scancel)", "run it again"),
    ("ENDED", "why is no longer known to Slurm", "its log may say more; run it again"),
];

/// Returns the failure for a job that Slurm ended in this state; the word after the state is who cancelled it, if that
/// is known.
pub(crate) fn explain(
    state: &str,
    number: Option<u64>,
    job: Option<&JobId>,
    document: &Document,
) -> Failure {
    let (state, by) = state.split_once(' ').unwrap_or((state, ""));
    let known = ENDS.iter().find(|(name, ..)| *name == state);
    let (why, hint) = known.map_or(("", "run it again"), |(_, why, hint)| (*why, *hint));
    let why = match (why, by) {
        ("", _) => state.to_owned(),
        (_, "") => format!("{state}, {why}"),
        (_, by) => format!("{state}, '{by}' cancelled it (scancel)"),
    };
    let job_id = job.map(|job| format!(" {job}")).unwrap_or_default();
    let number = number.map(|number| format!(" (job {number} of Slurm)")).unwrap_or_default();
    let host = &document.remote.host;
    Failure::ours(anyhow!("Slurm ended job{job_id}{number} on '{host}': {why}"))
        .hint(format!("{hint}; `{}` prints its output", document.logs_command(job)))
}

/// Notes the number of a job in the receipt.
pub(crate) fn note(receipt: &mut Receipt, number: Option<u64>) {
    receipt.slurm = number;
}

/// Returns the failure for a job that ended without a status, and of whose end Slurm knows nothing.
pub(crate) fn lost(why: WhyLost, number: u64, job: Option<&JobId>, document: &Document) -> Failure {
    let host = &document.remote.host;
    let job = job.map_or_else(|| "the newest job".to_owned(), |job| format!("job {job}"));
    if why == WhyLost::Unshared {
        return Failure::ours(anyhow!(
            "{job} on '{host}' began on a node of Slurm that doesn't see its folder"
        ))
        .hint("set runner.remote_root to a folder on a disk that the nodes share");
    }
    Failure::connection(format!(
        "{job} on '{host}' is lost: Slurm runs no job {number}, and it left no status"
    ))
    .hint("`sacct` on the remote or the cluster's administrators may know more; run it again")
}

/// The problems that the shell functions of this launcher report.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum ProblemKind {
    /// sbatch is missing.
    NoSbatch,
    /// Slurm refuses the job.
    Refused,
    /// Slurm doesn't reply, or a program of it failed.
    NoSlurm,
}

/// Returns the failure for a problem of this launcher; `None` for another one.
pub(crate) fn problem(problem: &Problem, host: &Host) -> Option<Failure> {
    let subject = problem.subject.as_str();
    Some(Failure::ours(match problem.kind()? {
        ProblemKind::NoSbatch => hinted(
            format!("'{host}' has no sbatch, which runner.launcher.type: slurm needs"),
            "set 'setup: module load slurm' or the like in the platform's section, or log in to a login node of the cluster",
        ),
        ProblemKind::Refused => hinted(
            format!("Slurm on '{host}' refuses the job: {subject}"),
            "change runner.launcher.args, or add --launcher-arg=…; `sinfo` on the remote shows the partitions",
        ),
        ProblemKind::NoSlurm => hinted(
            format!("Slurm on '{host}' failed: {subject}"),
            "run the same command again when `sinfo` replies on the remote and the account may do it",
        ),
    }))
}
