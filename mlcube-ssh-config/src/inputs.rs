//! The inputs of the chosen tasks, and where they lie on either side.
//!
//! `mlcube` reads a path relative to the workspace. Absolute paths and those that begin with `~` or a variable are the
//! remote's own, save what lies below the local root or workspace.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::document::Document;
use crate::layout::{Layout, normal};

/// An input that has to be there before the tasks start.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Input {
    /// The task that reads it.
    pub task: String,
    /// Its name.
    pub name: String,
    /// Its path as it is given.
    pub path: String,
    /// Whether it is a folder, if the cube says so.
    pub is_folder: Option<bool>,
    /// Where it lies on this machine; none for one that is the remote's own.
    pub here: Option<PathBuf>,
    /// Whether an earlier task makes something in it.
    pub partly_made: bool,
}

/// The inputs of the document's tasks that no earlier one of them makes.
#[must_use]
pub fn needed(document: &Document, layout: &Layout) -> Vec<Input> {
    let mut needed = Vec::new();
    let mut made: Vec<PathBuf> = Vec::new();
    for task in document.run.tasks.iter().map(crate::names::TaskName::as_str) {
        for (name, value) in parameters(document, task, "inputs") {
            let Some(mut input) = input(layout, task, name, value) else { continue };
            let Some(here) = &input.here else {
                needed.push(input);
                continue;
            };
            if !made.iter().any(|made| here.starts_with(made)) {
                input.partly_made = made.iter().any(|made| made.starts_with(here));
                needed.push(input);
            }
        }
        let outputs = parameters(document, task, "outputs");
        made.extend(outputs.filter_map(|(name, value)| input(layout, task, name, value)?.here));
    }
    needed
}

impl Input {
    /// Where it lies on the remote, as a script there reads it; none for a path of this machine that has no place there.
    #[must_use]
    pub fn there(&self, document: &Document, layout: &Layout) -> Option<String> {
        let Some(here) = &self.here else { return Some(self.path.clone()) };
        let remote = &document.remote;
        let below = |folder: &Path, there: &str| {
            let rest = here.strip_prefix(folder).ok()?.to_str()?;
            Some(format!("{}/{rest}", there.trim_end_matches('/')))
        };
        below(&layout.workspace, remote.workspace.as_str())
            .or_else(|| below(&layout.base, remote.base.as_str()))
    }
}

fn parameters<'a>(
    document: &'a Document,
    task: &str,
    direction: &str,
) -> impl Iterator<Item = (&'a String, &'a Value)> {
    let group = || document.config.get("tasks")?.get(task)?.get("parameters")?.get(direction);
    group().and_then(Value::as_object).into_iter().flatten()
}

fn input(layout: &Layout, task: &str, name: &str, value: &Value) -> Option<Input> {
    let path = value.get("default")?.as_str()?;
    let local = normal(&layout.workspace.join(path));
    let is_own = path.starts_with('/')
        && !local.starts_with(&layout.workspace)
        && !local.starts_with(layout.local_root());
    let here = (!is_own && !path.starts_with(['~', '$'])).then_some(local);
    let is_folder = match value.get("type").and_then(Value::as_str) {
        Some("directory") => Some(true),
        Some("file") => Some(false),
        _ => None,
    };
    let (task, name, path) = (task.to_owned(), name.to_owned(), path.to_owned());
    Some(Input { task, name, path, is_folder, here, partly_made: false })
}
