//! What an earlier push that was cut off has left in the tree: rsync keeps what it has of a file beside it where our own folder is
//! on another disk, and that is of no use once a push is through.

use mlcube_ssh_config::connection::Connection;
use mlcube_ssh_config::failure::Outcome;
use mlcube_ssh_config::rsync::PARTIAL;
use mlcube_ssh_config::script::Script;
use mlcube_ssh_config::workspace::Plan;

use crate::there::Prepared;

const REMOVE: &str = include_str!("remote/remove-partial.sh");

/// Removes it.
pub(crate) fn remove(prepared: &Prepared, connection: &Connection, plan: &Plan) -> Outcome<()> {
    let script = connection
        .script(REMOVE)
        .given("base", &prepared.base)
        .given("workspace", &prepared.workspace)
        .given("name", PARTIAL);
    let script = plan.links.iter().fold(script, Script::word);
    connection.ask(&script).map(drop)
}
