//! The inputs that the cube declares outside its own folder: the layout there depends on them, and on no argument.

use std::path::Path;

use anyhow::Result;
use mlcube_ssh_config::layout::normal;
use mlcube_ssh_config::resolve::{self, Request, Resolved};
use serde_json::Value;

/// The local paths of the relative ones, of all tasks.
pub(crate) fn inputs(request: &Request, resolved: &Resolved) -> Result<Vec<String>> {
    if request.arguments.is_empty() && request.workspace.is_none() {
        return Ok(declared(resolved));
    }
    let declaration = Request { arguments: Vec::new(), workspace: None, ..request.clone() };
    Ok(declared(&resolve::resolve(&declaration, &|name| std::env::var(name).ok())?))
}

fn declared(resolved: &Resolved) -> Vec<String> {
    let root = Path::new(&resolved.root);
    let workspace = resolved.config.get("workspace").and_then(Value::as_str).unwrap_or("workspace");
    let workspace = normal(&root.join(workspace));
    let tasks = resolved.config.get("tasks").and_then(Value::as_object);
    let inputs = tasks
        .into_iter()
        .flat_map(|tasks| tasks.values())
        .filter_map(|task| task.get("parameters")?.get("inputs")?.as_object())
        .flat_map(|inputs| inputs.values());
    let mut outside: Vec<String> = inputs
        .filter_map(|input| input.get("default")?.as_str())
        .filter(|path| !path.starts_with(['/', '~', '$']))
        .map(|path| normal(&workspace.join(path)))
        .filter(|path| !path.starts_with(root) && !path.starts_with(&workspace))
        .filter_map(|path| path.to_str().map(str::to_owned))
        .collect();
    outside.sort();
    outside.dedup();
    outside
}
