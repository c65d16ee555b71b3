//! What is behind the remote's links to folders, where a push may write through them.
//!
//! Only links in places where the local side has a folder are followed: a task may leave a link to `/`.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use mlcube_ssh::listing::{EntryKind, FIND_FORMAT_LINKED, Listing};
use mlcube_ssh::pipe::failure::Outcome;
use mlcube_ssh::process::script::Script;
use mlcube_ssh::remote::connection::Connection;
use mlcube_ssh::remote::session::Reply;

use crate::remote::problem::failure;

const LIST: &str = include_str!("../sh/linked-folders.sh");

/// The most links that are followed.
const MOST: usize = 10_000;

/// Adds to the listing `remote` of the `workspace` what is behind its links in the places of folders of `ours`: the
/// local workspace, and what both sides agreed on. Returns whether parts of files are there, which a transfer has left.
pub(crate) fn list(
    connection: &Connection,
    workspace: &str,
    remote: &mut Listing,
    ours: [&Listing; 2],
    run: impl Fn(Script) -> Outcome<Reply>,
) -> Outcome<bool> {
    let (mut listed, mut has_parts) = (HashSet::new(), false);
    // Behind a link may be more of them; links that lead to each other have no end.
    while listed.len() < MOST {
        match list_new(connection, workspace, remote, ours, &mut listed, &run)? {
            Some(new_has_parts) => has_parts |= new_has_parts,
            None => break,
        }
    }
    Ok(has_parts)
}

/// As `list`, for the links that aren't in `listed` yet, and adds them to it; `None` if there were none.
fn list_new(
    connection: &Connection,
    workspace: &str,
    remote: &mut Listing,
    ours: [&Listing; 2],
    listed: &mut HashSet<PathBuf>,
    run: &impl Fn(Script) -> Outcome<Reply>,
) -> Outcome<Option<bool>> {
    let is_ours =
        |path: &Path| ours.iter().any(|ours| ours.get(path).is_some_and(|entry| entry.is_folder()));
    let links: Vec<PathBuf> = remote
        .iter()
        .filter(|(path, entry)| entry.kind == EntryKind::Link && is_ours(path))
        .map(|(path, _)| path.to_owned())
        .filter(|path| listed.insert(path.clone()))
        .collect();
    if links.is_empty() {
        return Ok(None);
    }
    let script = connection.script(LIST);
    let script = script.given("workspace", workspace).given("linked", FIND_FORMAT_LINKED);
    let reply = run(script.words(&links))?;
    if reply.status != 0 {
        return Err(failure(connection.host().as_str(), &reply));
    }
    let has_parts = reply.has_parts();
    remote.merge(&reply.listing()?);
    Ok(Some(has_parts))
}
