//! Checks the `runner` section as the steps use it; every error names the position to correct.

use anyhow::Result;
use mlcube_ssh::config::Resolved;
use mlcube_ssh::pipe::failure::hinted;
use mlcube_ssh::settings::invalid::Invalid;
use mlcube_ssh::settings::runner;
use mlcube_ssh::settings::runner::Runner;

/// Reads the settings of the runner.
pub(crate) fn runner(resolved: &Resolved) -> Result<Runner> {
    let settings = resolved.user_settings()?;
    Runner::new(&settings).map_err(|invalid| refusal(resolved, &invalid))
}

/// Returns the keys that the Python runner accepts and no program uses.
pub(crate) fn unused_keys(resolved: &Resolved) -> impl Iterator<Item = String> {
    let keys = runner::unused_keys(&resolved.config).into_iter();
    keys.map(|(key, meant)| {
        let meant = meant.map(|meant| format!("; did you mean {meant}?")).unwrap_or_default();
        format!("{}: {key}: nothing uses this key{meant}", resolved.place(&key))
    })
}

fn refusal(resolved: &Resolved, invalid: &Invalid) -> anyhow::Error {
    let place = resolved.place(&invalid.key);
    let key = invalid.key.strip_prefix("runner.").unwrap_or_default();
    let advice = match place.strip_prefix("-Prunner.") {
        Some(_) if key == "port" => {
            "ssh reads the port from ~/.ssh/config: write a line `Port NUMBER` below the host's name".to_owned()
        }
        Some(word) if invalid.is_unknown && !key.contains('.') => {
            format!("for the remote runner write -P{}.{word}", remote_platform(resolved))
        }
        _ => invalid.hint.clone().unwrap_or_else(|| {
            format!("correct it in {place}; mlcube-ssh-config/README.md describes the keys")
        }),
    };
    let meant = invalid.meant.as_ref().map(|key| format!("did you mean {key}? "));
    hinted(format!("{place}: {invalid}"), meant.unwrap_or_default() + &advice)
}

/// Returns the runner of the remote `mlcube`, guessed from its platform's name.
fn remote_platform(resolved: &Resolved) -> &str {
    resolved
        .config
        .get("runner")
        .and_then(|runner| runner.get("platform")?.as_str())
        .unwrap_or("docker")
}
