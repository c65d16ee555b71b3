//! What the remote does with an archive, and with the incoming folder of a push.

use std::path::Path;

use mlcube_ssh::process::script::Script;
use mlcube_ssh::remote::connection::Connection;
use mlcube_ssh::remote::job;

use crate::archive::new_entries::Fresh;
use crate::remote::state::{Prepared, Route};

const BRING: &str = include_str!("../sh/unpack.sh");
const DISCARD: &str = include_str!("../sh/discard.sh");
const HOLD: &str = include_str!("../sh/hold.sh");
const RELEASE: &str = include_str!("../sh/release.sh");

/// The script that unpacks a stream, and puts in place what it brings.
pub(crate) fn bring(
    connection: &Connection,
    route: &Route,
    fresh: &Fresh,
    is_squeezed: bool,
) -> Script {
    let script = filling(connection, BRING, route.prepared)
        .given("name", route.name)
        .given("target", route.there)
        .given("squeezed", if is_squeezed { "--zstd" } else { "" });
    // The deepest first: what is above a folder has to be empty in the end.
    fresh.folders.iter().rev().fold(script, |script, folder| {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        script.word(folder)
    })
}

/// The script that removes what was brought, once rsync has put it in place.
pub(crate) fn discard(connection: &Connection, route: &Route) -> Script {
    connection.script(DISCARD).given("incoming", &route.incoming)
}

/// The script that holds the incoming folder of a push while its session lasts.
pub(crate) fn hold(connection: &Connection, prepared: &Prepared) -> Script {
    filling(connection, HOLD, prepared)
}

/// The script that gives it up at the end.
pub(crate) fn release(connection: &Connection, incoming: &str) -> Script {
    about(connection, RELEASE, incoming)
}

fn filling(connection: &Connection, program: &'static str, prepared: &Prepared) -> Script {
    about(connection, program, &prepared.incoming)
        .given("base", &prepared.base)
        .given("workspace", &prepared.workspace)
}

fn about(connection: &Connection, program: &'static str, incoming: &str) -> Script {
    let script = connection.script(program).with(job::FUNCTIONS).with(job::INCOMING);
    script.given("push", incoming)
}
