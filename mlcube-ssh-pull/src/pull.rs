//! A pull: what was made there comes here; what was edited here stays.

use std::fs;

use anyhow::{Context, anyhow};
use mlcube_ssh_config::connection::Connection;
use mlcube_ssh_config::document::{Document, Receipt};
use mlcube_ssh_config::failure::{Failure, Kind, Outcome};
use mlcube_ssh_config::ignored::Ignored;
use mlcube_ssh_config::layout::Layout;
use mlcube_ssh_config::report::{count, human_bytes};
use mlcube_ssh_config::rsync;
use mlcube_ssh_config::step::{Step, timed};
use mlcube_ssh_config::workspace::{Direction, Listing, Plan, Record};

use crate::cli::Args;
use crate::fetch::{self, There};
use crate::outputs::{self, Output};
use crate::select::{Pattern, Selection};

/// Pulls, and notes a receipt.
pub(crate) fn pull(step: &Step, document: &mut Document, args: &Args) -> Outcome<()> {
    let (layout, runner) = Layout::of_document(document)?;
    let connection = Connection::new(document, &runner, step.report())?;
    let outputs = outputs::declared(document, &layout.workspace);
    let selection = selection(args, &outputs)?;
    if step.is_dry_run() {
        return dry_run(step, document, &layout, &connection, &selection);
    }
    let mut missing = Vec::new();
    let receipt = timed(|receipt| {
        let there = fetch::list(&connection, document)?;
        transfer(step, document, &layout, &connection, &there, &selection, args, receipt)?;
        let (came, missed): (Vec<&Output>, Vec<&Output>) =
            outputs.iter().partition(|output| output.came(&there.listing));
        receipt.outputs =
            Some(came.iter().map(|output| output.path.to_string_lossy().into_owned()).collect());
        missing = missed.into_iter().cloned().collect();
        Ok(())
    })?;
    document.steps.pull = Some(receipt);
    check_outputs(document, &missing)
}

/// Fetches what has to be fetched, and remembers it.
#[expect(clippy::too_many_arguments, reason = "one act, and what it acts on")]
fn transfer(
    step: &Step,
    document: &Document,
    layout: &Layout,
    connection: &Connection,
    there: &There,
    selection: &Selection,
    args: &Args,
    receipt: &mut Receipt,
) -> Outcome<()> {
    let record = Record::of(layout, &document.remote)?;
    fs::create_dir_all(&layout.workspace)
        .with_context(|| format!("can't make the workspace {}", layout.workspace.display()))?;
    let here = Listing::of_folder(&layout.workspace, &|_, _| Ok(false))?;
    let listing = Ignored::of_workspace(layout).without(&there.listing)?;
    let plan = plan(&listing, &here, &record.workspace(), selection, args.overwrite);
    receipt.files = Some(listing.files());
    receipt.bytes = Some(listing.bytes());
    if !plan.send.is_empty() {
        let aside = record.replaced();
        let command =
            fetch::command(connection, layout, &there.path, &plan, &aside.to_string_lossy());
        let transfer = rsync::run(&command, connection, &step.report())?;
        receipt.changed = !transfer.changed.is_empty();
        receipt.files_sent = Some(transfer.files_sent);
        receipt.bytes_sent = Some(transfer.bytes_sent);
    }
    record.set_workspace(&plan.common)?;
    receipt.kept = plan.kept.iter().map(|path| path.to_string_lossy().into_owned()).collect();
    say(step, connection, receipt, &plan);
    Ok(())
}

/// The plan for what is selected; the rest keeps its place in the record.
fn plan(
    there: &Listing,
    here: &Listing,
    common: &Listing,
    selection: &Selection,
    overwrite: bool,
) -> Plan {
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

fn selection(args: &Args, outputs: &[Output]) -> Outcome<Selection> {
    let texts: Vec<String> = if args.outputs {
        outputs.iter().map(|output| output.path.to_string_lossy().into_owned()).collect()
    } else if args.patterns.is_empty() {
        return Ok(Selection::All);
    } else {
        args.patterns.clone()
    };
    let patterns = texts.iter().map(|text| Pattern::new(text)).collect::<anyhow::Result<_>>()?;
    Ok(Selection::Some(patterns))
}

/// An output that a task declares and doesn't make is an error; unless the task failed, which says enough.
fn check_outputs(document: &Document, missing: &[Output]) -> Outcome<()> {
    let task_failed = document.failed.as_ref().is_some_and(|failed| failed.kind == Kind::Task);
    let ran = document
        .steps
        .exec
        .as_ref()
        .is_some_and(|exec| exec.phase.as_deref() == Some("run") && exec.status == Some(0));
    match missing {
        [first, ..] if ran && !task_failed => Err(Failure::ours(anyhow!(
            "the declared output {} ({}) isn't in the workspace on '{}', though the run ended with 0; look at the task, or at its outputs in mlcube.yaml",
            first.name,
            first.path.display(),
            document.remote.host
        ))),
        _ => Ok(()),
    }
}

fn say(step: &Step, connection: &Connection, receipt: &Receipt, plan: &Plan) {
    let report = step.report();
    match receipt.files_sent.unwrap_or(0) {
        0 if !receipt.changed => {
            report.say(&format!("nothing to fetch from {}", connection.host()));
        }
        files => report.say(&format!(
            "fetched {} from {}, {} over the link",
            count(files, "file"),
            connection.host(),
            human_bytes(receipt.bytes_sent.unwrap_or(0))
        )),
    }
    for path in &plan.kept {
        report.error(&format!(
            "kept {} as it is here, it was changed here too; --overwrite replaces it",
            path.display()
        ));
    }
    for path in &plan.left_out {
        report.error(&format!(
            "left out {}: a device, or a link that points out of the workspace",
            path.display()
        ));
    }
}

/// Shows the pull. What only the remote knows is taken from the record.
fn dry_run(
    step: &Step,
    document: &Document,
    layout: &Layout,
    connection: &Connection,
    selection: &Selection,
) -> Outcome<()> {
    let record = Record::of(layout, &document.remote)?;
    let plan =
        plan(&record.workspace(), &Listing::default(), &Listing::default(), selection, false);
    step.show(&connection.shown(&fetch::list_script(connection, document)));
    let there = document.remote.workspace.from_home();
    step.show([&fetch::command(
        connection,
        layout,
        there,
        &plan,
        &record.replaced().to_string_lossy(),
    )]);
    Ok(())
}
