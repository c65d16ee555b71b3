//! Runs the program: from the command line to the written text.

use std::env;
use std::process::ExitCode;

use anyhow::Result;
use mlcube_ssh::config;
use mlcube_ssh::config::{Request, Resolved};
use mlcube_ssh::pipe::exit_status::ExitStatus;
use mlcube_ssh::pipe::failure::{Failure, OrHint, hinted};
use mlcube_ssh::pipe::step::write_once;
use mlcube_ssh::text::printable::printable_lines;
use mlcube_ssh::text::similar::did_you_mean;
use mlcube_ssh::ui::report::Report;

use crate::cli::{Args, Format, PROGRAM};
use crate::describe::Description;
use crate::{document, input_document, output, request, settings_file};

/// Does what the command line specifies; returns the exit status.
pub(crate) fn run(args: &Args) -> ExitCode {
    let report = Report::new(PROGRAM, args.common.verbosity());
    if args.validate {
        return settings_file::check(args, &report).into();
    }
    let mut warnings = Vec::new();
    match output_text(args, &mut warnings).and_then(|text| write_once(&text)) {
        Ok(()) => {
            for warning in warnings {
                report.warn(&warning);
            }
            ExitStatus::Done.into()
        }
        Err(problem) => {
            // This program runs no commands that -v could show.
            Failure::from(problem.or_hint("`mlcube-ssh-config --help` describes the flags"))
                .report(&report);
            ExitStatus::Ours.into()
        }
    }
}

fn resolve(request: &Request) -> Result<Resolved> {
    config::resolve(request, &|name| env::var(name).ok()).map_err(config::Error::hinted)
}

fn unknown_key(resolved: &Resolved, key: &str) -> anyhow::Error {
    let keys = resolved.keys();
    let meant = did_you_mean(key, keys.iter().map(String::as_str));
    hinted(
        format!("--explain: unknown key '{key}'"),
        format!("{meant}`mlcube-ssh show_config` with the same flags shows all keys"),
    )
}

/// Returns the text for standard output; adds messages for the user to `warnings`.
fn output_text(args: &Args, warnings: &mut Vec<String>) -> Result<String> {
    let args = &input_document::completed(args)?;
    let mut request = request::request(args)?;
    let mut resolved = resolve(&request)?;
    request::check_launcher_args(&resolved.config, &args.launcher_arg)?;
    if let Some(word) = request::launcher_args(&resolved.config, &args.launcher_arg) {
        request.overrides.push(word);
        resolved = resolve(&request)?;
    }
    warnings.extend_from_slice(&resolved.warnings);
    if let Some(key) = &args.explain {
        let values = resolved.explain(key).ok_or_else(|| unknown_key(&resolved, key))?;
        if args.json {
            return output::value(&values, Format::Json);
        }
        let lines: Vec<&str> =
            values.iter().flat_map(|value| &value.lines).map(String::as_str).collect();
        return Ok(printable_lines(&lines.join("\n")) + "\n");
    }
    if args.describe {
        let description = Description::of(&request, &resolved);
        return if args.json {
            output::value(&description, Format::Json)
        } else {
            Ok(description.text())
        };
    }
    if args.config_only {
        return output::value(&resolved.config, args.format);
    }
    document::text(args, &request, &resolved, warnings)
}
