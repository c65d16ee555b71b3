//! The id of the last transfer of a workspace. It is random, and both sides have it: the remote in its state folder,
//! the local side in the sync state. A remote workspace with another id isn't as the last transfer of this machine has
//! left it: it was restored from a backup, or another machine has transferred since.

use anyhow::Result;

use crate::pipe::document::Remote;
use crate::process::script::Script;
use crate::remote::session::reply::Reply;
use crate::sync::state::SyncState;
use crate::sync::state::record::is_hexadecimal;
use crate::text::random_id::hex_digits;
use crate::text::stable_hash::StableHash;

/// The shared shell functions.
const FUNCTIONS: &str = include_str!("../../remote/sh/last-transfer.sh");
/// The name of the file of the sync state.
const FILE: &str = "transfer";
/// The name of the file with the id of the last push.
const PUSH: &str = "last-push";
/// The word of the sync state for any id: the two sides have none in common yet.
const ANY: &str = "any";
/// The word of the remote for no id.
const NONE: &str = "-";

/// The ids of a transfer that begins.
#[derive(Clone, Debug)]
pub struct TransferId {
    /// The name of the remote file.
    file: String,
    /// The id of the last transfer that was recorded.
    last: String,
    /// The id of this transfer, and of those since the last recorded one: the remote may have it, if a reply was lost.
    next: String,
    /// The id of the last push.
    last_push: Option<String>,
}

impl TransferId {
    /// Gives a script the functions and the name of the file. Its reply has the id by which [`TransferId::seen`]
    /// recognises the workspace.
    #[must_use]
    pub fn report_in(&self, script: Script) -> Script {
        script.with(FUNCTIONS).given("transfer_file", &self.file)
    }

    /// Gives a script the id that it writes when it succeeds.
    #[must_use]
    pub fn note_in(&self, script: Script) -> Script {
        self.report_in(script).given("transfer_id", &self.next)
    }

    /// Gives a script the ids with which the workspace counts as unchanged since the last transfer.
    #[must_use]
    pub fn check_in(&self, script: Script) -> Script {
        self.note_in(script).given("known_transfers", &format!("{} {}", self.last, self.next))
    }

    /// Gives a script the ids that the remote may have if nobody has restored the workspace since the last push.
    #[must_use]
    pub fn know_in(&self, script: Script) -> Script {
        let last_push = self.last_push.as_deref().unwrap_or(ANY);
        let known = format!("{last_push} {} {}", self.last, self.next);
        self.report_in(script).given("known_pushes", &known)
    }

    /// Reads what the remote has replied.
    #[must_use]
    pub fn seen(&self, reply: &Reply) -> SeenTransfer {
        let is_id = |id: &String| !id.is_empty() && is_hexadecimal(id);
        let found = reply.field("transfer").filter(is_id).unwrap_or_else(|| NONE.to_owned());
        let is_noted = reply.field("noted").is_some();
        SeenTransfer {
            is_known: self.last == ANY || found == self.last || found == self.next,
            id: if is_noted { self.next.clone() } else { found },
        }
    }

    /// The transfer once the remote has noted it.
    #[must_use]
    pub fn noted(&self) -> SeenTransfer {
        SeenTransfer { is_known: true, id: self.next.clone() }
    }
}

/// The last transfer of a workspace, according to the remote.
#[derive(Clone, Debug)]
pub struct SeenTransfer {
    /// Whether it was one of this sync state.
    pub is_known: bool,
    id: String,
}

impl SyncState {
    /// Chooses the id of a transfer; writes nothing.
    ///
    /// # Errors
    /// When the id of the last transfer can't be read, or the system has no `/dev/urandom`.
    pub fn transfer_id(&self, remote: &Remote) -> Result<TransferId> {
        let text = self.record(FILE).text()?.unwrap_or_default();
        let mut ids = text.split_whitespace();
        let last = ids.next().unwrap_or(ANY).to_owned();
        let next = ids.next().map_or_else(hex_digits::<8>, |next| Ok(next.to_owned()))?;
        let workspace = StableHash::default().field(remote.workspace.as_str()).finish();
        let last_push = self.record(PUSH).text()?;
        let last_push = last_push.and_then(|text| Some(text.split_whitespace().next()?.to_owned()));
        Ok(TransferId { file: format!("transfer-{workspace:016x}"), last, next, last_push })
    }

    /// Notes the id before the remote is given it, because the remote's reply may get lost.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn begin_transfer(&self, id: &TransferId) -> Result<()> {
        self.record(FILE).write(format!("{} {}\n", id.last, id.next))
    }

    /// Notes, when the agreement is written, with which remote workspace and which local folders it was reached.
    ///
    /// # Errors
    /// When a file can't be written.
    pub fn end_transfer(&self, seen: &SeenTransfer) -> Result<()> {
        self.note_folders()?;
        self.record(FILE).write(format!("{}\n", seen.id))
    }

    /// As [`SyncState::end_transfer`], for a push.
    ///
    /// # Errors
    /// When a file can't be written.
    pub fn end_push(&self, seen: &SeenTransfer) -> Result<()> {
        self.record(PUSH).write(format!("{}\n", seen.id))?;
        self.end_transfer(seen)
    }
}
