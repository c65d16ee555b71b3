//! The `runner` section as the steps use it: typed, and every complaint with the place to mend.

use anyhow::{Result, anyhow};
use mlcube_ssh_config::report::Report;
use mlcube_ssh_config::resolve::Resolved;
use mlcube_ssh_config::runner::{Invalid, KEYS, Runner, unused_keys};

/// Reads the settings of the runner.
pub(crate) fn runner(resolved: &Resolved, report: Report) -> Result<Runner> {
    for key in unused_keys(&resolved.config) {
        report.error(&format!("warning: {}: {key}: nothing uses this key", resolved.place(&key)));
    }
    Runner::from_config(&resolved.config).map_err(|invalid| refusal(resolved, &invalid))
}

fn refusal(resolved: &Resolved, invalid: &Invalid) -> anyhow::Error {
    let place = resolved.place(&invalid.key);
    let advice = match invalid.key.strip_prefix("runner.").and_then(|rest| rest.split('.').next()) {
        Some(key) if place.starts_with("-P") && !KEYS.contains(&key) => {
            format!("; for the runner there write {}", for_the_remote(resolved, &place))
        }
        _ => String::new(),
    };
    anyhow!("{place}: {invalid}{advice}")
}

/// `-Prunner.docker=podman` as the runner there takes it: `-Pdocker.docker=podman`.
fn for_the_remote(resolved: &Resolved, place: &str) -> String {
    let platform =
        resolved.config.get("runner").and_then(|runner| runner.get("platform")?.as_str());
    place.replacen("-Prunner.", &format!("-P{}.", platform.unwrap_or("docker")), 1)
}
