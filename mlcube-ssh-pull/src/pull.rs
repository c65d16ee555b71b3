//! The order of a pull: what was made on the remote is fetched; what was edited locally is kept.

mod plan;

use std::fs;
use std::mem;
use std::path::PathBuf;

use anyhow::{Context, anyhow};
use mlcube_ssh::cube::Cube;
use mlcube_ssh::cube::boundary::Boundary;
use mlcube_ssh::cube::image_place;
use mlcube_ssh::listing::Listing;
use mlcube_ssh::listing::ignore::Ignored;
use mlcube_ssh::pipe::document::{Document, Failed, Phase, Receipt};
use mlcube_ssh::pipe::failure::{Failure, Outcome};
use mlcube_ssh::pipe::step::{Step, timed};
use mlcube_ssh::remote::connection::Connection;
use mlcube_ssh::remote::foreign_files::ForeignFiles;
use mlcube_ssh::remote::session::KeptSession;
use mlcube_ssh::sync::{
    Agreed, Plan, SeenTransfer, Selection, Skipped, SyncState, TransferDirection,
};
use mlcube_ssh::ui::names::{in_document, shown};

use crate::cli::Args;
use crate::inspect::{Listings, list_both};
use crate::local::backups::Backups;
use crate::local::free_space;
use crate::local::scratch::{self, Scratch};
use crate::remote::outputs::{Output, Outputs};
use crate::remote::waiting::Waiting;
use crate::remote::workspace::Source;
use crate::remote::{list, outputs};
use crate::selection;
use crate::transfer::{OwnFolders, PullContext, skipped, summary};

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

/// What both sides have, and what of it is chosen.
struct Inspected {
    listings: Listings,
    chosen: Chosen,
    /// The absolute path of the remote workspace.
    place: String,
}

/// What is chosen of the remote workspace.
struct Chosen {
    selection: Selection,
    /// The entries that are named by their path, with the ends of links.
    named: Selection,
    /// The patterns that match nothing.
    unmatched: Vec<PathBuf>,
    outputs: Outputs,
    /// What is left to a later pull; the selection is without it.
    waiting: Waiting,
}

/// What a pull will do.
struct Planned {
    plan: Plan,
    /// What both sides last agreed on.
    agreed: Agreed,
    /// The local folders where earlier pulls have left parts of files.
    partial: Vec<PathBuf>,
    /// The local entries in whose places entries are fetched.
    replaced: Listing,
    /// The number of files of the remote workspace, and their size.
    files: u64,
    bytes: u64,
    source: Source,
    last_transfer: Option<SeenTransfer>,
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
        let connection = Connection::new(cube, document, step.report())?
            .for_transfers()
            .without_login(args.no_login);
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

    /// Runs the stages: inspects both sides, plans, checks, acts, records, summarises, and checks that everything came.
    fn run(&self, receipt: &mut Receipt) -> Outcome<()> {
        let (layout, report) = (&self.cube.layout, self.step.report());
        let (workspace, host) = (&layout.workspace, self.connection.host());
        let _lock = self.sync_state.lock(&report)?;
        let Inspected { listings, chosen, place } = self.inspect()?;
        fs::create_dir_all(workspace)
            .with_context(|| format!("can't create the workspace {}", workspace.display()))?;
        let scratch = Scratch::of(workspace)?;
        Backups::settle_earlier(&self.sync_state, workspace, &listings.agreed, report)?;
        let mut planned = self.plan(listings, &chosen.selection, &scratch)?;
        let partial = mem::take(&mut planned.partial);
        self.check(&planned, &scratch, receipt)?;
        receipt.waiting = in_document(chosen.waiting.paths());
        let plan = self.act_and_record(planned, &scratch, receipt)?;
        summary::print(report, host, receipt, &plan, workspace, &self.boundary);
        summary::name_waiting(report, &chosen.waiting);
        drop(scratch);
        scratch::remove_left(workspace, &partial);
        self.check_result(&plan, &chosen, &place, receipt)
    }

    /// Lists both sides, and finds what is chosen in the listing of the remote.
    fn inspect(&self) -> Outcome<Inspected> {
        let (layout, connection) = (&self.cube.layout, &self.connection);
        let named = selection::named(self.args, &self.outputs)?;
        let listings =
            list_both(connection, self.document, layout, &self.sync_state, true, &named)?;
        let remote = &listings.remote.listing;
        let named = named.along_links_of_host(remote);
        let named = named.map_err(|exceeded| connection.refuse(exceeded))?;
        let (unmatched, selection) = selection::along_links(&self.selection, remote, connection)?;
        let outputs = Outputs::of(&self.outputs, remote, &selection);
        let (host, report) = (connection.host(), self.step.report());
        selection::name_image(&selection, remote, &listings.local, host, report);
        let (unchanged_for, local) = (self.args.unchanged_for, &listings.local);
        let ignored = Ignored::of_workspace(layout, &self.boundary);
        let waiting =
            Waiting::of(unchanged_for, &listings.remote, local, &selection, &ignored, host)?;
        let selection = waiting.left_out_of(selection);
        let place = listings.remote.path.clone();
        let chosen = Chosen { selection, named, unmatched, outputs, waiting };
        Ok(Inspected { listings, chosen, place })
    }

