//! Tries names that the remote file system may not be able to store, or may confuse with others, before anything is
//! sent.

use std::path::PathBuf;

use mlcube_ssh::listing::{DoubtfulNames, FIND_FORMAT, Listing};
use mlcube_ssh::pipe::failure::Outcome;
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
    let (top, gone) = (&remote_state.workspace, &Listing::default());
    let Some(tried) = try_in(top, &doubtful, gone, remote_state, connection)? else {
        return Ok(false);
    };
    let before = remote_state.listing.len();
    doubtful.mark(&mut remote_state.listing, |place| tried.get(place).is_some());
    Ok(remote_state.listing.len() > before)
}

/// Returns the paths of the code whose names the file system of the tree can't store, among those that aren't in
/// `pushed`. The push deletes what is `gone`, so these names are in nobody's way.
pub(crate) fn unheld_code(
    remote_state: &RemoteState<'_>,
    connection: &Connection,
    code: &Listing,
    pushed: &Listing,
    gone: &Listing,
) -> Outcome<Vec<PathBuf>> {
    let doubtful = DoubtfulNames::of(code, pushed);
    let top = &remote_state.base;
    let Some(tried) = try_in(top, &doubtful, gone, remote_state, connection)? else {
        return Ok(Vec::new());
    };
    let mut unheld = Listing::default();
    doubtful.mark(&mut unheld, |place| tried.get(place).is_some());
    Ok(unheld.iter().map(|(path, _)| path.to_owned()).collect())
}

/// Makes files of doubtful names on the disk of the remote folder `top`, and returns the listing of the result; `None`
/// where nothing is known.
fn try_in(
    top: &str,
    doubtful: &DoubtfulNames,
    gone: &Listing,
    remote_state: &RemoteState<'_>,
    connection: &Connection,
) -> Outcome<Option<Listing>> {
    if doubtful.is_empty() {
        return Ok(None);
    }
    let script = connection.script(TRY_NAMES).given("top", top).given("format", FIND_FORMAT);
    let script = script.given("gone", &gone.len().to_string());
    let script = script.words(gone.iter().map(|(path, _)| path)).words(doubtful.words());
    let reply = remote_state.incoming.run_script(script)?;
    if reply.status != 0 || reply.text().trim_end() == "unknown" {
        // Nothing can be created there; the transfer will say why.
        return Ok(None);
    }
    Ok(Some(reply.listing()?))
}
