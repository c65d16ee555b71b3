//! Turns the problems of the remote script into messages: the cause, and the setting to write.

use anyhow::anyhow;
use clap::ValueEnum;

use crate::pipe::failure::{Failure, hinted, is_out_of_room};
use crate::remote::interpreter::{network, requirements};
use crate::remote::login::ssh_messages::last_line;
use crate::remote::problem::{self, Problem};
use crate::remote::session::Reply;
use crate::settings::runner::interpreter::Interpreter;
use crate::text::quote::{is_plain, one_line};

/// The requirements with which mlcube 0.0.9 starts on every python that it supports.
const MLCUBE: &str = "mlcube==0.0.9 mlcube-docker==0.0.9";

/// The requirements with which mlcube 0.0.9 starts on python 3.13 and 3.14 (tested with both). They are newer releases
/// than mlcube asks for, so pip must not resolve dependencies and all of them are named.
const MLCUBE_OF_NEW_PYTHON: &str = "--no-deps mlcube==0.0.9 mlcube-docker==0.0.9 omegaconf==2.3.0 antlr4-python3-runtime==4.9.3 PyYAML click coloredlogs==14.0 humanfriendly markdown setuptools<81";

/// The problems that `environment.sh` reports.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum ProblemKind {
    /// The python in the settings is missing.
    NoPython,
    /// It is a link to one that the account can't run.
    NoPythonBehind,
    /// pip failed; the subject begins with the version of python.
    Pip,
    /// A package of mlcube isn't installed.
    NoMlcube,
    /// This python has no distutils.
    NoDistutils,
    /// mlcube doesn't start on this python; the subject may name another one.
    TooNew,
    /// An environment that mlcube-ssh didn't make doesn't work.
    MadeByOthers,
    /// Processes run in the environment.
    InUse,
    /// Some module can't be imported.
    NoImport,
    /// Another installation holds the lock.
    Busy,
    /// A python doesn't start.
    Broken,
    /// An environment can't be made.
    Create,
    /// A file or folder can't be written.
    NotWritable,
    /// The folder has other files in it.
    NotAnEnvironment,
}

/// Returns the failure for a reply with an error status.
#[must_use]
pub fn failure(host: &str, interpreter: &Interpreter, reply: &Reply) -> Failure {
    failure_of(host, interpreter, reply.problem().as_ref(), &reply.errors)
}

/// Returns the failure for a problem that the functions about the environment report; `errors` is what their programs
/// said.
#[must_use]
pub fn failure_of(
    host: &str,
    interpreter: &Interpreter,
    problem: Option<&Problem>,
    errors: &str,
) -> Failure {
    let last = last_line(errors);
    let Some(kind) = problem.and_then(Problem::kind) else {
        let shared = problem.and_then(|problem| problem.failure(host, errors));
        return shared.unwrap_or_else(|| unforeseen(host, problem, errors));
    };
    let subject = problem.map_or("", |problem| problem.subject.as_str());
    Failure::ours(match kind {
        ProblemKind::NoPython => hinted(
            format!("'{host}' has no python '{subject}'"),
            "set runner.interpreter.python to a python of the remote",
        ),
        ProblemKind::NoPythonBehind => no_python_behind(host, interpreter, subject),
        ProblemKind::Pip => pip(host, interpreter, subject, errors),
        ProblemKind::NoMlcube => no_mlcube(host, interpreter, subject),
        ProblemKind::NoDistutils => hinted(
            format!("python {subject} on '{host}' has no distutils, which mlcube needs"),
            write_line(interpreter, "setuptools"),
        ),
        ProblemKind::TooNew => too_new(host, interpreter, subject),
        ProblemKind::MadeByOthers => hinted(
            format!("{subject} on '{host}' can't start mlcube, and wasn't made by mlcube-ssh"),
            "repair it on the remote, or set runner.interpreter.name to a new environment",
        ),
        ProblemKind::InUse => hinted(
            format!("can't recreate {subject} on '{host}' while processes run in it"),
            "run this step again when its jobs have ended, or set runner.interpreter.name to a new environment",
        ),
        ProblemKind::NoImport => no_import(host, interpreter, subject),
        ProblemKind::Busy => hinted(
            format!("another installation is running in {subject} on '{host}'"),
            "try again when it has ended",
        ),
        _ if is_out_of_room(errors) => no_room(host),
        ProblemKind::Broken => hinted(
            format!("the python {subject} on '{host}' doesn't start: {last}"),
            "set runner.interpreter.python to a python that starts on the remote",
        ),
        ProblemKind::Create => hinted(
            format!("can't create the environment {subject} on '{host}': {last}"),
            "install virtualenv or python3-venv on the remote, or set runner.interpreter.python to a python that has one of them",
        ),
        ProblemKind::NotWritable => hinted(
            format!("can't write {subject} on '{host}' ({last})"),
            "set runner.interpreter.location to a folder of yours",
        ),
        ProblemKind::NotAnEnvironment => hinted(
            format!("{subject} on '{host}' exists, and isn't a python environment"),
            "choose another runner.interpreter.name",
        ),
    })
}

