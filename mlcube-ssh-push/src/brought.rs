//! Running a stream, and what it has brought.

use std::borrow::Cow;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::anyhow;
use mlcube_ssh_config::command::{Finished, Pipe};
use mlcube_ssh_config::connection::Connection;
use mlcube_ssh_config::failure::{Failure, Outcome};
use mlcube_ssh_config::progress::Progress;
use mlcube_ssh_config::quote::one_line;
use mlcube_ssh_config::report::{Report, Verbosity};
use mlcube_ssh_config::rsync::{self, Transfer};
use mlcube_ssh_config::workspace::{Entry, Listing};

use crate::archive::{archived, archived_bytes};
use crate::fresh::Fresh;
use crate::place::place;
use crate::there::Route;

/// What a stream has brought.
#[derive(Debug)]
pub(crate) enum Brought {
    /// There was no stream.
    Nothing,
    /// What is new is in its place, but for what changed here meanwhile.
    All {
        /// The latter.
        but: Listing,
    },
    /// Some of it, or all, lies in our own folder there: the stream was cut off, or couldn't be put in place.
    Left,
}

impl Brought {
    /// Whether anything may lie in our own folder there.
    pub(crate) fn is_left(&self) -> bool {
        matches!(self, Self::Left)
    }

    /// What of `all` is still to be sent: of what lies in the folder `place` of the tree that the stream was for.
    pub(crate) fn rest<'a>(
        &self,
        all: &'a Listing,
        fresh: &Fresh,
        place: &Path,
    ) -> Cow<'a, Listing> {
        let Self::All { but } = self else { return Cow::Borrowed(all) };
        let is_there = |path: &Path| fresh.entries.get(path).is_some() && but.get(path).is_none();
        Cow::Owned(all.filter(|path, _| !is_there(&place.join(path))))
    }
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
        return Ok(Brought::Left);
    }
    let changed = fresh.entries.filter(|path, entry| {
        let now = Entry::read(&route.here.join(path));
        !now.is_some_and(|now| now.same_content(entry))
    });
    if changed.iter().any(|(path, _)| path.to_str().is_none()) {
        return Ok(Brought::Left);
    }
    let answer = connection.ask(&place(connection, route, fresh, &changed))?;
    if answer.status != 0 {
        return Err(Failure::ours(anyhow!(
            "tar reported success and didn't bring all that it was told to '{host}'; is the tar on PATH, here and there, the real one? Run this step again, rsync does it then"
        )));
    }
    if answer.field("placed").as_deref() != Some("all") {
        return Ok(Brought::Left);
    }
    note(sent, report, fresh, &changed);
    Ok(Brought::All { but: changed })
}

/// The bytes that went over the link, and how everything ended.
fn run(report: Report, fresh: &Fresh, stream: &Pipe) -> Outcome<(u64, Vec<Finished>)> {
    let progress = Progress::new(report, archived_bytes(&fresh.entries));
    let packing = Packing { done: 0, behind: 0, ahead: fresh.entries.iter(), progress };
    let packing = Mutex::new(packing);
    // What each command handed on to the next one; the last of them sends it over the link.
    let handed_on = [const { AtomicUsize::new(0) }; 2];
    let ended = stream.run(|command, bytes| {
        handed_on[command].fetch_add(bytes, Ordering::Relaxed);
        if command == 0 {
            packing.lock().unwrap_or_else(PoisonError::into_inner).add(bytes as u64);
        }
    })?;
    packing.into_inner().unwrap_or_else(PoisonError::into_inner).progress.clear();
    let sent = handed_on[ended.len() - 2].load(Ordering::Relaxed);
    Ok((sent as u64, ended))
}

/// How far tar is.
struct Packing<I> {
    /// The bytes that it has written.
    done: u64,
    /// Those that the entries take which aren't ahead any more.
    behind: u64,
    ahead: I,
    progress: Progress,
}

impl<'a, I: Iterator<Item = (&'a Path, Entry)>> Packing<I> {
    fn add(&mut self, bytes: u64) {
        self.done += bytes;
        while self.behind < self.done
            && let Some((path, entry)) = self.ahead.next()
        {
            self.behind += archived(&entry);
            self.progress.file(&path.to_string_lossy());
        }
        self.progress.reached(0, self.done);
    }
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

fn note(sent: &mut Transfer, report: Report, fresh: &Fresh, changed: &Listing) {
    for (path, entry) in fresh.entries.iter().filter(|(path, _)| changed.get(path).is_none()) {
        let name = path.to_string_lossy();
        if entry.is_folder() {
            sent.note(&format!("{name}/"));
        } else {
            sent.note(&name);
            if report.verbosity() == Verbosity::Verbose {
                report.detail(&format!("sent {}", name.escape_debug()));
            }
        }
        sent.files_sent += u64::from(entry.is_file());
    }
}
