//! Tries names that the remote file system may not be able to store, or may confuse with others, before anything is
//! sent.

use mlcube_ssh::listing::{DoubtfulNames, FIND_FORMAT, Listing};
use mlcube_ssh::pipe::failure::Outcome;
use mlcube_ssh::process::script::Script;
use mlcube_ssh::remote::connection::Connection;

use crate::remote::state::RemoteState;

const TRY_NAMES: &str = include_str!("../sh/try-names.sh");

/// Marks the entries of the remote listing whose names in `send` the file system can't store; returns whether there are
/// any.
pub(crate) fn mark_unheld(
    remote_state: &mut RemoteState<'_>,
    connection: &Connection,
    send: &Listing,
) -> Outcome<bool> {
    let doubtful = DoubtfulNames::of(send, &remote_state.listing);
    if doubtful.is_empty() {
        return Ok(false);
    }
    let script = connection
        .script(TRY_NAMES)
        .given("workspace", &remote_state.workspace)
        .given("format", FIND_FORMAT);
    let script = doubtful.words().fold(script, Script::word);
    let reply = remote_state.incoming.run_script(script)?;
    if reply.status != 0 || reply.text().trim_end() == "unknown" {
        // Nothing can be created in the workspace; the transfer will say why.
        return Ok(false);
    }
    let before = remote_state.listing.len();
    doubtful.mark(&mut remote_state.listing, &reply.listing()?);
    Ok(remote_state.listing.len() > before)
}
