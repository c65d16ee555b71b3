//! The order of a pull: what was made on the remote is fetched; what was edited locally is kept.

use std::path::PathBuf;

use anyhow::anyhow;
use mlcube_ssh::cube::Cube;
use mlcube_ssh::cube::boundary::Boundary;
use mlcube_ssh::cube::image_place;
use mlcube_ssh::listing::Listing;
use mlcube_ssh::pipe::document::{Document, Failed, Receipt};
use mlcube_ssh::pipe::failure::{Failure, Outcome};
use mlcube_ssh::pipe::step::{Step, timed};
use mlcube_ssh::remote::connection::Connection;
use mlcube_ssh::remote::foreign_files::ForeignFiles;
use mlcube_ssh::sync::{Selection, SyncState};
use mlcube_ssh::ui::names::shown;

use crate::archive;
use crate::cli::Args;
use crate::inspect::list_both;
use crate::local::backups::Backups;
use crate::local::scratch;
use crate::local::stage::Stage;
use crate::remote::outputs::{Output, Outputs};
use crate::remote::{list, outputs};
use crate::selection;
use crate::transfer;
use crate::transfer::PullContext;
use crate::transfer::fetch::Fetch;
use crate::transfer::folders::Folders;
use crate::transfer::links::Links;
use crate::transfer::load::Load;
use crate::transfer::skipped;
use mlcube_ssh::sync::RealFolders;

/// Runs the whole pull and adds its receipt to the document.
pub(crate) fn pull(step: &Step, document: &mut Document, args: &Args) -> Outcome<()> {
    let cube = Cube::of(document)?;
    let pull = Pull::of(step, document, &cube, args)?;
    if step.is_dry_run() {
        return pull.show();
    }
    let (receipt, pulled) = timed(|receipt| pull.run(receipt));
    // A failed pull gets a receipt too, once it is known what there is to fetch.
    if receipt.files.is_some() {
        document.steps.pull = Some(receipt);
    }
    pulled
}

/// A pull, with what all its stages are given.
pub(crate) struct Pull<'a> {
    step: &'a Step,
    document: &'a Document,
    args: &'a Args,
    cube: &'a Cube,
    pub(crate) boundary: Boundary,
    pub(crate) connection: Connection,
    pub(crate) sync_state: SyncState,
    /// The declared outputs in the workspace.
    pub(crate) outputs: Vec<Output>,
    /// What the command line chooses.
    pub(crate) selection: Selection,
}

impl<'a> Pull<'a> {
    /// Checks what is refused before anything is listed.
    pub(crate) fn of(
        step: &'a Step,
        document: &'a Document,
        cube: &'a Cube,
        args: &'a Args,
    ) -> Outcome<Self> {
        let layout = &cube.layout;
        let boundary = Boundary::of(layout, &cube.runner)?;
        boundary.check_workspace(layout, &document.run)?;
        let connection = Connection::new(cube, &document.remote, step.report())?.for_transfers();
        let outputs = outputs::declared(document, layout);
        let image = image_place::in_workspace(&document.config, &cube.runner, layout);
        let selection = selection::of_command_line(args, &outputs, image)?;
        let sync_state = SyncState::of(layout, &document.remote)?;
        Ok(Self {
            step,
            document,
            args,
            cube,
            boundary,
            connection,
            sync_state,
            outputs,
            selection,
        })
    }

    /// Runs the stages: inspects both sides, makes the workspace up to date, and checks that everything came.
    fn run(&self, receipt: &mut Receipt) -> Outcome<()> {
        let (layout, document) = (&self.cube.layout, self.document);
        let _lock = self.sync_state.lock(&self.step.report())?;
        let named = selection::named(self.args, &self.outputs)?;
        let (connection, sync_state) = (&self.connection, &self.sync_state);
        let listings = list_both(connection, document, layout, sync_state, true, &named)?;
        let remote = &listings.remote;
        let named = named.along_links_of_host(&remote.listing);
        let named = named.map_err(|exceeded| connection.refuse(exceeded))?;
        let (unmatched, selection) =
            selection::along_links(&self.selection, &remote.listing, connection)?;
        let found = Outputs::of(&self.outputs, &remote.listing, &selection);
        let (host, report) = (connection.host(), self.step.report());
        selection::name_image(&selection, &remote.listing, &listings.local, host, report);
        let path = remote.path.clone();
        // A push since then has settled the sync state, and not the backups of a pull.
        let was_cut_off = sync_state.was_cut_off() || sync_state.unnamed_backups()?.is_some();
        let plan = self.context().transfer(listings, &selection, self.args, receipt)?;
        if was_cut_off {
            scratch::remove_left(&layout.workspace, &plan.links);
        }
        let text = |output: &Output| output.path.to_string_lossy().into_owned();
        // An output of which something was kept hasn't arrived.
        let is_kept =
            |output: &&Output| plan.kept.iter().any(|kept| kept.starts_with(&output.path));
        let (reserved, fetched) = outputs::split_reserved(&found.fetched, &plan);
        let (kept, came): (Vec<_>, Vec<_>) = fetched.into_iter().partition(is_kept);
        receipt.outputs = Some(came.into_iter().map(text).collect());
        let all_here = check_kept(document, &kept, &plan.kept);
        if all_here.is_ok() && !plan.kept.is_empty() {
            self.step.report().hint(&overwrite_remedy(document));
        }
        outputs::name_outside(self.step.report(), document, layout);
        let foreign = ForeignFiles { connection, cube: self.cube, document, place: &path };
        skipped::check_readable(&plan, &foreign)?;
        plan.check_places("locally", |_| {
            "make the folder writable (chmod u+w), or name it in .mlcubeignore".to_owned()
        })?;
        if !self.args.outputs {
            selection::check_matched(document, &unmatched)?;
        }
        check_outputs(document, &found.missing)?;
        outputs::check_reserved(&reserved)?;
        all_here?;
        skipped::check_leading_out(&plan, &named, connection.host())
    }

