//! The problems that only the script of `doctor` reports, and their messages.

use clap::ValueEnum;
use mlcube_ssh::cube::Cube;
use mlcube_ssh::pipe::document::Document;
use mlcube_ssh::pipe::failure::{Failure, hinted};
use mlcube_ssh::remote::connection::Connection;
use mlcube_ssh::remote::interpreter;
use mlcube_ssh::remote::problem::{Problem, WITH_V};
use mlcube_ssh::text::quote::{is_plain, one_line};

use crate::job;
use crate::job::engine_failure::EngineFailure;
use crate::job::problem::TEMPORARY_FOLDER;
use crate::job::result;
use crate::verbs::doctor::host_reply::Check;

/// What the script of `doctor` reports, beside what those of other steps do.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum ProblemKind {
    /// The python environment must be made anew.
    Unfinished,
    /// The remote mlcube doesn't know the platform.
    NoPlatform,
    /// The remote mlcube can't tell; its status.
    MlcubeFails,
    /// The runner of the platform isn't installed.
    NoRunner,
    /// The engine failed; its status and its words.
    Engine,
    /// The engine ran a container, and doesn't find it by its label.
    NoLabel,
    /// The host lists no GPU.
    NoGpu,
    /// The host lists so many GPUs, and a container none.
    NoGpuInside,
    /// No temporary folder can be written; the last reason.
    NoTemporaryFiles,
}

/// The checks whose problems are those of the step interp.
const OF_INTERP: [Check; 4] = [Check::Environment, Check::Python, Check::Venv, Check::Index];

/// Returns the failure for what a check reports; `errors` is what its programs printed.
pub(crate) fn failure(
    check: Check,
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
        ProblemKind::MlcubeFails => mlcube_fails(subject, errors, document, platform),
        ProblemKind::NoRunner => hinted(
            format!(
                "the python environment on '{host}' has no runner '{subject}' of mlcube, which the platform '{platform}' needs"
            ),
            format!(
                "add {} to runner.interpreter.requirements, in the version of mlcube, then `{}`",
                if is_plain(subject) {
                    format!("mlcube-{subject}")
                } else {
                    "its package".to_owned()
                },
                document.configure_command()
            ),
        ),
        ProblemKind::Engine => return engine_failure(subject, errors, connection, document),
        ProblemKind::NoLabel => hinted(
            format!(
                "{subject} on '{host}' ran a container, and doesn't find it by its label (`{subject} ps --filter label=…`), so that a stop couldn't end it"
            ),
            format!(
                "look at what the program is: `{} 'command -v {engine}; {engine} --version'`; a wrapper may drop --label",
                connection.by_hand(),
                engine = if is_plain(subject) { subject } else { "docker" }
            ),
        ),
        ProblemKind::NoGpu => hinted(
            format!("GPUs are asked for, and '{host}' lists none (`nvidia-smi -L`)"),
            without_gpus(document),
        ),
        ProblemKind::NoGpuInside => hinted(
            format!(
                "GPUs are asked for, and a container on '{host}' lists none (`nvidia-smi -L`), although the host lists {subject}"
            ),
            "`singularity exec --nv IMAGE nvidia-smi -L` on the remote shows why: the driver's libraries must be in nvliblist.conf, or nvidia-container-cli on PATH",
        ),
        ProblemKind::NoTemporaryFiles => hinted(
            format!("no temporary folder on '{host}' can be written: {subject}"),
            TEMPORARY_FOLDER,
        ),
    })
}

/// What the user can do where no GPU is: what asks for them differs.
fn without_gpus(document: &Document) -> &'static str {
    if document.run.options.contains_key("gpus") {
        "log in to a host that has some, or leave --gpus out"
    } else {
        "log in to a host that has some, or set platform.accelerator_count to 0 in the cube"
    }
}

/// The problem of a mlcube that doesn't tell whether it knows the platform.
fn mlcube_fails(status: &str, errors: &str, document: &Document, platform: &str) -> anyhow::Error {
    let host = &document.remote.host;
    let why = match (last_line(errors), status) {
        (_, "137") => "it doesn't reply".to_owned(),
        (Some(line), _) => line,
        (None, status) => format!("it ended with status {status} and gave no reason"),
    };
    let has_own_settings = document.runner_text(&["remote", "runner"]).is_none();
    hinted(
        format!("mlcube on '{host}' can't tell whether it has the platform '{platform}': {why}"),
        if has_own_settings {
            "look at ~/mlcube.yaml on the remote, which it reads"
        } else {
            WITH_V
        },
    )
}

/// The last line with words of what programs printed.
fn last_line(errors: &str) -> Option<String> {
    errors.lines().rfind(|line| !line.trim().is_empty()).map(|line| one_line(line.trim()))
}

/// The failure of an engine, by its words. `subject` is its status, and how the script calls it.
fn engine_failure(
    subject: &str,
    errors: &str,
    connection: &Connection,
    document: &Document,
) -> Failure {
    let (status, engine) = subject.split_once(' ').unwrap_or((subject, ""));
    let host = &document.remote.host;
    let known = errors.lines().find_map(|line| {
        EngineFailure::of_line(line, engine).map(|failure| (one_line(line.trim()), failure))
    });
    if let Some((line, failure)) = known {
        return Failure::ours(anyhow::anyhow!("the container engine on '{host}' failed: {line}"))
            .hint(failure.hint_for(connection, document, engine));
    }
    let why = match (last_line(errors), status) {
        (_, "137") => "it doesn't reply".to_owned(),
        (Some(line), _) => line,
        (None, status) => format!("it ended with status {status} and gave no reason"),
    };
    // The engine of an account's own platform is a word of the host.
    let is_known = engine.split(' ').all(|word| !word.is_empty() && is_plain(word));
    let engine = if is_known { engine } else { "docker" };
    let is_singularity = ["singularity", "apptainer"].iter().any(|name| engine.ends_with(name));
    let words = if is_singularity { "exec IMAGE true" } else { "run --rm IMAGE true" };
    Failure::ours(anyhow::anyhow!("the container engine on '{host}' failed: {why}"))
        .hint(format!("try `{engine} {words}` on the remote with an image that it has"))
}
