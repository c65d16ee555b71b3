//! `--verify`: whether what is here is there, by content.

use mlcube_ssh_config::command::Command;
use mlcube_ssh_config::connection::Connection;
use mlcube_ssh_config::document::Document;
use mlcube_ssh_config::failure::Outcome;
use mlcube_ssh_config::layout::Layout;
use mlcube_ssh_config::rsync;
use mlcube_ssh_config::step::Step;
use mlcube_ssh_config::workspace::{Direction, Listing, Plan, Record};

use crate::code;
use crate::local::Local;
use crate::select::Selection;

/// Compares what a push would consider: code and workspace.
pub(crate) fn verify(step: &Step, document: &mut Document) -> Outcome<()> {
    let (layout, runner) = Layout::of_document(document)?;
    let connection = Connection::new(document, &runner, step.report())?;
    let record = Record::of(&layout, &document.remote)?;
    let local = Local::look(&layout, record, Selection::All)?;
    let plan = Plan::comparison(Direction::Up, &local.workspace, &Listing::default());
    let compare = |list: Vec<u8>, here: &std::path::Path, there: &str| -> Command {
        rsync::comparison(&connection, list)
            .arg("--")
            .arg(format!("{}/", here.display()))
            .arg(connection.rsync_path(&format!("{there}/")))
    };
    let base = document.remote.base.from_home();
    let mut commands = vec![compare(code::sendable(&local.code).names(), &layout.base, base)];
    let workspace = document.remote.workspace.from_home();
    for part in plan.transfers() {
        commands.push(compare(part.files_from, &layout.workspace, workspace));
    }
    if step.is_dry_run() {
        step.show(&commands);
        return Ok(());
    }
    // rsync needs the shared connection to be open.
    connection.ask(&connection.script(":"))?;
    rsync::compare(&commands, &connection, step.report())
}
