//! What a job's `job.json` says of the request, for an `attach` from another machine.
//!
//! The host is sent what it needs to run, and not the document: its configuration may hold values of this machine's
//! variables. What comes back is evidence, never instruction: names of tasks, which this document must know, and whether
//! the arguments were the same.

use anyhow::{Context, Result};
use mlcube_ssh_config::document::Document;
use mlcube_ssh_config::stable_hash::hex;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::job::Phase;

/// What `attach` takes from `job.json`.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Record {
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

/// The record of a job of this document.
pub(crate) fn of(document: &Document, phase: Phase) -> Result<String> {
    let tasks = if phase == Phase::Run { document.run.tasks.as_slice() } else { &[] };
    let run = json!({"tasks": tasks, "arguments": arguments(document)?});
    serde_json::to_string(&json!({"run": run})).context("can't write the record of the job")
}

/// A hash of the arguments of a document.
fn arguments(document: &Document) -> Result<String> {
    let text = serde_json::to_string(&document.run.args).context("can't write the arguments")?;
    Ok(hex(text.as_bytes()))
}

impl Record {
    /// Reads `job.json`; nothing that isn't one.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        // An object and nothing else: serde takes a list for a struct, too.
        let object: Map<String, Value> = serde_json::from_slice(text).ok()?;
        serde_json::from_value(Value::Object(object)).ok()
    }

    /// What the job does.
    pub(crate) fn phase(&self) -> Phase {
        if self.about.phase == Phase::Configure.word() { Phase::Configure } else { Phase::Run }
    }

    /// The names of its tasks, whatever they are.
    pub(crate) fn tasks(&self) -> &[String] {
        &self.document.run.tasks
    }

    /// Whether the job was started with other arguments than the document's; none where the host doesn't tell.
    pub(crate) fn has_other_arguments(&self, document: &Document) -> Option<bool> {
        let ours = arguments(document).ok()?;
        self.document.run.arguments.as_ref().map(|theirs| *theirs != ours)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anything_is_read_and_nothing_is_believed() {
        let of = |text: &str| Record::parse(text.as_bytes());
        assert!(of("{}").is_some_and(|record| record.tasks().is_empty()));
        assert!(of("").is_none() && of("[]").is_none() && of(r#"{"document": 7}"#).is_none());
        let record =
            of(r#"{"about": {"phase": "configure"}, "document": {"run": {"tasks": ["a"]}}}"#);
        assert_eq!(record.map(|record| record.phase()), Some(Phase::Configure));
    }
}
