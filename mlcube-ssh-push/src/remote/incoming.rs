//! The incoming folder of a push on the remote, for entries that aren't in their places yet. Its name is random, so that
//! no two pushes share one, whichever machine they come from.

use std::cell::Cell;
use std::thread;
use std::time::Duration;

use anyhow::{Result, anyhow};
use mlcube_ssh::pipe::document::Remote;
use mlcube_ssh::pipe::failure::{Failure, FailureKind, Outcome};
use mlcube_ssh::process::command::Command;
use mlcube_ssh::process::script::Script;
use mlcube_ssh::remote::connection::Connection;
use mlcube_ssh::remote::session::{KeptSession, PAUSES, Reply, Session};
use mlcube_ssh::remote::{job, problem};
use mlcube_ssh::sync::rsync::{Heard, Transfer};
use mlcube_ssh::sync::{SeenTransfer, SyncState, TransferId, rsync};
use mlcube_ssh::text::random_id::hex_digits;

use crate::remote::problem::ProblemKind;

/// The script that holds the incoming folder while its session lasts.
const HOLD: &str = include_str!("../sh/hold.sh");
/// The script that releases the incoming folder.
const RELEASE: &str = include_str!("../sh/release.sh");

/// How many names are remembered: that of the last push that got a reply, and the names of later attempts.
const REMEMBERED: usize = 4;

/// The name of a push's incoming folder, and the names of earlier pushes of this machine whose unfinished files it
/// uses; and the id of the push as a transfer of the workspace.
#[derive(Clone, Debug)]
pub(crate) struct IncomingId {
    pub(crate) id: String,
    pub(crate) transfer: TransferId,
    pub(crate) former: Vec<String>,
}

impl IncomingId {
    /// Chooses a name; writes nothing.
    pub(crate) fn choose(sync_state: &SyncState, remote: &Remote) -> Result<Self> {
        let (id, transfer) = (hex_digits::<8>()?, sync_state.transfer_id(remote)?);
        Ok(Self { id, transfer, former: sync_state.incoming()? })
    }

    /// Notes the name before the remote is told, because the remote's reply may get lost.
    pub(crate) fn note(&self, sync_state: &SyncState) -> Result<()> {
        let mut names = self.former.clone();
        if names.len() == REMEMBERED {
            names.remove(1);
        }
        names.push(self.id.clone());
        sync_state.set_incoming(&names)?;
        sync_state.begin_transfer(&self.transfer)
    }

    /// Notes that the remote has this folder, and that nothing of the former ones is left to do.
    pub(crate) fn note_made(&self, sync_state: &SyncState) -> Result<()> {
        sync_state.set_incoming(std::slice::from_ref(&self.id))
    }
}

/// The incoming folder of this push, which nobody else clears while a session holds its lock. Every transfer and every
/// script goes through this value, which makes and locks the folder first; a push that has nothing to send needs none.
/// However the push ends, dropping this releases the folder: it is removed unless it has something that the next push
/// continues with.
pub(crate) struct Incoming<'a> {
    connection: &'a Connection,
    /// The absolute path of the folder.
    path: String,
    /// The absolute paths of the tree and of the workspace, which the push fills.
    base: String,
    workspace: String,
    /// The id of the push, which the remote notes when all of it is in its place.
    transfer: TransferId,
    /// The session that made the folder, or the last one that a script ran in. The next script runs in it, and while it
    /// lasts it may hold the folder. It is closed on a host that refuses another one beside that of a transfer.
    session: KeptSession,
    state: Cell<FolderState>,
}

/// The state of the incoming folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FolderState {
    /// It doesn't exist: nothing has been changed yet.
    Unmade,
    /// The open session holds it.
    Held,
    /// It may exist.
    Made,
    /// An archive, which has no more use for it, has released it.
    Released,
    /// It was released, and the remote has noted the id of the push.
    Noted,
}

