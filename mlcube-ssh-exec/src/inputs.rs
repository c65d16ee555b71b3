//! The inputs that must be on the remote before a job starts: `mlcube` would make an empty folder of a missing one, and
//! train on it.

use anyhow::{Context, Result};
use mlcube_ssh_config::document::Document;
use mlcube_ssh_config::inputs::{self, Input};
use mlcube_ssh_config::layout::Layout;

use crate::job::Phase;

/// The variable that tells the start script: a line `whose kind task.name path` for each input, or nothing.
pub(crate) fn variable(
    phase: Phase,
    document: &Document,
    layout: &Layout,
) -> Result<Vec<(String, String)>> {
    let mut lines = String::new();
    let needed = if phase == Phase::Run { inputs::needed(document, layout) } else { Vec::new() };
    for input in needed.iter().filter(|input| !input.partly_made) {
        lines.push_str(&line(input, document, layout)?);
    }
    Ok(vec![("MLCUBE_SSH_INPUTS".to_owned(), lines)])
}

fn line(input: &Input, document: &Document, layout: &Layout) -> Result<String> {
    let kind = match input.is_folder {
        Some(true) => "directory",
        Some(false) => "file",
        None => "any",
    };
    let (task, name) = (&input.task, &input.name);
    let there = input.there(document, layout).with_context(|| {
        format!(
            "the input {name} of task {task}, {}, lies outside {}, which is all that '{}' has of this machine; put it into the workspace, or set 'base'",
            input.path,
            layout.base.display(),
            document.remote.host
        )
    })?;
    let whose = if input.here.is_none() { "own" } else { "pushed" };
    Ok(format!("{whose} {kind} {task}.{name} {there}\n"))
}
