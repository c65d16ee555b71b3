//! The selection of a pull: declared outputs, paths and patterns.

use std::path::PathBuf;

use anyhow::anyhow;
use mlcube_ssh::pipe::document::Document;
use mlcube_ssh::pipe::failure::{Failure, Outcome};
use mlcube_ssh::sync::{Pattern, Selection};
use mlcube_ssh::ui::names::shown;

use crate::cli::Args;
use crate::remote::outputs::Output;

/// The entries requested by path: declared outputs, and what the command line names.
pub(crate) fn asked(args: &Args, outputs: &[Output]) -> Outcome<Selection> {
    let outputs = outputs.iter().filter(|output| !output.path.as_os_str().is_empty());
    let outputs = outputs.map(|output| Pattern::exact(&output.path));
    Ok(Selection::of(named(args)?.into_iter().chain(outputs).collect()))
}

/// The entries that the command line requests.
pub(crate) fn selection(args: &Args, outputs: &[Output]) -> Outcome<Selection> {
    if args.outputs {
        let outputs = outputs.iter().map(|output| Pattern::exact(&output.path));
        return Ok(Selection::of(outputs.collect()));
    }
    Ok(if args.patterns.is_empty() { Selection::All } else { Selection::of(named(args)?) })
}

fn named(args: &Args) -> anyhow::Result<Vec<Pattern>> {
    args.patterns.iter().map(|text| Pattern::new(text)).collect()
}

/// Refuses paths and patterns that match nothing in the remote workspace.
pub(crate) fn check_matched(document: &Document, unmatched: &[PathBuf]) -> Outcome<()> {
    let Some(first) = unmatched.first() else { return Ok(()) };
    let others = match unmatched.len() - 1 {
        0 => String::new(),
        number => format!(" (and {number} more)"),
    };
    Err(Failure::ours(anyhow!(
        "'{}'{others} matches nothing in the workspace on '{}'",
        shown(first),
        document.remote.host
    ))
    .hint("`mlcube-ssh-pull --list` lists the remote workspace"))
}
