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
    prepared: &mut RemoteState,
    connection: &Connection,
    send: &Listing,
) -> Outcome<bool> {
    let doubtful = DoubtfulNames::of(send, &prepared.listing);
    if doubtful.is_empty() {
        return Ok(false);
    }
    let script = connection
        .script(TRY_NAMES)
        .given("workspace", &prepared.workspace)
        .given("format", FIND_FORMAT);
    let script = doubtful.words().fold(script, Script::word);
    let answer = prepared.ask(connection, script)?;
    if answer.status != 0 || answer.text().trim_end() == "unknown" {
        // Nothing can be created in the workspace; the transfer will say why.
        return Ok(false);
    }
    let before = prepared.listing.len();
    doubtful.mark(&mut prepared.listing, &answer.listing()?);
    Ok(prepared.listing.len() > before)
}
