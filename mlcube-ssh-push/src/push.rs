//! The order of a push: code is mirrored to the remote; of the workspace, only local changes are sent.

mod plan;

use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::anyhow;
use mlcube_ssh::cube::Cube;
use mlcube_ssh::cube::boundary::Boundary;
use mlcube_ssh::cube::layout::Layout;
use mlcube_ssh::cube::required_inputs;
use mlcube_ssh::cube::task_parameters::Parameter;
use mlcube_ssh::cube::tree_owner::Owner;
use mlcube_ssh::listing::{Entry, Listing, confusable_with};
use mlcube_ssh::pipe::document::{Document, Receipt};
use mlcube_ssh::pipe::failure::{Failure, FailureKind, Outcome};
use mlcube_ssh::pipe::step::{Step, timed};
use mlcube_ssh::process::script::Script;
use mlcube_ssh::remote::connection::Connection;
use mlcube_ssh::remote::foreign_files::ForeignFiles;
use mlcube_ssh::remote::login::login_keys::LoginKeys;
use mlcube_ssh::sync::{Plan, Selection, Skipped, SyncState, TransferDirection, longest_path};
use mlcube_ssh::ui::names;

use crate::cli::Args;
use crate::local::own_files::OwnFiles;
use crate::local::{Local, checks, escaping_links, former_workspaces, outside_cube, selection};
use crate::remote::backups::Backups;
use crate::remote::incoming::IncomingId;
use crate::remote::state::RemoteState;
use crate::remote::{followed_links, free_space, leftovers, prepare};
use crate::transfer::context::{Sent, TransferContext};
use crate::transfer::{delete, settle_backups, skipped, summary};

/// Runs the whole push and adds its receipt to the document.
pub(crate) fn push(step: &Step, document: &mut Document, args: &Args) -> Outcome<()> {
    let cube = Cube::of(document)?;
    let push = Push::of(step, document, &cube, args)?;
    if step.is_dry_run() {
        return push.show();
    }
    let mut has_replied = false;
    let (receipt, pushed) = timed(|receipt| push.run(receipt, &mut has_replied));
    // A failed push gets a receipt too, once the remote has replied.
    if pushed.is_ok() || has_replied {
        document.steps.push = Some(receipt);
    }
    pushed
}

/// A push, with what all its stages are given.
struct Push<'a> {
    step: &'a Step,
    document: &'a Document,
    args: &'a Args,
    cube: &'a Cube,
    boundary: Boundary,
    connection: Connection,
    sync_state: SyncState,
    owner: Owner,
    /// The former workspace that is code now.
    as_code: Option<PathBuf>,
}

/// What a push will do.
struct Planned {
    /// The plan for the workspace.
    plan: Plan,
    /// Whether nothing is sent to the workspace, and the sync state already holds what both sides agree on.
    is_agreed: bool,
    /// Whether an earlier push of this machine was cut off.
    was_cut_off: bool,
}

impl<'a> Push<'a> {
    /// Checks what is refused before anything is listed.
    fn of(step: &'a Step, document: &'a Document, cube: &'a Cube, args: &'a Args) -> Outcome<Self> {
        let layout = &cube.layout;
        checks::check_root(layout)?;
        let boundary = Boundary::of(layout, &cube.runner)?;
        checks::check_places(document, layout, &boundary)?;
        let connection = Connection::new(cube, document, step.report())?.for_transfers();
        let sync_state = SyncState::of(layout, &document.remote)?;
        let owner = sync_state.owner(layout)?;
        let parse = |path: &PathBuf| former_workspaces::parse(layout, &sync_state, path);
        let as_code = args.as_code.as_ref().map(parse).transpose()?;
        Ok(Self { step, document, args, cube, boundary, connection, sync_state, owner, as_code })
    }

