//! Builds the document of a resolved configuration.

use anyhow::{Context, Result};
use mlcube_ssh::config::{Request, Resolved, RunnerKind};
use mlcube_ssh::cube::layout::Layout;
use mlcube_ssh::cube::outside_inputs;
use mlcube_ssh::cube::trust;
use mlcube_ssh::pipe::document::{Document, Run};
use mlcube_ssh::settings::names::{check_parameter, check_variable};
use serde_json::Value;

use crate::cli::Args;
use crate::{output, passed_variables, tasks, validate, variables};
use mlcube_ssh::settings::runner::is_for_this_runner;

/// Returns the document as text.
pub(crate) fn text(
    args: &Args,
    request: &Request,
    resolved: &Resolved,
    warnings: &mut Vec<String>,
) -> Result<String> {
    let mut run = what_to_run(args, request, resolved)?;
    warnings.extend(tasks::unknown_arguments(&resolved.config, &request.arguments));
    if resolved.runner != RunnerKind::Ssh {
        warnings.push(format!(
            "the platform '{}' doesn't use the ssh runner; no other step accepts this document",
            request.platform
        ));
        return output::without_remote(&resolved.config, &run, args.format);
    }
    warnings.extend(validate::unused_keys(resolved));
    let runner = validate::runner(resolved)?;
    let is_set = |name: &str| {
        run.env.iter().any(|set| set == name)
            || runner.env.iter().any(|set| set.as_str() == name)
            || runner.environment.iter().any(|(set, _)| set == name)
    };
    warnings.extend(passed_variables::unset(&resolved.config, &is_set));
    run.withheld = variables::check(resolved, request, &run, &runner)?;
    run.image = variables::image(resolved, &runner);
    let layout = Layout::of(&resolved.config, &run, &runner)?;
    let remote = layout.remote(&runner)?;
    let mut document = Document::new(resolved.config.clone(), run, remote);
    seal(&mut document)?;
    output::value(&document, args.format)
}

/// Seals the document. If the key can't be stored, an unsealed document is accepted only while the settings file says
/// the same; so `-Prunner.…` and `--workspace` need the seal.
fn seal(document: &mut Document) -> Result<()> {
    match trust::seal(document) {
        Err(problem)
            if !document.run.runner_overrides.is_empty() || document.run.workspace.is_some() =>
        {
            Err(problem.context(
                "can't seal the document, and no step would take -Prunner.… or --workspace from it",
            ))
        }
        _ => Ok(()),
    }
}

fn what_to_run(args: &Args, request: &Request, resolved: &Resolved) -> Result<Run> {
    args.env.iter().try_for_each(|name| check_variable(name)).context("--env")?;
    request.arguments.iter().try_for_each(|(name, _)| check_parameter(name))?;
    let mut run = Run::default();
    run.mlcube = format!("{}/{}", resolved.root.trim_end_matches('/'), resolved.file);
    run.platform.clone_from(&request.platform);
    run.tasks = tasks::chosen(&resolved.config, args.task.as_deref(), args.require_task)?;
    run.args = request.arguments.iter().cloned().collect();
    (run.runner_overrides, run.overrides) =
        request.overrides.iter().cloned().partition(|word| is_for_this_runner(word));
    run.workspace = request.workspace.as_ref().map(|_| resolved_workspace(resolved));
    let options = request.options.0.iter();
    run.options = options.map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    run.env.clone_from(&args.env);
    run.inputs = outside_inputs::inputs(request, resolved)?;
    Ok(run)
}

/// Returns the workspace as an absolute path, because the document may be read in another folder.
fn resolved_workspace(resolved: &Resolved) -> String {
    resolved.config.get("workspace").and_then(Value::as_str).unwrap_or_default().to_owned()
}
