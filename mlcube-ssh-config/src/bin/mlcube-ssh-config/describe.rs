//! `--describe`: prints the same as `mlcube describe`, with the commands that run the cube on the platform.

use std::fmt::Write;

use mlcube_ssh::config::{Request, Resolved};
use mlcube_ssh::text::printable::printable;
use mlcube_ssh::text::quote::shell_word;
use serde_json::{Map, Value};

/// Returns the description as text for people.
pub(crate) fn text(request: &Request, resolved: &Resolved) -> String {
    let config = &resolved.config;
    let value = |key: &str| config.get(key).and_then(Value::as_str);
    let mlcube = format!("{}/{}", resolved.root.trim_end_matches('/'), resolved.file);
    let flags = [format!("--mlcube={mlcube}"), format!("--platform={}", request.platform)];
    let flags = flags.map(|flag| shell_word(&flag)).join(" ");
    let mut lines = vec![
        "MLCube".to_owned(),
        format!("  path = {}", resolved.root),
        format!(
            "  name = {}:{}",
            value("name").unwrap_or_default(),
            config.get("version").map_or("latest".to_owned(), plain)
        ),
        String::new(),
        format!("  workspace = {}", value("workspace").unwrap_or_default()),
        format!("  system settings = {}", request.settings),
        String::new(),
        "  Tasks:".to_owned(),
    ];
    let tasks = config.get("tasks").and_then(Value::as_object);
    let tasks: Vec<_> = tasks.into_iter().flatten().collect();
    lines.extend(tasks.iter().map(|(name, task)| format!("    name = {name}{}", parameters(task))));
    lines.push(String::new());
    lines.push("Run this MLCube:".to_owned());
    lines.push(format!("  mlcube-ssh configure {flags}"));
    lines.extend(tasks.iter().map(|(name, _)| {
        format!("  mlcube-ssh run {flags} {}", shell_word(&format!("--task={name}")))
    }));
    lines.iter().map(|line| printable(line).into_owned() + "\n").collect()
}

/// Returns the names of a task's inputs and outputs.
fn parameters(task: &Value) -> String {
    let mut text = String::new();
    for direction in ["inputs", "outputs"] {
        let names = task.get("parameters").and_then(|all| all.get(direction)?.as_object());
        let names: Vec<&str> = names.into_iter().flat_map(Map::keys).map(String::as_str).collect();
        if !names.is_empty() {
            // Writing to a string can't fail.
            let _ = write!(text, ", {direction} = {}", names.join(", "));
        }
    }
    text
}

/// Returns a scalar as text, a string without its quotes.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
