//! The selection of a pull: declared outputs, paths and patterns.

use std::path::PathBuf;

use anyhow::anyhow;
use mlcube_ssh::listing::Listing;
use mlcube_ssh::pipe::document::Document;
use mlcube_ssh::pipe::failure::{Failure, Outcome};
use mlcube_ssh::remote::connection::Connection;
use mlcube_ssh::settings::names::Host;
use mlcube_ssh::sync::{Pattern, Selection};
use mlcube_ssh::text::units::human_bytes;
use mlcube_ssh::ui::names::{others, shown};
use mlcube_ssh::ui::report::Report;

use crate::cli::Args;
use crate::remote::outputs::Output;

/// The entries that are named by their path, so that a link to one of them is followed: declared outputs, and what the
/// command line names.
pub(crate) fn named(args: &Args, outputs: &[Output]) -> Outcome<Selection> {
    let outputs = outputs.iter().filter(|output| !output.path.as_os_str().is_empty());
    let outputs = outputs.map(|output| Pattern::exact(&output.path));
    Ok(Selection::of(patterns(args)?.into_iter().chain(outputs).collect()))
}

/// The entries that the command line requests: without a word, the workspace without the image in it.
pub(crate) fn of_command_line(
    args: &Args,
    outputs: &[Output],
    image: Option<PathBuf>,
) -> Outcome<Selection> {
    if args.outputs {
        let outputs = outputs.iter().map(|output| Pattern::exact(&output.path));
        return Ok(Selection::of(outputs.collect()));
    }
    if !args.patterns.is_empty() {
        return Ok(Selection::of(patterns(args)?));
    }
    let is_output = |image: &PathBuf| outputs.iter().any(|output| output.path.starts_with(image));
    Ok(image.filter(|image| !is_output(image)).map_or(Selection::All, Selection::AllBut))
}

/// Names the image that a pull leaves on the remote, unless it exists locally, too.
pub(crate) fn name_image(
    selection: &Selection,
    remote: &Listing,
    local: &Listing,
    host: &Host,
    report: Report,
) {
    let Selection::AllBut(image) = selection else { return };
    let left = remote.filter(|path, entry| {
        path.starts_with(image) && entry.is_file() && local.get(path).is_none()
    });
    if left.files() > 0 {
        let (size, image) = (human_bytes(left.bytes()), shown(image));
        report.say(&format!("skipped the image in {image} on '{host}' ({size})"));
    }
}

fn patterns(args: &Args) -> anyhow::Result<Vec<Pattern>> {
    args.patterns.iter().map(|text| Pattern::new(text)).collect()
}

/// The patterns that match nothing in the listing of the host, and the selection with the ends of its links.
pub(crate) fn along_links(
    selection: &Selection,
    remote: &Listing,
    connection: &Connection,
) -> Outcome<(Vec<PathBuf>, Selection)> {
    let along = || Ok((selection.unmatched(remote)?, selection.along_links_of_host(remote)?));
    along().map_err(|exceeded| connection.refuse(exceeded))
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
