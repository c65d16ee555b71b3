//! What is sent to the host must not hold this machine's variables, unless the user lets it.

use anyhow::Result;
use mlcube_ssh_config::document::Run;
use mlcube_ssh_config::failure::hinted;
use mlcube_ssh_config::outside;
use mlcube_ssh_config::resolve::{Request, Resolved};
use mlcube_ssh_config::runner::Runner;
use serde_json::Value;

/// Variables whose values a host learns in any case, by the paths that it is given.
const USUAL: [&str; 2] = ["HOME", "USER"];

/// Refuses a path or a name that would be sent and that the cube's file made of a variable.
pub(crate) fn check(
    resolved: &Resolved,
    request: &Request,
    run: &Run,
    runner: &Runner,
) -> Result<()> {
    let mut keys: Vec<Vec<&str>> = vec![vec!["runner"], vec!["docker", "build_context"]];
    for task in &run.tasks {
        for group in ["inputs", "outputs"] {
            let parameters = ["tasks", task.as_str(), "parameters", group];
            let names = parameters
                .iter()
                .try_fold(None, |at: Option<&Value>, key| {
                    at.map_or(resolved.config.get(*key), |at| at.get(key)).map(Some)
                })
                .flatten()
                .and_then(Value::as_object);
            keys.extend(names.into_iter().flat_map(|names| names.keys()).map(|name| {
                let mut key = parameters.to_vec();
                key.extend([name.as_str(), "default"]);
                key
            }));
        }
    }
    let outside = outside::keys(resolved);
    keys.extend(outside.iter().map(|key| key.iter().map(String::as_str).collect()));
    let may = |name: &String| USUAL.contains(&name.as_str()) || runner.cube_env.contains(name);
    for key in keys {
        let Some(name) = resolved.variables(&key).into_iter().find(|name| !may(name)) else {
            continue;
        };
        let key = key.join(".");
        return Err(hinted(
            format!(
                "{}: {key} is made of this machine's variable {name}, and would be sent to '{}'",
                resolved.place(&key),
                runner.host
            ),
            format!(
                "give the value on the command line (NAME=VALUE, -PKEY=VALUE), hand the variable to the task with --env {name}, or allow it with 'cube_env: [{name}]' below platforms.{} in {}",
                request.platform, request.settings
            ),
        ));
    }
    Ok(())
}
