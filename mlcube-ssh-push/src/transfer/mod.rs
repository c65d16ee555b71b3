//! The transfers of a push: new entries as an archive, the rest by rsync, and the update of the sync state afterwards.

mod code_links;
pub(crate) mod commands;
pub(crate) mod context;
pub(crate) mod delete;
mod permissions;
mod sent_check;
pub(crate) mod settle_backups;
pub(crate) mod skipped;
pub(crate) mod summary;

use std::borrow::Cow;
use std::collections::HashSet;
use std::path::Path;

use anyhow::anyhow;
use mlcube_ssh::listing::{Entry, Listing, PARTIAL, folders_of};
use mlcube_ssh::pipe::document::Receipt;
use mlcube_ssh::pipe::failure::{Failure, FailureKind, Outcome};
use mlcube_ssh::process::command::Command;
use mlcube_ssh::process::script::Script;
use mlcube_ssh::remote::session::Reply;
use mlcube_ssh::sync::rsync::{self, Comparison, Heard};
use mlcube_ssh::sync::{AgreedEntry, Batch, Ended, Sides, TransferDirection};
use mlcube_ssh::text::quote::one_line;

use crate::archive::Remaining;
use crate::cli::Args;
use crate::local::code;
use crate::remote::state::Route;
use crate::transfer::context::{Sent, TransferContext};

const REMOVE_PARTIAL_LINKS: &str = include_str!("../sh/remove-partial-links.sh");

/// How the sending of a push ended.
struct Sending<'a> {
    /// Whether anything on the remote was replaced or deleted.
    has_replaced: bool,
    /// Whether the code that no longer exists locally was deleted.
    was_deleted: bool,
    /// What rsync or the push left out, as far as it is known: the remote is asked for the rest.
    left_out: Option<&'a Failure>,
}

