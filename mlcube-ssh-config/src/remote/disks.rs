//! Probes the file systems of remote folders: how do they store times and permissions?

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::listing::granularity::{Granularity, TRIED_MODE, TRIED_TIME};
use crate::listing::{Disks, FIND_FORMAT};
use crate::pipe::failure::Outcome;
use crate::process::script::Script;
use crate::remote::connection::Connection;
use crate::remote::session::reply::Reply;

/// Shell functions. `list_places FORMAT PATH…` lists those of the paths that exist in the current folder; `find_places
/// FORMAT` does the same for the paths on its standard input.
pub const LIST_PLACES: &str = include_str!("sh/list-places.sh");

const TRY_DISKS: &str = include_str!("sh/try-disks.sh");

/// Probes the file systems of `folders`, relative to the remote folder `top`. The probe file is made in the state
/// folder `state` if that is on the same file system.
///
/// # Errors
/// When `run` fails.
pub fn probe(
    connection: &Connection,
    state: &str,
    top: &str,
    folders: &[&Path],
    run: &dyn Fn(Script) -> Outcome<Reply>,
) -> Outcome<Disks> {
    let (seconds, nanoseconds) = TRIED_TIME;
    let script = connection
        .script(TRY_DISKS)
        .with(LIST_PLACES)
        .given("state", state)
        .given("top", top)
        .given("time", &format!("{seconds}.{nanoseconds:09}"))
        .given("mode", &format!("{TRIED_MODE:o}"))
        .given("format", FIND_FORMAT);
    let mut disks = Vec::new();
    for some in folders.chunks(Script::WORDS) {
        let reply = run(script.clone().words(some))?;
        // Where nothing could be made or looked at, every difference counts as a change.
        if reply.status == 0 {
            disks.extend(parse(some, reply)?);
        }
    }
    Ok(disks.into_iter().collect())
}

/// Reads a line `on DISK` for each of the folders, and the listing of the files that are named by the disks.
fn parse(folders: &[&Path], reply: Reply) -> Outcome<Vec<(PathBuf, Granularity)>> {
    let text = reply.text();
    let of_folders: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("on ")).collect();
    if of_folders.len() != folders.len() {
        return Ok(Vec::new());
    }
    let tried = reply.listing()?;
    let granularity = |disk| Granularity::of_tried(&tried.get(Path::new(disk))?);
    let known: HashMap<&str, Option<Granularity>> =
        of_folders.iter().map(|disk| (*disk, granularity(disk))).collect();
    let of = |(folder, disk): (&&Path, &str)| Some((folder.to_path_buf(), (*known.get(disk)?)?));
    Ok(folders.iter().zip(of_folders).filter_map(of).collect())
}
