//! The inputs that must be on the remote before a job starts: `mlcube` would make an empty folder of a missing one, and
//! train on it.

use anyhow::Result;
use mlcube_ssh_config::document::Document;
use mlcube_ssh_config::inputs;
use mlcube_ssh_config::layout::Layout;
use mlcube_ssh_config::parameters::Parameter;
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
