//! Names that the file system there may not hold, or take for others: they are tried before anything is sent.

use mlcube_ssh::listing::{DoubtfulNames, FIND_FORMAT, Listing};
use mlcube_ssh::pipe::failure::Outcome;
use mlcube_ssh::process::script::Script;
use mlcube_ssh::remote::connection::Connection;

use crate::remote::state::RemoteState;

const TRY_NAMES: &str = include_str!("../sh/try-names.sh");

/// Marks in the listing of the workspace there what of `send` it can't hold; says whether there is any.
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
        // Nothing can be made there: the transfer says why.
        return Ok(false);
    }
    let before = prepared.listing.len();
    doubtful.mark(&mut prepared.listing, &answer.listing()?);
    Ok(prepared.listing.len() > before)
}
