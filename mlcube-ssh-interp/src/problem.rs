//! What the remote script's problems mean: the cause, and the line to write.

use anyhow::anyhow;
use mlcube_ssh::pipe::failure::{Failure, hinted};
use mlcube_ssh::remote::connection::Answer;
use mlcube_ssh::remote::folder_owner;
use mlcube_ssh::settings::runner::Interpreter;
use mlcube_ssh::text::quote::{is_plain, one_line};

use crate::{network, requirements};

/// What makes mlcube 0.0.9 start with every python that has it at all.
const MLCUBE: &str = "mlcube==0.0.9 mlcube-docker==0.0.9";

/// The failure for an answer that isn't a success.
pub(crate) fn failure(host: &str, interpreter: &Interpreter, answer: &Answer) -> Failure {
    let problem = answer.field("problem").unwrap_or_default();
    let (kind, subject) = problem.split_once(' ').unwrap_or((&problem, ""));
    let last = answer.last_error();
    if kind == folder_owner::NOT_OWN {
        return folder_owner::failure(host, subject);
    }
    Failure::ours(match kind {
        "no-python" => hinted(
            format!("there is no python '{subject}' on '{host}'"),
            "set runner.interpreter.python to one that is there",
        ),
        "no-python-behind" => {
            let link = interpreter.python();
            hinted(
                format!(
                    "the python '{link}' on '{host}' leads to '{subject}', which the account can't run"
                ),
                "set runner.interpreter.python to one that the account may run, or ask its owner for the right to enter the folder",
            )
        }
        "pip" => pip(host, interpreter, &answer.errors),
        "no-mlcube" => no_mlcube(host, interpreter, subject),
        "no-distutils" => hinted(
            format!("python {subject} on '{host}' has no distutils, which mlcube needs"),
            write_line(interpreter, "setuptools"),
        ),
        "too-new" => too_new(host, subject),
        "no-import" => hinted(
            format!("mlcube doesn't start in the python environment on '{host}': {subject}"),
            "set runner.interpreter.name to a new environment, or make this one anew: remove its folder there",
        ),
        "busy" => hinted(
            format!("another installation goes on in {subject} on '{host}'"),
            "try again when it has ended",
        ),
        _ if is_full(&answer.errors) => no_room(host),
        "create" => anyhow!("can't create the environment {subject} on '{host}': {last}"),
        "not-writable" => hinted(
            format!("can't write {subject} on '{host}' ({last})"),
            "set runner.interpreter.location to a folder of yours",
        ),
        "not-an-environment" => hinted(
            format!("{subject} on '{host}' is there and isn't a python environment"),
            "choose another runner.interpreter.name",
        ),
        _ => anyhow!("the python environment on '{host}' can't be used: {last}"),
    })
}

fn no_mlcube(host: &str, interpreter: &Interpreter, name: &str) -> anyhow::Error {
    let message = format!("{name} isn't installed in the python environment on '{host}'");
    if requirements::with(interpreter.requirements(), MLCUBE).is_none() {
        let hint = "it is listed in runner.interpreter.requirements, and not found where this python looks; set runner.interpreter.type: virtualenv";
        return hinted(message, hint);
    }
    hinted(message, write_line(interpreter, MLCUBE))
}

/// `subject` is python's version, then a python of that host that will do, if there is one.
fn too_new(host: &str, subject: &str) -> anyhow::Error {
    let (version, other) = subject.split_once(' ').unwrap_or((subject, ""));
    let message = format!(
        "python {version} on '{host}' is too new for this mlcube: a package that it needs imports 'typing.io', which python 3.13 took away"
    );
    hinted(
        message,
        // A host's word stands in a line to paste only where it can't be read as more than a path.
        if other.is_empty() || !is_plain(other) {
            "install python 3.8 to 3.12 there (`uv python install 3.12` needs no root), and set runner.interpreter.python to its path and a new runner.interpreter.name".to_owned()
        } else {
            format!("set runner.interpreter.python: {other}, and a new runner.interpreter.name")
        },
    )
}

/// Why pip failed, in its own words where they are the best.
fn pip(host: &str, interpreter: &Interpreter, errors: &str) -> anyhow::Error {
    if is_full(errors) {
        return no_room(host);
    }
    if errors.contains("externally-managed-environment") {
        return hinted(
            format!(
                "the python on '{host}' is managed by its distribution, pip can't install there"
            ),
            "set runner.interpreter.type: virtualenv",
        );
    }
    if errors.contains("Please use pip<24.1") {
        return hinted(
            format!("the pip on '{host}' refuses the metadata of a package that mlcube needs"),
            write_line(interpreter, "pip<24.1"),
        );
    }
    if errors.contains("No module named pip") {
        return hinted(
            format!("the python on '{host}' has no pip, and not all requirements are met"),
            "install them there (`uv pip install`), or set runner.interpreter.requirements: ''",
        );
    }
    if let Some(problem) = network::problem(errors) {
        return hinted(
            format!("pip can't reach the package index from '{host}': {}", problem.cause),
            problem.hint,
        );
    }
    hinted(
        format!("pip failed on '{host}': {}", pip_words(errors)),
        "look at runner.interpreter.requirements",
    )
}

/// The line of the settings that has `more`, too; advice never repeats what is listed already.
fn write_line(interpreter: &Interpreter, more: &str) -> String {
    match requirements::with(interpreter.requirements(), more) {
        Some(line) => format!("set runner.interpreter.requirements: '{line}'"),
        None => {
            "what it needs is listed already: set runner.interpreter.name to a new environment, or runner.interpreter.python to another python (3.8 to 3.12)".to_owned()
        }
    }
}

/// pip's own last complaint.
fn pip_words(errors: &str) -> String {
    let said = |line: &&str| !line.trim().is_empty() && !line.starts_with("[notice]");
    let complaint = errors.lines().filter(said).rfind(|line| line.starts_with("ERROR"));
    let line = complaint.or_else(|| errors.lines().rfind(said)).unwrap_or("no reason given");
    one_line(line.trim_start_matches("ERROR: ").trim())
}

fn is_full(errors: &str) -> bool {
    errors.contains("No space left on device") || errors.contains("Disk quota exceeded")
}

fn no_room(host: &str) -> anyhow::Error {
    hinted(
        format!("there is no room left on '{host}' for the python environment"),
        "make room, or set runner.interpreter.location elsewhere",
    )
}
