//! `--validate`: checks the settings file alone, without a cube and without a host.

use std::env;
use std::fs;

use anyhow::Result;
use mlcube_ssh::config::{self, Request, written_names};
use mlcube_ssh::cube::trust::settings_file;
use mlcube_ssh::pipe::answer::write_json_list;
use mlcube_ssh::pipe::exit_status::ExitStatus;
use mlcube_ssh::pipe::failure::{Failure, hinted};
use mlcube_ssh::pipe::step::write_for_people;
use mlcube_ssh::ui::report::Report;
use serde::Serialize;

use crate::cli::Args;
use crate::validate;

/// What a section of the file is found to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum State {
    Valid,
    Invalid,
    OtherRunner,
}

/// What is found about the section of a platform.
#[derive(Debug, Serialize)]
struct Finding {
    platform: String,
    state: State,
    /// What is wrong, and what the user can do about it.
    error: Option<String>,
    hint: Option<String>,
    /// What has no effect.
    warnings: Vec<String>,
}

impl Finding {
    /// The line for people; an error and its hint are reported apart.
    fn line(&self) -> Option<String> {
        match self.state {
            State::Valid => Some(format!("{}: valid", self.platform)),
            State::OtherRunner => Some(format!("{}: not for the ssh runner", self.platform)),
            State::Invalid => None,
        }
    }
}

/// Checks the section of every platform, or of the one that is named, and reports all that are wrong.
pub(crate) fn check(args: &Args, report: &Report) -> ExitStatus {
    match check_platforms(args, report) {
        Ok(status) => status,
        Err(problem) => {
            Failure::from(problem).report(report);
            ExitStatus::Ours
        }
    }
}

fn check_platforms(args: &Args, report: &Report) -> Result<ExitStatus> {
    let settings = settings_file()?;
    // It is read once for each platform, which a pipe can't be.
    ensure_regular(&settings)?;
    let names = match &args.platform {
        Some(name) => vec![name.clone()],
        None => written_names::platforms(&settings).map_err(config::Error::hinted)?,
    };
    if names.is_empty() {
        return Err(hinted(
            format!("'{settings}' has no platform"),
            "add a section for one below 'platforms': `runner: ssh` and `host: HOST`",
        ));
    }
    let findings: Vec<Finding> =
        names.into_iter().map(|name| finding(args, &settings, name, report)).collect();
    if args.json {
        write_json_list(&findings)?;
    } else {
        write_for_people(findings.iter().filter_map(Finding::line))?;
    }
    let is_wrong = findings.iter().any(|finding| finding.state == State::Invalid);
    Ok(if is_wrong { ExitStatus::Ours } else { ExitStatus::Done })
}

fn ensure_regular(settings: &str) -> Result<()> {
    match fs::metadata(settings) {
        Ok(found) if !found.is_file() => Err(hinted(
            format!("'{settings}' isn't a regular file"),
            "write it to a file, and name that in MLCUBE_SYSTEM_SETTINGS",
        )),
        // Whoever reads it says why it can't be read.
        _ => Ok(()),
    }
}

/// Checks the section of a platform, and reports what is wrong with it.
fn finding(args: &Args, settings: &str, platform: String, report: &Report) -> Finding {
    let mut warnings = Vec::new();
    let checked = section(args, settings, &platform, &mut warnings).map_err(Failure::from);
    for warning in &warnings {
        report.warn(warning);
    }
    let (state, error, hint) = match checked {
        Ok(state) => (state, None, None),
        Err(failure) => {
            failure.report(report);
            let hint = failure.hint_text().map(str::to_owned);
            (State::Invalid, Some(failure.to_string()), hint)
        }
    };
    Finding { platform, state, error, hint, warnings }
}

fn section(args: &Args, settings: &str, name: &str, warnings: &mut Vec<String>) -> Result<State> {
    let request = Request {
        mlcube: "/".to_owned(),
        platform: name.to_owned(),
        overrides: args.override_words(),
        settings: settings.to_owned(),
        working_directory: "/".to_owned(),
        ..Request::default()
    };
    let environment = |name: &str| env::var(name).ok();
    let resolved = config::resolve_settings(&request, &environment);
    let Some(resolved) = resolved.map_err(config::Error::hinted)? else {
        return Ok(State::OtherRunner);
    };
    warnings.extend(validate::unused_keys(&resolved));
    validate::runner(&resolved)?;
    Ok(State::Valid)
}
