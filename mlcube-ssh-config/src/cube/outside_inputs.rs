//! The inputs that the cube declares outside its own folder. The remote layout depends on them, and on no argument.

use std::path::Path;

use anyhow::Result;
use serde_json::Value;

use crate::config;
use crate::config::Resolved;
use crate::config::request::Request;
use crate::cube::paths::normal;

/// The local paths of the relative inputs outside the cube, of all tasks.
///
/// # Errors
/// When the configuration can't be resolved without its arguments.
pub fn inputs(request: &Request, resolved: &Resolved) -> Result<Vec<String>> {
    if request.arguments.is_empty() && request.workspace.is_none() {
        return Ok(declared(resolved));
    }
    let declaration = Request { arguments: Vec::new(), workspace: None, ..request.clone() };
    Ok(declared(&config::resolve(&declaration, &|name| std::env::var(name).ok())?))
}

fn declared(resolved: &Resolved) -> Vec<String> {
    let mut outside: Vec<String> = all(resolved).map(|(_, path)| path).collect();
    outside.sort();
    outside.dedup();
    outside
}

/// The keys of these inputs, split into their parts.
#[must_use]
pub fn keys(resolved: &Resolved) -> Vec<[String; 6]> {
    all(resolved).map(|(key, _)| key).collect()
}

/// The keys and paths of the inputs outside the cube.
fn all(resolved: &Resolved) -> impl Iterator<Item = ([String; 6], String)> {
    let root = Path::new(&resolved.root);
    let workspace = resolved.config.get("workspace").and_then(Value::as_str).unwrap_or("workspace");
    let workspace = normal(&root.join(workspace));
    let tasks = resolved.config.get("tasks").and_then(Value::as_object).into_iter().flatten();
    let inputs = tasks.filter_map(|(task, value)| {
        let inputs = value.get("parameters")?.get("inputs")?.as_object()?;
        Some(inputs.iter().map(move |(name, value)| (task, name, value)))
    });
    inputs.flatten().filter_map(move |(task, name, value)| {
        let path =
            value.get("default")?.as_str().filter(|path| !path.starts_with(['/', '~', '$']))?;
        let path = normal(&workspace.join(path));
        let is_inside = path.starts_with(root) || path.starts_with(&workspace);
        let key = ["tasks", task, "parameters", "inputs", name, "default"].map(str::to_owned);
        Some((key, path.to_str()?.to_owned())).filter(|_| !is_inside)
    })
}
