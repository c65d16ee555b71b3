//! From the command line to the document.

use std::env;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use mlcube_ssh_config::document::{Document, Run};
use mlcube_ssh_config::layout::Layout;
use mlcube_ssh_config::names::check_variable;
use mlcube_ssh_config::report::Report;
use mlcube_ssh_config::resolve::{self, Request, Resolved, RunnerKind};
use mlcube_ssh_config::status::ExitStatus;
use mlcube_ssh_config::step::write_once;

use crate::cli::{Args, PROGRAM};
use crate::{output, tasks, validate};

/// Does what the command line says, and gives the status to exit with.
pub(crate) fn run(args: &Args) -> ExitCode {
    let report = Report::new(PROGRAM, args.common.verbosity());
    match answer(args, report).and_then(|text| write_once(&text)) {
        Ok(()) => ExitStatus::Done.into(),
        Err(problem) => {
            report.error(&format!("{problem:#}"));
            ExitStatus::Ours.into()
        }
    }
}

/// What is written to standard output.
fn answer(args: &Args, report: Report) -> Result<String> {
    let request = request(args)?;
    let resolved = resolve::resolve(&request, &|name| env::var(name).ok())?;
    for warning in &resolved.warnings {
        report.error(&format!("warning: {warning}"));
    }
    if let Some(key) = &args.explain {
        let lines =
            resolved.explain(key).with_context(|| format!("--explain: there is no key {key}"))?;
        return Ok(lines + "\n");
    }
    if args.config_only {
        return output::value(&resolved.config, args.format);
    }
    document(args, &request, &resolved, report)
}

fn document(args: &Args, request: &Request, resolved: &Resolved, report: Report) -> Result<String> {
    let run = what_to_run(args, request, resolved, report)?;
    if resolved.runner != RunnerKind::Ssh {
        report.error(&format!(
            "warning: the platform '{}' is not of the ssh runner; nothing runs with this document",
            request.platform
        ));
        return output::without_remote(&resolved.config, &run, args.format);
    }
    let runner = validate::runner(resolved, report)?;
    let layout = Layout::of(&resolved.config, &run, &runner)?;
    let remote = layout.remote(&runner)?;
    output::document(&Document::new(resolved.config.clone(), run, remote), args.format)
}

fn request(args: &Args) -> Result<Request> {
    let settings = settings_file()?;
    let Some(platform) = args.platform.clone().filter(|platform| !platform.is_empty()) else {
        bail!(
            "no platform is chosen; say --platform=NAME, a section below 'platforms' in {settings}"
        );
    };
    let working_directory = env::current_dir().context("can't find the current folder")?;
    let working_directory = working_directory.into_os_string().into_string();
    Ok(Request {
        mlcube: args.mlcube.clone(),
        platform,
        workspace: args.workspace.clone(),
        overrides: args.override_words(),
        arguments: args.argument_words().map(|word| argument(word)).collect::<Result<_>>()?,
        options: args.options(),
        settings,
        working_directory: working_directory
            .ok()
            .context("the current folder's path isn't UTF-8")?,
    })
}

/// `$MLCUBE_SYSTEM_SETTINGS`, else `mlcube.yaml` in the home folder.
fn settings_file() -> Result<String> {
    if let Ok(path) = env::var("MLCUBE_SYSTEM_SETTINGS") {
        return Ok(path);
    }
    let home = env::home_dir()
        .context("HOME isn't set, so there is no ~/mlcube.yaml; set MLCUBE_SYSTEM_SETTINGS")?;
    let path = home.join("mlcube.yaml").into_os_string().into_string();
    path.ok().context("the home folder's path isn't UTF-8; set MLCUBE_SYSTEM_SETTINGS")
}

/// `name=value`: the first `=` separates.
fn argument(word: &str) -> Result<(String, String)> {
    match word.split_once('=') {
        Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
        None => bail!(
            "'{word}' is no argument of a task; write NAME=VALUE, or --task={word} to run a task"
        ),
    }
}

fn what_to_run(args: &Args, request: &Request, resolved: &Resolved, report: Report) -> Result<Run> {
    args.env.iter().try_for_each(|name| check_variable(name)).context("--env")?;
    tasks::warn_of_unknown_arguments(&resolved.config, &request.arguments, report);
    let mut run = Run::default();
    run.mlcube = format!("{}/{}", resolved.root.trim_end_matches('/'), resolved.file);
    run.platform.clone_from(&request.platform);
    run.tasks = tasks::chosen(&resolved.config, args.task.as_deref(), args.require_task)?;
    run.args = request.arguments.iter().cloned().collect();
    run.overrides =
        request.overrides.iter().filter(|word| !is_for_this_runner(word)).cloned().collect();
    run.options =
        request.options.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    run.env.clone_from(&args.env);
    Ok(run)
}

/// Whether a `-P` word is about the section `runner`, which is ours; every other goes to the remote `mlcube`.
fn is_for_this_runner(word: &str) -> bool {
    let key = word.split('=').next().unwrap_or(word);
    key.split(['.', '['])
        .find(|part| !part.is_empty())
        .is_some_and(|part| part.trim_end_matches(']') == "runner")
}
