//! Slurm: a job is a batch job, and the host a login node of the cluster.

mod node_problem;

use anyhow::anyhow;
use clap::ValueEnum;
use mlcube_ssh::pipe::document::{Document, Receipt};
use mlcube_ssh::pipe::failure::{Failure, hinted};
use mlcube_ssh::process::script::{SETUP, Script};
use mlcube_ssh::remote::job;
use mlcube_ssh::remote::job::WhyLost;
use mlcube_ssh::remote::problem::Problem;
use mlcube_ssh::settings::names::Host;
use mlcube_ssh::settings::runner::Runner;
use mlcube_ssh::settings::runner::launcher::Slurm as Settings;

use crate::job::end::End;
use crate::launcher::{BatchSystem, Launcher, Needs};

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

    fn reads_variable(&self, name: &str) -> bool {
        READ_VARIABLES.contains(&name)
            || READ_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
    }
}

/// The variables by which Slurm's programs are found, and find their controller, and the beginnings of the names of those
/// that change what they do (sbatch(1), `ENVIRONMENT VARIABLES`). A value of the local machine would be wrong for them.
const READ_VARIABLES: [&str; 3] = ["PATH", "LD_LIBRARY_PATH", "LD_PRELOAD"];
/// See [`READ_VARIABLES`].
const READ_PREFIXES: [&str; 7] =
    ["SLURM", "SBATCH_", "SQUEUE_", "SCANCEL_", "SACCT_", "SCONTROL_", "SRUN_"];

/// What Slurm's states mean, and what helps.
const ENDS: [(&str, &str, &str); 9] = [
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
    (
        "BadConstraints",
        "no node can ever give what it asks for",
        "change runner.launcher.args; `scontrol show nodes` on the remote shows what the nodes have",
    ),
    ("CANCELLED", "it was cancelled (scancel)", "run it again"),
    ("ENDED", "why is no longer known to Slurm", "its log may say more; run it again"),
];

/// Slurm's words.
pub(crate) struct Words;

impl BatchSystem for Words {
    fn name(&self) -> &'static str {
        "slurm"
    }

    fn note(&self, receipt: &mut Receipt, number: u64) {
        receipt.slurm = Some(number);
    }

    fn explain(&self, state: &str, end: &End, document: &Document) -> Failure {
        let (state, by) = state.split_once(' ').unwrap_or((state, ""));
        let known = ENDS.iter().find(|(name, ..)| *name == state);
        let (why, hint) = known.map_or(("", "run it again"), |(_, why, hint)| (*why, *hint));
        let why = match (why, by) {
            ("", _) => state.to_owned(),
            (_, "") => format!("{state}, {why}"),
            (_, by) => format!("{state}, '{by}' cancelled it (scancel)"),
        };
        let job = end.job.id();
        let job_id = job.map(|job| format!(" {job}")).unwrap_or_default();
        let number = end.batch.as_ref().map(|batch| format!(" (job {} of Slurm)", batch.number));
        let number = number.unwrap_or_default();
        let host = &document.remote.host;
        Failure::ours(anyhow!("Slurm ended job{job_id}{number} on '{host}': {why}")).hint(format!(
            "{hint}; `{}` prints its output{}",
            document.logs_command(job),
            left_container(end, document)
        ))
    }

    fn lost(&self, why: WhyLost, number: u64, end: &End, document: &Document) -> Failure {
        let host = &document.remote.host;
        let job = &end.job;
        if why == WhyLost::Unshared {
            let node = end
                .node
                .as_ref()
                .map_or_else(|| "its node".to_owned(), |node| format!("the node '{node}'"));
            return Failure::ours(anyhow!(
                "{job} (job {number} of Slurm) on '{host}' couldn't begin: {node} has no folder '{}', or can't write in it",
                document.remote.state
            ))
            .hint("set runner.remote_root to a folder on a disk that the nodes share and can write, or choose other nodes with --nodelist or --exclude in runner.launcher.args");
        }
        Failure::connection(format!(
            "{job} on '{host}' is lost: Slurm runs no job {number}, and it left no status"
        ))
        .hint(format!(
            "`sacct` on the remote or the cluster's administrators may know more; run it again{}",
            left_container(end, document)
        ))
    }

    fn on_node(&self, node: &Host, problem: &Problem, document: &Document) -> Option<Failure> {
        node_problem::failure(node, problem, document)
    }

    fn problem(&self, problem: &Problem, host: &Host) -> Option<Failure> {
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
}

/// Returns the part of a hint about a container that the job may have left: Slurm's KILL doesn't reach one that a daemon
/// keeps.
fn left_container(end: &End, document: &Document) -> String {
    let told = |node| {
        let stop = document.stop_command(end.job.id());
        format!("; its container may still run on the node '{node}': `{stop}` ends it")
    };
    end.left_on.as_ref().map(told).unwrap_or_default()
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
