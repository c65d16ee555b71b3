//! The state of the remote before a push: its folders and their file systems.

use std::borrow::Cow;
use std::cell::Cell;
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use mlcube_ssh::cube::layout::Layout;
use mlcube_ssh::listing::{Entry, Listing};
use mlcube_ssh::pipe::failure::{Failure, Outcome};
use mlcube_ssh::process::command::Command;
use mlcube_ssh::process::script::Script;
use mlcube_ssh::remote::connection::Connection;
use mlcube_ssh::remote::job;
use mlcube_ssh::remote::session::{Reply, Session};
use mlcube_ssh::sync::rsync;
use mlcube_ssh::sync::rsync::{Heard, Transfer};

/// The script that holds the incoming folder while its session lasts.
const HOLD: &str = include_str!("../sh/hold.sh");
/// The script that releases the incoming folder.
const RELEASE: &str = include_str!("../sh/release.sh");

/// The state of the remote before a push.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact that the remote tells, or a flag"
)]
pub(crate) struct RemoteState {
    /// The absolute path of the remote tree.
    pub(crate) base: String,
    /// The absolute path of the state folder.
    pub(crate) state: String,
    /// The absolute path of the workspace.
    pub(crate) workspace: String,
    /// The places in the tree that are or were a workspace.
    pub(crate) workspaces: Vec<PathBuf>,
    /// The absolute path of the incoming folder, for entries that aren't in their places yet.
    pub(crate) incoming: String,
    /// Whether this push has made the tree.
    pub(crate) is_new: bool,
    /// Whether the incoming folder holds entries of a push that was cut off.
    pub(crate) has_leftovers: bool,
    /// The size of these entries in bytes.
    pub(crate) leftover_bytes: u64,
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
    /// Whether files are compared by content instead of size and time.
    pub(crate) by_content: bool,
    /// The session in which this state was read. The next script runs in it, and while it lasts it may hold the
    /// incoming folder.
    pub(crate) session: Cell<Option<Session>>,
    /// Whether the session holds the incoming folder.
    pub(crate) is_held: Cell<bool>,
    /// Whether the host refuses another session beside that of a transfer.
    pub(crate) has_no_room: Cell<bool>,
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
    pub(crate) remote_state: &'a RemoteState,
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

impl RemoteState {
    /// A script that fills the incoming folder, or holds it for a transfer.
    pub(crate) fn filling(&self, connection: &Connection, program: &'static str) -> Script {
        let script = self.about_incoming(connection, program);
        script.given("base", &self.base).given("workspace", &self.workspace)
    }

    fn about_incoming(&self, connection: &Connection, program: &'static str) -> Script {
        let script = connection.script(program).with(job::FUNCTIONS).with(job::INCOMING);
        script.given("push", &self.incoming)
    }

    /// Takes the session for an archive, which ends it.
    pub(crate) fn take_session(&self) -> Option<Session> {
        self.is_held.set(false);
        self.session.take()
    }

    /// Runs a script, in the open session if there is one.
    pub(crate) fn ask(&self, connection: &Connection, script: Script) -> Outcome<Reply> {
        if self.has_no_room.get() {
            return connection.run(&script);
        }
        let session = connection.run_in(self.session.take(), &script.followed())?;
        let (reply, session) = session.answer_and_go_on()?;
        self.is_held.set(self.is_held.get() && session.is_some());
        self.session.set(session);
        Ok(reply)
    }

    /// Holds the incoming folder for a transfer.
    pub(crate) fn hold(&self, connection: &Connection) -> Outcome<()> {
        if self.is_held.get() || self.has_no_room.get() {
            return Ok(());
        }
        let reply = self.ask(connection, self.filling(connection, HOLD))?;
        if reply.status != 0 {
            let (host, problem) = (connection.host(), reply.field("problem").unwrap_or_default());
            if let Some(place) = problem.strip_prefix("removed ") {
                return Err(Failure::ours(anyhow!(
                    "{place} on '{host}' was removed during this push"
                ))
                .hint("run this step again when no clean runs"));
            }
            return Err(Failure::ours(anyhow!(
                "can't write {} on '{host}': {}",
                self.incoming,
                reply.last_error()
            )));
        }
        self.is_held.set(true);
        Ok(())
    }

    /// Runs rsync commands, beside the session if the host allows one more.
    pub(crate) fn run(
        &self,
        connection: &Connection,
        commands: &[Command],
        heard: Heard,
    ) -> (Transfer, Outcome<Option<Failure>>) {
        let (transfer, ended) = rsync::run(commands, connection, heard);
        if !transfer.was_refused {
            return (transfer, ended);
        }
        match self.make_room() {
            Ok(true) => rsync::run(commands, connection, heard),
            Ok(false) => (transfer, ended),
            Err(failure) => (transfer, Err(failure)),
        }
    }

    /// Ends the session for a host that allows no other beside it; returns whether a session was open.
    fn make_room(&self) -> Outcome<bool> {
        self.has_no_room.set(true);
        let session = self.take_session();
        let had_session = session.is_some();
        session.map_or(Ok(()), Session::end)?;
        Ok(had_session)
    }

    /// Releases the incoming folder, unless an archive has done so after all of it was in its place.
    pub(crate) fn release(&self, connection: &Connection) -> Outcome<()> {
        if self.is_held.get() || self.has_no_room.get() {
            // The script ends the session with it; ending it afterwards would take another round trip.
            self.is_held.set(false);
            let script = self.about_incoming(connection, RELEASE);
            connection.run_in(self.session.take(), &script)?.answer()?;
        }
        self.take_session().map_or(Ok(()), Session::end)
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
        let folder = |name: &str| format!("{}/{name}", self.incoming);
        let (incoming, scratch) = (folder(name), folder("tmp"));
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
