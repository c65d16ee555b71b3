//! `--verify`: whether what is there is here, by content.

use mlcube_ssh_config::command::Command;
use mlcube_ssh_config::connection::Connection;
use mlcube_ssh_config::document::Document;
use mlcube_ssh_config::failure::Outcome;
use mlcube_ssh_config::ignored::Ignored;
use mlcube_ssh_config::layout::Layout;
use mlcube_ssh_config::rsync;
use mlcube_ssh_config::step::Step;
use mlcube_ssh_config::workspace::{Direction, Listing, Plan, Record};

use crate::cli::Args;
use crate::transfer::Sides;
use crate::{fetch, outputs, pull};

/// Compares what a pull would consider.
pub(crate) fn verify(step: &Step, document: &mut Document, args: &Args) -> Outcome<()> {
    let (layout, runner) = Layout::of_document(document)?;
    let connection = Connection::new(document, &runner, step.report())?;
    let selection = pull::selection(args, &outputs::declared(document, &layout))?;
    let record = Record::of(&layout, &document.remote)?;
    if step.is_dry_run() {
        step.show(&connection.shown(&fetch::list_script(&connection, document)));
        let there = document.remote.workspace.from_home();
        let plan = Plan::comparison(Direction::Down, &record.workspace(), &Listing::default());
        step.show(&commands(&connection, &layout, there, &plan));
        return Ok(());
    }
    let there = fetch::list(&connection, document)?;
    let listing = Ignored::of_workspace(&layout).without(&there.listing)?;
    let selected = listing.filter(|path, _| selection.includes(path));
    let sides = Sides { step, layout: &layout, connection: &connection, record: &record };
    let (here, _) = sides.here(&selected)?;
    let plan = Plan::comparison(Direction::Down, &selected, &here);
    let commands = commands(&connection, &layout, &there.path, &plan);
    rsync::compare(&commands, &connection, step.report())
}

fn commands(connection: &Connection, layout: &Layout, there: &str, plan: &Plan) -> Vec<Command> {
    let workspace = layout.workspace.to_string_lossy();
    let transfers = plan.transfers();
    let commands = transfers.iter().map(|part| {
        rsync::comparison(connection, part.files_from.clone())
            .arg("--")
            .arg(connection.rsync_path(&part.below(there)))
            .arg(part.below(&workspace))
    });
    commands.collect()
}