    /// Runs the stages: inspects both sides, and makes the remote up to date if anything has changed.
    fn run(&self, receipt: &mut Receipt, has_replied: &mut bool) -> Outcome<()> {
        let (layout, report) = (&self.cube.layout, self.step.report());
        let _lock = self.sync_state.lock(&report)?;
        let incoming = IncomingId::choose(&self.sync_state, &self.document.remote)?;
        let (mut local, remote) = self.inspect(&incoming)?;
        note_considered(receipt, &local);
        // `mlcube configure` takes no workspace, so that a run may be the first to name it.
        if self.args.if_changed && !local.was_pushed() && !self.sync_state.is_new_workspace()? {
            return Err(not_configured(self.document));
        }
        receipt.context_changed = Some(local.context_changed(layout));
        if self.has_work(&local, &incoming) {
            let remote = remote.unwrap_or_else(|| self.inspect_remote(&incoming))?;
            *has_replied = true;
            self.update_remote(&mut local, remote, &incoming, receipt)?;
        }
        local.skipped.check(layout, &report, receipt)?;
        self.check_ignored_inputs(&local)
    }

    /// Returns whether the push precedes a run, which mustn't read another input than the local one.
    fn precedes_run(&self) -> bool {
        self.args.inputs || self.args.if_changed
    }

    /// Names inputs that changed locally and aren't sent, because `.mlcubeignore` names them by now; fails if a run
    /// follows.
    fn check_ignored_inputs(&self, local: &Local) -> Outcome<()> {
        let (layout, host) = (&self.cube.layout, self.connection.host());
        let ignored: Vec<PathBuf> =
            local.ignored_changes.iter().map(|path| layout.workspace.join(path)).collect();
        let Some((input, changed)) = first_input(self.document, layout, &ignored) else {
            return Ok(());
        };
        let message = format!(
            "'{host}' has the input {}.{} as it was before: '{}' isn't sent, because .mlcubeignore names it",
            input.task,
            input.name,
            names::shown(&changed)
        );
        let hint = "remove its pattern from .mlcubeignore; `mlcube-ssh run --no-push` runs the task with what the remote has";
        if self.precedes_run() {
            return Err(Failure::ours(anyhow!(message)).hint(hint));
        }
        self.step.report().warn(&message);
        Ok(())
    }

    /// Lists the local disk, and inspects the remote at the same time if it is contacted at once. Names what isn't
    /// sent.
    fn inspect(&self, incoming: &IncomingId) -> Outcome<(Local, Option<Outcome<RemoteState<'_>>>)> {
        let report = self.step.report();
        let (local, remote) = thread::scope(|scope| {
            let remote =
                self.contacts_at_once().then(|| scope.spawn(|| self.inspect_remote(incoming)));
            let local = self.inspect_local(self.connection.login_keys());
            let remote =
                remote.map(|remote| remote.join().unwrap_or_else(|panic| resume_unwind(panic)));
            (local, remote)
        });
        let mut local = local?;
        if let Some(Ok(remote)) = &remote {
            local.exclude_workspaces(&remote.workspaces)?;
        }
        local.skipped.print_ignored(&report);
        former_workspaces::name_skipped(&report, &self.cube.layout, &local.workspaces);
        outside_cube::name(&report, &self.cube.layout, &local);
        Ok((local, remote))
    }

    /// Lists code and workspace. `keys` are the private keys that may log in, which are never sent.
    fn inspect_local(&self, keys: LoginKeys) -> anyhow::Result<Local> {
        let layout = &self.cube.layout;
        let selection = if self.args.inputs {
            selection::inputs(self.document, layout)?
        } else {
            Selection::All
        };
        Local::look(
            layout,
            &self.boundary,
            self.sync_state.clone(),
            self.as_code.as_deref(),
            &selection,
            &OwnFiles::of(self.cube, keys),
            self.step.report(),
        )
    }

