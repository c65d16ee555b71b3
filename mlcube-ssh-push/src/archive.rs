//! What is new there goes as one stream of tar, which takes half the time of an rsync that compares nothing with nothing.
//!
//! It is unpacked in a folder of our own and put in place when all of it is there, so that nothing is ever there by half.
//! What a stream that was cut off has brought stays in that folder, for the rsync of the next push to take from.

use std::borrow::Cow;
use std::iter;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::anyhow;
use mlcube_ssh_config::command::{Command, Finished, Pipe};
use mlcube_ssh_config::connection::Connection;
use mlcube_ssh_config::failure::{Failure, Outcome};
use mlcube_ssh_config::progress::Progress;
use mlcube_ssh_config::quote::one_line;
use mlcube_ssh_config::report::Report;
use mlcube_ssh_config::rsync::{self, Transfer};
use mlcube_ssh_config::script::Script;
use mlcube_ssh_config::workspace::{Entry, Listing};

use crate::fresh::Fresh;
use crate::prepare::Route;

const PLACE: &str = include_str!("remote/place.sh");
const DISCARD: &str = include_str!("remote/discard.sh");

/// From so many files or bytes on it is quicker than rsync.
const FILES: u64 = 100;
const BYTES: u64 = 8 << 20;
/// In more folders than this things are put in place by rsync.
const FOLDERS: usize = 50;

/// What a stream has brought.
#[derive(Debug, Default)]
pub(crate) struct Brought {
    /// Whether what is new is in its place now, but for what changed here meanwhile.
    is_placed: bool,
    changed: Listing,
    /// Whether anything may be left in our own folder there.
    pub(crate) is_left: bool,
}

impl Brought {
    /// What a stream brings when nothing comes in between.
    pub(crate) fn all() -> Self {
        Self { is_placed: true, ..Self::default() }
    }

    /// What a stream that failed brings, or one that was cut off earlier.
    pub(crate) fn left() -> Self {
        Self { is_left: true, ..Self::default() }
    }

    /// What of `all` is still to be sent; its paths lie in `place` of those that were new.
    pub(crate) fn rest<'a>(
        &self,
        all: &'a Listing,
        fresh: &Fresh,
        place: &Path,
    ) -> Cow<'a, Listing> {
        if !self.is_placed {
            return Cow::Borrowed(all);
        }
        let is_there =
            |path: &Path| fresh.entries.get(path).is_some() && self.changed.get(path).is_none();
        Cow::Owned(all.filter(|path, _| !is_there(&place.join(path))))
    }
}

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
    // Owners are each machine's own, permissions are as they are here.
    let unpack = ["tar", "-xopf", "-", "-C", &route.incoming];
    let unpack = unpack.into_iter().chain(squeezes.then_some("--zstd")).collect::<Vec<_>>();
    let unpack = connection.command(&unpack)?;
    // Its quickest level takes the headers away and costs no time.
    let squeeze = squeezes.then(|| Command::new("zstd").args(["--quiet", "-1", "--stdout"]));
    Some(Pipe::new(iter::once(pack(route, fresh)).chain(squeeze).chain([unpack])))
}

