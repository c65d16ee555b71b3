//! Converts the command line to a request for the resolver.

use std::env;

use anyhow::{Context, Result};
use mlcube_ssh::config::Request;
use mlcube_ssh::cube::trust::settings_file;
use mlcube_ssh::pipe::failure::hinted;
use mlcube_ssh::settings::runner::launcher::check_option;
use serde_json::{Map, Value};

use crate::cli::Args;

/// Returns what to resolve.
pub(crate) fn request(args: &Args) -> Result<Request> {
    let settings = settings_file()?;
    let Some(platform) = args.platform.clone().filter(|platform| !platform.is_empty()) else {
        return Err(hinted(
            "no platform is chosen",
            format!("give --platform=NAME, a section below 'platforms' in {settings}"),
        ));
    };
    Ok(Request {
        mlcube: args.mlcube.clone().unwrap_or_else(|| ".".to_owned()),
        platform,
        workspace: args.workspace.clone(),
        overrides: args.override_words(),
        arguments: args.argument_words().map(|word| argument(word)).collect::<Result<_>>()?,
        options: args.engine.clone(),
        settings,
        working_directory: working_directory()?,
    })
}

/// Refuses an option that a launcher doesn't take, in the words of the command line that gave it.
pub(crate) fn check_launcher_args(config: &Map<String, Value>, added: &[String]) -> Result<()> {
    let Some(first) = added.first() else { return Ok(()) };
    let kind =
        config.get("runner").and_then(|runner| runner.get("launcher")?.get("type")?.as_str());
    if kind != Some("slurm") {
        return Err(hinted(
            format!("--launcher-arg={first}: the launcher of this platform takes no options"),
            "set 'launcher: {type: slurm}' in the platform's section, or leave --launcher-arg out",
        ));
    }
    for word in added {
        check_option(word).map_err(|problem| {
            hinted(format!("--launcher-arg: {problem}"), "`man sbatch` describes the options")
        })?;
    }
    Ok(())
}

/// Returns the `-P` word that adds options to `runner.launcher.args`, behind those of the configuration; `None` if
/// there are none to add.
pub(crate) fn launcher_args(config: &Map<String, Value>, added: &[String]) -> Option<String> {
    if added.is_empty() {
        return None;
    }
    let args = config.get("runner").and_then(|runner| runner.get("launcher")?.get("args"));
    let mut all = args.and_then(Value::as_array).cloned().unwrap_or_default();
    all.extend(added.iter().map(|word| Value::from(word.as_str())));
    // JSON is YAML, as a `-P` word has it.
    Some(format!("runner.launcher.args={}", Value::Array(all)))
}

fn working_directory() -> Result<String> {
    let path = env::current_dir().context("can't find the current folder")?;
    path.into_os_string().into_string().ok().context("the current folder's path isn't UTF-8")
}

/// Splits `name=value` at the first `=`.
fn argument(word: &str) -> Result<(String, String)> {
    match word.split_once('=') {
        Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
        None => Err(hinted(
            format!("'{word}' isn't an argument of a task"),
            format!("write NAME=VALUE, or --task={word} to run a task"),
        )),
    }
}
