//! The remote scripts that unpack an archive and remove what is left of it.

use std::path::Path;

use mlcube_ssh::process::script::Script;
use mlcube_ssh::remote::connection::Connection;

use crate::archive::new_entries::NewEntries;
use crate::remote::state::Route;

const UNPACK: &str = include_str!("../sh/unpack.sh");
const DISCARD: &str = include_str!("../sh/discard.sh");

/// The script that unpacks an archive and puts its entries in place.
pub(crate) fn script(route: &Route, new_entries: &NewEntries, is_compressed: bool) -> Script {
    let script = route
        .remote_state
        .incoming
        .emptying(UNPACK)
        .given("name", route.name)
        .given("target", route.remote)
        .given("zstd", if is_compressed { "--zstd" } else { "" });
    // The deepest folders come first, because the script removes each folder and those above it once they are empty.
    new_entries.folders.iter().rev().fold(script, |script, folder| {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        script.word(folder)
    })
}

/// The script that removes the unpacked entries once rsync has put them in place.
pub(crate) fn discard_script(connection: &Connection, route: &Route) -> Script {
    connection.script(DISCARD).given("incoming", &route.incoming)
}
