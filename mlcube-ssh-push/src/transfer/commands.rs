//! The rsyncs of a push.

use std::path::PathBuf;

use mlcube_ssh::listing::Listing;
use mlcube_ssh::process::command::Command;
use mlcube_ssh::remote::connection::Connection;
use mlcube_ssh::sync::{Batch, rsync};

use crate::remote::backups::Backups;
use crate::remote::state::Route;

/// The transfer of the code, file by file: rsync's own patterns can't say what gitignore's do. What it replaces is kept aside.
pub(crate) fn code(
    connection: &Connection,
    route: &Route,
    code: &Listing,
    backups: &Backups,
) -> Command {
    let by_content = route.prepared.by_content.then_some(if connection.is_shared() {
        // It was compared before.
        "--ignore-times"
    } else {
        // Of code nobody knows what looks the same there: rsync compares all of it.
        "--checksum"
    });
    command(connection, route)
        .args(by_content)
        .arg("--backup")
        .arg(format!("--backup-dir={}", backups.code()))
        .arg("--")
        .arg(format!("{}/", route.here.display()))
        .arg(connection.rsync_path(&format!("{}/", route.there)))
        .list(code.names())
}

/// The transfers of the workspace: what they replace is kept aside.
pub(crate) fn workspace(
    connection: &Connection,
    route: &Route,
    send: &Listing,
    links: &[PathBuf],
    backups: &Backups,
) -> Vec<Command> {
    let replaced = backups.workspace();
    let command = |part: &Batch| {
        command(connection, route)
            .args(rsync::without_holes(part.is_sparse))
            .args(ends(part))
            // What goes was found to be another, or is to go: that it looks the same says nothing.
            .args(route.prepared.by_content.then_some("--ignore-times"))
            .arg("--backup")
            .arg(format!("--backup-dir={}", part.below(&replaced).trim_end_matches('/')))
            .arg("--")
            .arg(part.below(&route.here.to_string_lossy()))
            .arg(connection.rsync_path(&part.below(route.there)))
            .list(part.files_from.clone())
    };
    Batch::of(send, links).iter().map(command).collect()
}

/// The option by which links go as what they lead to, of a part of such links. What lies behind them goes by its path.
pub(crate) fn ends(part: &Batch) -> Option<&'static str> {
    part.is_followed.then_some("--copy-links")
}

/// The transfer of what a stream has left in our own folder there: what is whole is linked from it, what is half there is
/// completed.
pub(crate) fn left(connection: &Connection, route: &Route, fresh: &Listing) -> Command {
    command(connection, route)
        .arg(format!("--link-dest={}", route.incoming))
        // What is linked is told of, too.
        .arg("-ii")
        // rsync would put a link in the place of what is there, and keep nothing aside.
        .arg("--ignore-existing")
        .arg("--")
        .arg(format!("{}/", route.here.display()))
        .arg(connection.rsync_path(&format!("{}/", route.there)))
        .list(fresh.names())
}

/// For a tree that a group shares: what one member sends, the others may change, and nobody else may read. Only its owner can
/// set the time of what is there already, of a folder or a link that another member made.
const SHARED: [&str; 3] = ["--chmod=g+rwX,Dg+s,o-rwx", "--omit-dir-times", "--omit-link-times"];

fn command(connection: &Connection, route: &Route) -> Command {
    let command = rsync::command_along_links(connection)
        .args(["--files-from=-", "--from0", "--dirs"])
        // A folder above what is sent keeps its permissions there; one that is a link here is none there.
        .arg("--no-implied-dirs")
        // Times are compared to the nanosecond: by default what changed within one second is skipped.
        .arg("--modify-window=-1")
        .args(connection.is_shared().then_some(SHARED).into_iter().flatten());
    if route.is_near {
        // What is half there lies where no listing looks, even when rsync is killed.
        command.arg(format!("--temp-dir={}", route.scratch))
    } else {
        command
    }
}
