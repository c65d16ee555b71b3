//! The problems with the node that Slurm has chosen for a job.

use anyhow::anyhow;
use clap::ValueEnum;
use mlcube_ssh::pipe::document::Document;
use mlcube_ssh::pipe::failure::Failure;
use mlcube_ssh::remote::problem::Problem;
use mlcube_ssh::settings::names::Host;

/// What the node lacks.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum NodeProblem {
    /// A file isn't there.
    NoFileOnNode,
    /// The python isn't there.
    NoPythonOnNode,
    /// The container engine isn't there.
    NoEngineOnNode,
    /// The line `setup` fails there.
    NoSetup,
    /// The values of variables are gone.
    NoVariables,
    /// Another job uses the workspace.
    LockLost,
}

/// Returns the failure for a job that couldn't run on the node; `None` for another problem.
pub(super) fn failure(node: &Host, problem: &Problem, document: &Document) -> Option<Failure> {
    let (host, subject) = (&document.remote.host, &problem.subject);
    let (why, hint) = match problem.kind()? {
        NodeProblem::NoFileOnNode => (
            format!("'{subject}' isn't there"),
            "set runner.remote_root to a folder on a disk that the nodes share".to_owned(),
        ),
        NodeProblem::NoPythonOnNode => (
            format!("the python '{subject}' isn't there, or can't run"),
            "set runner.interpreter.location to a folder on a disk that the nodes share".to_owned(),
        ),
        NodeProblem::NoEngineOnNode => (
            format!("it has no '{subject}'"),
            "choose nodes that have it with --nodelist or --constraint in runner.launcher.args, or load it with runner.setup".to_owned(),
        ),
        NodeProblem::NoSetup => (
            format!("the line '{subject}' fails there"),
            "change runner.setup; what it wrote is the beginning of the job's log".to_owned(),
        ),
        NodeProblem::NoVariables => (
            format!("the values of {subject} were removed when the job was first started"),
            "run it again; a job with --env can't be requeued".to_owned(),
        ),
        NodeProblem::LockLost => (
            format!("job {subject} uses its workspace now"),
            "run it again when that one has ended".to_owned(),
        ),
    };
    let message = anyhow!("the job can't run on the node '{node}' of '{host}': {why}");
    Some(Failure::ours(message).hint(hint))
}
