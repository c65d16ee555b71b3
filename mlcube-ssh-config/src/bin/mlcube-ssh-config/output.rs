//! Formats the document.

use std::io;
use std::io::IsTerminal;

use anyhow::{Context, Result};
use mlcube_ssh::pipe::document::{Run, SCHEMA, YAML_HEAD};
use mlcube_ssh::text::printable::{printable_json, printable_lines};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::cli::Format;

/// Formats the document of a platform that isn't remote: no step can use it.
pub(crate) fn without_remote(
    config: &Map<String, Value>,
    run: &Run,
    format: Format,
) -> Result<String> {
    value(&json!({ "schema": SCHEMA, "config": config, "run": run }), format)
}

/// Formats any value as text that ends with a newline.
pub(crate) fn value(value: &impl Serialize, format: Format) -> Result<String> {
    let text = match format {
        Format::Json => serde_json::to_string_pretty(value)
            .map(|text| printable_json(&text).into_owned() + "\n")
            .map_err(anyhow::Error::from),
        Format::Yaml => serde_yaml::to_string(value)
            .map(|text| YAML_HEAD.to_owned() + &shown_yaml(text))
            .map_err(anyhow::Error::from),
    };
    text.context("can't write the document")
}

/// The text for a terminal, or for whatever else reads it. YAML's plain scalars may hold characters that a terminal obeys,
/// and have no escapes; a program gets the exact text.
fn shown_yaml(text: String) -> String {
    if io::stdout().is_terminal() { printable_lines(&text) } else { text }
}
