//! The archives of a push. They carry new entries: into an existing workspace, or into a new tree all of code and
//! workspace at once.

mod format;
mod new_entries;
mod pack;
mod policy;
mod send;
pub(crate) mod unpack;
mod upload;

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use mlcube_ssh::listing::Listing;
use mlcube_ssh::pipe::failure::{FailureKind, Outcome};

use crate::archive::new_entries::NewEntries;
use crate::archive::policy::ArchivePolicy;
use crate::archive::send::ArchiveOutcome;
use crate::local::code;
use crate::remote::state::Route;
use crate::transfer::commands;
use crate::transfer::context::{Sent, TransferContext};

/// From this number of entries on, the workspace is sent as an archive of its own, after that of the code. One more
/// round trip doesn't matter then, and a second listing with every entry's path in the base would double the memory.
const MANY: usize = 10_000;

/// The entries that the archives didn't send; rsync sends them.
pub(crate) struct Remaining<'a> {
    pub(crate) code: Cow<'a, Listing>,
    pub(crate) workspace: Cow<'a, Listing>,
    /// Whether some of these entries may be in their places already.
    pub(crate) may_be_in_place: bool,
}

impl TransferContext<'_> {
    /// Sends the new entries as archives. A dry run shows what would be sent as one, and leaves all of it to rsync: a shell
    /// can't pack as a push does.
    pub(crate) fn send_new<'a>(
        &'a self,
        code: &'a Listing,
        sent: &mut Sent,
    ) -> Outcome<Remaining<'a>> {
        // An archive would carry these links as links, but they are followed.
        let links = &[&self.plan.links[..], &self.local.followed].concat();
        let workspace = &self.plan.send;
        let mut remaining = Remaining {
            code: Cow::Borrowed(code),
            workspace: Cow::Borrowed(workspace),
            may_be_in_place: self.remote_state.leftovers.is_some(),
        };
        let place = self.workspace_in_base().filter(|_| workspace.len() < MANY);
        // An archive that was cut off has made the tree, and may have put any of its entries in place.
        let is_new = self.remote_state.is_new || self.remote_state.leftovers.is_some();
        if is_new {
            let (whole, links) = (with_workspace(code, place, workspace), in_place(place, links));
            let new_entries =
                NewEntries::of(&whole, &code::just_made(&self.document.remote, code), &links);
            let outcome = self.send_archive(&self.code_route(), &new_entries, sent)?;
            remaining.code = outcome.rest(code, &new_entries, Path::new(""));
            if let Some(place) = place {
                remaining.workspace = outcome.rest(workspace, &new_entries, place);
            }
            remaining.may_be_in_place |= outcome.is_incomplete();
        }
        if !is_new || place.is_none() || self.remote_state.leftovers.is_some() {
            let new_entries = NewEntries::of(workspace, &self.remote_state.listing, links);
            let outcome = self.send_archive(&self.workspace_route(), &new_entries, sent)?;
            remaining.workspace = outcome.rest(workspace, &new_entries, Path::new(""));
            remaining.may_be_in_place |= outcome.is_incomplete();
        }
        Ok(remaining)
    }

    /// Sends the new entries of a route as an archive if that is faster. If this archive or an earlier one isn't in its
    /// place yet, rsync completes it.
    fn send_archive(
        &self,
        route: &Route,
        new_entries: &NewEntries,
        sent: &mut Sent,
    ) -> Outcome<ArchiveOutcome> {
        let (connection, report) = (self.connection, self.step.report());
        if self.step.is_dry_run() {
            if ArchivePolicy::of(route, new_entries).is_some() {
                let what = send::describe(route, new_entries);
                self.step.show_comment(&format!("{what} if it has one; else:"));
            }
            return Ok(ArchiveOutcome::NotSent);
        }
        let outcome = if self.remote_state.leftovers.is_some() {
            ArchiveOutcome::Incomplete
        } else {
            send::send(connection, report, route, new_entries, self.boundary, &mut sent.transfer)?
        };
        if outcome.is_incomplete() {
            let command = commands::complete_leftovers(connection, route, &new_entries.entries);
            let completed = self.rsync(&[command], new_entries.entries.bytes(), sent);
            if completed.as_ref().is_err_and(|failure| failure.kind != FailureKind::Ours) {
                completed?;
            }
            // A file system that is too small for the incomplete files and the complete ones together has room once
            // they are removed.
            self.remote_state.incoming.run_script(unpack::discard_script(connection, route))?;
        }
        Ok(outcome)
    }

    /// The workspace's place in the base, if it is the same locally and on the remote, and its remote file system is
    /// that of the incoming folder and of the base.
    fn workspace_in_base(&self) -> Option<&Path> {
        let workspace = Path::new(self.document.remote.workspace.as_str());
        let place = workspace.strip_prefix(self.document.remote.base.as_str()).ok()?;
        let is_same = self.cube.layout.base.join(place) == self.cube.layout.workspace;
        let is_on_incoming_disk = self.remote_state.code_disk.is_on_incoming_disk
            && self.remote_state.workspace_disk.is_on_incoming_disk;
        (is_same && is_on_incoming_disk).then_some(place)
    }
}

/// The code, and the workspace entries to send by their paths in the base.
fn with_workspace<'a>(code: &'a Listing, place: Option<&Path>, send: &Listing) -> Cow<'a, Listing> {
    let Some(place) = place.filter(|_| !send.is_empty()) else { return Cow::Borrowed(code) };
    let mut whole = code.clone();
    whole.graft(place, send);
    Cow::Owned(whole)
}

fn in_place(place: Option<&Path>, links: &[PathBuf]) -> Vec<PathBuf> {
    let join = |place: &Path| links.iter().map(|link| place.join(link)).collect();
    place.map(join).unwrap_or_default()
}
