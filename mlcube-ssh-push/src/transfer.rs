//! The transfers of a push: what is new there as a stream, the rest by rsync; and what is remembered of it.

use std::borrow::Cow;

use mlcube_ssh_config::command::Command;
use mlcube_ssh_config::connection::Connection;
use mlcube_ssh_config::document::{Receipt, Remote};
use mlcube_ssh_config::failure::Outcome;
use mlcube_ssh_config::layout::Layout;
use mlcube_ssh_config::rsync::{self, Heard, Transfer};
use mlcube_ssh_config::step::Step;
use mlcube_ssh_config::workspace::{Direction, Listing, Plan};

use crate::archive::{self, Brought};
use crate::cli::Args;
use crate::fresh::Fresh;
use crate::local::Local;
use crate::prepare::{Prepared, Route};
use crate::{code, commands, delete, done};

/// The two sides of a push, and what has to go from one to the other.
pub(crate) struct Sides<'a> {
    pub(crate) step: &'a Step,
    pub(crate) remote: &'a Remote,
    pub(crate) layout: &'a Layout,
    pub(crate) connection: &'a Connection,
    pub(crate) local: &'a Local,
    pub(crate) prepared: &'a Prepared,
    /// The plan for the workspace.
    pub(crate) plan: &'a Plan,
}

impl Sides<'_> {
    /// Sends what has to be sent, and remembers it; `sent` tells what went, also when it fails.
    pub(crate) fn transfer(
        &self,
        args: &Args,
        receipt: &mut Receipt,
        sent: &mut Transfer,
    ) -> Outcome<()> {
        self.send_code(sent)?;
        let mut gone = Cow::Borrowed(&self.local.gone);
        if args.delete {
            receipt.deleted =
                delete::delete(self.step, self.connection, self.local, &self.prepared.base)?;
            gone = Cow::default();
        }
        self.local.record.set_gone(&gone)?;
        self.local.record.set_code(&self.local.code)?;
        if !self.plan.is_empty() {
            self.local.record.begin(Direction::Up, &self.plan.common)?;
            self.send_workspace(sent)?;
        }
        Ok(self.local.record.finish(&self.plan.common)?)
    }

    fn send_code(&self, sent: &mut Transfer) -> Outcome<()> {
        let code = code::sendable(&self.local.code);
        let route = self.code_route();
        let fresh = self.fresh_code(&code);
        let brought = self.stream(&route, &fresh, sent)?;
        let rest = brought.rest(&code, &fresh);
        if rest.is_empty() {
            return Ok(());
        }
        let command = commands::code(self.connection, &route, &rest);
        let rsynced = self.rsync(&[command], self.local.changed_code().bytes(), sent)?;
        // In a tree that was there rsync may find that all is well; but it has to have looked.
        let was_empty = self.prepared.is_new && !brought.is_left;
        let done = if was_empty { rsynced.files_sent } else { rsynced.files };
        if was_empty || done == 0 {
            done::check(&rest, done, route.here, self.connection.host().as_str())?;
        }
        Ok(())
    }

    fn send_workspace(&self, sent: &mut Transfer) -> Outcome<()> {
        let (all, links) = (&self.plan.send, &self.plan.links);
        let route = self.workspace_route();
        let fresh = Fresh::of(all, &self.prepared.listing, links);
        let brought = self.stream(&route, &fresh, sent)?;
        let rest = brought.rest(all, &fresh);
        let list = self.plan.with_permissions(&rest);
        let commands = commands::workspace(self.connection, &route, &list, links);
        let rsynced = self.rsync(&commands, rest.bytes(), sent)?;
        if brought.is_left {
            return Ok(());
        }
        let host = self.connection.host().as_str();
        Ok(done::check(&rest, rsynced.files_sent, route.here, host)?)
    }

    /// Sends what is new there as a stream, where that pays. What this one or an earlier one has left out of its place is
    /// put there by rsync.
    fn stream(&self, route: &Route, fresh: &Fresh, sent: &mut Transfer) -> Outcome<Brought> {
        let (connection, report) = (self.connection, self.step.report());
        let brought = match archive::stream(connection, route, fresh) {
            _ if self.prepared.is_left => Brought::left(),
            Some(stream) => archive::send(connection, report, route, fresh, stream, sent)?,
            None => Brought::default(),
        };
        if brought.is_left {
            let command = commands::left(connection, route, &fresh.entries);
            self.rsync(&[command], fresh.entries.bytes(), sent)?;
            connection.ask(&archive::discard(connection, route))?;
        }
        Ok(brought)
    }

    /// Runs rsyncs, of which so many bytes are to be expected.
    fn rsync(&self, commands: &[Command], bytes: u64, sent: &mut Transfer) -> Outcome<Transfer> {
        let report = self.step.report();
        let name = |name: &str| {
            if !name.ends_with('/') {
                report.detail(&format!("sent {}", name.escape_debug()));
            }
        };
        let heard = Heard { report, total: bytes, changed: &name };
        let (transfer, ended) = rsync::run(commands, self.connection, heard);
        sent.add(transfer.clone());
        ended.map(|()| transfer)
    }

    /// The code is new where there was no tree, or where a stream was cut off that may have brought it; what lies in a tree
    /// that was there only rsync knows.
    fn fresh_code<'a>(&self, code: &'a Listing) -> Fresh<'a> {
        if self.prepared.is_new || self.prepared.is_left {
            Fresh::of(code, &code::just_made(self.remote, code), &[])
        } else {
            Fresh::default()
        }
    }

    fn code_route(&self) -> Route<'_> {
        self.prepared.route("code", &self.layout.base, &self.prepared.base)
    }

    fn workspace_route(&self) -> Route<'_> {
        self.prepared.route("workspace", &self.layout.workspace, &self.prepared.workspace)
    }

    /// Shows the transfers of a push, as if nothing were there but what the record says.
    pub(crate) fn show(&self, args: &Args) {
        let code = code::sendable(&self.local.code);
        let route = self.code_route();
        let rest = self.show_stream(&route, &self.fresh_code(&code), &code);
        if !rest.is_empty() {
            self.step.show([&commands::code(self.connection, &route, &rest)]);
        }
        if args.delete {
            let script = delete::script(self.connection, self.local, &self.prepared.base);
            let shown = script.map(|script| self.connection.shown(&script));
            self.step.show(shown.iter().flatten());
        }
        let (all, links) = (&self.plan.send, &self.plan.links);
        let route = self.workspace_route();
        let fresh = Fresh::of(all, &self.prepared.listing, links);
        let rest = self.show_stream(&route, &fresh, all);
        let list = self.plan.with_permissions(&rest);
        self.step.show(&commands::workspace(self.connection, &route, &list, links));
    }

    /// Shows a stream if there is one; what it doesn't bring is returned.
    fn show_stream<'a>(
        &self,
        route: &Route,
        fresh: &Fresh<'a>,
        all: &'a Listing,
    ) -> Cow<'a, Listing> {
        let Some(stream) = archive::stream(self.connection, route, fresh) else {
            return Cow::Borrowed(all);
        };
        self.step.show([&stream]);
        let place = archive::place(self.connection, route, fresh, &Listing::default());
        self.step.show(&self.connection.shown(&place));
        Brought::all().rest(all, fresh)
    }
}
