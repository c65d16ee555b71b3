//! The python environment on the remote that runs `mlcube`: the script that makes it, and the messages for what is wrong
//! with it.

pub mod network;
mod problem;
mod requirements;

use crate::pipe::document::Remote;
use crate::process::comments::without_comments;
use crate::process::script::Script;
use crate::remote::connection::Connection;
use crate::settings::runner::Interpreter;

pub use problem::failure;

const PROGRAM: &str = include_str!("sh/environment.sh");
const START_MLCUBE: &str = include_str!("sh/start-mlcube.py");
const CHECK_REQUIREMENTS: &str = include_str!("sh/requirements.py");

/// Makes the script for an interpreter; each requirement is one of its words.
#[must_use]
pub fn script(connection: &Connection, remote: &Remote, interpreter: &Interpreter) -> Script {
    let (kind, folder) = match interpreter.folder() {
        None => ("system", String::new()),
        Some(folder) => ("virtualenv", folder),
    };
    connection
        .script(PROGRAM)
        .given("kind", kind)
        .given("named_python", interpreter.python())
        .given("folder", &folder)
        .given("state_folder", remote.state.as_str())
        .given("start_mlcube", &without_comments(START_MLCUBE))
        .given("check_requirements", &without_comments(CHECK_REQUIREMENTS))
        .words(requirements::split(interpreter.requirements()))
}
