//! The problems that only the script of `doctor` reports, and their messages.

use clap::ValueEnum;
use mlcube_ssh::cube::Cube;
use mlcube_ssh::pipe::document::Document;
use mlcube_ssh::pipe::failure::{Failure, hinted};
use mlcube_ssh::remote::connection::Connection;
use mlcube_ssh::remote::interpreter;
use mlcube_ssh::remote::problem::Problem;
use mlcube_ssh::text::quote::one_line;

use crate::job;
use crate::job::engine;
use crate::job::engine_failure::EngineFailure;
use crate::job::result;

/// What the script of `doctor` reports, beside what those of other steps do.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum ProblemKind {
    /// The python environment must be made anew.
    Unfinished,
    /// The remote mlcube doesn't know the platform.
    NoPlatform,
    /// The runner of the platform isn't installed.
    NoRunner,
    /// The engine failed; its status.
    Engine,
    /// The engine ran a container, and doesn't find it by its label.
    NoLabel,
    /// The host lists no GPU.
    NoGpu,
}

/// The checks whose problems are those of the step interp.
const OF_INTERP: [&str; 4] = ["environment", "python", "venv", "index"];

/// Returns the failure for what a check reports; `errors` is what its programs printed.
pub(crate) fn failure(
    check: &str,
    problem: &Problem,
    errors: &str,
    connection: &Connection,
    document: &Document,
    cube: &Cube,
) -> Failure {
    let (host, subject) = (document.remote.host.as_str(), problem.subject.as_str());
    let Some(kind) = problem.kind() else {
        if OF_INTERP.contains(&check) {
            return interpreter::failure_of(host, &cube.runner.interpreter, Some(problem), errors);
        }
        return job::problem::failure(document, problem, errors);
    };
    let platform = cube.runner.remote_platform();
    Failure::ours(match kind {
        ProblemKind::Unfinished => {
            hinted(subject.to_owned(), format!("`{}` makes it anew", document.configure_command()))
        }
        ProblemKind::NoPlatform => result::unknown_platform(host, platform),
        ProblemKind::NoRunner => hinted(
            format!(
                "the python environment on '{host}' has no runner '{subject}' of mlcube, which the platform '{platform}' needs"
            ),
            format!(
                "add mlcube-{subject} to runner.interpreter.requirements, in the version of mlcube, then `{}`",
                document.configure_command()
            ),
        ),
        ProblemKind::Engine => return engine_failure(subject, errors, connection, document),
        ProblemKind::NoLabel => hinted(
            format!(
                "{subject} on '{host}' ran a container, and doesn't find it by its label (`{subject} ps --filter label=…`), so that a stop couldn't end it"
            ),
            "check what the program is (`command -v` and `--version` on the remote): a wrapper may drop --label",
        ),
        ProblemKind::NoGpu => hinted(
            format!("the cube asks for GPUs, and '{host}' lists none (`nvidia-smi -L`)"),
            "log in to a host that has some, or leave --gpus out",
        ),
    })
}

/// The failure of an engine, by its words.
fn engine_failure(
    status: &str,
    errors: &str,
    connection: &Connection,
    document: &Document,
) -> Failure {
    let is_singularity = document.runner_text(&["remote", "runner"]) == Some("singularity");
    let engine = if is_singularity { "singularity" } else { engine::name(document) };
    let host = &document.remote.host;
    let known = errors.lines().find_map(|line| {
        EngineFailure::of_line(line, engine).map(|failure| (one_line(line.trim()), failure))
    });
    if let Some((line, failure)) = known {
        return Failure::ours(anyhow::anyhow!("the container engine on '{host}' failed: {line}"))
            .hint(failure.hint(connection, document));
    }
    let last =
        errors.lines().rfind(|line| !line.trim().is_empty()).map(|line| one_line(line.trim()));
    let why = match (last, status) {
        (_, "137") => "it doesn't reply".to_owned(),
        (Some(line), _) => line,
        (None, status) => format!("it ended with status {status} and gave no reason"),
    };
    Failure::ours(anyhow::anyhow!("the container engine on '{host}' failed: {why}"))
        .hint(format!("try `{engine} run --rm IMAGE true` on the remote with an image that it has"))
}
