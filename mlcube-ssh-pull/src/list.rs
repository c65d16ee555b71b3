//! `--list`: what is in the workspace there.

use std::fmt::Write;
use std::path::Path;

use mlcube_ssh_config::connection::Connection;
use mlcube_ssh_config::date::utc;
use mlcube_ssh_config::document::Document;
use mlcube_ssh_config::failure::Outcome;
use mlcube_ssh_config::layout::Layout;
use mlcube_ssh_config::report::human_bytes;
use mlcube_ssh_config::step::{Step, write_once};
use mlcube_ssh_config::workspace::{Entry, Kind, Listing};

use crate::cli::Args;
use crate::{fetch, outputs, pull};

/// Writes size, time and name of every entry that is selected.
pub(crate) fn list(step: &Step, document: &mut Document, args: &Args) -> Outcome<()> {
    let (layout, runner) = Layout::of_document(document)?;
    let connection = Connection::new(document, &runner, step.report())?;
    let selection = pull::selection(args, &outputs::declared(document, &layout))?;
    let there = fetch::list(&connection, document, None)?;
    write_once(&table(&there.listing.filter(|path, _| selection.includes(path))))?;
    Ok(())
}

fn table(listing: &Listing) -> String {
    let mut text = String::new();
    for (path, entry) in listing.iter() {
        let size = if entry.kind == Kind::File { human_bytes(entry.size) } else { "-".to_owned() };
        let _ = writeln!(text, "{size:>10}  {}  {}", utc(entry.modified.0), name(path, &entry));
    }
    text
}

/// A name that can't play tricks with a terminal: a folder's ends with a slash, a link's with its target.
fn name(path: &Path, entry: &Entry) -> String {
    let path = path.to_string_lossy().escape_debug().to_string();
    let target = entry.target.to_string_lossy();
    match entry.kind {
        Kind::File => path,
        Kind::Folder => format!("{path}/"),
        Kind::Link => format!("{path} -> {}", target.escape_debug()),
        Kind::Unreadable => format!("{path} (can't be read, it belongs to {target})"),
        Kind::Other => format!("{path} (a device, socket or pipe)"),
    }
}
