//! What the remote looks like before a push: where everything lies, and on which disk.

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

/// Holds the incoming folder while its session lasts.
const HOLD: &str = include_str!("../sh/hold.sh");
/// Gives it up at the end.
const RELEASE: &str = include_str!("../sh/release.sh");

/// What the remote looks like before a push.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact that the remote tells, or a flag"
)]
pub(crate) struct RemoteState {
    /// The tree, absolute.
    pub(crate) base: String,
    /// Our own folder, absolute.
    pub(crate) state: String,
    /// The workspace, absolute.
    pub(crate) workspace: String,
    /// The places in the tree that are or were a workspace.
    pub(crate) workspaces: Vec<PathBuf>,
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
    /// What is in the tree of the code that was pushed last; nothing where that is more than the remote is asked for.
    pub(crate) code: Listing,
    /// Whether content counts, and not size and time.
    pub(crate) by_content: bool,
    /// The session in which this was found: the next script runs in it, and as long as it lasts it holds the incoming folder.
    pub(crate) session: Cell<Option<Session>>,
    /// Whether it does.
    pub(crate) is_held: Cell<bool>,
    /// Whether the host takes no session beside that of a transfer.
    pub(crate) has_no_room: Cell<bool>,
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
    pub(crate) prepared: &'a RemoteState,
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
}

impl RemoteState {
    /// A script that fills the incoming folder, or keeps it for what comes.
    pub(crate) fn filling(&self, connection: &Connection, program: &'static str) -> Script {
        let script = self.about_incoming(connection, program);
        script.given("base", &self.base).given("workspace", &self.workspace)
    }

    fn about_incoming(&self, connection: &Connection, program: &'static str) -> Script {
        let script = connection.script(program).with(job::FUNCTIONS).with(job::INCOMING);
        script.given("push", &self.incoming)
    }

    /// The session, for an archive that ends it.
    pub(crate) fn take_session(&self) -> Option<Session> {
        self.is_held.set(false);
        self.session.take()
    }

    /// Runs a script, in the session that is there if there is one.
    pub(crate) fn ask(&self, connection: &Connection, script: Script) -> Outcome<Reply> {
        if self.has_no_room.get() {
            return connection.run(&script);
        }
        let session = connection.run_in(self.session.take(), &script.followed())?;
        let (answer, session) = session.answer_and_go_on()?;
        self.is_held.set(self.is_held.get() && session.is_some());
        self.session.set(session);
        Ok(answer)
    }

    /// Holds the incoming folder for what comes.
    pub(crate) fn hold(&self, connection: &Connection) -> Outcome<()> {
        if self.is_held.get() || self.has_no_room.get() {
            return Ok(());
        }
        let answer = self.ask(connection, self.filling(connection, HOLD))?;
        if answer.status != 0 {
            let (host, problem) = (connection.host(), answer.field("problem").unwrap_or_default());
            if let Some(place) = problem.strip_prefix("removed ") {
                return Err(Failure::ours(anyhow!(
                    "{place} on '{host}' was removed during this push"
                ))
                .hint("run this step again when no clean runs"));
            }
            return Err(Failure::ours(anyhow!(
                "can't write {} on '{host}': {}",
                self.incoming,
                answer.last_error()
            )));
        }
        self.is_held.set(true);
        Ok(())
    }

    /// Runs rsyncs, beside the session if the host takes one more.
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

    /// Ends the session for a host that takes no other beside it, and says whether there was one.
    fn make_room(&self) -> Outcome<bool> {
        self.has_no_room.set(true);
        let session = self.take_session();
        let was_there = session.is_some();
        session.map_or(Ok(()), Session::end)?;
        Ok(was_there)
    }

    /// Gives the incoming folder up, unless an archive did when all of it was in its place.
    pub(crate) fn release(&self, connection: &Connection) -> Outcome<()> {
        if self.is_held.get() || self.has_no_room.get() {
            // The session ends with it: to end it afterwards would take another round trip.
            self.is_held.set(false);
            let script = self.about_incoming(connection, RELEASE);
            connection.run_in(self.session.take(), &script)?.answer()?;
        }
        self.take_session().map_or(Ok(()), Session::end)
    }

    /// The code without what the remote has told to be in the tree as it is here; where content counts, all of it.
    pub(crate) fn code_that_differs<'a>(&self, code: &'a Listing) -> Cow<'a, Listing> {
        if self.by_content || self.code.is_empty() {
            return Cow::Borrowed(code);
        }
        let is_there =
            |path: &Path, entry: &Entry| self.code.get(path).is_some_and(|there| there.same(entry));
        Cow::Owned(code.filter(|path, entry| !is_there(path, entry)))
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
        let (incoming, scratch) = (folder(name), folder("tmp"));
        Route { prepared: self, here, there, name, incoming, scratch, is_near: disk.is_near }
    }
}
