//! The parameters of the chosen tasks, with their paths.

use std::path::PathBuf;

use serde_json::Value;

use crate::cube::layout::Layout;
use crate::cube::path_mapping;
use crate::pipe::document::Document;
use crate::settings::names::TaskName;

/// Whether a task reads a parameter's path or writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterIo {
    /// It is read.
    Input,
    /// It is written.
    Output,
}

impl ParameterIo {
    /// The key of `mlcube.yaml` below which such parameters are declared.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Input => "inputs",
            Self::Output => "outputs",
        }
    }
}

/// A path that is given to a task.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Parameter {
    /// The task.
    pub task: String,
    /// What the task does with it.
    pub direction: ParameterIo,
    /// Its name.
    pub name: String,
    /// The path: the one that the user gave, else the one that the cube declares.
    pub path: String,
    /// Whether it is a folder, if the cube declares its type.
    pub is_folder: Option<bool>,
    /// The local place; `None` for a path that belongs to the remote.
    pub local: Option<PathBuf>,
}

impl Parameter {
    /// The key in `mlcube.yaml`, for messages.
    #[must_use]
    pub fn key(&self) -> String {
        format!("tasks.{}.parameters.{}.{}", self.task, self.direction.key(), self.name)
    }
}

/// The parameters of one task that it reads, or those that it writes.
pub fn of_task<'a>(
    document: &'a Document,
    layout: &'a Layout,
    task: &'a TaskName,
    direction: ParameterIo,
) -> impl Iterator<Item = Parameter> + 'a {
    let declared = || {
        let parameters = document.config.get("tasks")?.get(task.as_str())?.get("parameters")?;
        parameters.get(direction.key())?.as_object()
    };
    declared().into_iter().flatten().filter_map(move |(name, value)| {
        let given = document.run.args.get(name).map(String::as_str);
        let path = given.or_else(|| value.get("default")?.as_str())?;
        let is_folder = match value.get("type").and_then(Value::as_str) {
            Some("directory") => Some(true),
            Some("file") => Some(false),
            _ => None,
        };
        Some(Parameter {
            task: task.to_string(),
            direction,
            name: name.clone(),
            path: path.to_owned(),
            is_folder,
            local: path_mapping::local_path(layout, path),
        })
    })
}

/// The parameters of all chosen tasks, in the order in which the tasks run.
pub fn chosen<'a>(
    document: &'a Document,
    layout: &'a Layout,
) -> impl Iterator<Item = Parameter> + 'a {
    document.run.tasks.iter().flat_map(|task| {
        [ParameterIo::Input, ParameterIo::Output]
            .into_iter()
            .flat_map(|direction| of_task(document, layout, task, direction))
    })
}
