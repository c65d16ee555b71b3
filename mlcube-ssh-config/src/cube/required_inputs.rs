//! The inputs that must exist before the chosen tasks start.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::cube::layout::Layout;
use crate::cube::path_mapping;
use crate::cube::task_parameters::{Parameter, ParameterIo, of_task};
use crate::pipe::document::Document;
use crate::pipe::failure::hinted;

/// An input that must exist before the tasks start.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Input {
    /// The parameter that is read, with its task.
    pub parameter: Parameter,
    /// Whether an earlier task produces something in it.
    pub partly_made: bool,
}

/// The inputs of the document's tasks, except what an earlier one of them produces.
#[must_use]
pub fn needed(document: &Document, layout: &Layout) -> Vec<Input> {
    let mut needed = Vec::new();
    let mut made: BTreeSet<PathBuf> = BTreeSet::new();
    let is_made = |made: &BTreeSet<PathBuf>, local: &Path| {
        local.ancestors().any(|around| made.contains(around))
    };
    // The paths below another one follow it in the order of a set.
    let holds_one = |made: &BTreeSet<PathBuf>, local: &PathBuf| {
        made.range::<PathBuf, _>(local..).next().is_some_and(|made| made.starts_with(local))
    };
    for task in &document.run.tasks {
        for parameter in of_task(document, layout, task, ParameterIo::Input) {
            let local = parameter.local.as_ref();
            if !local.is_some_and(|local| is_made(&made, local)) {
                let partly_made = local.is_some_and(|local| holds_one(&made, local));
                needed.push(Input { parameter, partly_made });
            }
        }
        let outputs = of_task(document, layout, task, ParameterIo::Output);
        made.extend(outputs.filter_map(|output| output.local));
    }
    needed
}

/// Refuses a local input that has no place on the remote.
///
/// # Errors
/// For the first such input, with the remedy.
pub fn check(document: &Document, layout: &Layout) -> Result<()> {
    for Input { parameter, .. } in needed(document, layout) {
        if path_mapping::remote_path(layout, &document.remote, &parameter.path).is_none() {
            return Err(hinted(
                format!(
                    "the input {}.{}, {}, lies outside what is sent to '{}', the workspace and what the cube declares",
                    parameter.task, parameter.name, parameter.path, document.remote.host
                ),
                "put it into the workspace, or declare it in mlcube.yaml",
            ));
        }
    }
    Ok(())
}
