//! The outputs that the document's tasks declare.

use std::path::{Path, PathBuf};

use mlcube_ssh_config::document::Document;
use mlcube_ssh_config::layout::normal;
use mlcube_ssh_config::workspace::{Kind, Listing};
use serde_json::Value;

/// A declared output in the workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Output {
    /// The task's name for it.
    pub(crate) name: String,
    /// Its path in the workspace.
    pub(crate) path: PathBuf,
    /// Whether it is a folder.
    pub(crate) is_folder: bool,
}

/// The outputs of the tasks that lie in the workspace; the others are the remote's own.
pub(crate) fn declared(document: &Document, workspace: &Path) -> Vec<Output> {
    let tasks = document.run.tasks.iter();
    let outputs = tasks.filter_map(|task| {
        document
            .config
            .get("tasks")?
            .get(task.as_str())?
            .get("parameters")?
            .get("outputs")?
            .as_object()
    });
    let mut declared: Vec<Output> = outputs
        .flatten()
        .filter_map(|(name, value)| output(document, workspace, name, value))
        .collect();
    declared.dedup();
    declared
}

fn output(document: &Document, workspace: &Path, name: &str, value: &Value) -> Option<Output> {
    let given = document.run.args.get(name).map(String::as_str);
    let path = given.or_else(|| value.get("default")?.as_str())?;
    if path.starts_with(['~', '$']) {
        return None;
    }
    let path = normal(&workspace.join(path)).strip_prefix(workspace).ok()?.to_owned();
    let is_folder = value.get("type").and_then(Value::as_str) == Some("directory");
    Some(Output { name: name.to_owned(), path, is_folder })
}

impl Output {
    /// Whether the output is among what lies there.
    pub(crate) fn came(&self, there: &Listing) -> bool {
        if self.path.as_os_str().is_empty() {
            return true;
        }
        there.get(&self.path).is_some_and(|entry| match entry.kind {
            Kind::Folder => self.is_folder,
            Kind::File => !self.is_folder,
            // What can't be read has an error of its own.
            Kind::Link | Kind::Unreadable => true,
            Kind::Other => false,
        })
    }
}
