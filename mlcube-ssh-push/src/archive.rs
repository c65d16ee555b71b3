//! What is new there goes as one stream of tar, which takes half the time of an rsync that compares nothing with nothing.
//!
//! It is unpacked in a folder of our own and put in place when all of it is there, so that nothing is ever there by half.
//! What a stream that was cut off has brought stays in that folder, for the rsync of the next push to take from.

use std::iter;

use mlcube_ssh_config::command::{Command, Pipe};
use mlcube_ssh_config::connection::Connection;
use mlcube_ssh_config::workspace::{Entry, Listing};

use crate::fresh::Fresh;
use crate::there::Route;

/// From so many files or bytes on it is quicker than rsync.
const FILES: u64 = 100;
const BYTES: u64 = 8 << 20;
/// In more folders than this things are put in place by rsync.
const FOLDERS: usize = 50;

/// The stream that brings what is new, where that pays and can be done.
pub(crate) fn stream(connection: &Connection, route: &Route, fresh: &Fresh) -> Option<Pipe> {
    let (files, bytes) = (fresh.entries.files(), fresh.entries.bytes());
    let pays = (files >= FILES || bytes >= BYTES) && fresh.folders.len() <= FOLDERS;
    // The words of a script are text.
    let can_be_placed = route.is_near && fresh.folders.keys().all(|path| path.to_str().is_some());
    if !pays || !can_be_placed || !is_gnu_tar() {
        return None;
    }
    let headers = archived_bytes(&fresh.entries) - bytes;
    let squeezes = headers > bytes / 10 && route.has_zstd && is_there("zstd");
    if headers > bytes / 2 && !squeezes {
        return None;
    }
    // Owners are each machine's own, permissions are as they are here; nobody's own options leave anything out.
    let unpack = ["env", "-u", "TAR_OPTIONS", "tar", "-xopf", "-", "-C", &route.incoming];
    let unpack = unpack.into_iter().chain(squeezes.then_some("--zstd")).collect::<Vec<_>>();
    let unpack = connection.command(&unpack)?;
    // Its quickest level takes the headers away and costs no time.
    let squeeze = squeezes.then(|| Command::new("zstd").args(["--quiet", "-1", "--stdout"]));
    Some(Pipe::new(iter::once(pack(route, fresh)).chain(squeeze).chain([unpack])))
}

fn pack(route: &Route, fresh: &Fresh) -> Command {
    Command::new("tar")
        // Its messages are read, and nobody's own options leave anything out.
        .variable("LC_ALL", "C")
        .variable("TAR_OPTIONS", "")
        .arg(format!("--directory={}", route.here.display()))
        // The list is all that goes: names as they are, and folders, which it holds too, without what lies in them. Before
        // the list: an option behind it doesn't count for it.
        .args(["--no-recursion", "--null", "--files-from=-"])
        // Times to the nanosecond; others than those of the content would make headers longer.
        .args(["--format=posix", "--pax-option=delete=atime,delete=ctime"])
        // Two names of one file are two files there, as rsync has it.
        .arg("--hard-dereference")
        // Owners aren't looked up: they don't count.
        .arg("--numeric-owner")
        .args(["--blocking-factor=128", "--create", "--file=-"])
        .list(fresh.entries.names())
}

/// Whether the tar on this machine understands the options above.
fn is_gnu_tar() -> bool {
    Command::new("tar")
        .arg("--version")
        .run()
        .is_ok_and(|it| it.output.starts_with(b"tar (GNU tar)"))
}

fn is_there(program: &str) -> bool {
    Command::new(program).arg("--version").run().is_ok_and(|it| it.status == 0)
}

/// What entries take in an archive.
pub(crate) fn archived_bytes(entries: &Listing) -> u64 {
    entries.iter().map(|(_, entry)| archived(&entry)).sum()
}

/// What an entry takes: a header of two blocks before its own, and its content in whole blocks.
pub(crate) fn archived(entry: &Entry) -> u64 {
    3 * 512 + if entry.is_file() { entry.size.next_multiple_of(512) } else { 0 }
}
