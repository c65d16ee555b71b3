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
/// The word of scripts and of the sync state for any id: the two sides have none in common yet.
const ANY: &str = "any";
/// The word of scripts and of the sync state for no id.
const NONE: &str = "-";

/// The ids of a transfer that begins.
#[derive(Clone, Debug)]
pub struct TransferId {
    /// The name of the remote file.
    file: String,
    /// The last transfer that was recorded; `None` if both sides have none in common yet.
    last: Option<RemoteId>,
    /// The id of this transfer, and of those since the last recorded one: the remote may have it, if a reply was lost.
    next: String,
    /// The last push, in the same way.
    last_push: Option<RemoteId>,
}

/// The id that the remote has, if it has one.
#[derive(Clone, Debug, PartialEq, Eq)]
struct RemoteId(Option<String>);

impl RemoteId {
    /// Parses the word of a script or of the sync state.
    fn parse(word: &str) -> Self {
        Self((!word.is_empty() && is_hexadecimal(word)).then(|| word.to_owned()))
    }

    fn word(&self) -> &str {
        self.0.as_deref().unwrap_or(NONE)
    }
}

/// The word for an id that may be any one.
fn word(id: Option<&RemoteId>) -> &str {
    id.map_or(ANY, RemoteId::word)
}

/// Parses the first of `words`.
fn parse<'a>(words: &mut impl Iterator<Item = &'a str>) -> Option<RemoteId> {
    words.next().filter(|word| *word != ANY).map(RemoteId::parse)
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
        let known = format!("{} {}", word(self.last.as_ref()), self.next);
        self.note_in(script).given("known_transfers", &known)
    }

    /// Gives a script the ids that the remote may have if nobody has restored the workspace since the last push.
    #[must_use]
    pub fn know_in(&self, script: Script) -> Script {
        let (last_push, last) = (word(self.last_push.as_ref()), word(self.last.as_ref()));
        let known = format!("{last_push} {last} {}", self.next);
        self.report_in(script).given("known_pushes", &known)
    }

    /// Reads what the remote has replied.
    #[must_use]
    pub fn seen(&self, reply: &Reply) -> SeenTransfer {
        let found = RemoteId::parse(&reply.field("transfer").unwrap_or_default());
        let next = RemoteId(Some(self.next.clone()));
        let is_known = self.last.as_ref().is_none_or(|last| found == *last) || found == next;
        let is_noted = reply.field("noted").is_some();
        let found_push = reply.field("last-push").map(|push| RemoteId::parse(&push));
        let is_same = |found: Option<&RemoteId>, known: Option<&RemoteId>| {
            found.is_some_and(|found| found.0.is_some() && known == Some(found))
        };
        let is_noted_already = is_same(Some(&found), self.last.as_ref())
            && is_same(found_push.as_ref(), self.last_push.as_ref());
        SeenTransfer { is_known, is_noted_already, id: if is_noted { next } else { found } }
    }

    /// The transfer once the remote has noted it.
    #[must_use]
    pub fn noted(&self) -> SeenTransfer {
        let id = RemoteId(Some(self.next.clone()));
        SeenTransfer { is_known: true, is_noted_already: false, id }
    }
}

/// The last transfer of a workspace, according to the remote.
#[derive(Clone, Debug)]
pub struct SeenTransfer {
    /// Whether it was one of this sync state.
    pub is_known: bool,
    /// Whether both sides have the same ids of the last transfer and of the last push, so that a push which changes
    /// nothing has none to note.
    pub is_noted_already: bool,
    id: RemoteId,
}

impl SyncState {
    /// Chooses the id of a transfer; writes nothing.
    ///
    /// # Errors
    /// When the id of the last transfer can't be read, or the system has no `/dev/urandom`.
    pub fn transfer_id(&self, remote: &Remote) -> Result<TransferId> {
        let text = self.record(FILE).text()?.unwrap_or_default();
        let mut ids = text.split_whitespace();
        let last = parse(&mut ids);
        let next = ids.next().map_or_else(hex_digits::<8>, |next| Ok(next.to_owned()))?;
        let workspace = StableHash::default().field(remote.workspace.as_str()).finish();
        let last_push = self.record(PUSH).text()?.unwrap_or_default();
        let last_push = parse(&mut last_push.split_whitespace());
        Ok(TransferId { file: format!("transfer-{workspace:016x}"), last, next, last_push })
    }

    /// Notes the id before the remote is given it, because the remote's reply may get lost.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn begin_transfer(&self, id: &TransferId) -> Result<()> {
        self.record(FILE).write(format!("{} {}\n", word(id.last.as_ref()), id.next))
    }

    /// Notes, when the agreement is written, with which remote workspace and which local folders it was reached.
    ///
    /// # Errors
    /// When a file can't be written.
    pub fn end_transfer(&self, seen: &SeenTransfer) -> Result<()> {
        self.note_folders()?;
        self.record(FILE).write(format!("{}\n", seen.id.word()))
    }

    /// As [`SyncState::end_transfer`], for a push.
    ///
    /// # Errors
    /// When a file can't be written.
    pub fn end_push(&self, seen: &SeenTransfer) -> Result<()> {
        self.record(PUSH).write(format!("{}\n", seen.id.word()))?;
        self.end_transfer(seen)
    }
}