    /// Checks that the pull may write to its folders, and that what it fetches fits. Notes what is known before anything is
    /// fetched: the free space, and what is skipped and kept.
    fn check(&self, planned: &Planned, scratch: &Scratch, receipt: &mut Receipt) -> Outcome<()> {
        let (plan, workspace) = (&planned.plan, &self.cube.layout.workspace);
        scratch.begin(plan)?;
        let free = free_space::free_bytes(workspace);
        (receipt.files, receipt.bytes) = (Some(planned.files), Some(planned.bytes));
        (receipt.files_sent, receipt.bytes_sent) = (Some(0), Some(0));
        receipt.free_bytes = free;
        receipt.kept = in_document(plan.kept.iter().map(PathBuf::as_path));
        receipt.left_out = in_document(plan.skipped_for(Skipped::is_named));
        free_space::check(plan, workspace, free, &self.connection, &planned.source.path)
    }

    /// Fetches what is planned, and records in the sync state what both sides agree on then.
    fn act_and_record(
        &self,
        planned: Planned,
        scratch: &Scratch,
        receipt: &mut Receipt,
    ) -> Outcome<Plan> {
        let Planned { mut plan, agreed, replaced, source, last_transfer, .. } = planned;
        if plan.is_empty() {
            // Writing the sync state of a million files takes a second.
            let is_known = plan.will_agree == *agreed;
            if let Some(agreed) = Agreed::of_plan(&mut plan).filter(|_| !is_known) {
                self.sync_state.agree(&agreed)?;
            }
        } else {
            self.sync_state.begin(TransferDirection::Down, &plan)?;
            // The sync state holds this listing now; dropping it frees memory.
            plan.will_agree = Listing::default();
            let context = self.context();
            let fetched = context.act(&source, &plan, &replaced, scratch, receipt)?;
            context.record(&source.path, &agreed, fetched, receipt)?;
        }
        last_transfer.iter().try_for_each(|last| self.sync_state.end_transfer(last))?;
        Ok(plan)
    }

    /// Notes the outputs that have arrived. Fails for what should have come and hasn't. `place` is the path of the remote
    /// workspace.
    fn check_result(
        &self,
        plan: &Plan,
        chosen: &Chosen,
        place: &str,
        receipt: &mut Receipt,
    ) -> Outcome<()> {
        let (layout, document, report) = (&self.cube.layout, self.document, self.step.report());
        let (connection, outputs) = (&self.connection, &chosen.outputs);
        let text = |output: &Output| output.path.to_string_lossy().into_owned();
        // An output of which something was kept hasn't arrived.
        let is_kept =
            |output: &&Output| plan.kept.iter().any(|kept| kept.starts_with(&output.path));
        let (reserved, fetched) = outputs::split_reserved(&outputs.fetched, plan);
        let (kept, arrived): (Vec<_>, Vec<_>) = fetched.into_iter().partition(is_kept);
        let arrived = arrived.into_iter().filter(|one| !chosen.waiting.has_part_of(&one.path));
        receipt.outputs = Some(arrived.map(text).collect());
        let are_complete = check_kept(document, &kept, &plan.kept);
        if are_complete.is_ok() && !plan.kept.is_empty() {
            report.hint(&overwrite_remedy(document));
        }
        outputs::name_outside(report, document, layout);
        skipped::check(plan, &ForeignFiles { connection, cube: self.cube, document, place })?;
        plan.check_places("locally", |_| {
            "make the folder writable (chmod u+w), or name it in .mlcubeignore".to_owned()
        })?;
        if !self.args.outputs && self.args.unchanged_for.is_none() {
            selection::check_matched(document, &chosen.unmatched)?;
        }
        check_outputs(document, &outputs.missing)?;
        outputs::check_reserved(&reserved)?;
        are_complete?;
        skipped::check_leading_out(plan, &chosen.named, connection.host())
    }

    pub(crate) fn context(&self) -> PullContext<'_> {
        PullContext {
            step: self.step,
            layout: &self.cube.layout,
            boundary: &self.boundary,
            connection: &self.connection,
            sync_state: &self.sync_state,
            state: self.document.remote.state.as_str(),
            by_content: self.args.checksum,
        }
    }

    /// Shows the commands of the pull, as if the remote held what the sync state says; contacts nobody.
    fn show(&self) -> Outcome<()> {
        let (connection, sync_state) = (&self.connection, &self.sync_state);
        let (layout, remote) = (&self.cube.layout, &self.document.remote);
        let transfer = sync_state.transfer_id(remote)?;
        let list = list::list_script(connection, self.document, layout, Some(&transfer))?;
        self.step.show(&connection.shown(&list));
        let nothing = Listing::default();
        let plan = Self::plan_of(&sync_state.agreed()?, &nothing, &nothing, &self.selection, false);
        let source = Source {
            path: remote.workspace.from_home().to_owned(),
            linked_files: Vec::new(),
            session: KeptSession::closed(),
        };
        let scratch = &Scratch::of(&layout.workspace)?;
        let own = OwnFolders { backups: &Backups::of_a_pull(sync_state), scratch };
        let fetched = self.context().fetch(&source, &plan, &nothing, own, &mut Receipt::default());
        fetched.map(drop)
    }
}

/// Returns whether a run succeeded whose outputs the document declares. If the task failed, its own failure explains what
/// is missing.
fn has_succeeded(document: &Document) -> bool {
    let task_failed = document.failed.as_ref().is_some_and(Failed::may_have_results);
    !task_failed
        && document.steps.exec.as_ref().is_some_and(|exec| {
            exec.phase == Some(Phase::Run)
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
