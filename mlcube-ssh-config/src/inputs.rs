//! The inputs of the chosen tasks, and where they lie on either side.
//!
//! `mlcube` reads a path relative to the workspace. Absolute paths and those that begin with `~` or a variable are the
//! remote's own, save what lies below the local root or workspace.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
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

/// Refuses an input of this machine that has no place on the remote.
///
/// # Errors
/// The first of them, with the remedy.
pub fn check(document: &Document, layout: &Layout) -> Result<()> {
    for input in needed(document, layout) {
        if input.there(document, layout).is_none() {
            bail!(
                "the input {}.{}, {}, lies outside what is sent to '{}', the workspace and what the cube declares; put it into the workspace, or declare it in mlcube.yaml",
                input.task,
                input.name,
                input.path,
                document.remote.host
            );
        }
    }
    Ok(())
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
        let is_sent =
            || layout.places().iter().any(|place| here.starts_with(layout.base.join(place)));
        // mlcube there reads the path relative to the workspace there, which has to have the same neighbours.
        let has_neighbours = layout.workspace_in_root().is_some();
        below(&layout.workspace, remote.workspace.as_str()).or_else(|| {
            if has_neighbours && is_sent() {
                below(&layout.base, remote.base.as_str())
            } else {
                None
            }
        })
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
