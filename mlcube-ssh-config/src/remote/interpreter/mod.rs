//! The python environment on the remote that runs `mlcube`: the script that makes it, and the messages for what is wrong
//! with it.

pub mod network;
mod problem;
mod requirements;

use crate::pipe::document::Remote;
use crate::process::comments::without_comments;
use crate::process::script::Script;
use crate::remote::connection::Connection;
use crate::settings::runner::interpreter::Interpreter;

pub use problem::{failure, failure_of};

/// Shell functions about the environment. They need what [`given`] gives.
pub const FUNCTIONS: &str = include_str!("sh/environment.sh");

const PROGRAM: &str = include_str!("sh/make-environment.sh");
const START_MLCUBE: &str = include_str!("sh/start-mlcube.py");
const CHECK_REQUIREMENTS: &str = include_str!("sh/requirements.py");

/// Makes the script that makes sure that the environment of an interpreter exists and is complete.
#[must_use]
pub fn script(connection: &Connection, remote: &Remote, interpreter: &Interpreter) -> Script {
    given(connection.script(PROGRAM).with(FUNCTIONS), remote, interpreter)
}

/// Gives a script what the functions about the environment need; each requirement is one of its words.
#[must_use]
pub fn given(script: Script, remote: &Remote, interpreter: &Interpreter) -> Script {
    let (kind, folder) = match interpreter.folder() {
        None => ("system", String::new()),
        Some(folder) => ("virtualenv", folder),
    };
    script
        .given("kind", kind)
        .given("named_python", interpreter.python())
        .given("folder", &folder)
        .given("state_folder", remote.state.as_str())
        .given("start_mlcube", &without_comments(START_MLCUBE))
        .given("check_requirements", &without_comments(CHECK_REQUIREMENTS))
        .words(requirements::split(interpreter.requirements()))
}
