//! Checks before a transfer that the files to fetch fit on the local file system.

use std::path::Path;

use mlcube_ssh::listing::Listing;
use mlcube_ssh::pipe::failure::Outcome;
use mlcube_ssh::remote::connection::Connection;
use mlcube_ssh::sync::{Plan, free_space};

const ALLOCATED: &str = include_str!("../sh/allocated.sh");

/// The free bytes for this user on the file system of `folder`; `None` if it doesn't report them.
pub(crate) fn free_bytes(folder: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// Checks the free space. `remote` is the path of the workspace on the remote.
///
/// # Errors
/// When the files of the plan are larger than the free space; the largest files are named.
pub(crate) fn check(
    plan: &Plan,
    workspace: &Path,
    free: Option<u64>,
    connection: &Connection,
    remote: &str,
) -> Outcome<()> {
    let send = &plan.send;
    let allocated = || Ok(send.bytes() - holes(send, connection, remote)?);
    let place = format!("in {}", workspace.display());
    free_space::check(send.bytes(), free, allocated, ["pull", &place], || send.largest()).map_err(
        |failure| {
            failure.hint("make room, or fetch only what you need with `mlcube-ssh-pull PATTERN`")
        },
    )
}

/// The size of the holes in these files. Asks the remote; called only where the plain sizes don't fit.
fn holes(send: &Listing, connection: &Connection, remote: &str) -> Outcome<u64> {
    let sparse = send.filter(|_, entry| entry.is_sparse());
    if sparse.is_empty() {
        return Ok(0);
    }
    let script = connection.script(ALLOCATED).given("workspace", remote);
    let script = sparse.iter().fold(script, |script, (path, _)| script.word(path));
    let allocated = connection.run(&script)?.field("allocated");
    let allocated = allocated.and_then(|bytes| bytes.parse().ok()).unwrap_or(sparse.bytes());
    Ok(sparse.bytes().saturating_sub(allocated))
}
