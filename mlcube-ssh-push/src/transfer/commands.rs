//! The rsync commands of a push.

use std::path::PathBuf;

use mlcube_ssh::listing::Listing;
use mlcube_ssh::process::command::Command;
use mlcube_ssh::remote::connection::Connection;
use mlcube_ssh::sync::{Batch, rsync};

use crate::remote::backups::Backups;
use crate::remote::state::Route;

/// The transfer of the code. Every file is named, because rsync's patterns can't express those of gitignore. rsync
/// keeps backups of the files that it replaces.
pub(crate) fn code(
    connection: &Connection,
    route: &Route,
    code: &Listing,
    backups: &Backups,
) -> Command {
    let by_content = route.remote_state.by_content.then_some(if connection.is_shared() {
        // A comparison by content has chosen these files already.
        "--ignore-times"
    } else {
        // The plan doesn't cover code, so rsync compares the content of every file.
        "--checksum"
    });
    command(connection, route)
        .args(by_content)
        .arg("--backup")
        .arg(format!("--backup-dir={}", backups.code()))
        .arg("--")
        .arg(format!("{}/", route.local.display()))
        .arg(connection.rsync_path(&format!("{}/", route.remote)))
        .list(code.names())
}

/// The transfers of the workspace. rsync keeps backups of the files that it replaces.
pub(crate) fn workspace(
    connection: &Connection,
    route: &Route,
    send: &Listing,
    links: &[PathBuf],
    backups: &Backups,
) -> Vec<Command> {
    let replaced = backups.workspace();
    let command = |batch: &Batch| {
        command(connection, route)
            .args(rsync::without_holes(batch.is_sparse))
            .args(link_option(batch))
            .args(batch.permissions_option())
            // The plan chose these entries by content; the same size and time mustn't make rsync skip them.
            .args(route.remote_state.by_content.then_some("--ignore-times"))
            .arg("--backup")
            .arg(format!("--backup-dir={}", batch.below(&replaced).trim_end_matches('/')))
            .arg("--")
            .arg(batch.below(&route.local.to_string_lossy()))
            .arg(connection.rsync_path(&batch.below(route.remote)))
            .list(batch.files_from.clone())
            .names_below(&batch.folder)
    };
    Batch::of(send, links).iter().map(command).collect()
}

/// The option that sends links as their targets, for a batch of followed links. Entries below such a link are sent by
/// their paths.
pub(crate) fn link_option(batch: &Batch) -> Option<&'static str> {
    batch.is_followed.then_some("--copy-links")
}

/// The transfer of what an archive left in the incoming folder: rsync hard-links the complete files to their places and
/// completes the others.
pub(crate) fn complete_leftovers(
    connection: &Connection,
    route: &Route,
    new_entries: &Listing,
) -> Command {
    command(connection, route)
        .arg(format!("--link-dest={}", route.incoming))
        // Given twice, so that rsync also reports the files that it links.
        .arg("-ii")
        // Without it, rsync would replace an existing file with a link and keep no backup.
        .arg("--ignore-existing")
        .arg("--")
        .arg(format!("{}/", route.local.display()))
        .arg(connection.rsync_path(&format!("{}/", route.remote)))
        .list(new_entries.names())
}

/// Options for a tree that a group shares: its members may change what one of them sends, and nobody else may read it.
/// Only the owner of a folder or link can set its time, and another member may have made it.
const SHARED: [&str; 3] = ["--chmod=g+rwX,Dg+s,o-rwx", "--omit-dir-times", "--omit-link-times"];

fn command(connection: &Connection, route: &Route) -> Command {
    let command = rsync::command_along_links(connection)
        .args(["--files-from=-", "--from0", "--dirs"])
        // A folder above what is sent keeps its remote permissions. One that is a link locally must not become a link
        // on the remote.
        .arg("--no-implied-dirs")
        // Compares times to the nanosecond; by default, rsync skips a change within the same second.
        .arg("--modify-window=-1")
        .args(connection.is_shared().then_some(SHARED).into_iter().flatten());
    if route.is_on_incoming_disk {
        // Incomplete files are written where no listing looks, even if rsync is killed.
        command.arg(format!("--temp-dir={}", route.scratch))
    } else {
        command
    }
}
