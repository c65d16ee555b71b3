//! What the checks have found: a line each for a person, or one JSON array.

use anyhow::anyhow;
use mlcube_ssh::pipe::failure::{Failure, Outcome};
use mlcube_ssh::pipe::step::{write_for_people, write_once};
use mlcube_ssh::text::quote::one_line;
use mlcube_ssh::text::units::count;
use serde::Serialize;

use crate::verbs::doctor::host_reply::Check;

/// The longest text of a finding, in characters: a host writes it.
const LONGEST: usize = 500;

/// Whether a check has found what a later step needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Ok,
    /// The steps work, and something about it may surprise.
    Warn,
    Fail,
}

/// The result of a check.
#[derive(Clone, Debug, Serialize)]
struct Finding {
    check: &'static str,
    state: State,
    found: String,
    /// What the user can do.
    hint: Option<String>,
}

/// The results of all checks so far.
#[derive(Debug)]
pub(crate) struct Findings {
    json: bool,
    quiet: bool,
    all: Vec<Finding>,
    /// Whether standard output can't be written.
    unwritten: Option<anyhow::Error>,
}

impl Findings {
    /// Prints each as it comes, `quiet` only those that need attention; with `json` all at the end.
    pub(crate) fn new(json: bool, quiet: bool) -> Self {
        Self { json, quiet, all: Vec::new(), unwritten: None }
    }

    /// Adds a check that found what is needed.
    pub(crate) fn ok(&mut self, check: Check, found: &str) {
        self.add(check, State::Ok, found, None);
    }

    /// Adds a check that found something to know about.
    pub(crate) fn warn(&mut self, check: Check, found: &str, hint: &str) {
        self.add(check, State::Warn, found, Some(hint));
    }

    /// Adds a check that failed; `more` is added to the failure's message.
    pub(crate) fn fail(&mut self, check: Check, failure: &Failure, more: &str) {
        self.add(check, State::Fail, &format!("{failure}{more}"), failure.hint_text());
    }

    /// Returns whether this check failed.
    pub(crate) fn has_failed(&self, check: Check) -> bool {
        self.all.iter().any(|finding| finding.check == check.name() && finding.state == State::Fail)
    }

    fn add(&mut self, check: Check, state: State, found: &str, hint: Option<&str>) {
        let short = |text: &str| {
            let text = one_line(text);
            match text.char_indices().nth(LONGEST) {
                Some((end, _)) => format!("{}…", &text[..end]),
                None => text,
            }
        };
        let (found, hint) = (short(found), hint.map(short));
        let finding = Finding { check: check.name(), state, found, hint };
        let is_shown = state != State::Ok || !self.quiet;
        if is_shown && !self.json {
            let written = write_for_people(lines(&finding));
            self.unwritten = self.unwritten.take().or(written.err());
        }
        self.all.push(finding);
    }

    /// Prints what isn't printed yet.
    ///
    /// # Errors
    /// When a check has failed, or standard output can't be written.
    pub(crate) fn finish(self) -> Outcome<()> {
        if let Some(problem) = self.unwritten {
            return Err(problem.into());
        }
        if self.json {
            let text = serde_json::to_string(&self.all).map_err(Failure::ours)?;
            write_once(&format!("{text}\n"))?;
        }
        let failed = self.all.iter().filter(|finding| finding.state == State::Fail);
        let failed: Vec<&str> = failed.map(|finding| finding.check).collect();
        if failed.is_empty() {
            return Ok(());
        }
        let number = count(failed.len() as u64, "check");
        Err(Failure::ours(anyhow!("{number} failed: {}", failed.join(", ")))
            .hint("each failed check has a hint of its own"))
    }
}

/// The lines of a finding.
fn lines(finding: &Finding) -> Vec<String> {
    let state = match finding.state {
        State::Ok => "ok",
        State::Warn => "warn",
        State::Fail => "fail",
    };
    let line = format!("{state:<4}  {:<13}  {}", finding.check, finding.found);
    let hint = finding.hint.iter().map(|hint| format!("      hint: {hint}"));
    std::iter::once(line).chain(hint).collect()
}
