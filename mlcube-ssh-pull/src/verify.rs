//! `--verify`: whether what is there is here, by content.

use std::path::{Path, PathBuf};

use mlcube_ssh::cube::boundary::Boundary;
use mlcube_ssh::cube::layout::Layout;
use mlcube_ssh::listing::Listing;
use mlcube_ssh::listing::ignore::Ignored;
use mlcube_ssh::pipe::document::Document;
use mlcube_ssh::pipe::failure::Outcome;
use mlcube_ssh::pipe::step::Step;
use mlcube_ssh::remote::connection::Connection;
use mlcube_ssh::remote::foreign_files::ForeignFiles;
use mlcube_ssh::sync::rsync::Comparison;
use mlcube_ssh::sync::{Direction, Part, Plan, Record, rsync};

use crate::cli::Args;
use crate::pull;
use crate::remote::outputs;
use crate::transfer;
use crate::transfer::fetch::Lists;
use crate::transfer::{Sides, fetch};

/// How many entries one rsync compares: 40,000 at once took 12 s, and in pieces of this size 3.
const AT_ONCE: usize = 5000;

/// Compares what a pull would consider.
pub(crate) fn verify(step: &Step, document: &mut Document, args: &Args) -> Outcome<()> {
    let (layout, runner) = Layout::of_document(document)?;
    let boundary = Boundary::of(&layout, &runner)?;
    boundary.check_workspace(&layout, &document.run)?;
    let connection = Connection::new(document, &runner, step.report())?.for_transfers();
    let outputs = outputs::declared(document, &layout);
    let selection = pull::selection(args, &outputs)?;
    let record = Record::of(&layout, &document.remote)?;
    if step.is_dry_run() {
        step.show(&connection.shown(&fetch::list_script(&connection, document, &layout, None)?));
        let there = document.remote.workspace.from_home();
        let plan = Plan::comparison(Direction::Down, &record.workspace()?, &Listing::default());
        let comparisons = comparisons(&connection, &layout, there, &plan, &[]);
        step.show(comparisons.iter().flat_map(|comparison| &comparison.commands));
        return Ok(());
    }
    let asked = pull::asked(args, &outputs)?;
    let Lists { there, here, common } =
        fetch::list_both(&connection, document, &layout, &record, false, &asked)?;
    // Before anything is said to be the same.
    pull::check_matched(document, &selection.unmatched(&there.listing))?;
    let selection = selection.along_links(&there.listing);
    let (links, linked_files) = (there.followed(true), there.followed(false));
    let mut selected = Ignored::of_workspace(&layout).fetched(there.listing)?;
    selected.retain(|path, _| selection.includes(path));
    let sides = Sides {
        step,
        layout: &layout,
        boundary: &boundary,
        connection: &connection,
        record: &record,
    };
    let (here, _) = sides.settle(here, &selected, common)?;
    let mut plan = Plan::comparison(Direction::Down, &selected, &here);
    plan.links.extend(links);
    let comparisons = comparisons(&connection, &layout, &there.path, &plan, &linked_files);
    let is_all = plan.unreadable.is_empty() && plan.closed.is_empty();
    rsync::compare(&comparisons, &plan.in_the_way, is_all, &connection, step.report())?;
    let foreign = ForeignFiles { connection: &connection, document, place: &there.path };
    transfer::check_readable(&plan, &foreign)
}

fn comparisons(
    connection: &Connection,
    layout: &Layout,
    there: &str,
    plan: &Plan,
    linked_files: &[PathBuf],
) -> Vec<Comparison> {
    let compare = |of_links: bool| {
        let is_linked = |path: &Path| linked_files.iter().any(|link| link == path);
        let send = plan.send.filter(|path, _| is_linked(path) == of_links);
        of_parts(connection, layout, there, &plan.transfers_of(&send), of_links)
    };
    [false, true].into_iter().flat_map(compare).collect()
}

/// The comparisons of parts of the workspace there, or of links there that stand for files, with the one here.
pub(crate) fn of_parts(
    connection: &Connection,
    layout: &Layout,
    there: &str,
    parts: &[Part],
    of_links: bool,
) -> Vec<Comparison> {
    let workspace = layout.workspace.to_string_lossy();
    let parts: Vec<_> = parts.iter().flat_map(|part| part.pieces(AT_ONCE)).collect();
    Comparison::of(&parts, |part| {
        rsync::comparison(connection, part.files_from.clone())
            // The file that a link stands for.
            .args(of_links.then_some("--copy-links"))
            .arg("--")
            .arg(connection.rsync_path(&part.below(there)))
            .arg(part.below(&workspace))
    })
}
