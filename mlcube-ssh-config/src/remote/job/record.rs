//! The part of a job's `job.json` that describes the request, for an `attach` from another machine.
//!
//! The host receives what it needs to run, and not the document, whose configuration may contain values of local
//! variables. What comes back is evidence, never instruction: names of tasks, which the local document must know, and
//! whether the arguments were the same.

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::pipe::document::{Document, Phase};
use crate::settings::names::TaskName;
use crate::text::stable_hash::hex;

/// What `attach` reads from `job.json`.
#[derive(Debug, Default, Deserialize)]
pub struct JobRecord {
    #[serde(default)]
    about: About,
    #[serde(default)]
    document: Request,
}

#[derive(Debug, Default, Deserialize)]
struct About {
    #[serde(default)]
    phase: String,
}

#[derive(Debug, Default, Deserialize)]
struct Request {
    #[serde(default)]
    run: Run,
}

#[derive(Debug, Default, Deserialize)]
struct Run {
    #[serde(default)]
    tasks: Vec<String>,
    /// A hash of the arguments.
    #[serde(default)]
    arguments: Option<String>,
}

/// Makes the record of a job that runs `tasks` with the document's arguments.
///
/// # Errors
/// When the arguments can't be serialised.
pub fn record(document: &Document, tasks: &[TaskName]) -> Result<String> {
    let run = json!({"tasks": tasks, "arguments": arguments(document)?});
    serde_json::to_string(&json!({"run": run})).context("can't write the record of the job")
}

/// A hash of the arguments of a document.
fn arguments(document: &Document) -> Result<String> {
    let text = serde_json::to_string(&document.run.args).context("can't write the arguments")?;
    Ok(hex(text.as_bytes()))
}

impl JobRecord {
    /// Parses `job.json`; `None` if it is malformed.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        // serde would accept a list for a struct.
        let object: Map<String, Value> = serde_json::from_slice(text).ok()?;
        serde_json::from_value(Value::Object(object)).ok()
    }

    /// The phase of the job, according to the host; `None` if its word is none.
    #[must_use]
    pub fn phase(&self) -> Option<Phase> {
        Phase::parse(&self.about.phase)
    }

    /// The names of its tasks, unchecked.
    #[must_use]
    pub fn tasks(&self) -> &[String] {
        &self.document.run.tasks
    }

    /// Returns whether the job was started with other arguments than the document's; `None` if the host doesn't say.
    #[must_use]
    pub fn has_other_arguments(&self, document: &Document) -> Option<bool> {
        let ours = arguments(document).ok()?;
        self.document.run.arguments.as_ref().map(|theirs| *theirs != ours)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anything_is_read_and_nothing_is_believed() {
        let of = |text: &str| JobRecord::parse(text.as_bytes());
        assert!(of("{}").is_some_and(|record| record.tasks().is_empty()));
        assert!(of("").is_none() && of("[]").is_none() && of(r#"{"document": 7}"#).is_none());
        for (word, phase) in [("configure", Some(Phase::Configure)), ("rm", None), ("", None)] {
            let text = format!(
                r#"{{"about": {{"phase": "{word}"}}, "document": {{"run": {{"tasks": ["a"]}}}}}}"#
            );
            assert_eq!(of(&text).unwrap().phase(), phase);
        }
    }
}
