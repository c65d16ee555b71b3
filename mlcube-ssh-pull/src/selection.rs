//! The selection of a pull: declared outputs, paths and patterns.

use std::path::PathBuf;

use anyhow::anyhow;
use mlcube_ssh::pipe::document::Document;
use mlcube_ssh::pipe::failure::{Failure, Outcome};
use mlcube_ssh::sync::{Pattern, Selection};
use mlcube_ssh::ui::names::{others, shown};

use crate::cli::Args;
use crate::remote::outputs::Output;

/// The entries that are named by their path, so that a link to one of them is followed: declared outputs, and what the
/// command line names.
pub(crate) fn named(args: &Args, outputs: &[Output]) -> Outcome<Selection> {
    let outputs = outputs.iter().filter(|output| !output.path.as_os_str().is_empty());
    let outputs = outputs.map(|output| Pattern::exact(&output.path));
    Ok(Selection::of(patterns(args)?.into_iter().chain(outputs).collect()))
}

/// The entries that the command line requests.
pub(crate) fn of_command_line(args: &Args, outputs: &[Output]) -> Outcome<Selection> {
    if args.outputs {
        let outputs = outputs.iter().map(|output| Pattern::exact(&output.path));
        return Ok(Selection::of(outputs.collect()));
    }
    Ok(if args.patterns.is_empty() { Selection::All } else { Selection::of(patterns(args)?) })
}

fn patterns(args: &Args) -> anyhow::Result<Vec<Pattern>> {
    args.patterns.iter().map(|text| Pattern::new(text)).collect()
}

/// Refuses paths and patterns that match nothing in the remote workspace.
pub(crate) fn check_matched(document: &Document, unmatched: &[PathBuf]) -> Outcome<()> {
    let Some(first) = unmatched.first() else { return Ok(()) };
    Err(Failure::ours(anyhow!(
        "'{}'{} matches nothing in the workspace on '{}'",
        shown(first),
        others(unmatched.len()),
        document.remote.host
    ))
    .hint("`mlcube-ssh-pull --list` lists the remote workspace"))
}
