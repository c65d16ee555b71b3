//! The state of the remote before a push: its folders and their file systems.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use mlcube_ssh::cube::layout::Layout;
use mlcube_ssh::listing::{Disks, Entry, Listing};
use mlcube_ssh::pipe::document::Remote;
use mlcube_ssh::pipe::failure::Outcome;
use mlcube_ssh::remote::connection::Connection;
use mlcube_ssh::remote::disks;
use mlcube_ssh::settings::names::RemotePath;
use mlcube_ssh::sync::SeenTransfer;

use crate::remote::backups::Backups;
use crate::remote::incoming::{Incoming, IncomingId};

/// The state of the remote before a push.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact that the remote tells, or a flag"
)]
pub(crate) struct RemoteState<'a> {
    /// The absolute path of the remote tree.
    pub(crate) base: String,
    /// The absolute path of the state folder.
    pub(crate) state: String,
    /// The absolute path of the workspace.
    pub(crate) workspace: String,
    /// The places in the tree that are or were a workspace.
    pub(crate) workspaces: Vec<PathBuf>,
    /// The incoming folder, which this push makes and holds before it changes anything.
    pub(crate) incoming: Incoming<'a>,
    /// The last transfer of the workspace.
    pub(crate) last_transfer: SeenTransfer,
    /// The backups of earlier pushes that were cut off before they could name them.
    pub(crate) unnamed_backups: Vec<Backups>,
    /// Whether this push has made the tree.
    pub(crate) is_new: bool,
    /// Whether any machine may have pushed to the workspace before.
    pub(crate) was_pushed: bool,
    /// Whether another owner has pushed since this machine did; it may have removed the tree, too.
    pub(crate) was_taken_over: bool,
    /// The size in bytes of the entries that a push which was cut off has left in the incoming folder, if there are any.
    pub(crate) leftovers: Option<u64>,
    /// Whether the remote has zstd.
    pub(crate) has_zstd: bool,
    /// The file system of the tree.
    pub(crate) code_disk: Disk,
    /// The file system of the workspace.
    pub(crate) workspace_disk: Disk,
    /// The entries of the workspace.
    pub(crate) listing: Listing,
    /// The remote entries of the code that was pushed last; empty if the listing of that code is too long to be
    /// requested.
    pub(crate) code: Listing,
    /// The folders of the code in which nothing can be made or replaced.
    pub(crate) unwritable_code: Vec<PathBuf>,
    /// Whether the workspace holds parts of files, which a push that was cut off has left, or an rsync that outlived its
    /// push.
    pub(crate) has_parts: bool,
    /// Whether files are compared by content instead of size and time.
    pub(crate) by_content: bool,
}

/// A remote file system.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Disk {
    /// Whether the incoming folder is on it. Otherwise, entries that go through that folder would be written twice, and
    /// could fill a file system that isn't meant for them.
    pub(crate) is_on_incoming_disk: bool,
    /// The number of free bytes, if it is known.
    pub(crate) free: Option<u64>,
}

impl Disk {
    /// Reads `yes BYTES` or `no BYTES`.
    pub(crate) fn parse(text: &str) -> Self {
        let (near, free) = text.split_once(' ').unwrap_or((text, ""));
        Self { is_on_incoming_disk: near == "yes", free: free.parse().ok() }
    }
}

/// A local folder, and the remote folder that its entries are sent to.
pub(crate) struct Route<'a> {
    pub(crate) remote_state: &'a RemoteState<'a>,
    pub(crate) local: &'a Path,
    pub(crate) remote: &'a str,
    /// The last component of `incoming`.
    pub(crate) name: &'static str,
    /// The folder below the incoming folder of the push for entries of this route that aren't in their places yet.
    pub(crate) incoming: String,
    /// The folder for rsync's temporary files.
    pub(crate) scratch: String,
    /// Whether both folders are on the file system of `remote`.
    pub(crate) is_on_incoming_disk: bool,
}

