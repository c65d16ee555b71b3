//! Who started a job, and from where: shown to users who find the workspace locked.

use std::env;

use anyhow::{Context, Result};
use mlcube_ssh::pipe::document::Phase;
use mlcube_ssh::settings::names::TaskName;
use serde_json::json;

/// Returns one line of JSON: the phase, the tasks, `user@host` and the local folder.
pub(crate) fn about(phase: Phase, tasks: &[TaskName]) -> Result<String> {
    let folder = env::current_dir().map(|path| path.display().to_string()).unwrap_or_default();
    let user = format!("{}@{}", user(), host());
    let about = json!({"phase": phase, "tasks": tasks, "user": user, "folder": folder});
    serde_json::to_string(&about).context("can't write who starts the job")
}

fn user() -> String {
    let name = ["LOGNAME", "USER"].into_iter().find_map(|name| env::var(name).ok());
    name.filter(|name| !name.is_empty())
        .unwrap_or_else(|| format!("uid{}", rustix::process::getuid().as_raw()))
}

fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
