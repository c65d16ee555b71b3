//! From the command line to what is written.

use std::env;
use std::process::ExitCode;

use anyhow::{Context, Result};
use mlcube_ssh::config;
use mlcube_ssh::pipe::exit_status::ExitStatus;
use mlcube_ssh::pipe::failure::Failure;
use mlcube_ssh::pipe::step::write_once;
use mlcube_ssh::text::printable::printable_lines;
use mlcube_ssh::ui::report::Report;

use crate::cli::{Args, PROGRAM};
use crate::{answer, describe, earlier, output, request};

/// Does what the command line says, and gives the status to exit with.
pub(crate) fn run(args: &Args) -> ExitCode {
    let report = Report::new(PROGRAM, args.common.verbosity());
    let mut warnings = Vec::new();
    match answer(args, &mut warnings).and_then(|text| write_once(&text)) {
        Ok(()) => {
            for warning in warnings {
                report.warn(&warning);
            }
            ExitStatus::Done.into()
        }
        Err(problem) => {
            Failure::from(problem).report(&report);
            ExitStatus::Ours.into()
        }
    }
}

/// What is written to standard output; what a person should know is added to `warnings`.
fn answer(args: &Args, warnings: &mut Vec<String>) -> Result<String> {
    let args = &earlier::completed(args)?;
    let request = request::request(args)?;
    let resolved = config::resolve(&request, &|name| env::var(name).ok())?;
    warnings.extend_from_slice(&resolved.warnings);
    if let Some(key) = &args.explain {
        let lines =
            resolved.explain(key).with_context(|| format!("--explain: unknown key '{key}'"))?;
        return Ok(printable_lines(&lines) + "\n");
    }
    if args.describe {
        return Ok(printable_lines(&describe::text(&request, &resolved)));
    }
    if args.config_only {
        return output::value(&resolved.config, args.format);
    }
    answer::text(args, &request, &resolved, warnings)
}
