//! `--delete`: removes code from the remote tree that was pushed once and no longer exists locally. A backup is kept
//! first.

use anyhow::anyhow;
use mlcube_ssh::listing::Listing;
use mlcube_ssh::pipe::failure::{Failure, Outcome, is_out_of_room};
use mlcube_ssh::process::script::Script;
use mlcube_ssh::remote::connection::Connection;
use mlcube_ssh::remote::problem;
use mlcube_ssh::text::quote::one_line;
use mlcube_ssh::text::units::count;
use mlcube_ssh::ui::names::others;

use crate::cli::Args;
use crate::local::Local;
use crate::transfer::context::{Sent, TransferContext};

const MOVE_TO_BACKUPS: &str = include_str!("../sh/move-to-backups.sh");

/// Refuses to delete if the cube has no local file, or more than `--max-delete` files.
pub(crate) fn check(local: &Local, args: &Args) -> Outcome<()> {
    if !args.delete || local.gone.files() == 0 {
        return Ok(());
    }
    if local.code.files() == 0 {
        return Err(Failure::ours(anyhow!(
            "the cube has no local file, so nothing was deleted on the remote"
        ))
        .hint("check whether its disk is mounted; `mlcube-ssh clean --yes=tree` removes the whole remote tree"));
    }
    if local.gone.files() > args.max_delete {
        return Err(Failure::ours(anyhow!(
            "--delete would delete {}, more than --max-delete={} allows; nothing was sent",
            count(local.gone.files(), "file"),
            args.max_delete
        ))
        .hint(format!(
            "a push with --delete --dry-run names them; --max-delete={} allows it",
            local.gone.files()
        )));
    }
    Ok(())
}

/// The script that moves `paths` of the remote folder `top` to the folder `backups`; `None` if there is nothing to move.
fn script(connection: &Connection, paths: &Listing, top: &str, backups: &str) -> Option<Script> {
    let script = connection.script(MOVE_TO_BACKUPS).given("tree", top).given("backups", backups);
    // Reversed, so that the entries of a folder come before the folder.
    let script = paths.iter().rev().fold(script, |script, (path, _)| script.word(path));
    (!paths.is_empty()).then_some(script)
}

/// Returns what lets a file be moved to the backups, by mv's own words.
fn remedy(why: &str) -> &'static str {
    if is_out_of_room(why) {
        "make room on the remote (`df -h`, `df -i` and `quota` show what is full)"
    } else if why.contains("Operation not permitted") {
        "remove the attribute that protects it on the remote (`lsattr` shows it, `chattr -i` removes it), or ask the owner of its folder"
    } else if why.contains("Read-only file system") {
        "make its file system writable on the remote"
    } else {
        "make its folder writable on the remote"
    }
}

/// The result of removing code.
#[derive(Default)]
pub(crate) struct Removed {
    /// The paths that existed and were removed.
    pub(crate) deleted: Vec<String>,
    /// The failure that names what couldn't be removed.
    pub(crate) failure: Option<Failure>,
}

impl TransferContext<'_> {
    /// Deletes remote code that no longer exists locally, and names it. What can't be deleted is an error once the rest
    /// is done.
    pub(crate) fn delete(&self, sent: &mut Sent) -> Outcome<Vec<String>> {
        let Removed { deleted, failure } = self.remove_code(&self.local.gone)?;
        for path in &deleted {
            self.step.report().say(&format!("deleted {path} on '{}'", self.connection.host()));
        }
        sent.refused = failure;
        Ok(deleted)
    }

    /// Moves code out of the remote tree.
    pub(crate) fn remove_code(&self, paths: &Listing) -> Outcome<Removed> {
        self.move_away(paths, &self.remote_state.base, &self.backups.code())
    }

    /// Moves entries of the remote folder `top` to the folder `backups`.
    pub(crate) fn move_away(&self, paths: &Listing, top: &str, backups: &str) -> Outcome<Removed> {
        let (connection, host) = (self.connection, self.connection.host());
        let script = script(connection, paths, top, backups);
        let Some(script) = script else { return Ok(Removed::default()) };
        if self.step.is_dry_run() {
            self.step.show(&connection.shown(&script));
            return Ok(Removed::default());
        }
        let reply = self.remote_state.incoming.run_script(script)?;
        let failure = |what: &str| {
            let why = reply.field("why").unwrap_or_else(|| reply.last_error());
            let reason = problem::reason(None, &one_line(&why));
            let failure = anyhow!("can't delete {what} on '{host}': {reason}");
            Failure::ours(failure).hint(format!("{}, then push with --delete again", remedy(&why)))
        };
        if reply.status != 0 {
            let problem = reply.problem();
            let known = problem.and_then(|it| it.failure(host.as_str(), &reply.errors));
            return Err(known.unwrap_or_else(|| failure("what was to be moved to the backups")));
        }
        let text = reply.text();
        let lines = |did: &str| -> Vec<String> {
            let lines = text.lines().filter_map(|line| line.strip_prefix(did)?.strip_prefix(' '));
            lines.map(|path| path.escape_debug().to_string()).collect()
        };
        let skipped = lines("skipped");
        let failure =
            skipped.first().map(|first| failure(&format!("'{first}'{}", others(skipped.len()))));
        Ok(Removed { deleted: lines("deleted"), failure })
    }
}
