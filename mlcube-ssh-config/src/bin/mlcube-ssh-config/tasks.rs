//! The tasks to run, and the arguments that no task knows.

use anyhow::{Context, Result, bail};
use mlcube_ssh::pipe::failure::hinted;
use mlcube_ssh::settings::names::TaskName;
use mlcube_ssh::text::similar::{did_you_mean, nearest};
use serde_json::{Map, Value};

/// Returns the tasks that `--task` names, or the cube's only task.
///
/// Without a choice among several tasks the list is empty, which is enough for `configure`; with `required` this is an
/// error.
pub(crate) fn chosen(
    config: &Map<String, Value>,
    wanted: Option<&str>,
    required: bool,
) -> Result<Vec<TaskName>> {
    let existing: Vec<&String> =
        config.get("tasks").and_then(Value::as_object).into_iter().flat_map(Map::keys).collect();
    let names = || existing.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ");
    let Some(wanted) = wanted.filter(|wanted| !wanted.is_empty()) else {
        return match existing[..] {
            [only] => Ok(vec![task(only)?]),
            _ if !required => Ok(Vec::new()),
            [] => bail!("the cube has no tasks"),
            _ => Err(hinted(
                "the cube has several tasks, and none is chosen",
                format!("choose with --task=NAME, one or more of: {}", names()),
            )),
        };
    };
    for name in wanted.split(',') {
        if !existing.iter().any(|existing| *existing == name) {
            return Err(hinted(
                format!("the cube has no task '{name}'"),
                did_you_mean(name, existing.iter().map(|name| name.as_str()))
                    + &format!("its tasks are: {}", names()),
            ));
        }
    }
    wanted.split(',').map(task).collect()
}

fn task(name: &str) -> Result<TaskName> {
    name.parse().context("tasks")
}

/// Returns warnings for arguments that are no task's parameter: they have no effect.
pub(crate) fn unknown_arguments(
    config: &Map<String, Value>,
    arguments: &[(String, String)],
) -> Vec<String> {
    let unknown =
        arguments.iter().filter(|(name, _)| !parameters(config).any(|known| known == name));
    unknown
        .map(|(name, value)| {
            let meant = nearest(name, parameters(config).map(String::as_str));
            let meant = meant.map(|meant| format!("; did you mean {meant}?")).unwrap_or_default();
            format!("no task has a parameter '{name}'; {name}={value} changes nothing{meant}")
        })
        .collect()
}

/// Returns the names of all parameters of all tasks.
fn parameters(config: &Map<String, Value>) -> impl Iterator<Item = &String> {
    let tasks = config.get("tasks").and_then(Value::as_object).into_iter().flat_map(Map::values);
    let parameters =
        tasks.filter_map(|task| task.get("parameters")?.as_object()).flat_map(Map::values);
    parameters.filter_map(Value::as_object).flat_map(Map::keys)
}