impl TransferContext<'_> {
    /// Runs all transfers, and records what both sides have then. `sent` counts what was sent, even if the transfer
    /// fails.
    pub(crate) fn transfer(
        &self,
        args: &Args,
        receipt: &mut Receipt,
        sent: &mut Sent,
    ) -> Outcome<()> {
        let (local, sync_state) = (self.local, &self.local.sync_state);
        sync_state.set_gone(&local.once_sent())?;
        let has_removed_links;
        (has_removed_links, receipt.deleted) = self.remove(args, sent)?;
        let was_deleted = args.delete && sent.refused.is_none();
        let code = self.without_links(code::sendable(&local.code), sent)?;
        let all = self.send(&code, sent);
        let left_out = sent.left_out.take();
        let has_replaced =
            sent.transfer.replaced > 0 || !receipt.deleted.is_empty() || has_removed_links;
        match &all {
            // The connection is lost, so the backups can't be read.
            Err(failure) if failure.kind == FailureKind::Connection => {}
            // The first failure is the one that is reported.
            Err(failure) => drop(self.backups().settle(failure.is_out_of_room())),
            Ok(remaining) => {
                let ended = Sending { has_replaced, was_deleted, left_out: left_out.as_ref() };
                let recorded = self.settle_and_record(remaining, sent, &ended);
                if left_out.is_none() {
                    recorded?;
                }
            }
        }
        all?;
        // What the remote refused may be why something was left out.
        left_out.map_or(Ok(()), |failure| Err(sent.refused.take().unwrap_or(failure)))
    }

    /// Settles the backups, records what the remote has now, and gives the incoming folder up.
    fn settle_and_record(
        &self,
        remaining: &Remaining,
        sent: &mut Sent,
        ended: &Sending,
    ) -> Outcome<()> {
        let are_settled = ended.has_replaced || ended.left_out.is_some();
        if are_settled {
            self.backups().settle(ended.left_out.is_some_and(Failure::is_out_of_room))?;
        }
        self.record(remaining, sent, ended)?;
        self.give_incoming_up(are_settled)
    }

    /// Records in the sync state what the remote has now. Entries whose permissions weren't set have their former ones.
    fn record(&self, remaining: &Remaining, sent: &mut Sent, ended: &Sending) -> Outcome<()> {
        let (local, sync_state) = (self.local, &self.local.sync_state);
        let is_partial = ended.left_out.is_some();
        let mut unconfirmed = self.unconfirmed_code(remaining, is_partial, &mut sent.missing)?;
        let of_code = sent.missing.len();
        unconfirmed.extend(sent.behind_links.iter().copied().map(AgreedEntry::nothing_at));
        sync_state.set_gone(&local.still_gone(ended.was_deleted, &unconfirmed))?;
        sync_state.set_code(&local.pushed_now(&unconfirmed))?;
        self.finish(remaining, &sent.unset, is_partial, &mut sent.missing)?;
        if is_partial {
            self.discount_missing(remaining, of_code, sent);
        }
        Ok(())
    }

    /// Takes off what rsync has sent and the remote doesn't have. The first `of_code` missing entries are of the code.
    fn discount_missing(&self, remaining: &Remaining, of_code: usize, sent: &mut Sent) {
        let (code, workspace) = sent.missing.split_at(of_code);
        let arrived = |all: &Listing, missing: &[&'static Path]| {
            let missing: HashSet<&Path> = missing.iter().copied().collect();
            all.filter(|path, _| !missing.contains(path))
        };
        let changed = self.local.changed_code();
        let code = arrived(&remaining.code.filter(|path, _| changed.get(path).is_some()), code);
        let workspace = arrived(&remaining.workspace, workspace);
        let files = code.regular_files() + workspace.regular_files();
        let entries = (code.len() + workspace.len()) as u64;
        let [files, entries] = sent.rsynced.limit(files, entries);
        sent.transfer.files_sent -= files;
        sent.transfer.changed -= entries;
    }

    /// Gives the incoming folder up. rsync doesn't report a file or link that it replaces by an entry of another kind;
    /// so if no backup was reported (`are_settled` is false) and there are some, they are settled here.
    fn give_incoming_up(&self, are_settled: bool) -> Outcome<()> {
        let (incoming, sync_state) = (&self.remote_state.incoming, &self.local.sync_state);
        let last_transfer = &self.remote_state.last_transfer;
        if self.is_agreed && last_transfer.is_noted_already && incoming.is_unmade() {
            // The remote would be told what it has already, and a round trip costs as much as all the rest.
            incoming.leave();
            sync_state.end_transfer(last_transfer)?;
            return Ok(sync_state.set_incoming(&[])?);
        }
        if incoming.release(&self.backups.folder)? && !are_settled {
            self.backups().settle(false)?;
            incoming.release("")?;
        }
        if let Some(noted) = incoming.noted() {
            sync_state.end_push(&noted)?;
        }
        Ok(sync_state.set_incoming(&[])?)
    }

    /// Removes links in the way, and with `--delete` what no longer exists locally. Returns whether there were such links, and
    /// what was deleted.
    fn remove(&self, args: &Args, sent: &mut Sent) -> Outcome<(bool, Vec<String>)> {
        let has_removed_links = self.remove_links_in_the_way()?;
        let deleted = if args.delete { self.delete(sent)? } else { Vec::new() };
        Ok((has_removed_links, deleted))
    }

    /// Sends code and workspace; returns what the archives didn't send.
    fn send<'a>(&'a self, code: &'a Listing, sent: &mut Sent) -> Outcome<Remaining<'a>> {
        let remaining = self.send_new(code, sent)?;
        self.send_code(&remaining, sent)?;
        self.send_workspace(&remaining, sent)?;
        self.send_permissions(sent)?;
        Ok(remaining)
    }

    /// Removes remote links that were pushed and are folders locally now, because rsync would write through them.
    /// Returns whether it removed any.
    fn remove_links_in_the_way(&self) -> Outcome<bool> {
        let of_code = self.remove_code(&self.local.old_links())?;
        let is_sent = |path: &Path, _: &Entry| self.plan.send.get(path).is_some();
        let links = self.local.replaced_links.filter(is_sent);
        let (top, backups) = (&self.remote_state.workspace, self.backups.workspace());
        let of_workspace = self.move_away(&links, top, &backups)?;
        let has_removed = !of_code.deleted.is_empty() || !of_workspace.deleted.is_empty();
        of_code.failure.or(of_workspace.failure).map_or(Ok(has_removed), Err)
    }

    /// Removes links of a task in the places where rsync looks for the parts of files that it sends to the folder
    /// `top`.
    fn remove_partial_links(&self, top: &str, list: &Listing) -> Outcome<()> {
        // In a dry run nobody knows whether there are any.
        if self.remote_state.is_new || self.step.is_dry_run() {
            return Ok(());
        }
        let folders = folders_of(list.iter().map(|(path, _)| path));
        for some in folders.chunks(Script::WORDS) {
            let script = self.connection.script(REMOVE_PARTIAL_LINKS);
            let script = script.given("top", top).given("name", PARTIAL);
            let reply = self.remote_state.incoming.run_script(script.words(some))?;
            if reply.status != 0 {
                let what = reply.problem().map_or_else(|| reply.last_error(), |it| it.subject);
                return Err(Failure::ours(anyhow!(
                    "can't remove a link on '{}' that is in the place of a local folder: {}",
                    self.connection.host(),
                    one_line(&what)
                ))
                .hint("make its folder writable on the remote, then push again"));
            }
        }
        Ok(())
    }

    /// Updates the remote code. What an existing tree holds is known only to rsync.
    fn send_code(&self, remaining: &Remaining, sent: &mut Sent) -> Outcome<()> {
        let route = self.code_route();
        let code = &self.code_to_send(&remaining.code)?;
        // An rsync without anything to do takes seven round trips.
        if code.is_empty() {
            return Ok(());
        }
        self.remove_partial_links(route.remote, code)?;
        let command = commands::code(self.connection, &route, code, &self.backups);
        let rsynced = self.rsync(&[command], self.local.changed_code().bytes(), sent)?;
        // In an existing tree rsync may find everything up to date, but it must have looked at the files.
        let was_missing = self.remote_state.is_new && !remaining.may_be_in_place;
        let done = if was_missing { rsynced.files_sent } else { rsynced.files };
        if (was_missing || done == 0) && !rsynced.is_partial {
            self.check_sent(code, done, &route)?;
        }
        Ok(())
    }

    /// The code that rsync has to compare: all but the entries that the remote reported to be as they are locally.
    fn code_to_send<'a>(&self, code: &'a Listing) -> Outcome<Cow<'a, Listing>> {
        if self.remote_state.by_content && self.connection.is_shared() && !self.step.is_dry_run() {
            // Only the owner of a file can set its time. Where another member's file has the same content already,
            // rsync mustn't try.
            let batches = Batch::of(code, &[]);
            let base = self.cube.layout.base.to_string_lossy();
            let comparisons = Comparison::of(
                self.connection,
                TransferDirection::Up,
                &batches,
                [base.as_ref(), &self.remote_state.base],
                false,
            );
            let run = |commands: &[Command], heard: Heard| {
                self.remote_state.incoming.run(commands, heard)
            };
            let differing = rsync::differing_names(&comparisons, self.step.report(), &run)?;
            let differs = |path: &Path, entry: &Entry| !entry.is_file() || differing.contains(path);
            return Ok(Cow::Owned(code.filter(differs)));
        }
        Ok(self.remote_state.code_that_differs(code))
    }

    fn send_workspace(&self, remaining: &Remaining, sent: &mut Sent) -> Outcome<()> {
        let (rest, route) = (&remaining.workspace, self.workspace_route());
        self.remove_partial_links(route.remote, rest)?;
        let commands = self.workspace_commands(&route, rest);
        let rsynced = self.rsync(&commands, rest.bytes(), sent)?;
        if remaining.may_be_in_place || rsynced.is_partial {
            return Ok(());
        }
        self.check_sent(rest, rsynced.files_sent, &route)
    }

    fn check_sent(&self, missing: &Listing, sent: u64, route: &Route) -> Outcome<()> {
        if self.step.is_dry_run() {
            return Ok(());
        }
        let host = self.connection.host().as_str();
        let run = |script| self.remote_state.incoming.run_script(script);
        let not_arrived = |files: &Listing| self.ended(route, &run).not_as_planned(files);
        sent_check::check(missing, sent, route.local, host, not_arrived)
    }

    fn workspace_commands(&self, route: &Route, list: &Listing) -> Vec<Command> {
        commands::workspace(self.connection, route, list, &self.plan.links, &self.backups)
    }

    /// The new code that the remote has otherwise than it was listed: it was edited before rsync read it, or written on
    /// the remote since. Beside each path stands what the remote has of it from this machine, such as the start of a
    /// log that grows. None of it is recorded as pushed, so the next push looks at it again. What isn't there is added
    /// to `missing`.
    fn unconfirmed_code(
        &self,
        remaining: &Remaining,
        is_partial: bool,
        missing: &mut Vec<&'static Path>,
    ) -> Outcome<Vec<AgreedEntry>> {
        let changed = self.local.changed_code();
        let sent = remaining.code.filter(|path, _| changed.get(path).is_some());
        let run = |script| self.remote_state.incoming.run_script(script);
        let ended = self.ended(&self.code_route(), &run);
        // What was agreed on before says nothing of what is there now.
        let confirmed = ended.confirm(&sent, &[], || Ok(Listing::default()))?;
        missing.extend(confirmed.missing());
        let mut unconfirmed = confirmed.otherwise().to_vec();
        if is_partial {
            let unset = self.with_other_permissions(&ended, &sent)?;
            unconfirmed.extend(unset.into_iter().map(AgreedEntry::nothing_at));
        }
        Ok(unconfirmed)
    }

    fn ended<'a>(
        &'a self,
        route: &Route<'a>,
        run: &'a dyn Fn(Script) -> Outcome<Reply>,
    ) -> Ended<'a> {
        let (connection, state) = (self.connection, &self.remote_state.state);
        let sync_state = &self.local.sync_state;
        let (local, remote) = (route.local, route.remote);
        let sides = Sides { connection, local, remote, state, sync_state, run };
        Ended { sides, direction: TransferDirection::Up }
    }

    /// The entries of `sent` that the remote has with other permissions than a push gives them.
    fn with_other_permissions(&self, ended: &Ended, sent: &Listing) -> Outcome<Vec<&'static Path>> {
        // The receiver keeps its permissions where the content alone is sent.
        let sent = sent.filter(|_, entry| !entry.is_content_alone());
        ended.with_other_permissions(&sent, |entry| permissions::mode(self.connection, entry))
    }

    /// Notes in the sync state what both sides agree on now. What the remote doesn't have is added to `missing`.
    fn finish(
        &self,
        remaining: &Remaining,
        unset: &[&'static Path],
        is_partial: bool,
        missing: &mut Vec<&'static Path>,
    ) -> Outcome<()> {
        if self.is_agreed {
            return Ok(());
        }
        let run = |script| self.remote_state.incoming.run_script(script);
        let ended = self.ended(&self.workspace_route(), &run);
        let sync_state = &self.local.sync_state;
        let mut unset = unset.to_vec();
        if is_partial {
            unset.extend(self.with_other_permissions(&ended, &remaining.workspace)?);
        }
        let confirmed = ended.confirm(&remaining.workspace, &unset, || sync_state.agreed())?;
        missing.extend(confirmed.missing());
        Ok(sync_state.finish(&confirmed)?)
    }

    /// Shows the transfers of a push as if the remote held exactly what the sync state says.
    pub(crate) fn show(&self, args: &Args) -> Outcome<()> {
        let sent = &mut Sent::default();
        self.remove(args, sent)?;
        if !self.remote_state.base.starts_with('/') {
            // rsync looks for a relative folder of either option below its destination.
            self.step.show_comment(
                "the remote home isn't known before a login: to paste these commands, write whole remote paths into --temp-dir and --backup-dir",
            );
        }
        self.send(&code::sendable(&self.local.code), sent).map(drop)
    }
}
