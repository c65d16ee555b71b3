//! The `runner` section as the steps use it: typed, and every complaint with the place to mend.

use anyhow::{Result, anyhow};
use mlcube_ssh::config::Resolved;
use mlcube_ssh::settings::runner;
use mlcube_ssh::settings::runner::{Invalid, KEYS, Runner};

/// Reads the settings of the runner.
pub(crate) fn runner(resolved: &Resolved) -> Result<Runner> {
    let settings = resolved.user_settings()?;
    Runner::new(&settings).map_err(|invalid| refusal(resolved, &invalid))
}

/// Keys that the Python runner takes and nobody reads.
pub(crate) fn unused_keys(resolved: &Resolved) -> impl Iterator<Item = String> {
    let keys = runner::unused_keys(&resolved.config).into_iter();
    keys.map(|key| format!("{}: {key}: nothing uses this key", resolved.place(&key)))
}

fn refusal(resolved: &Resolved, invalid: &Invalid) -> anyhow::Error {
    let place = resolved.place(&invalid.key);
    let key = invalid
        .key
        .strip_prefix("runner.")
        .and_then(|rest| rest.split('.').next())
        .unwrap_or_default();
    let advice = match place.strip_prefix("-Prunner.") {
        Some(word) if !KEYS.contains(&key) => {
            format!("; for the remote runner write -P{}.{word}", there(resolved))
        }
        _ => String::new(),
    };
    anyhow!("{place}: {invalid}{advice}")
}

/// The runner that the remote `mlcube` uses, as far as its platform's name tells.
fn there(resolved: &Resolved) -> &str {
    resolved
        .config
        .get("runner")
        .and_then(|runner| runner.get("platform")?.as_str())
        .unwrap_or("docker")
}
