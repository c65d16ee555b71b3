//! The transfers of a push: what is new there as a stream, the rest by rsync; and what is remembered of it.

use std::borrow::Cow;

use mlcube_ssh_config::document::Receipt;
use mlcube_ssh_config::failure::Outcome;
use mlcube_ssh_config::rsync::Transfer;
use mlcube_ssh_config::workspace::Direction;

use crate::cli::Args;
use crate::sides::Sides;
use crate::streams::Remaining;
use crate::{code, commands, delete, done};

impl Sides<'_> {
    /// Sends what has to be sent, and remembers it; `sent` tells what went, also when it fails.
    pub(crate) fn transfer(
        &self,
        args: &Args,
        receipt: &mut Receipt,
        sent: &mut Transfer,
    ) -> Outcome<()> {
        let record = &self.local.record;
        record.begin(Direction::Up, &self.plan.common)?;
        let code = code::sendable(&self.local.code);
        let remaining = self.send_new(&code, sent)?;
        self.send_code(&remaining, sent)?;
        let mut gone = Cow::Borrowed(&self.local.gone);
        if args.delete {
            receipt.deleted =
                delete::delete(self.step, self.connection, self.local, &self.prepared.base)?;
            gone = Cow::default();
        }
        record.set_gone(&gone)?;
        record.set_code(&self.local.code)?;
        self.send_workspace(&remaining, sent)?;
        Ok(record.finish_as_begun(Direction::Up)?)
    }

    /// Brings the code there up to date: only rsync knows what lies in a tree that was there.
    fn send_code(&self, remaining: &Remaining, sent: &mut Transfer) -> Outcome<()> {
        let (code, route) = (&remaining.code, self.code_route());
        if code.is_empty() {
            return Ok(());
        }
        let command = commands::code(self.connection, &route, code);
        let rsynced = self.rsync(&[command], self.local.changed_code().bytes(), sent)?;
        // In a tree that was there rsync may find that all is well; but it has to have looked.
        let was_missing = self.prepared.is_new && !remaining.may_be_there;
        let done = if was_missing { rsynced.files_sent } else { rsynced.files };
        if was_missing || done == 0 {
            done::check(code, done, route.here, self.connection.host().as_str())?;
        }
        Ok(())
    }

    fn send_workspace(&self, remaining: &Remaining, sent: &mut Transfer) -> Outcome<()> {
        let (rest, route) = (&remaining.workspace, self.workspace_route());
        let list = self.plan.with_permissions(rest);
        let commands = commands::workspace(self.connection, &route, &list, &self.plan.links);
        let rsynced = self.rsync(&commands, rest.bytes(), sent)?;
        if remaining.may_be_there {
            return Ok(());
        }
        let host = self.connection.host().as_str();
        Ok(done::check(rest, rsynced.files_sent, route.here, host)?)
    }

    /// Shows the transfers of a push, as if nothing were there but what the record says.
    pub(crate) fn show(&self, args: &Args) {
        let code = code::sendable(&self.local.code);
        let remaining = self.show_new(&code);
        if !remaining.code.is_empty() {
            let route = self.code_route();
            self.step.show([&commands::code(self.connection, &route, &remaining.code)]);
        }
        if args.delete {
            let script = delete::script(self.connection, self.local, &self.prepared.base);
            let shown = script.map(|script| self.connection.shown(&script));
            self.step.show(shown.iter().flatten());
        }
        let (list, route) =
            (self.plan.with_permissions(&remaining.workspace), self.workspace_route());
        self.step.show(&commands::workspace(self.connection, &route, &list, &self.plan.links));
    }
}