    pub(crate) fn context(&self) -> PullContext<'_> {
        PullContext {
            step: self.step,
            layout: &self.cube.layout,
            boundary: &self.boundary,
            connection: &self.connection,
            sync_state: &self.sync_state,
            state: self.document.remote.state.as_str(),
        }
    }

    /// Shows the commands of the pull. What only the remote knows is taken from the sync state.
    fn show(&self) -> Outcome<()> {
        let (step, layout, remote) = (self.step, &self.cube.layout, &self.document.remote);
        let (connection, sync_state) = (&self.connection, &self.sync_state);
        let nothing = Listing::default();
        let agreed = sync_state.agreed()?;
        let plan = transfer::plan(&agreed, &nothing, &nothing, &self.selection, false);
        let transfer = &sync_state.transfer_id(remote)?;
        let list = list::list_script(connection, self.document, layout, Some(transfer))?;
        step.show(&connection.shown(&list));
        let backups = &Backups::of_a_pull(sync_state);
        let remote = remote.workspace.from_home();
        let fetch =
            Fetch { connection, layout, backups, remote, by_content: false, linked_files: &[] };
        if let Some(wanted) = archive::choose_entries(&plan.send, &nothing, &plan.links) {
            // A shell can't unpack as a pull does.
            let what = archive::describe(&wanted);
            step.show_comment(&format!("{what} if it has one; else:"));
        }
        let real = RealFolders { top: &layout.workspace, boundary: &self.boundary };
        step.show(Folders::of(&plan.send, real).command().as_ref());
        let loads = fetch.loads(&plan, &plan.send, &mut |command| {
            step.show([command]);
            Ok(true)
        })?;
        let stage = Stage::shown(sync_state, &loads)?;
        if let Some(stage) = &stage {
            step.show(&stage.commands(&loads, &layout.workspace));
        }
        step.show(&fetch.commands(&loads, stage.as_ref()));
        if let Some(stage) = &stage {
            let names = |load: &Load| load.batch.files_from.clone();
            let placings = loads
                .iter()
                .filter(|load| load.needs_stage)
                .map(|load| fetch.place_staged(stage, load, names(load)));
            step.show(&placings.collect::<Vec<_>>());
        }
        step.show(&Links::of(&plan.send, real, backups).commands());
        Ok(())
    }
}

/// Returns whether a run succeeded whose outputs the document declares. If the task failed, its own failure explains what
/// is missing.
fn has_succeeded(document: &Document) -> bool {
    let task_failed = document.failed.as_ref().is_some_and(Failed::may_have_results);
    !task_failed
        && document.steps.exec.as_ref().is_some_and(|exec| {
            exec.phase.as_deref() == Some("run")
                && exec.status == Some(0)
                && exec.other_arguments != Some(true)
        })
}

/// Returns what replaces kept entries by those of the remote.
fn overwrite_remedy(document: &Document) -> String {
    format!("`{} --overwrite` replaces what was kept, with a backup", document.pull_command())
}

/// Fails if a declared output isn't what the run has left, because something in it was kept.
fn check_kept(document: &Document, outputs: &[&Output], kept: &[PathBuf]) -> Outcome<()> {
    let Some(output) = outputs.first().filter(|_| has_succeeded(document)) else { return Ok(()) };
    let path = kept.iter().find(|path| path.starts_with(&output.path));
    Err(Failure::ours(anyhow!(
        "the output {} isn't what the run has left: '{}' changed on both sides, and was kept",
        output.name,
        shown(path.unwrap_or(&output.path))
    ))
    .hint(overwrite_remedy(document)))
}

/// Fails if a declared output is missing after a run.
fn check_outputs(document: &Document, missing: &[Output]) -> Outcome<()> {
    match missing {
        [first, ..] if has_succeeded(document) => Err(Failure::ours(anyhow!(
            "the run succeeded without the declared output {} ({}) in the workspace on '{}'",
            first.name,
            first.path.display(),
            document.remote.host
        ))
        .hint("check the task, or its outputs in mlcube.yaml")),
        _ => Ok(()),
    }
}
