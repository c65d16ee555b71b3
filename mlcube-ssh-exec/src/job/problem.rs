//! The problems that the scripts of a job report, and the messages for them.

use anyhow::anyhow;
use clap::ValueEnum;
use mlcube_ssh::cube::tree_owner;
use mlcube_ssh::pipe::document::Document;
use mlcube_ssh::pipe::failure::{Failure, hinted};
use mlcube_ssh::remote::problem::{Problem, WITH_V};

use crate::job::inputs;
use crate::launcher;

/// The remedy for a host whose temporary folders can't be used.
pub(crate) const TEMPORARY_FOLDER: &str = "set 'environment: {TMPDIR: FOLDER}' in the platform's section to a folder on the remote that you can write, and where programs may run";

/// The problems that keep a job from being started.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum StartProblem {
    /// An input of the tasks is missing.
    NoInput,
    /// Another machine or folder has taken the remote tree over.
    OtherOrigin,
    /// The cube was never pushed.
    NeverConfigured,
    /// The workspace isn't as the last push of this machine left it.
    OtherPush,
    /// No temporary folder lets programs run.
    NoExec,
    /// The first process of the job didn't start.
    NoLeader,
    /// podman before version 5 ignores `--gpus`.
    IgnoresGpus,
    /// This mlcube passes no `--mount`.
    SwallowsMount,
    /// setsid is missing.
    NoSetsid,
    /// No temporary folder takes a link to the cube.
    NoTemporary,
}

/// The problems with a job that exists, or should.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JobProblem {
    /// The workspace has no job.
    NoJob,
    /// There is no job with this id.
    Unknown,
    /// Several jobs have an id that begins so.
    Ambiguous,
    /// The job was started on another node, or in another container.
    Elsewhere,
    /// The log can't be read.
    UnreadableLog,
}

/// Returns the failure for a problem that a start, follow, stop or query script reported; `errors` is its standard error
/// as far as it is known.
pub(crate) fn failure(document: &Document, problem: &Problem, errors: &str) -> Failure {
    let (host, subject) = (&document.remote.host, problem.subject.as_str());
    if let Some(kind) = problem.kind() {
        return start_problem(kind, document, subject);
    }
    if let Some(kind) = problem.kind() {
        return Failure::ours(job_problem(kind, document, subject));
    }
    let known = launcher::problem(problem, host).or_else(|| problem.failure(host.as_str(), errors));
    known.unwrap_or_else(|| {
        Failure::ours(anyhow!("a script of mlcube-ssh-exec failed on '{host}': {problem}"))
            .hint(WITH_V)
    })
}

fn start_problem(kind: StartProblem, document: &Document, subject: &str) -> Failure {
    let host = &document.remote.host;
    Failure::ours(match kind {
        StartProblem::NoInput => return inputs::missing(document, subject),
        StartProblem::OtherOrigin => return tree_owner::taken_over(document, subject),
        StartProblem::NeverConfigured => hinted(
            format!("this cube isn't configured on '{host}': no file {subject}"),
            "run `mlcube-ssh configure` with the same --mlcube and --platform",
        ),
        StartProblem::OtherPush => hinted(
            format!(
                "the remote workspace on '{host}' isn't as the last push of this machine left it (put back from a backup?), and may hold older inputs"
            ),
            format!(
                "`{}` compares it, and names what differs; `{} --no-push` runs with what is there",
                document.push_command(),
                document.run_command()
            ),
        ),
        StartProblem::NoExec => hinted(
            format!(
                "no temporary folder on '{host}', neither {subject} nor another one, lets programs run (noexec mounts), so the job couldn't end its containers or pass variables to them"
            ),
            TEMPORARY_FOLDER,
        ),
        StartProblem::NoLeader => hinted(
            format!(
                "the job didn't start on '{host}': {}",
                if subject.is_empty() { "no reason was given" } else { subject }
            ),
            "check on the remote whether the account may start more processes (ulimit -u), then run it again",
        ),
        StartProblem::IgnoresGpus => hinted(
            format!("the podman on '{host}' is older than version 5, and ignores --gpus={subject}"),
            "give --gpus a number, 'all' or 'device=LIST', or update podman on the remote",
        ),
        StartProblem::SwallowsMount => hinted(
            format!("--mount needs mlcube 0.0.10 or later, and '{host}' has {subject}"),
            "no package index has such a mlcube-docker: `--mount=ro` in the README of mlcube-ssh-interp says how to build and name its wheels",
        ),
        StartProblem::NoSetsid => hinted(
            format!("'{host}' has no setsid, without which a job ends with its connection"),
            format!("install util-linux on '{host}'"),
        ),
        StartProblem::NoTemporary => hinted(
            format!("no temporary folder on '{host}' takes a link to the cube: {subject}"),
            TEMPORARY_FOLDER,
        ),
    })
}

fn job_problem(kind: JobProblem, document: &Document, subject: &str) -> anyhow::Error {
    let host = &document.remote.host;
    match kind {
        JobProblem::NoJob => hinted(
            format!("no job of this workspace is known on '{host}'"),
            "`mlcube-ssh run` starts one; `mlcube-ssh list` lists the jobs of the cube's other workspaces",
        ),
        JobProblem::Unknown => hinted(
            format!("'{host}' has no job '{subject}' of this cube"),
            "`mlcube-ssh list` lists the jobs, with the same --mlcube and --platform",
        ),
        JobProblem::Ambiguous => hinted(
            format!("'{host}' has several jobs with an id that begins with '{subject}'"),
            "`mlcube-ssh list` lists the jobs; give more of the id",
        ),
        JobProblem::Elsewhere => {
            let (job, machine) = subject.split_once(' ').unwrap_or((subject, "another"));
            hinted(
                format!(
                    "can't end job {job}: it was started on the node '{machine}' of '{host}', or in another container on it"
                ),
                // The remote's words become part of a command to paste only if they are a valid job and node.
                match (machine.parse(), job.parse()) {
                    (Ok(node), Ok(job)) => format!(
                        "`{}` ends it, if ssh reaches the node by that name; only if the node is gone, release the workspace with --force",
                        document.stop_command_on(&node, &job)
                    ),
                    _ => "end it on the node where it was started".to_owned(),
                },
            )
        }
        JobProblem::UnreadableLog => hinted(
            format!("can't read the log {subject} on '{host}'; the job may still run"),
            "check its permissions and its disk on the remote; `mlcube-ssh status` shows the job's state",
        ),
    }
}
