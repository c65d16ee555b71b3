//! `--verify`: compares local and remote files by content.

use std::path::Path;

use anyhow::anyhow;
use mlcube_ssh::cube::Cube;
use mlcube_ssh::cube::boundary::Boundary;
use mlcube_ssh::cube::layout::Layout;
use mlcube_ssh::listing::Listing;
use mlcube_ssh::pipe::document::{Document, Receipt};
use mlcube_ssh::pipe::failure::{Failure, Outcome};
use mlcube_ssh::pipe::step::Step;
use mlcube_ssh::remote::connection::Connection;
use mlcube_ssh::settings::names::RemotePath;
use mlcube_ssh::sync::rsync::Comparison;
use mlcube_ssh::sync::{Batch, Plan, Selection, Skipped, SyncState, TransferDirection, rsync};
use mlcube_ssh::ui::names::shown;

use crate::local::own_files::OwnFiles;
use crate::local::{Local, code};
use crate::remote::{followed_links, linked_folders, prepare};

/// Compares code and workspace, as far as a push would consider them.
pub(crate) fn verify(step: &Step, document: &mut Document) -> Outcome<()> {
    let cube = Cube::of(document)?;
    let layout = &cube.layout;
    let boundary = Boundary::of(layout, &cube.runner)?;
    boundary.check_code(layout)?;
    boundary.check_workspace(layout, &document.run)?;
    let (remote, report) = (&document.remote, step.report());
    let connection = Connection::new(&cube, document, report)?.for_transfers();
    let keys =
        if step.is_dry_run() { connection.possible_login_keys() } else { connection.login_keys() };
    let own = OwnFiles::of(&cube, keys);
    let sync_state = SyncState::of(layout, remote)?;
    let mut local =
        Local::look(layout, &boundary, sync_state, None, &Selection::All, &own, report)?;
    if step.is_dry_run() {
        step.show(&connection.shown(&prepare::look_script(&connection, remote)));
        let plan = Plan::comparison(TransferDirection::Up, &local.workspace, &Listing::default());
        let places = [&remote.base, &remote.workspace].map(RemotePath::from_home);
        let shown = comparisons(layout, places, &connection, &local.code, &plan);
        step.show(shown.iter().flat_map(|comparison| &comparison.commands));
        return Ok(());
    }
    let mut look = prepare::look(&connection, remote)?;
    let (ours, run) = ([&local.workspace; 2], |script| connection.run(&script));
    linked_folders::list(&connection, &look.workspace, &mut look.listing, ours, run)?;
    followed_links::follow_all(&mut look.listing, &local.workspace);
    local.exclude_workspaces(&look.workspaces)?;
    let plan = Plan::comparison(TransferDirection::Up, &local.workspace, &look.listing);
    let places = [look.base.as_str(), &look.workspace];
    let comparisons = comparisons(layout, places, &connection, &local.code, &plan);
    let all_readable = local.skipped.check(layout, &report, &mut Receipt::default());
    let is_closed = |why: &Skipped| *why == Skipped::Closed;
    let is_all = local.skipped.is_all_readable() && plan.skipped_for(is_closed).next().is_none();
    rsync::compare(&comparisons, &plan, is_all, &connection, report)?;
    if let Some(closed) = plan.skipped_for(is_closed).next() {
        return Err(Failure::ours(anyhow!(
            "can't compare '{}', which can't be read on '{}'",
            shown(closed),
            connection.host()
        ))
        .hint("make it readable for the remote account"));
    }
    all_readable
}

fn comparisons(
    layout: &Layout,
    [base, workspace]: [&str; 2],
    connection: &Connection,
    code: &Listing,
    plan: &Plan,
) -> Vec<Comparison> {
    let all = |batches: &[Batch], local: &Path, remote: &str| {
        let places = [&local.to_string_lossy(), remote];
        Comparison::of(connection, TransferDirection::Up, batches, places, false)
    };
    let mut comparisons = all(&Batch::of(&code::sendable(code), &[]), &layout.base, base);
    comparisons.extend(all(&plan.transfers(), &layout.workspace, workspace));
    comparisons
}