impl<'a> RemoteState<'a> {
    /// The remote that a dry run assumes, which contacts nobody: without entries, and with room and zstd.
    pub(crate) fn assumed(
        connection: &'a Connection,
        remote: &Remote,
        incoming: &IncomingId,
        was_pushed: bool,
    ) -> Self {
        let path = |path: &RemotePath| path.from_home().to_owned();
        let (base, workspace, state) =
            (path(&remote.base), path(&remote.workspace), path(&remote.state));
        let path = format!("{state}/incoming/{}", incoming.id);
        let transfer = incoming.transfer.clone();
        let (to, workspace_to) = (base.clone(), workspace.clone());
        let disk = Disk { is_on_incoming_disk: true, free: None };
        Self {
            last_transfer: transfer.noted(),
            incoming: Incoming::new(connection, path, to, workspace_to, transfer, None, false),
            base,
            state,
            workspace,
            workspaces: Vec::new(),
            unnamed_backups: Vec::new(),
            is_new: !was_pushed,
            was_pushed,
            was_taken_over: false,
            leftovers: None,
            has_zstd: true,
            code_disk: disk,
            workspace_disk: disk,
            listing: Listing::default(),
            code: Listing::default(),
            unwritable_code: Vec::new(),
            has_parts: false,
            by_content: false,
        }
    }
}

impl RemoteState<'_> {
    /// Asks the file systems of `folders` below the remote folder `top` how they store times and permissions.
    pub(crate) fn disks(
        &self,
        connection: &Connection,
        top: &str,
        folders: &[&Path],
    ) -> Outcome<Disks> {
        let run = |script| self.incoming.run_script(script);
        disks::probe(connection, &self.state, top, folders, &run)
    }

    /// The code without the entries that the remote reported to be as they are locally; all of it if files are compared
    /// by content.
    pub(crate) fn code_that_differs<'a>(&self, code: &'a Listing) -> Cow<'a, Listing> {
        if self.by_content || self.code.is_empty() {
            return Cow::Borrowed(code);
        }
        let is_on_remote = |path: &Path, entry: &Entry| {
            self.code.get(path).is_some_and(|remote| remote.same(entry))
        };
        Cow::Owned(code.filter(|path, entry| !is_on_remote(path, entry)))
    }

    /// The entries of `code` that would be made or replaced in folders that aren't writable. A backup is kept in
    /// folders with the permissions of the original ones.
    pub(crate) fn unwritable_entries(&self, code: &Listing) -> Vec<PathBuf> {
        // rsync makes a folder writable first if it is so locally.
        let becomes_writable =
            |folder: &Path| code.get(folder).is_some_and(|it| it.mode & 0o200 != 0);
        let mut unwritable = self.unwritable_code.clone();
        unwritable.retain(|folder| !becomes_writable(folder));
        if unwritable.is_empty() {
            return Vec::new();
        }
        let is_below = |path: &Path| {
            unwritable.iter().any(|folder| path != folder && path.starts_with(folder))
        };
        let is_on_remote =
            |path: &Path, entry: &Entry| self.code.get(path).is_some_and(|it| it.same(entry));
        let below =
            code.iter().filter(|(path, entry)| is_below(path) && !is_on_remote(path, entry));
        below.map(|(path, _)| path.to_owned()).collect()
    }

    /// The route of the code.
    pub(crate) fn code_route<'a>(&'a self, layout: &'a Layout) -> Route<'a> {
        self.route("code", &layout.base, &self.base, self.code_disk)
    }

    /// The route of the workspace.
    pub(crate) fn workspace_route<'a>(&'a self, layout: &'a Layout) -> Route<'a> {
        self.route("workspace", &layout.workspace, &self.workspace, self.workspace_disk)
    }

    fn route<'a>(
        &'a self,
        name: &'static str,
        local: &'a Path,
        remote: &'a str,
        disk: Disk,
    ) -> Route<'a> {
        let (incoming, scratch) = (self.incoming.folder(name), self.incoming.folder("tmp"));
        Route {
            remote_state: self,
            local,
            remote,
            name,
            incoming,
            scratch,
            is_on_incoming_disk: disk.is_on_incoming_disk,
        }
    }
}
