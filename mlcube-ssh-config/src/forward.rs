//! The words for the `mlcube` that runs on the remote.
//!
//! Everything that the user gave is handed on in the form which that `mlcube` takes. It joins what it is given into a
//! shell line without quotes, so what it would misread is refused here, by name, before anything is contacted.

use anyhow::{Result, bail};
use serde_json::Value;

use crate::document::Document;
use crate::names::TaskName;
use crate::quote::is_plain;
use crate::runner::Runner;

/// Platforms whose engine options `mlcube` understands; it goes by the platform's name.
const ENGINES: [&str; 2] = ["docker", "singularity"];

/// What a shell would act on in a word without quotes.
const ACTIVE: &str = "$`;&|<>()*?[]!#'\"\\~\n\r\t";

/// Refuses what the remote `mlcube` would drop or misread.
///
/// # Errors
/// The first word that can't be handed on, with the remedy.
pub fn check(document: &Document, runner: &Runner) -> Result<()> {
    for task in &document.run.tasks {
        if !is_plain(task.as_str()) {
            bail!(
                "the task name '{task}' would reach a shell on the remote; rename the task with letters, digits, '_', '-', '.'"
            );
        }
        check_parameters(document, task.as_str())?;
    }
    for (name, value) in &document.run.args {
        check_path(&format!("the argument {name}"), value)?;
    }
    for (name, value) in &document.run.options {
        check_option(name, value, runner)?;
    }
    document.run.overrides.iter().try_for_each(|word| check_override(word))
}

/// The arguments of `mlcube configure`, after the file and the platform. It takes no task and no workspace, and `-P` as
/// a word of its own.
#[must_use]
pub fn configure_words(document: &Document) -> Vec<String> {
    document.run.overrides.iter().flat_map(|word| ["-P".to_owned(), word.clone()]).collect()
}

/// The arguments of `mlcube run`, after the file, the platform and the workspace: options first, then `--`, without
/// which `-P…` is taken apart as short options, then overrides and task arguments.
#[must_use]
pub fn run_words(document: &Document) -> Vec<String> {
    let tasks = document.run.tasks.iter().map(TaskName::as_str).collect::<Vec<_>>().join(",");
    let mut words = vec![format!("--task={tasks}")];
    words.extend(
        document
            .run
            .options
            .iter()
            .map(|(name, value)| format!("--{name}={}", option_value(name, value))),
    );
    words.push("--".to_owned());
    words.extend(document.run.overrides.iter().map(|word| format!("-P{word}")));
    words.extend(
        document
            .run
            .args
            .iter()
            .map(|(name, value)| format!("{name}={}", in_workspace(document, value))),
    );
    words
}

/// A list of devices is `device=0,1` for docker, which reads it as CSV: the quotes have to survive mlcube's shell.
fn option_value(name: &str, value: &str) -> String {
    match (name, value.strip_prefix("device=").unwrap_or(value)) {
        ("gpus", devices) if devices.contains(',') => format!(r#"\"device={devices}\""#),
        _ => value.to_owned(),
    }
}

/// A path below the local workspace is the same place in the workspace there.
fn in_workspace<'a>(document: &Document, value: &'a str) -> &'a str {
    let workspace = document.config_text(&["runtime", "workspace"]).unwrap_or("");
    match value.strip_prefix(workspace).and_then(|rest| rest.strip_prefix('/')) {
        Some(rest) if !workspace.is_empty() && !rest.is_empty() => rest,
        _ => value,
    }
}

fn check_parameters(document: &Document, task: &str) -> Result<()> {
    let parameters =
        document.config.get("tasks").and_then(|tasks| tasks.get(task)?.get("parameters"));
    for direction in ["inputs", "outputs"] {
        let Some(Value::Object(declared)) =
            parameters.and_then(|parameters| parameters.get(direction))
        else {
            continue;
        };
        for (name, parameter) in declared {
            let Some(path) = parameter.get("default").and_then(Value::as_str) else { continue };
            check_path(
                &format!("tasks.{task}.parameters.{direction}.{name}"),
                in_workspace(document, path),
            )?;
        }
    }
    Ok(())
}

/// A parameter's path: plain, but that it may begin with `~` or a variable, which python expands before the shell.
fn check_path(what: &str, path: &str) -> Result<()> {
    let rest = path.strip_prefix("~").unwrap_or(path);
    if !is_plain(&rest.replace("${", "").replace(['$', '}'], "")) {
        bail!(
            "{what}: '{}' would reach a shell on the remote; use a path of letters, digits and ._/+- (a link in the workspace can give one)",
            path.escape_debug()
        );
    }
    if path.starts_with('-') {
        bail!("{what}: '{path}' begins with '-', and would be taken for an option; write ./{path}");
    }
    Ok(())
}

fn check_option(name: &str, value: &str, runner: &Runner) -> Result<()> {
    if value.is_empty()
        || value.starts_with('-')
        || value.contains(|c: char| c.is_whitespace() || ACTIVE.contains(c))
    {
        bail!(
            "--{name}: '{}' would reach a shell on the remote and be misread there",
            value.escape_debug()
        );
    }
    let platform = runner.remote_platform();
    if !ENGINES.contains(&platform) {
        bail!(
            "--{name} counts only where the remote platform is called 'docker' or 'singularity', not '{platform}'; set 'remote: {{runner: docker}}' in the platform's section"
        );
    }
    Ok(())
}

fn check_override(word: &str) -> Result<()> {
    let (key, value) = word.split_once('=').unwrap_or((word, ""));
    if key.is_empty()
        || key.contains(|c: char| c.is_whitespace() || ACTIVE.replace(['[', ']'], "").contains(c))
    {
        bail!("-P{}: write it as -PKEY=VALUE", word.escape_debug());
    }
    if let Some(active) = value.chars().find(|c| ACTIVE.contains(*c)) {
        bail!(
            "-P{key}: the value holds '{}', which a shell on the remote would act on; put it into mlcube.yaml or the platform's settings there",
            active.escape_debug()
        );
    }
    Ok(())
}
