//! The inputs that must be on the remote before a job starts: `mlcube` would make an empty folder of a missing one, and
//! train on it.

use std::fs;
use std::path::Path;

use anyhow::{Result, anyhow};
use mlcube_ssh_config::document::Document;
use mlcube_ssh_config::failure::Failure;
use mlcube_ssh_config::inputs;
use mlcube_ssh_config::layout::Layout;
use mlcube_ssh_config::names::TaskName;
use mlcube_ssh_config::parameters::{self, Direction, Parameter};
use mlcube_ssh_config::places;

use crate::job::Phase;

/// The variable that tells the start script: a line `whose kind task.name path` for each input, or nothing.
pub(crate) fn variable(
    phase: Phase,
    document: &Document,
    layout: &Layout,
) -> Result<Vec<(String, String)>> {
    if phase == Phase::Run {
        inputs::check(document, layout)?;
    }
    let mut lines = String::new();
    let needed = if phase == Phase::Run { inputs::needed(document, layout) } else { Vec::new() };
    for input in needed.iter().filter(|input| !input.partly_made) {
        lines.push_str(&line(&input.parameter, document, layout));
    }
    Ok(vec![("MLCUBE_SSH_INPUTS".to_owned(), lines)])
}

fn line(input: &Parameter, document: &Document, layout: &Layout) -> String {
    let kind = match input.is_folder {
        Some(true) => "directory",
        Some(false) => "file",
        None => "any",
    };
    let (task, name) = (&input.task, &input.name);
    let there = places::there(layout, &document.remote, &input.path).unwrap_or_default();
    let whose = if input.here.is_none() { "own" } else { "pushed" };
    format!("{whose} {kind} {task}.{name} {there}\n")
}

/// The failure for an input that isn't on the remote; `subject` is the script's: kind, `task.name` and path.
pub(crate) fn missing(document: &Document, subject: &str) -> Failure {
    let mut words = subject.splitn(3, ' ');
    let mut word = || words.next().unwrap_or_default();
    let (kind, name, path) = (word(), word(), word());
    let kind = if kind == "any" { "no such path" } else { &format!("no {kind}") };
    let failure = Failure::ours(anyhow!(
        "the input {name} is missing on '{}': {kind} {path}",
        document.remote.host
    ));
    match Layout::of_document(document) {
        Ok((layout, _)) => failure.hint(remedy(document, &layout, name, path)),
        Err(_) => failure,
    }
}

/// What provides the input `task.name`: another task, the local workspace, or the owner of a path of the remote's own.
fn remedy(document: &Document, layout: &Layout, name: &str, path: &str) -> String {
    let is_meant = |input: &Parameter| format!("{}.{}", input.task, input.name) == name;
    let Some(input) = parameters::chosen(document, layout).find(is_meant) else {
        return format!("create {path} on the remote");
    };
    let Some(local) = &input.here else {
        return format!("{path} is a path of the remote's own; create it there");
    };
    if let Some(task) = maker(document, layout, &input.task, local) {
        let mut first = document.clone();
        first.run.tasks = vec![task.clone()];
        return format!("task {task} makes it; run that first: {}", first.run_command());
    }
    match (fs::symlink_metadata(local), fs::metadata(local)) {
        (Ok(_), Err(_)) => format!(
            "{} is a link to {}, which can't be followed; put the data in its place",
            local.display(),
            fs::read_link(local).unwrap_or_default().display()
        ),
        (Ok(_), Ok(_)) => format!(
            "{} exists locally and wasn't sent; run without --no-push, and see whether a .mlcubeignore hides it",
            local.display()
        ),
        (Err(_), _) => format!("put the data into {}", local.display()),
    }
}

/// The task, other than `reader`, whose output `local` is, holds, or lies in.
fn maker(document: &Document, layout: &Layout, reader: &str, local: &Path) -> Option<TaskName> {
    let others = document.task_names().into_iter().filter(|task| *task != reader);
    others.filter_map(|task| TaskName::try_from(task.to_owned()).ok()).find(|task| {
        parameters::of_task(document, layout, task, Direction::Output).any(|output| {
            output.here.is_some_and(|made| local.starts_with(&made) || made.starts_with(local))
        })
    })
}
