//! `--validate`: checks the settings file alone, without a cube and without a host.

use std::env;

use anyhow::Result;
use mlcube_ssh::config::{self, Request, RunnerKind, written_names};
use mlcube_ssh::cube::trust::settings_file;
use mlcube_ssh::pipe::exit_status::ExitStatus;
use mlcube_ssh::pipe::failure::{Failure, hinted};
use mlcube_ssh::pipe::step::write_for_people;
use mlcube_ssh::ui::report::Report;

use crate::cli::Args;
use crate::validate;

/// What a section of the file is found to be.
enum Found {
    Valid,
    OfAnotherRunner,
}

/// Checks the section of every platform, or of the one that is named, and reports all that are wrong.
pub(crate) fn check(args: &Args, report: &Report) -> ExitStatus {
    match checked(args, report) {
        Ok(status) => status,
        Err(problem) => {
            Failure::from(problem).report(report);
            ExitStatus::Ours
        }
    }
}

fn checked(args: &Args, report: &Report) -> Result<ExitStatus> {
    let settings = settings_file()?;
    let names = match &args.platform {
        Some(name) => vec![name.clone()],
        None => written_names::platforms(&settings)
            .map_err(|problem| hinted(problem.to_string(), problem.hint()))?,
    };
    if names.is_empty() {
        return Err(hinted(
            format!("{settings}: there is no platform"),
            "add a section for one below 'platforms', as mlcube-ssh-config/README.md shows",
        ));
    }
    let (mut lines, mut status) = (Vec::new(), ExitStatus::Done);
    for name in names {
        match section(args, &settings, &name, report) {
            Ok(Found::Valid) => lines.push(format!("{name}: valid")),
            Ok(Found::OfAnotherRunner) => lines.push(format!("{name}: not for the ssh runner")),
            Err(problem) => {
                Failure::from(problem).report(report);
                status = ExitStatus::Ours;
            }
        }
    }
    write_for_people(lines)?;
    Ok(status)
}

fn section(args: &Args, settings: &str, name: &str, report: &Report) -> Result<Found> {
    let request = Request {
        mlcube: "/".to_owned(),
        platform: name.to_owned(),
        overrides: args.override_words(),
        settings: settings.to_owned(),
        working_directory: "/".to_owned(),
        ..Request::default()
    };
    let environment = |name: &str| env::var(name).ok();
    let told = |problem: config::Error| hinted(problem.to_string(), problem.hint());
    if config::runner_of(&request, &environment).map_err(told)? != RunnerKind::Ssh {
        return Ok(Found::OfAnotherRunner);
    }
    let resolved = config::resolve_settings(&request, &environment).map_err(told)?;
    validate::unused_keys(&resolved).for_each(|warning| report.warn(&warning));
    validate::runner(&resolved)?;
    Ok(Found::Valid)
}
