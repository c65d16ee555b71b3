//! The local and the remote workspace: their entries, and what their file systems can store.

use std::borrow::Cow;
use std::path::Path;

use crate::listing::packed_entry::PackedEntry;
use crate::listing::{Disks, Entry, EntryKind, Listing, folders_of};
use crate::pipe::failure::Outcome;
use crate::pipe::limits;
use crate::process::script::Script;
use crate::remote::connection::Connection;
use crate::remote::disks;
use crate::remote::session::reply::Reply;
use crate::sync::direction::TransferDirection;
use crate::sync::state::SyncState;
use crate::sync::state::known_disks::Side;

/// The local and the remote folder of a workspace, and how scripts run on the remote.
#[derive(Clone, Copy)]
#[expect(missing_debug_implementations, reason = "a function has none")]
pub struct Sides<'a> {
    /// The connection.
    pub connection: &'a Connection,
    /// The local workspace.
    pub local: &'a Path,
    /// The remote workspace.
    pub remote: &'a str,
    /// The remote state folder.
    pub state: &'a str,
    /// The sync state, which knows what disks were found to be.
    pub sync_state: &'a SyncState,
    /// Runs a script on the remote.
    pub run: &'a dyn Fn(Script) -> Outcome<Reply>,
}

impl Sides<'_> {
    /// The entries of a listing of the local workspace with the times and permissions in `exact`, where its file system
    /// can't store them.
    #[must_use]
    pub fn unrounded_local<'l>(&self, listing: &'l Listing, exact: &Listing) -> Cow<'l, Listing> {
        self.sync_state.unrounded_local(self.local, listing, exact)
    }

    /// As [`Sides::unrounded_local`], for the remote workspace.
    ///
    /// # Errors
    /// When the remote doesn't reply.
    pub fn unrounded_remote<'l>(
        &self,
        listing: &'l Listing,
        exact: &Listing,
    ) -> Outcome<Cow<'l, Listing>> {
        // Nothing is made behind a link that isn't followed: a task may have put it there.
        let is_link = |at: &Path| listing.get(at).is_some_and(|it| it.kind == EntryKind::Link);
        listing.unrounded(exact, |folders| {
            let real = folders.iter().filter(|folder| !folder.ancestors().any(is_link));
            self.ask_remote(&real.copied().collect::<Vec<_>>())
        })
    }

    /// The entries of the local and the remote listing on which both sides haven't agreed yet, with the permissions of
    /// the other side where a file system stores none.
    ///
    /// # Errors
    /// When the remote is contacted and doesn't reply.
    pub fn unstored_permissions(
        &self,
        local: &Listing,
        remote: &Listing,
        agreed: &Listing,
    ) -> Outcome<[Listing; 2]> {
        let mut changes = [Listing::default(), Listing::default()];
        let (mut remote, mut agreed) = (remote.cursor(), agreed.cursor());
        let differing = |packed: PackedEntry| {
            let found = remote.find(packed).filter(|found| *found != packed);
            let found = found.filter(|_| agreed.find(packed).is_none())?.entry();
            let (path, entry) = packed.unpack();
            (entry.kind == found.kind && entry.differs_for_owner(&found))
                .then_some((path, entry, found))
        };
        let differing: Vec<_> = local.packed().filter_map(differing).collect();
        let folders = folders_of(differing.iter().map(|(path, ..)| *path));
        if folders.is_empty() {
            return Ok(changes);
        }
        let disks = Disks::local(self.local, &folders);
        let disks = [self.sync_state.known_disks(Side::Local, disks), self.ask_remote(&folders)?];
        for (path, local, remote) in differing {
            let [keeps_local, keeps_remote] =
                [&disks[0], &disks[1]].map(|it| it.of(path).keeps_modes());
            let with = |entry: &Entry, other: &Entry| Entry {
                mode: entry.mode & !0o7777 | other.permissions(),
                ..entry.clone()
            };
            if !keeps_local {
                changes[0].insert(path, &with(&local, &remote));
            } else if !keeps_remote {
                changes[1].insert(path, &with(&remote, &local));
            }
        }
        Ok(changes)
    }

    fn ask_remote(&self, folders: &[&Path]) -> Outcome<Disks> {
        let Self { connection, remote, state, sync_state, run, .. } = *self;
        let disks = disks::probe(connection, state, remote, folders, run)?;
        Ok(sync_state.known_disks(Side::Remote, disks))
    }

    /// Asks the receiver's disk, unless one was asked before: what comes now may fill it.
    ///
    /// # Errors
    /// When the remote is contacted and doesn't reply.
    pub fn know_receiver(&self, direction: TransferDirection) -> Outcome<()> {
        let (top, is_known) = ([Path::new("")], |side| self.sync_state.known_disk(side).is_some());
        match direction {
            TransferDirection::Up if !is_known(Side::Remote) => {
                self.ask_remote(&top)?;
            }
            TransferDirection::Down if !is_known(Side::Local) => {
                self.sync_state.known_disks(Side::Local, Disks::local(self.local, &top));
            }
            _ => {}
        }
        Ok(())
    }

    /// As [`Sides::unrounded_local`], for the receiver of a transfer.
    ///
    /// # Errors
    /// When the remote is contacted and doesn't reply.
    pub fn unrounded_receiver(
        &self,
        direction: TransferDirection,
        listing: &Listing,
        exact: &Listing,
    ) -> Outcome<Listing> {
        Ok(match direction {
            TransferDirection::Up => self.unrounded_remote(listing, exact)?,
            TransferDirection::Down => self.unrounded_local(listing, exact),
        }
        .into_owned())
    }
}

/// The entries of a listing of the local folder `top` with the times and permissions in `exact`, where its file system
/// can't store them.
#[must_use]
pub fn unrounded_local<'l>(top: &Path, listing: &'l Listing, exact: &Listing) -> Cow<'l, Listing> {
    listing.unrounded_by(exact, |folders| Disks::local(top, folders))
}

/// How many bytes the path of an entry may have on both sides of a workspace, with what transfers put before and behind
/// it: rsync ends where a path gets longer than the system's limit.
#[must_use]
pub fn longest_path(local: &Path, remote: &str) -> usize {
    const OURS: usize = 128;
    let top = local.as_os_str().len().max(remote.len());
    limits::PATH.saturating_sub(top + OURS)
}
