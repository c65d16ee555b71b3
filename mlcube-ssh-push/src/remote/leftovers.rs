//! What an earlier push that was cut off has left in the tree: rsync keeps what it has of a file beside it where our own folder is
//! on another disk, and that is of no use once a push is through.

use mlcube_ssh::listing::PARTIAL;
use mlcube_ssh::pipe::failure::Outcome;
use mlcube_ssh::process::script::Script;
use mlcube_ssh::remote::connection::Connection;
use mlcube_ssh::sync::Plan;

use crate::remote::state::RemoteState;

const REMOVE: &str = include_str!("../sh/remove-partial.sh");

/// Removes it.
pub(crate) fn remove(prepared: &RemoteState, connection: &Connection, plan: &Plan) -> Outcome<()> {
    let script = connection
        .script(REMOVE)
        .given("base", &prepared.base)
        .given("workspace", &prepared.workspace)
        .given("name", PARTIAL);
    let script = plan.links.iter().fold(script, Script::word);
    connection.run(&script).map(drop)
}