    /// Makes the remote folders, and lists the workspace, once no job holds it.
    fn inspect_remote(&self, incoming: &IncomingId) -> Outcome<RemoteState<'_>> {
        incoming.note(&self.sync_state)?;
        let script = self.prepare_script(incoming)?;
        let (connection, wait) = (&self.connection, self.args.wait);
        let mut remote =
            prepare::prepare(connection, &script, self.document, &incoming.transfer, wait)?;
        remote.by_content = self.args.checksum;
        let longest = longest_path(&self.cube.layout.workspace, &remote.workspace);
        remote.listing.close_long_paths(longest);
        Ok(remote)
    }

    fn prepare_script(&self, incoming: &IncomingId) -> anyhow::Result<Script> {
        let Cube { layout, runner, .. } = self.cube;
        let (connection, remote) = (&self.connection, &self.document.remote);
        let pushed = self.sync_state.code_within(prepare::FEW_NAMES)?.unwrap_or_default();
        let adopt = runner.adopt;
        let script =
            prepare::script(connection, layout, remote, &self.owner, adopt, incoming, &pushed)?;
        let follows = followed_links::is_named(&self.args.follow_link, Path::new(""));
        let as_code = self.as_code.as_ref().map(|place| place.to_string_lossy());
        let script = script.flag("follow_workspace", follows);
        // A push that was planned before has something to send, and so have the commands of a dry run.
        let script = script.flag("sends", self.step.is_dry_run() || !self.contacts_at_once());
        Ok(script.given("as_code", &as_code.unwrap_or_default()))
    }

    /// Returns whether the remote is contacted while the local disk is still being listed. Not with `--if-changed`,
    /// which may find nothing to send, and not with `--wait`, which may have to wait for a remote job first.
    fn contacts_at_once(&self) -> bool {
        !self.args.if_changed && self.args.wait.wait.is_none()
    }

    /// Returns whether there is anything to do on the remote: always, except with `--if-changed`. What a push that
    /// didn't end well has sent isn't recorded, so the remote may have something else than the last one that did.
    fn has_work(&self, local: &Local, incoming: &IncomingId) -> bool {
        let deletes = self.args.delete && local.gone.files() > 0;
        let was_cut_off = !incoming.former.is_empty();
        !self.args.if_changed || deletes || was_cut_off || !local.is_unchanged()
    }

    /// Plans, checks, acts, records and summarises.
    fn update_remote(
        &self,
        local: &mut Local,
        mut remote: RemoteState<'_>,
        incoming: &IncomingId,
        receipt: &mut Receipt,
    ) -> Outcome<()> {
        if remote.was_taken_over {
            // The other owner may have built another image.
            self.sync_state.forget_configured()?;
            receipt.context_changed = Some(true);
        }
        // The remote has forgotten the place already. If this fails, the user can run the same command again.
        self.as_code.iter().try_for_each(|place| self.sync_state.forget_workspace(place))?;
        local.exclude_workspaces(&remote.workspaces)?;
        // Before the plan notes what has arrived: what both sides agreed on tells which backups are no news.
        settle_backups::of_earlier_pushes(self.step.report(), &self.connection, local, &remote)?;
        incoming.note_made(&self.sync_state)?;
        let mut planned = self.plan(local, &mut remote, incoming)?;
        note_plan(receipt, &remote, &planned.plan);
        self.check(local, &remote, &planned.plan)?;
        if !planned.is_agreed {
            local.sync_state.begin(TransferDirection::Up, &planned.plan)?;
        }
        // The sync state holds this listing now; dropping it frees memory.
        planned.plan.will_agree = Listing::default();
        let context = self.context(local, &remote, &planned, incoming);
        let sent = act(&context, self.args, receipt)?;
        if planned.was_cut_off || remote.has_parts {
            leftovers::remove(&remote, &self.connection, &planned.plan)?;
        }
        summary::print(&context, receipt, &sent);
        let inputs = if self.precedes_run() { check_kept_inputs(&context) } else { Ok(()) };
        if inputs.is_ok() && !context.plan.kept.is_empty() {
            let push = self.document.push_command();
            let hint = format!("`{push} --overwrite` replaces what was kept, with a backup");
            self.step.report().hint(&hint);
        }
        if let Some(refused) = sent.refused {
            return Err(refused);
        }
        escaping_links::name(&context);
        check_all_sent(&context)?;
        inputs
    }

    /// Refuses deletions that aren't allowed, and transfers that don't fit.
    fn check(&self, local: &Local, remote: &RemoteState, plan: &Plan) -> Outcome<()> {
        delete::check(local, self.args)?;
        let host = self.connection.host().as_str();
        free_space::check(local, &self.cube.layout, plan, remote, host)
    }

    fn context<'b>(
        &'b self,
        local: &'b Local,
        remote_state: &'b RemoteState<'b>,
        planned: &'b Planned,
        incoming: &IncomingId,
    ) -> TransferContext<'b> {
        TransferContext {
            step: self.step,
            document: self.document,
            cube: self.cube,
            boundary: &self.boundary,
            connection: &self.connection,
            local,
            remote_state,
            plan: &planned.plan,
            is_agreed: planned.is_agreed,
            backups: Backups::of_a_push(&remote_state.state, &incoming.id, self.args.checksum),
        }
    }

    /// Shows the commands of the push, as if the remote held what the sync state says; contacts nobody.
    fn show(&self) -> Outcome<()> {
        let incoming = IncomingId::choose(&self.sync_state, &self.document.remote)?;
        let prepare = self.prepare_script(&incoming)?;
        let mut local = self.inspect_local(self.connection.possible_login_keys())?;
        local.skipped.print_ignored(&self.step.report());
        let agreed = self.sync_state.agreed()?;
        let (connection, remote) = (&self.connection, &self.document.remote);
        let mut remote = RemoteState::assumed(connection, remote, &incoming, local.was_pushed());
        remote.by_content = self.args.checksum;
        remote.listing = agreed.clone();
        self.follow_links(&mut local, &mut remote, &agreed)?;
        let plan = local.plan(&remote.listing, &agreed, self.args.overwrite);
        local.workspace = Listing::default();
        self.step.show(&self.connection.shown(&prepare));
        let planned = Planned { plan, is_agreed: false, was_cut_off: false };
        self.context(&local, &remote, &planned, &incoming).show(self.args)
    }
}

