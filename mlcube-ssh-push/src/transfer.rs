//! The transfers of a push: what is new there as a stream, the rest by rsync; and what is remembered of it.

use mlcube_ssh_config::document::Receipt;
use mlcube_ssh_config::failure::Outcome;
use mlcube_ssh_config::workspace::{Direction, Ended, Listing};

use crate::cli::Args;
use crate::sides::{Sent, Sides};
use crate::streams::Remaining;
use crate::{code, commands, delete, done, say};

impl Sides<'_> {
    /// Sends what has to be sent, and remembers it; `sent` tells what went, also when it fails.
    pub(crate) fn transfer(
        &self,
        args: &Args,
        receipt: &mut Receipt,
        sent: &mut Sent,
    ) -> Outcome<()> {
        let (local, record) = (self.local, &self.local.record);
        record.set_gone(&local.once_sent())?;
        self.make_way()?;
        if args.delete {
            receipt.deleted = self.delete()?;
        }
        let code = code::sendable(&local.code);
        let remaining = self.send_new(&code, sent)?;
        self.send_code(&remaining, sent)?;
        self.send_workspace(&remaining, sent)?;
        if let Some(failure) = sent.left_out.take() {
            return Err(failure);
        }
        record.set_gone(&local.still_gone(args.delete))?;
        record.set_code(&local.pushed_now())?;
        self.finish(&remaining)?;
        self.release(sent.transfer.changed > 0 || !receipt.deleted.is_empty())?;
        Ok(record.set_incoming(&[])?)
    }

    /// Removes links that were pushed from here and are folders here now: rsync would write through them.
    fn make_way(&self) -> Outcome<()> {
        self.remove(&self.local.old_links()).map(drop)
    }

    /// Ends the push on the remote, and names the code that somebody had changed there.
    fn release(&self, has_replaced: bool) -> Outcome<()> {
        let aside = if has_replaced && !self.prepared.is_new { self.aside.as_str() } else { "" };
        let kept = self.prepared.release(self.connection, aside, &self.local.pushed_before())?;
        let (report, host) = (self.step.report(), self.connection.host());
        for path in kept.iter().take(say::NAMED) {
            report.warn(&format!(
                "{path} was changed on {host} since it was pushed; that is kept in {aside} there"
            ));
        }
        if kept.len() > say::NAMED {
            report.warn(&format!("and {} more", kept.len() - say::NAMED));
        }
        Ok(())
    }

    /// Brings the code there up to date: only rsync knows what lies in a tree that was there.
    fn send_code(&self, remaining: &Remaining, sent: &mut Sent) -> Outcome<()> {
        let (code, route) = (&remaining.code, self.code_route());
        if code.is_empty() {
            return Ok(());
        }
        let command = commands::code(self.connection, &route, code, &self.aside);
        let rsynced = self.rsync(&[command], self.local.changed_code().bytes(), sent)?;
        // In a tree that was there rsync may find that all is well; but it has to have looked.
        let was_missing = self.prepared.is_new && !remaining.may_be_there;
        let done = if was_missing { rsynced.files_sent } else { rsynced.files };
        if (was_missing || done == 0) && !rsynced.is_partial {
            done::check(code, done, route.here, self.connection.host().as_str())?;
        }
        Ok(())
    }

    fn send_workspace(&self, remaining: &Remaining, sent: &mut Sent) -> Outcome<()> {
        let (rest, route) = (&remaining.workspace, self.workspace_route());
        let list = self.plan.with_permissions(rest);
        let commands = commands::workspace(self.connection, &route, &list, &self.plan.links);
        let rsynced = self.rsync(&commands, rest.bytes(), sent)?;
        if remaining.may_be_there || rsynced.is_partial {
            return Ok(());
        }
        let host = self.connection.host().as_str();
        Ok(done::check(rest, rsynced.files_sent, route.here, host)?)
    }

    /// Notes what both sides have in common now.
    fn finish(&self, remaining: &Remaining) -> Outcome<()> {
        let ended = Ended {
            connection: self.connection,
            direction: Direction::Up,
            here: &self.layout.workspace,
            there: &self.prepared.workspace,
            ask: &|script| self.prepared.ask(self.connection, script),
        };
        let record = &self.local.record;
        let otherwise = ended.otherwise(&remaining.workspace, || record.workspace())?;
        Ok(record.finish_but_for(Direction::Up, &otherwise)?)
    }

    /// Shows the transfers of a push, as if nothing were there but what the record says.
    pub(crate) fn show(&self, args: &Args) {
        self.show_removal(&self.local.old_links());
        if args.delete {
            self.show_removal(&self.local.gone);
        }
        let code = code::sendable(&self.local.code);
        let remaining = self.show_new(&code);
        if !remaining.code.is_empty() {
            let route = self.code_route();
            self.step.show([&commands::code(
                self.connection,
                &route,
                &remaining.code,
                &self.aside,
            )]);
        }
        let (list, route) =
            (self.plan.with_permissions(&remaining.workspace), self.workspace_route());
        self.step.show(&commands::workspace(self.connection, &route, &list, &self.plan.links));
    }

    /// Only the remote knows what of it is as it was pushed.
    fn show_removal(&self, paths: &Listing) {
        let (base, there) = (&self.prepared.base, Listing::default());
        let script = delete::script(self.connection, paths, &there, base, &self.aside);
        let shown = script.map(|script| self.connection.shown(&script));
        self.step.show(shown.iter().flatten());
    }
}
