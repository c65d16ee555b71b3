//! `doctor`: checks the local machine, the login and the host. A check does what a later step does, and leaves nothing.
//!
//! The order of the checks is in this file. `local` has those of the local machine; `script` makes the script of `sh/`
//! that tries the rest on the host. `host_checks` runs it, and meanwhile the `transfer`; `host_reply` has its lines, which
//! `host_findings`, with `problem` and `space`, turns into `findings`, and these are printed.

mod findings;
mod host_checks;
mod host_findings;
mod host_reply;
mod local;
mod problem;
mod script;
mod space;
mod transfer;

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use mlcube_ssh::cube::Cube;
use mlcube_ssh::pipe::document::Document;
use mlcube_ssh::pipe::failure::{Failure, Outcome};
use mlcube_ssh::pipe::step::Step;
use mlcube_ssh::remote::connection::Connection;
use mlcube_ssh::ui::report::Verbosity;

use crate::verbs::doctor::findings::Findings;
use crate::verbs::doctor::host_reply::Check;

/// How long the host may take for all of its checks.
const LIMIT: Duration = Duration::from_secs(45);

/// What a check adds that fails before the host is looked at.
const NOTHING_CHECKED: &str = "; nothing on the remote was checked";

/// Checks everything that the document needs.
pub(crate) fn doctor(step: &Step, document: &Document, json: bool) -> Outcome<()> {
    if step.is_dry_run() {
        // Nothing is checked, so there is no answer.
        return show(step, document);
    }
    let mut findings = findings(step, json);
    let cube = match Cube::of(document) {
        Ok(cube) => cube,
        Err(problem) => {
            findings.fail(Check::Configuration, &Failure::from(problem), NOTHING_CHECKED);
            local::check_machine(&mut findings);
            return findings.finish();
        }
    };
    let run = &document.run;
    let found = format!("platform '{}' leads to '{}'", run.platform, document.remote.host);
    findings.ok(Check::Configuration, &found);
    local::check_machine(&mut findings);
    if let Some(connection) = local::check_connection(&mut findings, step, document, &cube)
        && log_in(&mut findings, &connection)
    {
        host_checks::check_host(&mut findings, &connection, document, &cube)?;
    }
    findings.finish()
}

/// Checks the local machine alone: mlcube-ssh-config has refused the settings with the messages in this file.
pub(crate) fn without_document(step: &Step, json: bool, refusal: &Path) -> Outcome<()> {
    let mut findings = findings(step, json);
    let messages = std::fs::read_to_string(refusal)
        .with_context(|| format!("can't read {}", refusal.display()))?;
    let message = |label: &str| {
        let lines = messages.lines().filter_map(|line| line.split_once(label));
        lines.map(|(_, text)| text.to_owned()).next_back()
    };
    let error = message(": error: ").unwrap_or_else(|| "mlcube-ssh-config failed".to_owned());
    let refused = Failure::ours(anyhow::anyhow!(error));
    let refused = match message(": hint: ") {
        Some(hint) => refused.hint(hint),
        None => refused,
    };
    findings.fail(Check::Configuration, &refused, NOTHING_CHECKED);
    // A check of the state folder makes it.
    if !step.is_dry_run() {
        local::check_machine(&mut findings);
    }
    findings.finish()
}

fn findings(step: &Step, json: bool) -> Findings {
    Findings::new(json, step.report().verbosity() == Verbosity::Quiet)
}

/// Shows what would run on the remote.
fn show(step: &Step, document: &Document) -> Outcome<()> {
    let cube = Cube::of(document)?;
    let connection = Connection::new(&cube, document, step.report())?;
    let script = script::script(&connection, document, &cube, "JOB")?;
    step.show(&connection.shown(&script));
    step.show_comment("meanwhile; FOLDER is one that the script has made");
    step.show(&[transfer::command(&connection, Path::new("LOCAL"), "FOLDER")]);
    Ok(())
}

/// Logs in; returns whether that worked.
fn log_in(findings: &mut Findings, connection: &Connection) -> bool {
    let began = Instant::now();
    match connection.open() {
        Ok(true) => {
            let seconds = began.elapsed().as_secs_f64();
            findings.ok(
                Check::Login,
                &format!("logged in on '{}' in {seconds:.1} s", connection.host()),
            );
            true
        }
        Ok(false) => {
            findings
                .ok(Check::Login, &format!("the connection to '{}' is open", connection.host()));
            true
        }
        Err(failure) => {
            findings.fail(Check::Login, &failure, NOTHING_CHECKED);
            false
        }
    }
}
