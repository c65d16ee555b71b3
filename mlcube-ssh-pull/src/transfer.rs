//! What comes: the plan, its transfer, and what both sides have in common afterwards.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use mlcube_ssh_config::connection::Connection;
use mlcube_ssh_config::document::{Document, Receipt};
use mlcube_ssh_config::failure::{Failure, Outcome};
use mlcube_ssh_config::ignored::Ignored;
use mlcube_ssh_config::layout::Layout;
use mlcube_ssh_config::rsync;
use mlcube_ssh_config::step::Step;
use mlcube_ssh_config::workspace::{Direction, Listing, Plan, Record, follow_own_links};

use crate::fetch::{self, There};
use crate::say;
use crate::select::Selection;
use crate::space;

/// The two sides of a pull.
pub(crate) struct Sides<'a> {
    pub(crate) step: &'a Step,
    pub(crate) document: &'a Document,
    pub(crate) layout: &'a Layout,
    pub(crate) connection: &'a Connection,
}

impl Sides<'_> {
    /// Fetches what has to be fetched, and remembers it. What can't be read there is left for an error of its own.
    pub(crate) fn transfer(
        &self,
        there: &There,
        selection: &Selection,
        overwrite: bool,
        receipt: &mut Receipt,
    ) -> Outcome<Plan> {
        let workspace = &self.layout.workspace;
        fs::create_dir_all(workspace)
            .with_context(|| format!("can't make the workspace {}", workspace.display()))?;
        let record = Record::of(self.layout, &self.document.remote)?;
        let base = record.workspace();
        let listing = Ignored::of_workspace(self.layout).without(&there.listing)?;
        let here = self.here(&listing, &base)?;
        let mut plan = plan(&listing, &here, &base, selection, overwrite);
        let free = space::free_bytes(workspace)?;
        note(receipt, &listing, &plan, free);
        space::check(&plan, &listing, workspace, free)?;
        let fetched = self.fetch(there, &plan, &record, receipt);
        if !plan.send.is_empty() {
            plan.settle_here(workspace, &base, fetched.is_ok());
        }
        record.set_workspace(&plan.common)?;
        say::say(self.step.report(), self.connection.host().as_str(), receipt, &plan);
        fetched.map(|()| plan)
    }

    /// What lies here, behind the user's own links to folders, too.
    pub(crate) fn here(&self, there: &Listing, base: &Listing) -> Outcome<Listing> {
        let top = &self.layout.workspace;
        let list = |below: &Path| Listing::of_folder(&top.join(below), &|_, _| Ok(false));
        let mut here = list(Path::new(""))?;
        follow_own_links(&mut here, top, there, base, &list)?;
        Ok(here)
    }

    fn fetch(
        &self,
        there: &There,
        plan: &Plan,
        record: &Record,
        receipt: &mut Receipt,
    ) -> Outcome<()> {
        let aside = record.replaced();
        let (mut files, mut bytes) = (0, 0);
        for command in fetch::commands(
            self.connection,
            self.layout,
            &there.path,
            plan,
            &aside.to_string_lossy(),
        ) {
            let transfer = rsync::run(&command, self.connection, &self.step.report())?;
            receipt.changed |= !transfer.changed.is_empty();
            files += transfer.files_sent;
            bytes += transfer.bytes_sent;
        }
        (receipt.files_sent, receipt.bytes_sent) = (Some(files), Some(bytes));
        Ok(())
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
    let mut selected = Listing::default();
    for (path, entry) in there.iter().filter(|(path, _)| selection.includes(path)) {
        selected.insert(path.clone(), entry.clone());
    }
    let mut plan = Plan::new(Direction::Down, &selected, here, common, overwrite);
    for (path, entry) in common.iter().filter(|(path, _)| !selection.includes(path)) {
        plan.common.insert(path.clone(), entry.clone());
    }
    plan
}

fn note(receipt: &mut Receipt, there: &Listing, plan: &Plan, free: u64) {
    let text = |path: &PathBuf| path.to_string_lossy().into_owned();
    receipt.files = Some(there.files());
    receipt.bytes = Some(there.bytes());
    receipt.free_bytes = Some(free);
    receipt.kept = plan.kept.iter().map(text).collect();
    let unreadable = plan.unreadable.iter().map(|(path, _)| path);
    receipt.left_out =
        plan.left_out.iter().chain(&plan.in_the_way).chain(unreadable).map(text).collect();
}

/// What can't be read there is an error, after the rest has come.
pub(crate) fn check_readable(plan: &Plan, there: &There, host: &str) -> Outcome<()> {
    let Some((path, owner)) = plan.unreadable.first() else { return Ok(()) };
    Err(Failure::ours(anyhow!(
        "can't read {} on '{host}', {} belongs to {owner}; the rest was fetched. Let the task write as the user there (docker run's --user), or make it readable: sudo chown -R, or in a container, docker run --rm -v {}:/w busybox chown -R $(id -u) /w",
        plan.unreadable
            .iter()
            .take(5)
            .map(|(path, _)| say::shown(path))
            .collect::<Vec<_>>()
            .join(", "),
        say::shown(path),
        there.path
    )))
}
