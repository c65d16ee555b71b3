//! Refuses to send the values of local variables to the host, unless the user permits it.

use std::collections::BTreeMap;

use anyhow::Result;
use mlcube_ssh::config::{Request, Resolved};
use mlcube_ssh::cube::outside_inputs;
use mlcube_ssh::pipe::document::Run;
use mlcube_ssh::pipe::failure::hinted;
use mlcube_ssh::settings::names::check_variable;
use mlcube_ssh::settings::runner::Runner;
use serde_json::Value;

/// Variables whose values the host learns anyway, from the paths that it receives.
const USUAL: [&str; 2] = ["HOME", "USER"];

/// Refuses a path or a name that would be sent and that the cube's file built from a variable. Returns the tasks that
/// weren't chosen and have such a path, each with the variable: they are withheld from later transfers.
pub(crate) fn check(
    resolved: &Resolved,
    request: &Request,
    run: &Run,
    runner: &Runner,
) -> Result<BTreeMap<String, String>> {
    let variable = |key: &[&str]| variable_in(resolved, runner, key);
    let mut keys: Vec<Vec<&str>> = vec![vec!["runner"], vec!["docker", "build_context"]];
    keys.extend(run.tasks.iter().flat_map(|task| paths_of(resolved, task.as_str())));
    let outside = outside_inputs::keys(resolved);
    keys.extend(outside.iter().map(|key| key.iter().map(String::as_str).collect()));
    for key in keys {
        if let Some(name) = variable(&key) {
            return Err(refusal(resolved, request, runner, &key.join("."), &name));
        }
    }
    let tasks = resolved.config.get("tasks").and_then(Value::as_object);
    let others = tasks.into_iter().flat_map(|tasks| tasks.keys());
    let others = others.filter(|task| !run.tasks.iter().any(|chosen| chosen.as_str() == *task));
    let withheld = |task: &String| {
        let name = paths_of(resolved, task).iter().find_map(|key| variable(key))?;
        Some((task.clone(), name))
    };
    Ok(others.filter_map(withheld).collect())
}

/// Returns the name of the cube's image if it may be sent.
pub(crate) fn image(resolved: &Resolved, runner: &Runner) -> Option<String> {
    let image = resolved.config.get("docker")?.get("image")?.as_str()?;
    let is_private = variable_in(resolved, runner, &["docker", "image"]).is_some();
    (!is_private).then(|| image.to_owned())
}

/// Returns a variable that the cube's file reads for the value of a key and that the user doesn't allow to be sent.
fn variable_in(resolved: &Resolved, runner: &Runner, key: &[&str]) -> Option<String> {
    let may = |name: &String| {
        USUAL.contains(&name.as_str())
            || runner.cube_env.iter().any(|allowed| allowed.as_str() == name)
    };
    resolved.variables(key).into_iter().find(|name| !may(name))
}

/// Returns the keys of a task's paths.
fn paths_of<'a>(resolved: &'a Resolved, task: &'a str) -> Vec<Vec<&'a str>> {
    let of_group = |group: &'static str| {
        let parameters = ["tasks", task, "parameters", group];
        let names = parameters
            .iter()
            .try_fold(None, |at: Option<&Value>, key| {
                at.map_or(resolved.config.get(*key), |at| at.get(key)).map(Some)
            })
            .flatten()
            .and_then(Value::as_object);
        let names = names.into_iter().flat_map(|names| names.keys());
        names.map(move |name| [&parameters[..], &[name.as_str(), "default"]].concat())
    };
    ["inputs", "outputs"].into_iter().flat_map(of_group).collect()
}

fn refusal(
    resolved: &Resolved,
    request: &Request,
    runner: &Runner,
    key: &str,
    name: &str,
) -> anyhow::Error {
    hinted(
        format!(
            "{}: {key} is made of the local variable {name}, and would be sent to '{}'",
            resolved.place(key),
            runner.host
        ),
        match check_variable(name) {
            Ok(()) => format!(
                "give the value on the command line (NAME=VALUE, -PKEY=VALUE), hand the variable to the task with --env {name}, or allow it with 'cube_env: [{name}]' below platforms.{} in {}",
                request.platform, request.settings
            ),
            // The cube chose the name, which would become part of a line to paste.
            Err(_) => "give the value on the command line (NAME=VALUE, -PKEY=VALUE)".to_owned(),
        },
    )
}
