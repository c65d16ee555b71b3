//! The order of a pull: what was made on the remote is fetched; what was edited locally is kept.

use anyhow::anyhow;
use mlcube_ssh::cube::boundary::Boundary;
use mlcube_ssh::cube::layout::Layout;
use mlcube_ssh::listing::Listing;
use mlcube_ssh::pipe::document::{Document, Failed};
use mlcube_ssh::pipe::failure::{Failure, Outcome};
use mlcube_ssh::pipe::step::{Step, timed};
use mlcube_ssh::remote::connection::Connection;
use mlcube_ssh::remote::foreign_files::ForeignFiles;
use mlcube_ssh::sync::{Selection, SyncState};

use crate::archive;
use crate::asked::{asked, check_matched, selection};
use crate::cli::Args;
use crate::inspect::list_both;
use crate::local::backups::Backups;
use crate::local::scratch;
use crate::local::stage::Stage;
use crate::remote::list;
use crate::remote::outputs;
use crate::remote::outputs::{Output, Outputs};
use crate::transfer;
use crate::transfer::TransferContext;
use crate::transfer::fetch::Fetch;
use crate::transfer::load::Load;

/// Runs the whole pull and adds its receipt to the document.
pub(crate) fn pull(step: &Step, document: &mut Document, args: &Args) -> Outcome<()> {
    let (layout, runner) = Layout::of_document(document)?;
    let boundary = Boundary::of(&layout, &runner)?;
    boundary.check_workspace(&layout, &document.run)?;
    let connection = Connection::new(document, &runner, step.report())?.for_transfers();
    let outputs = outputs::declared(document, &layout);
    let selection = selection(args, &outputs)?;
    if step.is_dry_run() {
        return dry_run(step, document, &layout, &connection, &selection);
    }
    let (mut found, mut unmatched) = (Outputs::default(), Vec::new());
    let (mut leading_out, mut asked) = (Vec::new(), asked(args, &outputs)?);
    let (receipt, pulled) = timed(|receipt| {
        let sync_state = SyncState::of(&layout, &document.remote)?;
        let _lock = sync_state.lock(&step.report())?;
        let listings = list_both(&connection, document, &layout, &sync_state, true, &asked)?;
        let remote = &listings.remote;
        asked = asked.along_links(&remote.listing);
        unmatched = selection.unmatched(&remote.listing);
        let selection = selection.along_links(&remote.listing);
        found = Outputs::of(&outputs, &remote.listing, &selection);
        let context = TransferContext {
            step,
            layout: &layout,
            boundary: &boundary,
            connection: &connection,
            sync_state: &sync_state,
        };
        let path = remote.path.clone();
        let was_cut_off = sync_state.was_cut_off();
        let plan = context.transfer(listings, &selection, args, receipt)?;
        if was_cut_off {
            scratch::remove_left(&layout.workspace, &plan.links);
        }
        // A link that a push sent is no result; but whoever asks for it wants to know why nothing comes.
        let sent = plan.sent_links.iter().filter(|link| asked.leads_through(link));
        leading_out.extend(plan.leading_out.iter().chain(sent).cloned());
        let text = |output: &Output| output.path.to_string_lossy().into_owned();
        receipt.outputs = Some(found.fetched.iter().map(text).collect());
        outputs::name_outside(step.report(), document, &layout);
        let place = &path;
        let foreign = ForeignFiles { connection: &connection, document, place };
        transfer::check_readable(&plan, &foreign)?;
        plan.check_places("locally", |_| {
            "make the folder writable (chmod u+w), or name it in .mlcubeignore".to_owned()
        })
    });
    // A failed pull gets a receipt too, once it is known what there is to fetch.
    if receipt.files.is_some() {
        document.steps.pull = Some(receipt);
    }
    pulled?;
    if !args.outputs {
        check_matched(document, &unmatched)?;
    }
    check_outputs(document, &found.missing)?;
    transfer::check_leading_out(&leading_out, &asked, document.remote.host.as_str())
}

/// Fails if a declared output is missing after a run, unless the task failed: its own failure explains it.
fn check_outputs(document: &Document, missing: &[Output]) -> Outcome<()> {
    let task_failed = document.failed.as_ref().is_some_and(Failed::may_have_results);
    let ran = document.steps.exec.as_ref().is_some_and(|exec| {
        exec.phase.as_deref() == Some("run")
            && exec.status == Some(0)
            && exec.other_arguments != Some(true)
    });
    match missing {
        [first, ..] if ran && !task_failed => Err(Failure::ours(anyhow!(
            "the run succeeded without the declared output {} ({}) in the workspace on '{}'",
            first.name,
            first.path.display(),
            document.remote.host
        ))
        .hint("check the task, or its outputs in mlcube.yaml")),
        _ => Ok(()),
    }
}

/// Shows the commands of a pull. What only the remote knows is taken from the sync state.
fn dry_run(
    step: &Step,
    document: &Document,
    layout: &Layout,
    connection: &Connection,
    selection: &Selection,
) -> Outcome<()> {
    let sync_state = SyncState::of(layout, &document.remote)?;
    let plan = transfer::plan(
        &sync_state.workspace()?,
        &Listing::default(),
        &Listing::default(),
        selection,
        false,
    );
    step.show(&connection.shown(&list::list_script(
        connection,
        document,
        layout,
        Some(&sync_state),
    )?));
    let remote = document.remote.workspace.from_home();
    let backups = &Backups::of_a_pull(&sync_state);
    let fetch = Fetch { connection, layout, backups, remote, by_content: false, linked_files: &[] };
    if let Some(wanted) = archive::choose_entries(&plan.send, &Listing::default(), &plan.links) {
        // A shell can't unpack as a pull does.
        let what = archive::describe(&wanted);
        step.show_comment(&format!("{what} if it has one; else:"));
    }
    let loads = fetch.loads(&plan, &plan.send, &mut |command| {
        step.show([command]);
        Ok(true)
    })?;
    let Some(stage) = Stage::shown(&sync_state)? else {
        step.show(&fetch.commands(&loads, None));
        return Ok(());
    };
    step.show(&stage.commands(&loads, &layout.workspace));
    step.show(&fetch.commands(&loads, Some(&stage)));
    let names = |load: &Load| load.part.files_from.clone();
    let placings = loads.iter().map(|load| fetch.place_staged(&stage, load, names(load)));
    step.show(&placings.collect::<Vec<_>>());
    Ok(())
}
