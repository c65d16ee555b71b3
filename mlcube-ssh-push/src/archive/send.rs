//! Sends new entries as an archive, and tells what the remote did with it.
//!
//! The remote unpacks the archive in the incoming folder and moves the entries to their places when it is complete, so
//! that no incomplete file is ever in place. What an archive that was cut off has sent is kept in the incoming folder,
//! and the rsync of the next push uses it.

use std::borrow::Cow;
use std::io;
use std::path::Path;

use anyhow::{Context, anyhow};
use mlcube_ssh::cube::boundary::Boundary;
use mlcube_ssh::listing::Listing;
use mlcube_ssh::pipe::failure::{Failure, MAKE_ROOM, Outcome, is_out_of_room};
use mlcube_ssh::remote::connection::Connection;
use mlcube_ssh::remote::problem::Problem;
use mlcube_ssh::remote::session::Reply;
use mlcube_ssh::sync::RealFolders;
use mlcube_ssh::sync::rsync::Transfer;
use mlcube_ssh::text::units::count;
use mlcube_ssh::ui::progress::Progress;
use mlcube_ssh::ui::report::{Report, Verbosity};

use crate::archive::new_entries::NewEntries;
use crate::archive::pack;
use crate::archive::pack::pack;
use crate::archive::policy::ArchivePolicy;
use crate::archive::unpack;
use crate::archive::upload::upload;
use crate::remote::problem::ProblemKind;
use crate::remote::state::Route;

/// The result of sending an archive.
#[derive(Debug)]
pub(crate) enum ArchiveOutcome {
    /// No archive was sent.
    NotSent,
    /// All new entries are in their places, except those that changed locally meanwhile.
    Placed {
        /// The entries that changed meanwhile.
        changed: Listing,
    },
    /// Some or all entries may be in the incoming folder: the archive was cut off, or couldn't be moved into its place.
    Incomplete,
}

impl ArchiveOutcome {
    /// Returns whether the incoming folder may hold entries.
    pub(crate) fn is_incomplete(&self) -> bool {
        matches!(self, Self::Incomplete)
    }

    /// The entries of `all` that are still to be sent. `place` is the path of `all` in the tree that the archive was
    /// for.
    pub(crate) fn rest<'a>(
        &self,
        all: &'a Listing,
        new_entries: &NewEntries,
        place: &Path,
    ) -> Cow<'a, Listing> {
        let Self::Placed { changed } = self else { return Cow::Borrowed(all) };
        let is_placed =
            |path: &Path| new_entries.entries.get(path).is_some() && changed.get(path).is_none();
        Cow::Owned(all.filter(|path, _| !is_placed(&place.join(path))))
    }
}

/// Sends new entries as an archive if that is possible and faster, in the open session if there is one, and has the
/// remote put them in place.
pub(crate) fn send(
    connection: &Connection,
    report: Report,
    route: &Route,
    new_entries: &NewEntries,
    boundary: &Boundary,
    sent: &mut Transfer,
) -> Outcome<ArchiveOutcome> {
    let Some(policy) = ArchivePolicy::of(route, new_entries) else {
        return Ok(ArchiveOutcome::NotSent);
    };
    report.detail(&describe(route, new_entries));
    let script = unpack::script(route, new_entries, policy.is_compressed);
    let mut session = route.remote_state.incoming.unpack(&script)?;
    let Some(link) = session.take_input().context("can't wait for a pipe")? else {
        return Ok(ArchiveOutcome::Incomplete);
    };
    let mut shown =
        PackProgress { progress: Progress::new(report, new_entries.entries.bytes()), bytes: 0 };
    let real = RealFolders { top: route.local, boundary };
    let (packed, bytes) = upload(link, policy.is_compressed, |to| {
        pack(real, route.name, &new_entries.entries, to, &mut shown)
    });
    shown.progress.clear();
    sent.bytes_sent += bytes;
    // What the remote has received is kept in the incoming folder.
    if packed.as_ref().is_err_and(|problem| problem.kind() == io::ErrorKind::TimedOut) {
        session.hang_up();
        return Err(connection.silent_transfer());
    }
    let host = connection.host().as_str();
    let reply = session.reply_of_transfer()?;
    if is_all_placed(&reply) {
        route.remote_state.incoming.note_released(&reply);
    }
    let outcome = judge(packed, &reply, report, host)?;
    if let ArchiveOutcome::Placed { changed } = &outcome {
        note(sent, report, new_entries, changed);
    }
    Ok(outcome)
}

/// The line that tells the user what is sent as an archive.
pub(crate) fn describe(route: &Route, new_entries: &NewEntries) -> String {
    let files = count(new_entries.entries.files(), "file");
    format!("{files} of {} go as one archive to the remote tar", route.local.display())
}

/// Returns whether all that was unpacked is in its place: the remote has released the incoming folder then.
fn is_all_placed(reply: &Reply) -> bool {
    reply.status == 0 && reply.field("placed").as_deref() == Some("all")
}

/// Judges the result by what was packed and by the reply of the remote.
fn judge(
    packed: io::Result<Listing>,
    reply: &Reply,
    report: Report,
    host: &str,
) -> Outcome<ArchiveOutcome> {
    if reply.status == 0 {
        return Ok(match packed {
            Ok(changed) if is_all_placed(reply) => ArchiveOutcome::Placed { changed },
            _ => ArchiveOutcome::Incomplete,
        });
    }
    if is_out_of_room(&reply.errors) {
        return Err(Failure::ours(anyhow!("no room left on '{host}'")).hint(MAKE_ROOM));
    }
    let is_incomplete = |problem: Problem| problem.kind() == Some(ProblemKind::Incomplete);
    if packed.is_ok() && reply.problem().is_some_and(is_incomplete) {
        return Err(Failure::ours(anyhow!(
            "tar on '{host}' reported success and didn't unpack what was sent"
        ))
        .hint("run this step again: it uses rsync for what is missing; check which tar is in the remote PATH"));
    }
    report.detail(&format!("the archive failed, continuing with rsync: {}", reply.last_error()));
    Ok(ArchiveOutcome::Incomplete)
}

/// The progress of packing.
struct PackProgress {
    progress: Progress,
    bytes: u64,
}

impl pack::PackObserver for PackProgress {
    fn file(&mut self, path: &Path) {
        self.progress.file(&path.to_string_lossy());
    }

    fn packed(&mut self, bytes: u64) {
        self.bytes += bytes;
        self.progress.reached(self.bytes);
    }
}

fn note(sent: &mut Transfer, report: Report, new_entries: &NewEntries, changed: &Listing) {
    for (path, entry) in new_entries.entries.iter().filter(|(path, _)| changed.get(path).is_none())
    {
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