/// Notes the number and size of the files that this push considers.
fn note_considered(receipt: &mut Receipt, local: &Local) {
    let workspace = local.selected();
    receipt.files = Some(local.code.files() + workspace.files());
    receipt.bytes = Some(local.code.bytes() + workspace.bytes());
    (receipt.files_sent, receipt.bytes_sent) = (Some(0), Some(0));
}

/// Notes what is known before anything is sent: the free space, and what is skipped and kept.
fn note_plan(receipt: &mut Receipt, remote: &RemoteState, plan: &Plan) {
    receipt.free_bytes = remote.workspace_disk.free;
    receipt.left_out = names::in_document(plan.skipped_for(Skipped::is_named));
    receipt.kept = names::in_document(plan.kept.iter().map(PathBuf::as_path));
}

/// Sends what is planned, and records in the sync state what both sides agree on then.
fn act(context: &TransferContext, args: &Args, receipt: &mut Receipt) -> Outcome<Sent> {
    let mut sent = Sent::default();
    let pushed = context.transfer(args, receipt, &mut sent);
    let transfer = &sent.transfer;
    receipt.changed = transfer.changed > 0 || !receipt.deleted.is_empty();
    receipt.files_sent = Some(transfer.files_sent);
    receipt.bytes_sent = Some(transfer.bytes_sent);
    pushed.inspect_err(|failure| {
        // The failure doesn't name all that was skipped.
        if failure.kind == FailureKind::Ours {
            skipped::name(context);
            skipped::name_missing(context, &sent.missing, receipt);
        }
    })?;
    Ok(sent)
}

