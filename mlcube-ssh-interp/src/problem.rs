//! What the remote script's problems mean: the cause, and the line to write.

use anyhow::anyhow;
use mlcube_ssh_config::connection::Answer;
use mlcube_ssh_config::failure::Failure;
use mlcube_ssh_config::own;
use mlcube_ssh_config::quote::one_line;
use mlcube_ssh_config::runner::Interpreter;

/// The failure for an answer that isn't a success.
pub(crate) fn failure(host: &str, interpreter: &Interpreter, answer: &Answer) -> Failure {
    let problem = answer.field("problem").unwrap_or_default();
    let (kind, subject) = problem.split_once(' ').unwrap_or((&problem, ""));
    let last = answer.last_error();
    if kind == own::NOT_OWN {
        return own::failure(host, subject);
    }
    Failure::ours(match kind {
        "no-python" => anyhow!(
            "there is no python '{subject}' on '{host}'; set runner.interpreter.python to one that is there"
        ),
        "pip" => pip(host, interpreter, &answer.errors),
        "no-mlcube" => anyhow!(
            "mlcube isn't installed in the python environment on '{host}'; add it to runner.interpreter.requirements: {}",
            with(interpreter, "mlcube==0.0.9 mlcube-docker==0.0.9")
        ),
        "no-distutils" => anyhow!(
            "python {subject} on '{host}' has no distutils, which mlcube needs; set runner.interpreter.requirements: {}",
            with(interpreter, "setuptools")
        ),
        _ if is_full(&answer.errors) => no_room(host),
        "create" => anyhow!("can't create the environment {subject} on '{host}': {last}"),
        "not-writable" => anyhow!(
            "can't write {subject} on '{host}' ({last}); set runner.interpreter.location to a folder of yours"
        ),
        "not-an-environment" => anyhow!(
            "{subject} on '{host}' is there and isn't a python environment; choose another runner.interpreter.name"
        ),
        _ => anyhow!("the python environment on '{host}' can't be used: {last}"),
    })
}

/// Why pip failed, in its own words where they are the best.
fn pip(host: &str, interpreter: &Interpreter, errors: &str) -> anyhow::Error {
    if is_full(errors) {
        return no_room(host);
    }
    if errors.contains("externally-managed-environment") {
        return anyhow!(
            "the python on '{host}' is managed by its distribution, pip can't install there; set runner.interpreter.type: virtualenv"
        );
    }
    if errors.contains("Please use pip<24.1") {
        return anyhow!(
            "the pip on '{host}' refuses the metadata of a package that mlcube needs; set runner.interpreter.requirements: {}",
            with(interpreter, "pip<24.1")
        );
    }
    if errors.contains("No module named pip") {
        return anyhow!(
            "the python on '{host}' has no pip; install it there, or set runner.interpreter.requirements: ''"
        );
    }
    anyhow!(
        "pip failed on '{host}': {}; look at runner.interpreter.requirements",
        pip_words(errors)
    )
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
    anyhow!(
        "there is no room left on '{host}' for the python environment; make room, or set runner.interpreter.location elsewhere"
    )
}

/// The requirements with one more in front.
fn with(interpreter: &Interpreter, more: &str) -> String {
    format!("'{} {}'", more, interpreter.requirements()).replace(" '", "'")
}
