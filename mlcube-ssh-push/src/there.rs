//! What the remote looks like before a push: where everything lies, and on which disk.

use std::cell::Cell;
use std::path::Path;

use mlcube_ssh_config::connection::Session;
use mlcube_ssh_config::failure::Outcome;
use mlcube_ssh_config::layout::Layout;
use mlcube_ssh_config::workspace::Listing;

/// What the remote looks like before a push.
pub(crate) struct Prepared {
    /// The tree, absolute.
    pub(crate) base: String,
    /// Our own folder, absolute.
    pub(crate) state: String,
    /// The workspace, absolute.
    pub(crate) workspace: String,
    /// Where things are on their way, absolute.
    pub(crate) incoming: String,
    /// Whether there was no tree before.
    pub(crate) is_new: bool,
    /// Whether a push that was cut off has brought something that isn't in its place.
    pub(crate) is_left: bool,
    /// The bytes that it takes.
    pub(crate) left_bytes: u64,
    /// Whether there is a zstd there.
    pub(crate) has_zstd: bool,
    /// The disk of the tree.
    pub(crate) code_disk: Disk,
    /// The disk of the workspace.
    pub(crate) workspace_disk: Disk,
    /// What is in the workspace.
    pub(crate) listing: Listing,
    /// The session in which this was found, for a stream; it ends when something else is to be done.
    pub(crate) session: Cell<Option<Session>>,
}

/// A disk there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Disk {
    /// Whether our own folder is on it: else what goes through that would be written twice, and could fill a disk that it
    /// isn't meant for.
    pub(crate) is_near: bool,
    /// Free bytes, if they are known.
    pub(crate) free: Option<u64>,
}

impl Disk {
    /// Reads `yes BYTES` or `no BYTES`.
    pub(crate) fn parse(text: &str) -> Self {
        let (near, free) = text.split_once(' ').unwrap_or((text, ""));
        Self { is_near: near == "yes", free: free.parse().ok() }
    }
}

/// A folder here whose entries go to one there.
pub(crate) struct Route<'a> {
    pub(crate) prepared: &'a Prepared,
    pub(crate) here: &'a Path,
    pub(crate) there: &'a str,
    /// The last part of the path of `incoming`.
    pub(crate) name: &'static str,
    /// Our own folder there for what isn't in its place yet.
    pub(crate) incoming: String,
    /// That for rsync's temporary files.
    pub(crate) scratch: String,
    /// Whether they are on the disk of `there`.
    pub(crate) is_near: bool,
    /// That for what is replaced.
    pub(crate) replaced: String,
}

impl Prepared {
    /// Ends the session: some hosts take no second one beside it.
    pub(crate) fn end_session(&self) -> Outcome<()> {
        self.session.take().map_or(Ok(()), Session::end)
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
        here: &'a Path,
        there: &'a str,
        disk: Disk,
    ) -> Route<'a> {
        let folder = |name: &str| format!("{}/{name}", self.incoming);
        let replaced = format!("{}/replaced", self.state);
        let (incoming, scratch) = (folder(name), folder("tmp"));
        Route {
            prepared: self,
            here,
            there,
            name,
            incoming,
            scratch,
            is_near: disk.is_near,
            replaced,
        }
    }
}