/// Fails, after the rest was sent, for what was skipped because of its kind or of what the remote has in its place.
fn check_all_sent(context: &TransferContext) -> Outcome<()> {
    let foreign = ForeignFiles {
        connection: context.connection,
        cube: context.cube,
        document: context.document,
        place: &context.remote_state.workspace,
    };
    skipped::check(context, &foreign)?;
    check_inputs(context)?;
    let receiver = format!("on '{}'", context.connection.host());
    let of_code = &context.remote_state.unwritable_code;
    let remedy = |folder: &Path| {
        if of_code.iter().any(|unwritable| folder.starts_with(unwritable)) {
            "make it writable locally (`chmod u+w`), and push again: code gets the local permissions".to_owned()
        } else {
            foreign.remedy(folder, "run this step again")
        }
    };
    context.plan.check_places(&receiver, remedy).map_err(|failure| {
        let is_former = confusable_with(&context.local.gone);
        let mut unheld = context.plan.skipped_for(|why| *why == Skipped::Unheld);
        if unheld.any(is_former) {
            return failure.hint("`mlcube-ssh-push --delete` deletes the former name of what was renamed; else rename the original, or name it in .mlcubeignore");
        }
        failure
    })
}

/// Fails, after the rest was sent, if an input of the chosen tasks was skipped because of its kind.
fn check_inputs(context: &TransferContext) -> Outcome<()> {
    let (layout, plan) = (&context.cube.layout, context.plan);
    let code = context.local.special_code().map(|path| layout.base.join(path));
    let data = plan.skipped_for(|why| *why == Skipped::Special);
    let left_out: Vec<PathBuf> = code.chain(data.map(|path| layout.workspace.join(path))).collect();
    for input in required_inputs::needed(context.document, layout) {
        let Some(path) = &input.parameter.local else { continue };
        if left_out.iter().any(|left_out| path.starts_with(left_out)) {
            return Err(Failure::ours(anyhow!(
                "the input {}.{}, '{}', can't be sent: it is a device, a socket or a pipe",
                input.parameter.task,
                input.parameter.name,
                names::shown(path)
            )));
        }
    }
    Ok(())
}

/// Fails, after the rest was sent, if an input of the chosen tasks changed on both sides: the remote has another one.
fn check_kept_inputs(context: &TransferContext) -> Outcome<()> {
    let layout = &context.cube.layout;
    let kept: Vec<PathBuf> =
        context.plan.kept.iter().map(|path| layout.workspace.join(path)).collect();
    let Some((input, kept)) = first_input(context.document, layout, &kept) else { return Ok(()) };
    let shown = names::shown(&kept);
    let why = if has_other_permissions(context, &kept) {
        format!("the permissions of '{shown}' differ, and neither side's are known to be newer")
    } else {
        format!("'{shown}' changed on both sides")
    };
    Err(Failure::ours(anyhow!(
        "'{}' has another input {}.{} than this machine: {why}",
        context.connection.host(),
        input.task,
        input.name
    ))
    .hint(format!(
        "`{} --overwrite` sends the local one, `{} --overwrite` fetches the remote one",
        context.document.push_command(),
        context.document.pull_command()
    )))
}

/// Returns whether both sides have this workspace entry with the same size and time, and with other permissions.
fn has_other_permissions(context: &TransferContext, path: &Path) -> bool {
    let local = Entry::look(path).ok().flatten();
    let remote = path
        .strip_prefix(&context.cube.layout.workspace)
        .ok()
        .and_then(|path| context.remote_state.listing.get(path));
    local.zip(remote).is_some_and(|(local, remote)| {
        local.same_content(&remote) && local.permissions() != remote.permissions()
    })
}

/// The first input of the chosen tasks that is one of `paths` or contains one, and that path.
fn first_input(
    document: &Document,
    layout: &Layout,
    paths: &[PathBuf],
) -> Option<(Parameter, PathBuf)> {
    required_inputs::needed(document, layout).into_iter().find_map(|input| {
        let local = input.parameter.local.as_ref()?;
        let path = paths.iter().find(|path| path.starts_with(local))?.clone();
        Some((input.parameter, path))
    })
}

/// The failure for a run of a cube that was never configured on the remote, or was removed by `clean`.
fn not_configured(document: &Document) -> Failure {
    // Each workspace has a sync state of its own.
    let workspace = document.run.workspace.as_ref();
    let with = workspace.map(|path| format!(" with the workspace '{path}'")).unwrap_or_default();
    Failure::ours(anyhow!(
        "this cube isn't configured on '{}' by this machine{with}",
        document.remote.host
    ))
    .hint(format!("run {}", document.configure_command()))
}
