//! Permissions that changed without the content. They are sent by a script: rsync would send the content too, and
//! replace what somebody has written on the remote meanwhile.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::anyhow;
use mlcube_ssh::listing::{Entry, FIND_FORMAT_LINKED, Listing};
use mlcube_ssh::pipe::failure::{Failure, Outcome};
use mlcube_ssh::process::script::Script;
use mlcube_ssh::remote::connection::Connection;
use mlcube_ssh::remote::disks::LIST_PLACES;
use mlcube_ssh::remote::problem;
use mlcube_ssh::sync::Plan;
use mlcube_ssh::text::quote::one_line;
use mlcube_ssh::ui::names::others;

use crate::transfer::context::{Sent, TransferContext};

const SET_PERMISSIONS: &str = include_str!("../sh/set-permissions.sh");

/// The scripts that set the permissions of a plan in the folder `workspace`, each with its entries.
fn scripts(
    connection: &Connection,
    plan: &Plan,
    workspace: &str,
) -> Vec<(Script, Vec<&'static Path>)> {
    let mut modes: BTreeMap<u32, Vec<&'static Path>> = BTreeMap::new();
    for (path, entry) in plan.permissions.iter() {
        modes.entry(mode(connection, &entry)).or_default().push(path);
    }
    let script = |mode: u32, paths: &[&'static Path]| {
        let script = connection.script(SET_PERMISSIONS).with(LIST_PLACES);
        let script = script.given("workspace", workspace).given("format", FIND_FORMAT_LINKED);
        let script = script.given("mode", &format!("{mode:o}"));
        (script.words(paths), paths.to_vec())
    };
    let chunks = modes
        .iter()
        .flat_map(|(mode, paths)| paths.chunks(Script::WORDS).map(move |paths| (*mode, paths)));
    chunks.map(|(mode, paths)| script(mode, paths)).collect()
}

/// The permissions that an entry gets on the remote. In a tree that a group shares, every member gets the owner's
/// permissions, and others get none.
pub(super) fn mode(connection: &Connection, entry: &Entry) -> u32 {
    let own = entry.permissions() & 0o777;
    if connection.is_shared() {
        let can_run = entry.is_folder() || own & 0o111 != 0;
        own & 0o700 | if can_run { 0o070 } else { 0o060 }
    } else {
        own
    }
}

impl TransferContext<'_> {
    /// Sends permissions that changed without the content. Entries that can't get them are an error once the rest is
    /// sent.
    pub(crate) fn send_permissions(&self, sent: &mut Sent) -> Outcome<()> {
        let workspace = &self.remote_state.workspace;
        let mut reason = String::new();
        for (script, paths) in scripts(self.connection, self.plan, workspace) {
            if self.step.is_dry_run() {
                self.step.show(&self.connection.shown(&script));
                continue;
            }
            let reply = self.remote_state.incoming.run_script(script)?;
            let why = reply.field("why").unwrap_or_else(|| reply.last_error());
            let now = if reply.status == 0 { reply.listing()? } else { Listing::default() };
            for path in paths {
                let wanted = self.plan.permissions.get(path);
                let has = |now: &Entry, wanted: &Entry| {
                    now.permissions() & 0o777 == mode(self.connection, wanted)
                };
                if now.get(path).zip(wanted).is_some_and(|(now, wanted)| has(&now, &wanted)) {
                    sent.transfer.note(&path.to_string_lossy());
                } else {
                    sent.unset.push(path);
                    reason.clone_from(&why);
                }
            }
        }
        let Some(first) = sent.unset.first() else { return Ok(()) };
        let others = others(sent.unset.len());
        let failure = Failure::ours(anyhow!(
            "can't set the permissions of '{}'{others} on '{}': {}; the rest was done",
            first.to_string_lossy().escape_debug(),
            self.connection.host(),
            problem::reason(None, &one_line(&reason)),
        ));
        sent.refused.get_or_insert(failure.hint(
            "only a file's owner can set its permissions: change its remote owner, or set the same permissions locally",
        ));
        Ok(())
    }
}
