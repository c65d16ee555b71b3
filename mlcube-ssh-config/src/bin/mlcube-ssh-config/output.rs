//! How the document is written.

use anyhow::{Context, Result};
use mlcube_ssh_config::document::{Document, Run, SCHEMA};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::cli::Format;

/// The document, for the next step or for people.
pub(crate) fn document(document: &Document, format: Format) -> Result<String> {
    match format {
        Format::Json => document.to_text(),
        Format::Yaml => yaml(document),
    }
}

/// The document of a platform that isn't remote: there is nothing that a step could do with it.
pub(crate) fn without_remote(
    config: &Map<String, Value>,
    run: &Run,
    format: Format,
) -> Result<String> {
    let document = json!({ "schema": SCHEMA, "config": config, "run": run });
    match format {
        Format::Json => serde_json::to_string_pretty(&document)
            .map(|text| text + "\n")
            .context("can't write the document"),
        Format::Yaml => yaml(&document),
    }
}

fn yaml(document: &impl Serialize) -> Result<String> {
    serde_yaml::to_string(document).context("can't write the document")
}
