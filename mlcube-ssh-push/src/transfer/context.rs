//! What every stage of a transfer needs to know.

use std::path::Path;

use mlcube_ssh::cube::Cube;
use mlcube_ssh::cube::boundary::Boundary;
use mlcube_ssh::pipe::document::Document;
use mlcube_ssh::pipe::failure::{Failure, Outcome};
use mlcube_ssh::pipe::step::Step;
use mlcube_ssh::process::command::Command;
use mlcube_ssh::remote::connection::Connection;
use mlcube_ssh::sync::Plan;
use mlcube_ssh::sync::rsync::{Heard, Transfer};
use mlcube_ssh::ui::report::Verbosity;

use crate::local::Local;
use crate::remote::backups::Backups;
use crate::remote::state::{RemoteState, Route};

/// Local, remote and the plan between them.
pub(crate) struct TransferContext<'a> {
    pub(crate) step: &'a Step,
    pub(crate) document: &'a Document,
    pub(crate) cube: &'a Cube,
    /// Decides which local links are followed.
    pub(crate) boundary: &'a Boundary,
    pub(crate) connection: &'a Connection,
    pub(crate) local: &'a Local,
    pub(crate) remote_state: &'a RemoteState<'a>,
    /// The plan for the workspace.
    pub(crate) plan: &'a Plan,
    /// Whether nothing is sent to the workspace, and the sync state already holds what both sides agree on.
    pub(crate) is_agreed: bool,
    /// The remote folder for backups of what is replaced.
    pub(crate) backups: Backups,
}

/// What a push has sent, and the failures that name what it couldn't send.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    pub(crate) transfer: Transfer,
    /// What of it rsync has sent.
    pub(crate) rsynced: Transfer,
    /// Not all that was left out may be known, so the remote is asked what it has.
    pub(crate) left_out: Option<Failure>,
    /// The remote refused known entries; the rest is recorded.
    pub(crate) refused: Option<Failure>,
    /// What the remote was seen not to have afterwards, of code and workspace.
    pub(crate) missing: Vec<&'static Path>,
    /// Entries whose permissions the remote didn't change.
    pub(crate) unset: Vec<&'static Path>,
    /// Code that wasn't sent, because the remote has a link in the place of one of its folders.
    pub(crate) behind_links: Vec<&'static Path>,
}

impl TransferContext<'_> {
    /// Runs, or shows, rsync commands that are expected to send `bytes` bytes. What they leave out is noted in `sent` as an error
    /// for later, so that the rest is still sent.
    pub(crate) fn rsync(
        &self,
        commands: &[Command],
        bytes: u64,
        sent: &mut Sent,
    ) -> Outcome<Transfer> {
        if self.step.is_dry_run() {
            self.step.show(commands);
            return Ok(Transfer::default());
        }
        let report = self.step.report();
        let name = |path: &Path| {
            let name = path.to_string_lossy();
            if !name.ends_with('/') {
                report.detail(&format!("sending {}", name.escape_debug()));
            }
        };
        let changed: Option<&(dyn Fn(&Path) + Sync)> =
            if report.verbosity() == Verbosity::Verbose { Some(&name) } else { None };
        let heard = Heard { report, total: bytes, changed };
        let (transfer, ended) = self.remote_state.incoming.run(commands, heard);
        sent.transfer.add(transfer.clone());
        sent.rsynced.add(transfer.clone());
        if let Some(failure) = ended? {
            sent.left_out.get_or_insert(failure);
        }
        Ok(transfer)
    }

    pub(crate) fn code_route(&self) -> Route<'_> {
        self.remote_state.code_route(&self.cube.layout)
    }

    pub(crate) fn workspace_route(&self) -> Route<'_> {
        self.remote_state.workspace_route(&self.cube.layout)
    }
}
