//! Variables whose values are passed to the task and never stored.

use std::collections::BTreeSet;
use std::env;

use anyhow::anyhow;
use mlcube_ssh::pipe::document::Document;
use mlcube_ssh::pipe::failure::{Failure, Outcome};
use mlcube_ssh::settings::names::VariableName;
use mlcube_ssh::settings::runner::Runner;

/// Returns the variables that `--env` and the settings name, with their local values.
///
/// # Errors
/// If a variable isn't set locally, or isn't UTF-8.
pub(crate) fn for_task(document: &Document, runner: &Runner) -> Outcome<Vec<(String, String)>> {
    let of_settings = runner.env.iter().map(VariableName::as_str);
    let names: BTreeSet<&str> =
        document.run.env.iter().map(String::as_str).chain(of_settings).collect();
    let value = |name: &str| match env::var(name) {
        Ok(value) => Ok((name.to_owned(), value)),
        Err(env::VarError::NotPresent) => Err(Failure::ours(anyhow!(
            "the variable '{name}', which --env passes to the task, isn't set locally"
        ))
        .hint(format!("export {name}"))),
        Err(env::VarError::NotUnicode(_)) => Err(Failure::ours(anyhow!(
            "the variable '{name}', which --env passes to the task, isn't UTF-8"
        ))),
    };
    names.into_iter().map(value).collect()
}
