//! `--list`: lists the remote workspace.

use std::path::Path;

use mlcube_ssh::cube::Cube;
use mlcube_ssh::listing::{Entry, EntryKind, Unreadable};
use mlcube_ssh::pipe::answer::write_json_list;
use mlcube_ssh::pipe::document::Document;
use mlcube_ssh::pipe::failure::Outcome;
use mlcube_ssh::pipe::step::{Step, write_for_people};
use mlcube_ssh::remote::connection::Connection;
use mlcube_ssh::sync::SyncState;
use mlcube_ssh::text::date::utc;
use mlcube_ssh::text::units::human_bytes;
use serde_json::{Value, json};

use crate::cli::Args;
use crate::remote::{followed_links, list, outputs};
use crate::selection;

/// Writes the size, time and name of every selected entry.
pub(crate) fn list(step: &Step, document: &mut Document, args: &Args) -> Outcome<()> {
    let cube = Cube::of(document)?;
    let layout = &cube.layout;
    let connection = Connection::new(&cube, document, step.report())?
        .for_transfers()
        .without_login(args.no_login);
    let outputs = outputs::declared(document, layout);
    let selection = selection::of_command_line(args, &outputs, None)?;
    if step.is_dry_run() {
        let script = list::list_script(&connection, document, layout, None)?;
        step.show(&connection.shown(&script));
        return Ok(());
    }
    let named = selection::named(args, &outputs)?;
    let mut remote = list::list(&connection, document, layout, None)?;
    let agreed = SyncState::of(layout, &document.remote)?.agreed()?;
    followed_links::follow(&connection, document, &mut remote, &named, &agreed)?;
    let (unmatched, selection) = selection::along_links(&selection, &remote.listing, &connection)?;
    let selected = remote.listing.iter().filter(|(path, _)| selection.includes(path));
    if args.json {
        write_json_list(selected.map(|(path, entry)| json(path, &entry)))?;
    } else {
        write_for_people(selected.map(|(path, entry)| line(path, &entry)))?;
    }
    selection::check_matched(document, &unmatched)
}

fn line(path: &Path, entry: &Entry) -> String {
    let size = if entry.kind == EntryKind::File { human_bytes(entry.size) } else { "-".to_owned() };
    format!("{size:>10}  {}  {}", utc(entry.modified.0), name(path, entry))
}

/// An entry as JSON. A name that isn't UTF-8 has a replacement character, as in the document.
fn json(path: &Path, entry: &Entry) -> Value {
    let kind = match entry.kind {
        EntryKind::File => "file",
        EntryKind::Folder => "folder",
        EntryKind::Link => "link",
        EntryKind::Unreadable => "unreadable",
        EntryKind::Other => "other",
    };
    let mut json = json!({
        "path": path.to_string_lossy(),
        "kind": kind,
        "bytes": (entry.kind == EntryKind::File).then_some(entry.size),
        "modified": entry.modified.0,
    });
    match entry.kind {
        EntryKind::Link => json["target"] = entry.target.to_string_lossy().into(),
        EntryKind::Unreadable => match entry.why_unreadable() {
            Unreadable::Reason(reason) => json["why"] = reason.into(),
            Unreadable::Owner(owner) => json["owner"] = owner.into(),
        },
        _ => {}
    }
    json
}

/// A name without terminal control characters. That of a folder ends with a slash, that of a link with its target.
fn name(path: &Path, entry: &Entry) -> String {
    let path = path.to_string_lossy().escape_debug().to_string();
    let target = entry.target.to_string_lossy();
    match entry.kind {
        EntryKind::File => path,
        EntryKind::Folder => format!("{path}/"),
        EntryKind::Link => format!("{path} -> {}", target.escape_debug()),
        EntryKind::Unreadable => match entry.why_unreadable() {
            Unreadable::Reason(reason) => {
                format!("{path} (can't be read: {})", reason.escape_debug())
            }
            Unreadable::Owner(owner) => {
                format!("{path} (can't be read, it belongs to {})", owner.escape_debug())
            }
        },
        EntryKind::Other => format!("{path} (a device, socket or pipe)"),
    }
}