fn pack(route: &Route, fresh: &Fresh) -> Command {
    Command::new("tar")
        // Its messages are read.
        .variable("LC_ALL", "C")
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

/// Runs a stream, and puts in place what it has brought. Without a tar there nothing is brought.
pub(crate) fn send(
    connection: &Connection,
    report: Report,
    route: &Route,
    fresh: &Fresh,
    stream: Pipe,
    sent: &mut Transfer,
) -> Outcome<Brought> {
    report.command(&stream);
    let host = connection.host().as_str();
    let (bytes, ended) = run(report, fresh, &stream)?;
    // With its list, which may be long.
    drop(stream);
    sent.bytes_sent += bytes;
    if !has_come(&ended, host)? {
        let errors: String = ended.iter().map(|one| one.errors.as_str()).collect();
        report.detail(&format!("tar failed, rsync goes on: {}", one_line(&errors)));
        return Ok(Brought::left());
    }
    let changed = fresh.entries.filter(|path, entry| {
        let now = Entry::read(&route.here.join(path));
        !now.is_some_and(|now| now.same_content(entry))
    });
    if changed.iter().any(|(path, _)| path.to_str().is_none()) {
        return Ok(Brought::left());
    }
    let answer = connection.ask(&place(connection, route, fresh, &changed))?;
    if answer.status != 0 {
        return Err(Failure::ours(anyhow!(
            "tar reported success and didn't bring all that it was told for '{}' on '{host}'; is the tar on PATH, here and there, the real one?",
            answer.field("problem").unwrap_or_default().replacen("not-brought ", "", 1)
        )));
    }
    if answer.field("placed").as_deref() != Some("all") {
        return Ok(Brought::left());
    }
    note(sent, report, fresh, &changed);
    Ok(Brought { is_placed: true, changed, is_left: false })
}

/// The bytes that went over the link, and how everything ended.
fn run(report: Report, fresh: &Fresh, stream: &Pipe) -> Outcome<(u64, Vec<Finished>)> {
    let progress = Progress::new(report, archived_bytes(&fresh.entries));
    // The bytes that are packed, those of the entries that are behind, and the entries ahead.
    let packed = Mutex::new((0, 0, fresh.entries.iter(), progress));
    let last = [const { AtomicUsize::new(0) }; 2];
    let ended = stream.run(|joint, bytes| {
        last[joint].fetch_add(bytes, Ordering::Relaxed);
        if joint > 0 {
            return;
        }
        let mut packed = packed.lock().unwrap_or_else(PoisonError::into_inner);
        let (done, behind, ahead, progress) = &mut *packed;
        *done += bytes as u64;
        while *behind < *done
            && let Some((path, entry)) = ahead.next()
        {
            *behind += archived(&entry);
            progress.file(&path.to_string_lossy());
        }
        progress.reached(0, *done);
    })?;
    packed.into_inner().unwrap_or_else(PoisonError::into_inner).3.clear();
    let over_the_link = last[ended.len() - 2].load(Ordering::Relaxed);
    Ok((over_the_link as u64, ended))
}

/// What entries take in an archive.
fn archived_bytes(entries: &Listing) -> u64 {
    entries.iter().map(|(_, entry)| archived(&entry)).sum()
}

/// What an entry takes: a header of two blocks before its own, and its content in whole blocks.
fn archived(entry: &Entry) -> u64 {
    3 * 512 + if entry.is_file() { entry.size.next_multiple_of(512) } else { 0 }
}

/// Whether all was packed and unpacked.
fn has_come(ended: &[Finished], host: &str) -> Outcome<bool> {
    let [packed, .., unpacked] = ended else { return Ok(false) };
    match unpacked.status {
        // A file changed while it was read, which is looked for anyway.
        0 => Ok(packed.status <= 1),
        255 => Err(rsync::lost_during_transfer(host)),
        _ if rsync::is_out_of_room(&unpacked.errors) => Err(Failure::ours(anyhow!(
            "no room left on '{host}'; make room and run this step again, it goes on where it stopped"
        ))),
        _ => Ok(false),
    }
}

/// The script that puts in place what was brought, but for what changed here meanwhile.
pub(crate) fn place(
    connection: &Connection,
    route: &Route,
    fresh: &Fresh,
    changed: &Listing,
) -> Script {
    let script = connection.script(PLACE).word(&route.incoming).word(route.there);
    let script = script.word(&changed.len().to_string());
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

fn note(sent: &mut Transfer, report: Report, fresh: &Fresh, changed: &Listing) {
    for (path, entry) in fresh.entries.iter().filter(|(path, _)| changed.get(path).is_none()) {
        let name = path.to_string_lossy();
        if entry.is_folder() {
            sent.note(&format!("{name}/"));
        } else {
            sent.note(&name);
            report.detail(&format!("sent {}", name.escape_debug()));
        }
        sent.files_sent += u64::from(entry.is_file());
    }
}