impl<'a> Incoming<'a> {
    /// The folder at `path`, which `session` has made and holds if `is_held`.
    pub(crate) fn new(
        connection: &'a Connection,
        path: String,
        base: String,
        workspace: String,
        transfer: TransferId,
        session: Option<Session>,
        is_held: bool,
    ) -> Self {
        let state = Cell::new(if is_held { FolderState::Held } else { FolderState::Unmade });
        let session = session.map_or_else(KeptSession::ready, KeptSession::open);
        Self { connection, path, base, workspace, transfer, session, state }
    }

    /// The absolute path of a folder in this one.
    pub(crate) fn folder(&self, name: &str) -> String {
        format!("{}/{name}", self.path)
    }

    /// A script that fills the folder, or holds it for a transfer.
    pub(crate) fn filling(&self, program: &'static str) -> Script {
        self.script(program).given("base", &self.base).given("workspace", &self.workspace)
    }

    /// A script that fills the folder, and releases it when all of it is in its place.
    pub(crate) fn emptying(&self, program: &'static str) -> Script {
        self.transfer.note_in(self.filling(program))
    }

    /// The script that releases the folder of a push that failed.
    fn releasing(&self) -> Script {
        let script = self.connection.script(RELEASE).with(job::INCOMING);
        let script = script.given("push", &self.path).given("workspace", &self.workspace);
        script.given("transfer_id", "").given("backups", "")
    }

    fn script(&self, program: &'static str) -> Script {
        let script = self.connection.script(program).with(job::FUNCTIONS).with(job::INCOMING);
        script.given("push", &self.path)
    }

    /// Starts a script that unpacks an archive into the folder. The script locks the folder, and the session ends with
    /// it.
    pub(crate) fn unpack(&self, script: &Script) -> Outcome<Session> {
        let session = self.take_session();
        self.state.set(FolderState::Made);
        self.connection.run_in(session, script)
    }

    /// Notes that a script has released the folder, according to its reply.
    pub(crate) fn note_released(&self, reply: &Reply) {
        let is_noted = reply.field("noted").is_some();
        self.state.set(if is_noted { FolderState::Noted } else { FolderState::Released });
    }

    fn is_held(&self) -> bool {
        self.state.get() == FolderState::Held
    }

    fn take_session(&self) -> Option<Session> {
        self.let_go();
        self.session.take()
    }

    /// Notes that no session holds the folder any more.
    fn let_go(&self) {
        if self.is_held() {
            self.state.set(FolderState::Made);
        }
    }

    /// Runs a script, in the open session if there is one. The folder is locked before the first one.
    pub(crate) fn run_script(&self, script: Script) -> Outcome<Reply> {
        if self.is_unmade() {
            self.hold()?;
        }
        self.run_in_session(script)
    }

    fn run_in_session(&self, script: Script) -> Outcome<Reply> {
        let reply = self.session.run(self.connection, script);
        if !self.session.is_open() {
            self.let_go();
        }
        reply
    }

    /// Locks the folder for a transfer.
    fn hold(&self) -> Outcome<()> {
        if self.is_held() || self.session.is_closed() {
            return Ok(());
        }
        self.state.set(FolderState::Made);
        let reply = self.run_in_session(self.filling(HOLD))?;
        if reply.status != 0 {
            let host = self.connection.host();
            let problem = reply.problem();
            if let Some(problem) =
                problem.as_ref().filter(|it| it.kind() == Some(ProblemKind::Removed))
            {
                return Err(Failure::ours(anyhow!(
                    "{} on '{host}' was removed during this push",
                    problem.subject
                ))
                .hint("run this step again when no clean runs"));
            }
            return Err(Failure::ours(anyhow!(
                "can't write {} on '{host}': {}",
                self.path,
                problem::reason(problem.as_ref(), &reply.last_error())
            ))
            .hint("check who may write in the folder on the remote, and its disk, then run this step again"));
        }
        self.state.set(FolderState::Held);
        Ok(())
    }