/// The failure of a script that ended in a way that nobody foresaw.
fn unforeseen(host: &str, problem: Option<&Problem>, errors: &str) -> Failure {
    if is_out_of_room(errors) {
        return Failure::ours(no_room(host));
    }
    let reason = problem::reason(problem, &last_line(errors));
    Failure::ours(anyhow!("the python environment on '{host}' can't be checked: {reason}"))
        .hint(problem::WITH_V)
}

fn no_python_behind(host: &str, interpreter: &Interpreter, subject: &str) -> anyhow::Error {
    hinted(
        format!(
            "the python '{}' on '{host}' leads to '{subject}', which the account can't run",
            interpreter.python()
        ),
        "set runner.interpreter.python to one that the account may run, or ask its owner for the right to enter the folder",
    )
}

fn no_import(host: &str, interpreter: &Interpreter, subject: &str) -> anyhow::Error {
    let message = format!("mlcube doesn't start in the python environment on '{host}': {subject}");
    let is_made_by_us = interpreter.folder().is_some();
    hinted(
        message,
        if is_made_by_us {
            "set runner.interpreter.name to a new environment, or correct runner.interpreter.requirements"
        } else {
            "install mlcube again for this python on the remote, or set runner.interpreter.type: virtualenv"
        },
    )
}

fn no_mlcube(host: &str, interpreter: &Interpreter, name: &str) -> anyhow::Error {
    let message = format!("{name} isn't installed in the python environment on '{host}'");
    if requirements::with(interpreter.requirements(), MLCUBE).is_none() {
        let hint = "runner.interpreter.requirements lists it, and this python doesn't find it; set runner.interpreter.type: virtualenv";
        return hinted(message, hint);
    }
    hinted(message, write_line(interpreter, MLCUBE))
}

/// Returns the message for a python that is too new. `subject` is its version, then a suitable python of that host, if
/// there is one.
fn too_new(host: &str, interpreter: &Interpreter, subject: &str) -> anyhow::Error {
    let (version, other) = subject.split_once(' ').unwrap_or((subject, ""));
    let message = format!(
        "python {version} on '{host}' is too new for what this mlcube asks for: a package that it needs imports 'typing.io', which python 3.13 removed"
    );
    // The remote's word becomes part of a line to paste only if it can't be read as more than a path.
    if !other.is_empty() && is_plain(other) {
        let hint = format!("set runner.interpreter.python: {other}");
        return hinted(message, hint);
    }
    // `--no-deps` would leave out the dependencies of other packages in the user's own list.
    let line = requirements::instead(interpreter.requirements(), MLCUBE_OF_NEW_PYTHON);
    hinted(
        message,
        match line {
            Some(line) => format!("set runner.interpreter.requirements: '{line}'"),
            None => "install python 3.8 to 3.12 on the remote (`uv python install 3.12` needs no root), and set runner.interpreter.python to its path".to_owned(),
        },
    )
}

/// Returns the reason why pip failed, in pip's own words if there is no better explanation.
fn pip(host: &str, interpreter: &Interpreter, subject: &str, errors: &str) -> anyhow::Error {
    if is_out_of_room(errors) {
        return no_room(host);
    }
    if errors.contains("externally-managed-environment") {
        return hinted(
            format!(
                "the python on '{host}' is managed by its distribution, and pip can't install in it"
            ),
            "set runner.interpreter.type: virtualenv",
        );
    }
    if errors.contains("Please use pip<24.1") && is_too_new(subject) {
        return too_new(host, interpreter, subject);
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
            "install them on the remote (`uv pip install`), or set runner.interpreter.requirements: ''",
        );
    }
    if let Some(folder) = missing_wheels(errors) {
        return hinted(
            format!("'{host}' has no folder '{folder}', which --find-links names"),
            "copy the wheels into it, or correct --find-links in runner.interpreter.requirements",
        );
    }
    if let Some(problem) = network::problem(errors) {
        return hinted(
            format!("pip can't reach the package index from '{host}': {}", problem.cause),
            problem.hint,
        );
    }
    // Without -v pip says nothing of the status with which an index replies.
    let asks_index = !interpreter.requirements().contains("--no-index");
    let hint = if asks_index && errors.contains("(from versions: none)") {
        "check the name in runner.interpreter.requirements; if it is right, the index may refuse the request or be out of order: `pip download -v --no-deps NAME` on the remote shows its reply"
    } else {
        "check runner.interpreter.requirements"
    };
    hinted(format!("pip failed on '{host}': {}", pip_words(errors)), hint)
}

