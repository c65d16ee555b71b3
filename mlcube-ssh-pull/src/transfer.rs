//! What comes: the plan, its transfer, and what both sides have in common afterwards.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use mlcube_ssh_config::command::Command;
use mlcube_ssh_config::connection::Connection;
use mlcube_ssh_config::document::Receipt;
use mlcube_ssh_config::failure::{Failure, Outcome};
use mlcube_ssh_config::ignored::Ignored;
use mlcube_ssh_config::layout::Layout;
use mlcube_ssh_config::report::count;
use mlcube_ssh_config::rsync::{self, Heard};
use mlcube_ssh_config::step::Step;
use mlcube_ssh_config::workspace::{Direction, Listing, Plan, Record, follow_own_links};

use crate::fetch::{Fetch, There};
use crate::say;
use crate::scratch::Scratch;
use crate::select::Selection;
use crate::space;

/// The two sides of a pull.
pub(crate) struct Sides<'a> {
    pub(crate) step: &'a Step,
    pub(crate) layout: &'a Layout,
    pub(crate) connection: &'a Connection,
    pub(crate) record: &'a Record,
}

impl Sides<'_> {
    /// Fetches what has to be fetched, and remembers it. What can't be read there is left for an error of its own.
    pub(crate) fn transfer(
        &self,
        there: There,
        selection: &Selection,
        overwrite: bool,
        receipt: &mut Receipt,
    ) -> Outcome<Plan> {
        let workspace = &self.layout.workspace;
        fs::create_dir_all(workspace)
            .with_context(|| format!("can't make the workspace {}", workspace.display()))?;
        let listing = Ignored::of_workspace(self.layout).without(there.listing)?;
        let (here, base) = self.here(&listing)?;
        if self.record.was_cut_off() {
            self.record.finish(&base)?;
        }
        let mut plan = plan(&listing, &here, &base, selection, overwrite);
        drop(here);
        let _scratch = Scratch::of(&plan, workspace);
        let free = space::free_bytes(workspace)?;
        note(receipt, &listing, &plan, free);
        drop(listing);
        space::check(&plan, workspace, free)?;
        if !plan.is_empty() {
            self.record.begin(Direction::Down, &plan.common)?;
            self.fetch(&there.path, there.lists.as_deref(), &plan, receipt)?;
            plan.settle_here(workspace, &base);
        }
        self.record.finish(&plan.common)?;
        say::say(self.step.report(), self.connection.host().as_str(), receipt, &plan);
        Ok(plan)
    }

    /// What lies here, behind the user's own links to folders, too; and what both sides have in common.
    pub(crate) fn here(&self, there: &Listing) -> Outcome<(Listing, Listing)> {
        let top = &self.layout.workspace;
        let list = |below: &Path| Listing::of_folder(&top.join(below), &|_, _| Ok(false));
        let mut here = list(Path::new(""))?;
        let common = self.record.settled(&here, there);
        follow_own_links(&mut here, top, there, &common, &list)?;
        // What came behind a link is seen only now.
        let common =
            if self.record.was_cut_off() { self.record.settled(&here, there) } else { common };
        Ok((here, common))
    }

    fn fetch(
        &self,
        there: &str,
        lists: Option<&str>,
        plan: &Plan,
        receipt: &mut Receipt,
    ) -> Outcome<()> {
        let (connection, layout, record) = (self.connection, self.layout, self.record);
        let fetch = Fetch { connection, layout, record, there, lists };
        let commands = fetch.commands(plan, &mut |command| self.prepare(command))?;
        let heard = Heard { report: self.step.report(), total: plan.send.bytes(), changed: None };
        let (transfer, fetched) = rsync::run(&commands, self.connection, heard);
        receipt.changed = transfer.changed > 0;
        (receipt.files_sent, receipt.bytes_sent) =
            (Some(transfer.files_sent), Some(transfer.bytes_sent));
        fetched
    }

    /// Runs what goes before a transfer, and says whether it was done. The transfer can do without.
    fn prepare(&self, command: &Command) -> Outcome<bool> {
        self.step.report().command(command);
        match command.run()?.status {
            // That of an ssh: the connection is gone.
            255 => Err(rsync::lost_during_transfer(self.connection.host().as_str())),
            status => Ok(status == 0),
        }
    }
}

/// The plan for what is selected; the rest keeps its place in the record.
pub(crate) fn plan(
    there: &Listing,
    here: &Listing,
    common: &Listing,
    selection: &Selection,
    overwrite: bool,
) -> Plan {
    // The usual case, without a copy of a list that may be long.
    if matches!(selection, Selection::All) {
        return Plan::new(Direction::Down, there, here, common, overwrite);
    }
    // With the folders around it: it mustn't be put through one that is a link here, or into one that can't be read.
    let around: HashSet<&Path> = there
        .iter()
        .filter(|(path, _)| selection.includes(path))
        .flat_map(|(path, _)| path.ancestors().skip(1))
        .collect();
    let selected = there.filter(|path, _| selection.includes(path) || around.contains(path));
    let mut plan = Plan::new(Direction::Down, &selected, here, common, overwrite);
    plan.common.extend(common.iter().filter(|(path, _)| !selection.includes(path)));
    plan
}

fn note(receipt: &mut Receipt, there: &Listing, plan: &Plan, free: u64) {
    let text = |path: &PathBuf| path.to_string_lossy().into_owned();
    receipt.files = Some(there.files());
    receipt.bytes = Some(there.bytes());
    (receipt.files_sent, receipt.bytes_sent) = (Some(0), Some(0));
    receipt.free_bytes = Some(free);
    receipt.kept = plan.kept.iter().map(text).collect();
    let unreadable = plan.unreadable.iter().map(|(path, _)| path);
    let left_out = plan.left_out.iter().chain(&plan.in_the_way).chain(&plan.closed);
    receipt.left_out = left_out.chain(unreadable).map(text).collect();
}

/// What can't be read, there or here, is an error, after the rest has come.
pub(crate) fn check_readable(plan: &Plan, there: &str, host: &str) -> Outcome<()> {
    let Some((path, owner)) = plan.unreadable.first() else { return check_closed(plan) };
    Err(Failure::ours(anyhow!(
        "can't read {} on '{host}', {} belongs to {owner}; the rest was done. Let the task write as the user there (docker run's --user), or make it readable: sudo chown -R, or in a container, docker run --rm -v {}:/w busybox chown -R $(id -u) /w",
        plan.unreadable
            .iter()
            .take(5)
            .map(|(path, _)| say::shown(path))
            .collect::<Vec<_>>()
            .join(", "),
        say::shown(path),
        there
    )))
}

fn check_closed(plan: &Plan) -> Outcome<()> {
    let Some(path) = plan.closed.first() else { return Ok(()) };
    Err(Failure::ours(anyhow!(
        "{} can't be read here, {} for one, and the rest was done; make it readable, or name it in .mlcubeignore",
        count(plan.closed.len() as u64, "folder"),
        say::shown(path)
    )))
}