    /// Returns whether the push has changed nothing on the remote so far, and has asked nothing since the first reply.
    pub(crate) fn is_unmade(&self) -> bool {
        self.state.get() == FolderState::Unmade
    }

    /// Ends the session of a push that has nothing to do. Nobody waits for the end: the shell on the remote ends with its
    /// input, and holds nothing.
    pub(crate) fn leave(&self) {
        if let Some(session) = self.take_session() {
            session.hang_up();
        }
    }

    /// Runs rsync commands while the folder is locked, beside the session if the host allows one more.
    pub(crate) fn run(
        &self,
        commands: &[Command],
        heard: Heard,
    ) -> (Transfer, Outcome<Option<Failure>>) {
        if commands.is_empty() {
            return (Transfer::default(), Ok(None));
        }
        if let Err(failure) = self.hold() {
            return (Transfer::default(), Err(failure));
        }
        let (transfer, ended) = rsync::run(commands, self.connection, heard);
        let (transfer, ended) = match transfer.was_refused.then(|| self.make_room()) {
            None | Some(Ok(false)) => (transfer, ended),
            Some(Ok(true)) => self.run_alone(commands, heard),
            Some(Err(failure)) => (transfer, Err(failure)),
        };
        if ended.as_ref().is_err_and(|failure| failure.kind == FailureKind::Connection) {
            // Nobody would reply in this session either.
            if let Some(session) = self.take_session() {
                session.hang_up();
            }
        }
        (transfer, ended)
    }

    /// Runs rsync commands on a host that allows one session: it may count the former one for a moment after its end.
    fn run_alone(
        &self,
        commands: &[Command],
        heard: Heard,
    ) -> (Transfer, Outcome<Option<Failure>>) {
        for pause in PAUSES {
            let (transfer, ended) = rsync::run(commands, self.connection, heard);
            if !transfer.was_refused {
                return (transfer, ended);
            }
            thread::sleep(Duration::from_millis(pause));
        }
        rsync::run(commands, self.connection, heard)
    }

    /// Ends the session for a host that allows no other beside it; returns whether a session was open.
    fn make_room(&self) -> Outcome<bool> {
        self.let_go();
        self.session.close()
    }

    /// The push as the last transfer of the workspace, if the remote has noted it. A full disk there may have refused that.
    pub(crate) fn noted(&self) -> Option<SeenTransfer> {
        (self.state.get() == FolderState::Noted).then(|| self.transfer.noted())
    }

    /// Releases the folder, unless an archive has done so after all of it was in its place. Returns whether the folder
    /// `backups` exists: what rsync says about what it replaces isn't all that it keeps a backup of.
    pub(crate) fn release(&self, backups: &str) -> Outcome<bool> {
        let mut has_backups = false;
        // Who held the folder may be gone: a script that fails ends its session.
        if !matches!(self.state.get(), FolderState::Released | FolderState::Noted) {
            // The script ends the session with it; ending it afterwards would take another round trip.
            let script = self.release_script(backups);
            let reply = self.connection.run_in(self.take_session(), &script)?.reply()?;
            self.note_released(&reply);
            has_backups = reply.field("backups").is_some();
        }
        self.take_session().map_or(Ok(()), Session::end)?;
        Ok(has_backups)
    }

    fn release_script(&self, backups: &str) -> Script {
        let script = self.script(RELEASE).given("workspace", &self.workspace);
        self.transfer.note_in(script).given("backups", backups)
    }
}

impl Drop for Incoming<'_> {
    fn drop(&mut self) {
        // Only in the open session: a new one could wait for a login. The next push of this machine clears the rest.
        if self.is_held()
            && let Some(session) = self.take_session()
        {
            let released = self.connection.run_in(Some(session), &self.releasing());
            let _why_the_push_failed_is_known = released.and_then(Session::reply);
        }
    }
}
