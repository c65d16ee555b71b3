//! The container engine, as the settings of the remote platform name it.
//!
//! The shim, which marks containers and passes variables on, is found by the names `docker` and `podman`. An engine
//! that is named by its path is called by its bare name instead, and the shim receives the path. Any other program,
//! such as `sudo docker`, bypasses the shim.

use anyhow::anyhow;
use mlcube_ssh::pipe::document::Document;
use mlcube_ssh::pipe::failure::{Failure, Outcome};
use mlcube_ssh::settings::runner::Runner;
use serde_json::{Map, Value};

/// The engines that the shim replaces on PATH.
const KNOWN: [&str; 2] = ["docker", "podman"];

/// Returns the engine's name and path, if the settings give the path of a known engine.
fn known_path(remote: &Map<String, Value>) -> Option<(&str, &str)> {
    let path = remote.get("docker")?.as_str()?;
    let (_, name) = path.rsplit_once('/')?;
    (KNOWN.contains(&name) && !path.contains(char::is_whitespace)).then_some((name, path))
}

/// Returns the engine as the settings name it: a name, a path, or several words.
pub(crate) fn name(document: &Document) -> &str {
    document.runner_text(&["remote", "docker"]).unwrap_or("docker")
}

/// Returns the variable that passes the engine's path to the shim.
pub(crate) fn variable(runner: &Runner) -> Option<(String, String)> {
    let (_, path) = known_path(runner.remote.as_ref()?)?;
    Some(("MLCUBE_SSH_ENGINE".to_owned(), path.to_owned()))
}

/// Returns the remote platform's settings, with a path of a known engine replaced by its bare name.
pub(crate) fn settings(remote: &Map<String, Value>) -> Map<String, Value> {
    let mut settings = remote.clone();
    if let Some((name, _)) = known_path(remote) {
        settings.insert("docker".to_owned(), Value::from(name));
    }
    settings
}

/// Returns an engine that bypasses the shim: its containers have no mark and receive no variables.
pub(crate) fn bypassing_engine(runner: &Runner) -> Option<&str> {
    let remote = runner.remote.as_ref()?;
    let engine = remote.get("docker").and_then(Value::as_str).unwrap_or("docker");
    let known = KNOWN.contains(&engine) || known_path(remote).is_some();
    (!known && runner.remote_platform() == "docker").then_some(engine)
}

/// Refuses variables for a task whose engine can't receive them.
pub(crate) fn check_takes_variables(
    runner: &Runner,
    variables: &[(String, String)],
) -> Outcome<()> {
    match bypassing_engine(runner) {
        Some(engine) if !variables.is_empty() => {
            Err(Failure::ours(anyhow!("the engine '{engine}' can't pass variables to the task"))
                .hint("set runner.remote.docker to docker or podman, or leave --env out"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remote(engine: &str) -> Map<String, Value> {
        Map::from_iter([("docker".to_owned(), Value::from(engine))])
    }

    #[test]
    fn a_path_is_called_by_its_name() {
        let engine = |name: &str| settings(&remote(name))["docker"].clone();
        assert_eq!(engine("/usr/bin/podman"), "podman");
        assert_eq!(engine("podman"), "podman");
        assert_eq!(engine("sudo /usr/bin/docker"), "sudo /usr/bin/docker");
        assert_eq!(engine("/opt/nerdctl"), "/opt/nerdctl");
    }
}