/// Returns whether the dependencies of mlcube don't start on this version of python; `version` may be followed by other
/// words.
fn is_too_new(version: &str) -> bool {
    let version = version.split(' ').next().unwrap_or_default();
    let minor = version.strip_prefix("3.").and_then(|minor| minor.parse().ok());
    minor.is_some_and(|minor: u32| minor > 12)
}

/// Returns the line of the settings that adds `more`; if everything in it is listed already, the advice is another one.
fn write_line(interpreter: &Interpreter, more: &str) -> String {
    match requirements::with(interpreter.requirements(), more) {
        Some(line) => format!("set runner.interpreter.requirements: '{line}'"),
        None => {
            "what it needs is listed already: set runner.interpreter.name to a new environment, or runner.interpreter.python to another python (3.8 to 3.12)".to_owned()
        }
    }
}

/// Returns the folder of wheels that pip didn't find: pip only warns of it, and ends with "No matching distribution".
fn missing_wheels(errors: &str) -> Option<String> {
    let warning = errors
        .lines()
        .find(|line| line.contains(" is ignored: it is either a non-existing path"))?;
    Some(one_line(warning.split_once("Location '")?.1.split_once('\'')?.0))
}

/// Returns pip's last error, in the words of the program that it called: git's own lines are among pip's lines about
/// git, indented or marked with a bar.
fn pip_words(errors: &str) -> String {
    let trimmed =
        |line: &'_ str| line.trim_matches([' ', '\t', '│', '|', '╰', '─', '>', '×']).to_owned();
    let lines: Vec<String> = errors
        .lines()
        .map(trimmed)
        .filter(|line| {
            let is_aside = ["[notice]", "note: ", "hint: ", "[end of output]"];
            !line.is_empty() && !is_aside.iter().any(|start| line.starts_with(start))
        })
        .collect();
    // A subprocess's own cause comes first; pip's later line only says that the subprocess failed.
    let starts = |starts: &[&str]| {
        lines.iter().rfind(|line| starts.iter().any(|start| line.starts_with(start)))
    };
    let line = starts(&["fatal: "]).or_else(|| starts(&["ERROR"])).or_else(|| starts(&["error: "]));
    let line = line.or(lines.last()).map_or("no reason given", String::as_str);
    one_line(line.trim_start_matches("ERROR: "))
}

fn no_room(host: &str) -> anyhow::Error {
    hinted(
        format!("no room left on '{host}' for the python environment"),
        "make room (`df -h`, `df -i` and `quota` show what is full), or set runner.interpreter.location to a folder on another disk",
    )
}

#[cfg(test)]
mod tests {
    use super::{missing_wheels, pip_words};

    #[test]
    fn pips_cause_is_that_of_the_program_that_failed() {
        let errors = "  Running command git clone -q https://h/x /tmp/x\n  fatal: unable to access 'https://h/x/': Could not resolve host: h\n  error: subprocess-exited-with-error\n  \n  × git clone did not run successfully.\n  │ exit code: 128\n  ╰─> See above for output.\n  \n  note: This error originates from a subprocess, and is likely not a problem with pip.\nerror: subprocess-exited-with-error\n\n× git clone did not run successfully.\n╰─> See above for output.\n\nnote: This error originates from a subprocess, and is likely not a problem with pip.\n";
        assert_eq!(
            pip_words(errors),
            "fatal: unable to access 'https://h/x/': Could not resolve host: h"
        );
        assert_eq!(
            pip_words("ERROR: No matching distribution found for x\n[notice] new pip\n"),
            "No matching distribution found for x"
        );
        assert_eq!(pip_words("\n"), "no reason given");
    }

    #[test]
    fn a_folder_of_wheels_that_is_not_there_is_the_cause() {
        let errors = "WARNING: Location '/srv/wheels' is ignored: it is either a non-existing path or lacks a specific scheme.\nERROR: No matching distribution found for mlcube==0.0.9\n";
        assert_eq!(missing_wheels(errors).as_deref(), Some("/srv/wheels"));
        assert_eq!(missing_wheels("ERROR: No matching distribution"), None);
    }
}
