//! `--describe`: the same as `mlcube describe`, with the commands that run the cube on the platform.

use std::fmt::Write;

use mlcube_ssh::config::{Request, Resolved};
use mlcube_ssh::text::printable::printable;
use mlcube_ssh::text::quote::shell_word;
use serde::Serialize;
use serde_json::{Map, Value};

/// What a description says; its fields are the keys of `--json`.
#[derive(Debug, Serialize)]
pub(crate) struct Description {
    /// The folder of the cube.
    path: String,
    name: String,
    version: String,
    workspace: String,
    settings_file: String,
    platform: String,
    tasks: Vec<Task>,
    /// The command that sets the cube up.
    configure: String,
}

#[derive(Debug, Serialize)]
struct Task {
    name: String,
    inputs: Vec<String>,
    outputs: Vec<String>,
    /// The command that runs it.
    run: String,
}

impl Description {
    /// Describes a cube.
    pub(crate) fn of(request: &Request, resolved: &Resolved) -> Self {
        let config = &resolved.config;
        let value =
            |key: &str| config.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let mlcube = format!("{}/{}", resolved.root.trim_end_matches('/'), resolved.file);
        let flags = [format!("--mlcube={mlcube}"), format!("--platform={}", request.platform)];
        let flags = flags.map(|flag| shell_word(&flag)).join(" ");
        let tasks = config.get("tasks").and_then(Value::as_object).into_iter().flatten();
        let task = |(name, task): (&String, &Value)| Task {
            name: name.clone(),
            inputs: parameters(task, "inputs"),
            outputs: parameters(task, "outputs"),
            run: format!("mlcube-ssh run {flags} {}", shell_word(&format!("--task={name}"))),
        };
        Self {
            path: resolved.root.clone(),
            name: value("name"),
            version: config.get("version").map_or("latest".to_owned(), plain),
            workspace: value("workspace"),
            settings_file: request.settings.clone(),
            platform: request.platform.clone(),
            tasks: tasks.map(task).collect(),
            configure: format!("mlcube-ssh configure {flags}"),
        }
    }

    /// Returns the description as text for people.
    pub(crate) fn text(&self) -> String {
        let mut lines = vec![
            "MLCube".to_owned(),
            format!("  path = {}", self.path),
            format!("  name = {}:{}", self.name, self.version),
            String::new(),
            format!("  workspace = {}", self.workspace),
            format!("  system settings = {}", self.settings_file),
            String::new(),
            "  Tasks:".to_owned(),
        ];
        lines.extend(self.tasks.iter().map(Task::line));
        lines.extend([String::new(), "Run this MLCube:".to_owned()]);
        let commands =
            std::iter::once(&self.configure).chain(self.tasks.iter().map(|task| &task.run));
        lines.extend(commands.map(|command| format!("  {command}")));
        lines.iter().map(|line| printable(line).into_owned() + "\n").collect()
    }
}

impl Task {
    fn line(&self) -> String {
        let mut text = format!("    name = {}", self.name);
        for (direction, names) in [("inputs", &self.inputs), ("outputs", &self.outputs)] {
            if !names.is_empty() {
                // Writing to a string can't fail.
                let _ = write!(text, ", {direction} = {}", names.join(", "));
            }
        }
        text
    }
}

/// Returns the names of a task's inputs or outputs.
fn parameters(task: &Value, direction: &str) -> Vec<String> {
    let names = task.get("parameters").and_then(|all| all.get(direction)?.as_object());
    names.into_iter().flat_map(Map::keys).cloned().collect()
}

/// Returns a scalar as text, a string without its quotes.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
