//! `--verify`: whether what is there is here, by content.

use mlcube_ssh_config::boundary::Boundary;
use mlcube_ssh_config::connection::Connection;
use mlcube_ssh_config::document::Document;
use mlcube_ssh_config::failure::Outcome;
use mlcube_ssh_config::ignored::Ignored;
use mlcube_ssh_config::layout::Layout;
use mlcube_ssh_config::rsync::{self, Comparison};
use mlcube_ssh_config::step::Step;
use mlcube_ssh_config::workspace::{Direction, Listing, Part, Plan, Record};

use crate::cli::Args;
use crate::transfer::{self, Sides};
use crate::{fetch, outputs, pull};

/// How many entries one rsync compares: 40,000 at once took 12 s, and in pieces of this size 3.
const AT_ONCE: usize = 5000;

/// Compares what a pull would consider.
pub(crate) fn verify(step: &Step, document: &mut Document, args: &Args) -> Outcome<()> {
    let (layout, runner) = Layout::of_document(document)?;
    let boundary = Boundary::of(&layout, &runner)?;
    boundary.check_workspace(&layout, &document.run)?;
    let connection = Connection::new(document, &runner, step.report())?.for_transfers();
    let selection = pull::selection(args, &outputs::declared(document, &layout))?;
    let record = Record::of(&layout, &document.remote)?;
    if step.is_dry_run() {
        step.show(&connection.shown(&fetch::list_script(&connection, document, None)));
        let there = document.remote.workspace.from_home();
        let plan = Plan::comparison(Direction::Down, &record.workspace(), &Listing::default());
        let comparisons = comparisons(&connection, &layout, there, &plan);
        step.show(comparisons.iter().flat_map(|comparison| &comparison.commands));
        return Ok(());
    }
    let (there, here) = fetch::list_both(&connection, document, &layout, None)?;
    let mut selected = Ignored::of_workspace(&layout).fetched(there.listing)?;
    selected.retain(|path, _| selection.includes(path));
    let sides = Sides {
        step,
        layout: &layout,
        boundary: &boundary,
        connection: &connection,
        record: &record,
    };
    let (here, _) = sides.settle(here, &selected)?;
    let plan = Plan::comparison(Direction::Down, &selected, &here);
    let comparisons = comparisons(&connection, &layout, &there.path, &plan);
    let is_all = plan.unreadable.is_empty() && plan.closed.is_empty();
    rsync::compare(&comparisons, &plan.in_the_way, is_all, &connection, step.report())?;
    transfer::check_readable(&plan, &there.path, connection.host().as_str())
}

fn comparisons(
    connection: &Connection,
    layout: &Layout,
    there: &str,
    plan: &Plan,
) -> Vec<Comparison> {
    of_parts(connection, layout, there, &plan.transfers())
}

/// The comparisons of parts of the workspace there with the one here.
pub(crate) fn of_parts(
    connection: &Connection,
    layout: &Layout,
    there: &str,
    parts: &[Part],
) -> Vec<Comparison> {
    let workspace = layout.workspace.to_string_lossy();
    let parts: Vec<_> = parts.iter().flat_map(|part| part.pieces(AT_ONCE)).collect();
    Comparison::of(&parts, |part| {
        rsync::comparison(connection, part.files_from.clone())
            .arg("--")
            .arg(connection.rsync_path(&part.below(there)))
            .arg(part.below(&workspace))
    })
}
