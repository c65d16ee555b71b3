//! `--verify`: compares remote and local files by content.

use std::path::{Path, PathBuf};

use mlcube_ssh::cube::Cube;
use mlcube_ssh::cube::layout::Layout;
use mlcube_ssh::listing::Listing;
use mlcube_ssh::listing::ignore::Ignored;
use mlcube_ssh::pipe::document::Document;
use mlcube_ssh::pipe::failure::Outcome;
use mlcube_ssh::pipe::step::Step;
use mlcube_ssh::process::script::Script;
use mlcube_ssh::remote::connection::Connection;
use mlcube_ssh::remote::foreign_files::ForeignFiles;
use mlcube_ssh::sync::rsync::Comparison;
use mlcube_ssh::sync::{Plan, TransferDirection, rsync};

use crate::cli::Args;
use crate::inspect::{Listings, list_both};
use crate::pull::Pull;
use crate::remote::list;
use crate::selection;
use crate::transfer::skipped;

/// Compares the entries that a pull would consider.
pub(crate) fn verify(step: &Step, document: &mut Document, args: &Args) -> Outcome<()> {
    let cube = Cube::of(document)?;
    let layout = &cube.layout;
    let pull = Pull::of(step, document, &cube, args)?;
    let Pull { boundary, connection, sync_state, outputs, selection, .. } = &pull;
    if step.is_dry_run() {
        step.show(&connection.shown(&list::list_script(connection, document, layout, None)?));
        let remote = document.remote.workspace.from_home();
        let plan =
            Plan::comparison(TransferDirection::Down, &sync_state.agreed()?, &Listing::default());
        let comparisons = comparisons(connection, layout, remote, &plan, &[]);
        step.show(comparisons.iter().flat_map(|comparison| &comparison.commands));
        return Ok(());
    }
    let named = selection::named(args, outputs)?;
    let Listings { remote, local, agreed, .. } =
        list_both(connection, document, layout, sync_state, false, &named)?;
    // A pattern that matches nothing is reported before any comparison reports that files are the same.
    let (unmatched, selection) = selection::along_links(selection, &remote.listing, connection)?;
    selection::check_matched(document, &unmatched)?;
    let (links, linked_files) = (remote.followed(true), remote.followed(false));
    let mut selected = Ignored::of_workspace(layout, boundary).fetched(remote.listing)?;
    selected.retain(|path, _| selection.includes(path));
    let context = pull.context();
    let run = |script: Script| connection.run(&script);
    let sides = context.sides(&remote.path, &run);
    let (local, _) = pull.settle(local, &selected, agreed, &sides, &mut Vec::new())?;
    let mut plan = Plan::comparison(TransferDirection::Down, &selected, &local);
    plan.links.extend(links);
    let comparisons = comparisons(connection, layout, &remote.path, &plan, &linked_files);
    let is_all = plan.skipped_for(|why| skipped::is_unread(*why)).next().is_none();
    rsync::compare(&comparisons, &plan, is_all, connection, step.report())?;
    let foreign = ForeignFiles { connection, cube: &cube, document, place: &remote.path };
    skipped::check(&plan, &foreign)
}

fn comparisons(
    connection: &Connection,
    layout: &Layout,
    remote: &str,
    plan: &Plan,
    linked_files: &[PathBuf],
) -> Vec<Comparison> {
    let compare = |of_links: bool| {
        let is_linked = |path: &Path| linked_files.iter().any(|link| link == path);
        let send = plan.send.filter(|path, _| is_linked(path) == of_links);
        let places = [&layout.workspace.to_string_lossy(), remote];
        let batches = plan.transfers_of(&send);
        Comparison::of(connection, TransferDirection::Down, &batches, places, of_links)
    };
    [false, true].into_iter().flat_map(compare).collect()
}
