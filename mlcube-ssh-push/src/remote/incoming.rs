//! The name of a push's incoming folder on the remote. It is random, so that no two pushes share one, whichever machine
//! they come from.

use anyhow::Result;
use mlcube_ssh::sync::SyncState;
use mlcube_ssh::text::random_id::hex_digits;

/// How many names are remembered: that of the last push that got a reply, and the names of later attempts.
const REMEMBERED: usize = 4;

/// The name of a push's incoming folder, and the names of earlier pushes of this machine whose unfinished files it
/// uses.
#[derive(Clone, Debug)]
pub(crate) struct IncomingId {
    pub(crate) id: String,
    pub(crate) former: Vec<String>,
}

impl IncomingId {
    /// Chooses a name; writes nothing.
    pub(crate) fn choose(sync_state: &SyncState) -> Result<Self> {
        Ok(Self { id: hex_digits()?, former: sync_state.incoming() })
    }

    /// Notes the name before the remote is told, because the remote's reply may get lost.
    pub(crate) fn note(&self, sync_state: &SyncState) -> Result<()> {
        let mut names = self.former.clone();
        if names.len() == REMEMBERED {
            names.remove(1);
        }
        names.push(self.id.clone());
        sync_state.set_incoming(&names)
    }

    /// Notes that the remote has this folder, and no longer has the former ones.
    pub(crate) fn is_made(&self, sync_state: &SyncState) -> Result<()> {
        sync_state.set_incoming(std::slice::from_ref(&self.id))
    }
}
