//! Partial files that an earlier push, which was cut off, has left in the tree. rsync keeps them beside their files
//! where the incoming folder is on another file system. They are useless once a push has succeeded.

use mlcube_ssh::listing::PARTIAL;
use mlcube_ssh::pipe::failure::Outcome;
use mlcube_ssh::remote::connection::Connection;
use mlcube_ssh::sync::Plan;

use crate::remote::state::RemoteState;

const REMOVE: &str = include_str!("../sh/remove-partial.sh");

/// Removes the partial files from the tree, the workspace and the folders below followed links.
pub(crate) fn remove(
    remote_state: &RemoteState,
    connection: &Connection,
    plan: &Plan,
) -> Outcome<()> {
    let script = connection
        .script(REMOVE)
        .given("base", &remote_state.base)
        .given("workspace", &remote_state.workspace)
        .given("name", PARTIAL)
        .words(&plan.links);
    connection.run(&script).map(drop)
}
