//! What a stream has brought gets into its place.

use std::path::Path;

use mlcube_ssh_config::connection::Connection;
use mlcube_ssh_config::script::Script;
use mlcube_ssh_config::workspace::Listing;

use crate::fresh::Fresh;
use crate::there::Route;

const PLACE: &str = include_str!("remote/place.sh");
const DISCARD: &str = include_str!("remote/discard.sh");

/// The script that puts in place what was brought, but for what changed here meanwhile.
pub(crate) fn place(
    connection: &Connection,
    route: &Route,
    fresh: &Fresh,
    changed: &Listing,
) -> Script {
    let script = connection.script(PLACE).word(&route.incoming).word(route.there);
    let brought = fresh.entries.files() - changed.files();
    let script = script.word(&brought.to_string()).word(&changed.len().to_string());
    let changed_paths = changed.iter().map(|(path, _)| path.to_string_lossy());
    let script = changed_paths.fold(script, |script, path| script.word(&path));
    // The deepest first: what is above a folder has to be empty in the end.
    fresh.folders_without(changed).iter().rev().fold(script, |script, (folder, entries)| {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        script.word(&folder.to_string_lossy()).word(&entries.to_string())
    })
}

/// The script that removes what was brought, once rsync has put it in place.
pub(crate) fn discard(connection: &Connection, route: &Route) -> Script {
    connection.script(DISCARD).word(&route.incoming)
}
