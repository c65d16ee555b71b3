//! The transfers of a push: what is new there as a stream, the rest by rsync; and what is remembered of it.

use mlcube_ssh_config::document::Receipt;
use mlcube_ssh_config::failure::Outcome;
use mlcube_ssh_config::script::Script;
use mlcube_ssh_config::workspace::{Direction, Entry, Listing};

use crate::cli::Args;
use crate::sides::{Sent, Sides};
use crate::streams::Remaining;
use crate::{code, commands, delete, done, prepare};

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
            receipt.deleted = delete::delete(self.step, self.connection, local, self.prepared)?;
        }
        let code = code::sendable(&local.code);
        let remaining = self.send_new(&code, sent)?;
        self.send_code(&remaining, sent)?;
        self.send_workspace(&remaining, sent)?;
        if let Some(failure) = sent.left_out.take() {
            return Err(failure);
        }
        record.set_gone(&local.still_gone(args.delete))?;
        record.set_code(&local.code)?;
        self.finish(&remaining)?;
        self.prepared.release(self.connection)?;
        Ok(record.set_incoming(&[])?)
    }

    /// Removes links that were pushed from here and are folders here now: rsync would write through them.
    fn make_way(&self) -> Outcome<()> {
        let script = delete::script(self.connection, &self.local.old_links(), &self.prepared.base);
        let Some(script) = script else { return Ok(()) };
        self.prepared.ask(self.connection, script).map(drop)
    }

    /// Brings the code there up to date: only rsync knows what lies in a tree that was there.
    fn send_code(&self, remaining: &Remaining, sent: &mut Sent) -> Outcome<()> {
        let (code, route) = (&remaining.code, self.code_route());
        if code.is_empty() {
            return Ok(());
        }
        let command = commands::code(self.connection, &route, code);
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

    /// Notes what both sides have in common now. Of what changed here while rsync sent it nobody knows what has come but
    /// the remote.
    fn finish(&self, remaining: &Remaining) -> Outcome<()> {
        let here = &self.layout.workspace;
        let moved = remaining.workspace.filter(|path, entry| {
            entry.is_file()
                && !Entry::read(&here.join(path)).is_some_and(|now| now.same_content(entry))
        });
        let there = if moved.is_empty() {
            Listing::default()
        } else {
            prepare::look_again(self.connection, self.remote, self.prepared)?
        };
        let common: Vec<_> = moved.iter().map(|(path, _)| (path, there.get(path))).collect();
        Ok(self.local.record.finish_but_for(Direction::Up, &common)?)
    }

    /// Shows the transfers of a push, as if nothing were there but what the record says.
    pub(crate) fn show(&self, args: &Args) {
        let base = &self.prepared.base;
        self.show_script(delete::script(self.connection, &self.local.old_links(), base));
        if args.delete {
            self.show_script(delete::script(self.connection, &self.local.gone, base));
        }
        let code = code::sendable(&self.local.code);
        let remaining = self.show_new(&code);
        if !remaining.code.is_empty() {
            let route = self.code_route();
            self.step.show([&commands::code(self.connection, &route, &remaining.code)]);
        }
        let (list, route) =
            (self.plan.with_permissions(&remaining.workspace), self.workspace_route());
        self.step.show(&commands::workspace(self.connection, &route, &list, &self.plan.links));
    }

    fn show_script(&self, script: Option<Script>) {
        let shown = script.map(|script| self.connection.shown(&script));
        self.step.show(shown.iter().flatten());
    }
}
