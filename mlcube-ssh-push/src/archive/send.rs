//! Sends new entries as an archive, and tells what the remote did with it.
//!
//! The remote unpacks the archive in the incoming folder and moves the entries to their places when it is complete, so
//! that no incomplete file is ever in place. What an archive that was cut off has sent is kept in the incoming folder,
//! and the rsync of the next push uses it.

use std::borrow::Cow;
use std::io;
use std::path::Path;

use anyhow::{Context, anyhow};
use mlcube_ssh::listing::Listing;
use mlcube_ssh::pipe::failure::{Failure, MAKE_ROOM, Outcome, is_out_of_room};
use mlcube_ssh::remote::connection::Connection;
use mlcube_ssh::remote::session::Reply;
use mlcube_ssh::sync::rsync::Transfer;
use mlcube_ssh::text::units::count;
use mlcube_ssh::ui::progress::Progress;
use mlcube_ssh::ui::report::{Report, Verbosity};

use crate::archive::new_entries::NewEntries;
use crate::archive::pack;
use crate::archive::pack::pack;
use crate::archive::policy::ArchivePolicy;
use crate::archive::unpack::bring;
use crate::archive::upload::upload;
use crate::remote::state::Route;

/// The result of sending an archive.
#[derive(Debug)]
pub(crate) enum Brought {
    /// No archive was sent.
    Nothing,
    /// All new entries are in their places, except those that changed locally meanwhile.
    All {
        /// The entries that changed meanwhile.
        but: Listing,
    },
    /// Some or all entries may be in the incoming folder: the archive was cut off, or couldn't be moved into its place.
    Left,
}

impl Brought {
    /// Returns whether the incoming folder may hold entries.
    pub(crate) fn is_left(&self) -> bool {
        matches!(self, Self::Left)
    }

    /// The entries of `all` that are still to be sent. `place` is the path of `all` in the tree that the archive was
    /// for.
    pub(crate) fn rest<'a>(
        &self,
        all: &'a Listing,
        fresh: &NewEntries,
        place: &Path,
    ) -> Cow<'a, Listing> {
        let Self::All { but } = self else { return Cow::Borrowed(all) };
        let is_there = |path: &Path| fresh.entries.get(path).is_some() && but.get(path).is_none();
        Cow::Owned(all.filter(|path, _| !is_there(&place.join(path))))
    }
}

/// Sends new entries as an archive if that is possible and faster, in the open session if there is one, and has the
/// remote put them in place.
pub(crate) fn send(
    connection: &Connection,
    report: Report,
    route: &Route,
    fresh: &NewEntries,
    sent: &mut Transfer,
) -> Outcome<Brought> {
    let Some(worth) = ArchivePolicy::of(route, fresh) else { return Ok(Brought::Nothing) };
    let session = route.prepared.take_session();
    report.detail(&describe(route, fresh));
    let mut session =
        connection.run_in(session, &bring(connection, route, fresh, worth.is_squeezed))?;
    let Some(link) = session.take_input().context("can't wait for a pipe")? else {
        return Ok(Brought::Left);
    };
    let mut shown = Shown { progress: Progress::new(report, fresh.entries.bytes()), bytes: 0 };
    let (packed, bytes) = upload(link, worth.is_squeezed, |to| {
        pack(route.here, route.name, &fresh.entries, to, &mut shown)
    });
    shown.progress.clear();
    sent.bytes_sent += bytes;
    // What the remote has received is kept in the incoming folder.
    if packed.as_ref().is_err_and(|problem| problem.kind() == io::ErrorKind::TimedOut) {
        session.hang_up();
        return Err(connection.silent_transfer());
    }
    let host = connection.host().as_str();
    let answer = session.answer_of_transfer()?;
    let brought = brought(packed, &answer, report, host)?;
    if let Brought::All { but } = &brought {
        note(sent, report, fresh, but);
    }
    Ok(brought)
}

/// The line that tells the user what is sent as an archive.
pub(crate) fn describe(route: &Route, fresh: &NewEntries) -> String {
    let files = count(fresh.entries.files(), "file");
    format!("{files} of {} go as one archive to the remote tar", route.here.display())
}

/// Judges the result by what was packed and by the reply of the remote.
fn brought(
    packed: io::Result<Listing>,
    answer: &Reply,
    report: Report,
    host: &str,
) -> Outcome<Brought> {
    if answer.status == 0 {
        let is_placed = answer.field("placed").as_deref() == Some("all");
        return Ok(match packed {
            Ok(but) if is_placed => Brought::All { but },
            _ => Brought::Left,
        });
    }
    if is_out_of_room(&answer.errors) {
        return Err(Failure::ours(anyhow!("no room left on '{host}'")).hint(MAKE_ROOM));
    }
    if packed.is_ok() && answer.field("problem").as_deref() == Some("not-brought") {
        return Err(Failure::ours(anyhow!(
            "tar on '{host}' reported success and didn't unpack what was sent; is it the real tar? Run this step again; it then uses rsync"
        )));
    }
    report.detail(&format!("the archive failed, continuing with rsync: {}", answer.last_error()));
    Ok(Brought::Left)
}

/// The progress of packing.
struct Shown {
    progress: Progress,
    bytes: u64,
}

impl pack::Hear for Shown {
    fn file(&mut self, path: &Path) {
        self.progress.file(&path.to_string_lossy());
    }

    fn packed(&mut self, bytes: u64) {
        self.bytes += bytes;
        self.progress.reached(0, self.bytes);
    }
}

fn note(sent: &mut Transfer, report: Report, fresh: &NewEntries, changed: &Listing) {
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
