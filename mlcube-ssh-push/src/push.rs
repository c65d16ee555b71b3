//! The order of a push: code is mirrored to the remote; of the workspace, only local changes are sent.

use std::collections::HashSet;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::anyhow;
use mlcube_ssh::cube::boundary::Boundary;
use mlcube_ssh::cube::layout::Layout;
use mlcube_ssh::cube::paths::{normal, real};
use mlcube_ssh::cube::required_inputs;
use mlcube_ssh::cube::tree_owner::Owner;
use mlcube_ssh::listing::ignore::Ignored;
use mlcube_ssh::listing::{EntryKind, Listing};
use mlcube_ssh::pipe::document::{Document, Receipt};
use mlcube_ssh::pipe::failure::{Failure, FailureKind, Outcome, hinted};
use mlcube_ssh::pipe::step::{Step, timed};
use mlcube_ssh::process::command::Command;
use mlcube_ssh::process::script::Script;
use mlcube_ssh::remote::connection::Connection;
use mlcube_ssh::remote::foreign_files::ForeignFiles;
use mlcube_ssh::sync::rsync::Heard;
use mlcube_ssh::sync::{Batch, Plan, Selection, SyncState, TransferDirection, rsync};
use mlcube_ssh::ui::names;

use crate::cli::Args;
use crate::local::own_files::OwnFiles;
use crate::local::{Local, escaping_links, former_workspaces, outside_cube, selection};
use crate::remote::backups::Backups;
use crate::remote::followed_links::FollowedLinks;
use crate::remote::incoming::{Incoming, IncomingId};
use crate::remote::state::{Disk, RemoteState};
use crate::remote::{followed_links, free_space, leftovers, prepare, try_names};
use crate::transfer::context::{Sent, TransferContext};
use crate::transfer::{delete, settle_backups, skipped, summary};
use crate::verify;

/// Fails if the cube was moved since the document was made.
fn check_root(layout: &Layout) -> Outcome<()> {
    let root = layout.local_root();
    if root.is_dir() {
        return Ok(());
    }
    Err(Failure::ours(anyhow!("the cube's folder {} doesn't exist", root.display())).hint(
        "name the cube's folder with --mlcube, and make a new document with mlcube-ssh-config",
    ))
}

/// Runs the whole push and adds its receipt to the document.
pub(crate) fn push(step: &Step, document: &mut Document, args: &Args) -> Outcome<()> {
    let (layout, runner) = Layout::of_document(document)?;
    check_root(&layout)?;
    let boundary = Boundary::of(&layout, &runner)?;
    check_local(document, &layout, &boundary)?;
    let connection = Connection::new(document, &runner, step.report())?.for_transfers();
    let sync_state = SyncState::of(&layout, &document.remote)?;
    let origin = Owner::of(&layout)?;
    let parse = |path: &PathBuf| former_workspaces::parse(&layout, &sync_state, path);
    let as_code = args.as_code.as_ref().map(parse).transpose()?;
    let script = |incoming: &IncomingId, pushed: &Listing| {
        let (remote, adopt) = (&document.remote, runner.adopt);
        let script =
            prepare::script(&connection, &layout, remote, &origin, adopt, incoming, pushed);
        let as_code = as_code.as_ref().map(|place| place.to_string_lossy()).unwrap_or_default();
        let follows = followed_links::is_named(&args.follow_link, Path::new(""));
        let script = script?.given("follow_workspace", if follows { "yes" } else { "no" });
        Ok::<_, anyhow::Error>(script.given("as_code", &as_code))
    };
    if step.is_dry_run() {
        let incoming = IncomingId::choose(&sync_state)?;
        let pushed = sync_state.code_within(prepare::FEW_NAMES)?.unwrap_or_default();
        let shown = script(&incoming, &pushed)?;
        return dry_run(step, document, &layout, &connection, &shown, &incoming, args);
    }
    let (receipt, pushed) = timed(|receipt| {
        let _lock = sync_state.lock(&step.report())?;
        let selection = selection(document, &layout, args)?;
        let incoming = IncomingId::choose(&sync_state)?;
        let ask = || {
            incoming.note(&sync_state)?;
            let pushed = sync_state.code_within(prepare::FEW_NAMES)?.unwrap_or_default();
            let script = script(&incoming, &pushed)?;
            prepare::prepare(&connection, &script, document, args.wait)
        };
        let look = || {
            let own = OwnFiles::with_keys(connection.login_keys());
            let (state, as_code) = (sync_state.clone(), as_code.as_deref());
            Local::look(&layout, &boundary, state, as_code, &selection, &own, step.report())
        };
        let (local, remote_state) = list_and_ask(look, contacts_at_once(args).then_some(&ask));
        let mut local = local?;
        if let Some(Ok(remote_state)) = &remote_state {
            local.exclude_workspaces(&remote_state.workspaces)?;
        }
        local.skipped.print_ignored(&step.report());
        former_workspaces::name_skipped(&step.report(), &layout, &local.workspaces);
        outside_cube::name(&step.report(), &layout, &local);
        note(receipt, &local);
        if args.if_changed && !local.was_pushed() {
            return Err(never_configured(document));
        }
        receipt.context_changed = Some(local.context_changed(&layout));
        let deletes = args.delete && local.gone.files() > 0;
        if !args.if_changed || deletes || !local.is_unchanged() {
            let mut remote_state = remote_state.unwrap_or_else(ask)?;
            remote_state.by_content = args.checksum;
            // The remote has forgotten it by now; if that fails, the same command says it again.
            as_code.iter().try_for_each(|place| sync_state.forget_workspace(place))?;
            local.exclude_workspaces(&remote_state.workspaces)?;
            // Before the plan notes what has arrived: what both sides agreed on tells which backups are no news.
            settle_backups::of_earlier_pushes(step.report(), &connection, &local, &remote_state)?;
            incoming.is_made(&sync_state)?;
            // A push that failed before it had a plan, or had none for the workspace, is known by its incoming folder.
            let was_cut_off = local.sync_state.was_cut_off() || !incoming.former.is_empty();
            let (mut plan, is_agreed) =
                plan_by_content(step, &mut local, &mut remote_state, &layout, &connection, args)?;
            check(receipt, &local, &layout, &remote_state, &plan, args, &connection)?;
            // Writing the sync state of a million files takes a second.
            let is_agreed = is_agreed && plan.is_empty();
            if !is_agreed {
                local.sync_state.begin(TransferDirection::Up, &plan)?;
            }
            // The sync state holds this listing now; dropping it frees memory.
            plan.common = Listing::default();
            let (remote, layout, connection) = (&document.remote, &layout, &connection);
            let context = TransferContext {
                step,
                document,
                remote,
                layout,
                connection,
                local: &local,
                remote_state: &remote_state,
                plan: &plan,
                is_agreed,
                backups: Backups::of_a_push(&remote_state.state, &incoming.id, args.checksum),
            };
            send(&context, args, receipt, was_cut_off)?;
        }
        local.skipped.check(&layout, &step.report(), receipt)
    });
    // A failed push gets a receipt too, once the remote has replied.
    if pushed.is_ok() || receipt.free_bytes.is_some() {
        document.steps.push = Some(receipt);
    }
    pushed
}

/// Refuses code and workspace that mustn't be sent, and inputs that can't be sent.
fn check_local(document: &Document, layout: &Layout, boundary: &Boundary) -> anyhow::Result<()> {
    boundary.check_code(layout)?;
    boundary.check_workspace(layout, &document.run)?;
    check_ignored(layout)?;
    required_inputs::check(document, layout)?;
    boundary.check_inputs(layout, &required_inputs::needed(document, layout))
}

/// Refuses a link to a folder in the base that `.mlcubeignore` names: by the name of the link it isn't ignored.
fn check_ignored(layout: &Layout) -> anyhow::Result<()> {
    let base = real(&layout.base)?;
    let ignored = Ignored::of(&base, &base);
    let declared = layout.context.iter().chain(&layout.inputs).map(|place| layout.base.join(place));
    for path in declared.chain([layout.workspace.clone()]) {
        let path = normal(&path);
        let is = real(&path)?;
        let Ok(below) = is.strip_prefix(&base) else { continue };
        let is_linked = path.strip_prefix(&layout.base).is_ok_and(|by_name| by_name != below);
        if is_linked && ignored.matches(below, is.is_dir())? {
            return Err(hinted(
                format!("{} leads to {}, which is ignored", path.display(), is.display()),
                "remove the link, or what names that place in .mlcubeignore",
            ));
        }
    }
    Ok(())
}

/// Returns whether the remote is contacted while the local disk is still being listed. Not with `--if-changed`, which
/// may find nothing to send, and not with `--wait`, which may have to wait for a remote job first.
fn contacts_at_once(args: &Args) -> bool {
    !args.if_changed && args.wait.wait.is_none()
}

/// Lists the local disk, and runs `ask` on the remote at the same time if it is given.
fn list_and_ask<'a>(
    look: impl FnOnce() -> anyhow::Result<Local>,
    ask: Option<&(impl Fn() -> Outcome<RemoteState<'a>> + Sync)>,
) -> (anyhow::Result<Local>, Option<Outcome<RemoteState<'a>>>) {
    thread::scope(|scope| {
        let asked = ask.map(|ask| scope.spawn(ask));
        let local = look();
        (local, asked.map(|asked| asked.join().unwrap_or_else(|panic| resume_unwind(panic))))
    })
}

/// Notes the number and size of the files that this push considers.
fn note(receipt: &mut Receipt, local: &Local) {
    let workspace = local.selected();
    receipt.files = Some(local.code.files() + workspace.files());
    receipt.bytes = Some(local.code.bytes() + workspace.bytes());
    (receipt.files_sent, receipt.bytes_sent) = (Some(0), Some(0));
}

/// Makes the plan; with `--checksum`, adds the files that differ only by content.
fn plan_by_content(
    step: &Step,
    local: &mut Local,
    remote_state: &mut RemoteState<'_>,
    layout: &Layout,
    connection: &Connection,
    args: &Args,
) -> Outcome<(Plan, bool)> {
    if !args.checksum {
        return plan(local, remote_state, connection, args);
    }
    // `plan` empties the listings, so they are compared before.
    let mut looks_the_same = local.selected().files_as_in(&remote_state.listing);
    let (mut plan, is_agreed) = plan(local, remote_state, connection, args)?;
    // What is listed along a remote link that isn't followed isn't compared either.
    let skipped = plan.in_the_way.iter().chain(&plan.closed).map(PathBuf::as_path);
    let skipped: HashSet<&Path> =
        skipped.chain(local.replaced_links.iter().map(|(path, _)| path)).collect();
    looks_the_same.retain(|path, _| !path.ancestors().any(|folder| skipped.contains(folder)));
    if !looks_the_same.is_empty() {
        let parts = Batch::of(&looks_the_same, &plan.links);
        let route = remote_state.workspace_route(layout);
        let comparisons = verify::of_parts(connection, &parts, route.local, route.remote);
        let run = |commands: &[Command], heard: Heard| remote_state.incoming.run(commands, heard);
        let names = rsync::differing_names(&comparisons, step.report(), &run)?;
        plan.send_contents(&looks_the_same.of_names(&names), &remote_state.listing);
    }
    Ok((plan, is_agreed))
}

/// Plans what is sent to the workspace. The second value is true if the sync state already holds what both sides will
/// agree on. Before that, writes down what an earlier push that was cut off has sent.
fn plan(
    local: &mut Local,
    remote_state: &mut RemoteState<'_>,
    connection: &Connection,
    args: &Args,
) -> Outcome<(Plan, bool)> {
    if connection.is_shared() {
        remote_state.listing.put_own_permissions(&local.workspace);
        remote_state.code.put_own_permissions(&local.code);
    }
    local.restore_pushed_times(&mut remote_state.code);
    let common = local.settled(&remote_state.listing)?;
    let is_first = !remote_state.was_pushed;
    if is_first || !local.has_agreement {
        local.sync_state.set_joined(!is_first)?;
    }
    // Without it, the next push would take a first one that fails for one of another machine.
    if is_first && !local.has_agreement || local.sync_state.was_cut_off() {
        local.sync_state.agree(&common)?;
    }
    let links = FollowedLinks {
        common: &common,
        is_history_unknown: local.sync_state.is_joined()?,
        named: &args.follow_link,
        workspace: Path::new(&remote_state.workspace),
    };
    links.follow(&mut remote_state.listing, &local.workspace);
    local.replace_links(&mut remote_state.listing, &common);
    let plan_of = |local: &Local, remote_state: &RemoteState| {
        local.plan(&remote_state.listing.unrounded(&common), &common, args.overwrite)
    };
    let mut plan = plan_of(local, remote_state);
    if try_names::mark_unheld(remote_state, connection, &plan.send)? {
        plan = plan_of(local, remote_state);
    }
    // The plan holds all that is needed of this listing, which may be long.
    local.workspace = Listing::default();
    let is_agreed = plan.common == *common;
    Ok((plan, is_agreed))
}

/// Notes what is known before anything is sent, and refuses deletions that aren't allowed and transfers that don't fit.
fn check(
    receipt: &mut Receipt,
    local: &Local,
    layout: &Layout,
    remote_state: &RemoteState,
    plan: &Plan,
    args: &Args,
    connection: &Connection,
) -> Outcome<()> {
    let text = |path: &PathBuf| path.to_string_lossy().into_owned();
    receipt.free_bytes = remote_state.workspace_disk.free;
    let special = local.code.iter().filter(|(_, entry)| entry.kind == EntryKind::Other);
    receipt.left_out = special.map(|(path, _)| path.to_string_lossy().into_owned()).collect();
    receipt.left_out.extend(
        plan.left_out
            .iter()
            .chain(&plan.in_the_way)
            .chain(&plan.closed)
            .chain(plan.unplaced())
            .map(text),
    );
    receipt.kept = plan.kept.iter().map(text).collect();
    delete::check(local, args)?;
    Ok(free_space::check(local, layout, plan, remote_state, connection.host().as_str())?)
}

/// Sends what is planned, removes what an earlier push that was cut off has left, and names what was done.
fn send(
    context: &TransferContext,
    args: &Args,
    receipt: &mut Receipt,
    was_cut_off: bool,
) -> Outcome<()> {
    let mut sent = Sent::default();
    let pushed = context.transfer(args, receipt, &mut sent);
    let sent = sent.transfer;
    receipt.changed = sent.changed > 0 || !receipt.deleted.is_empty();
    (receipt.files_sent, receipt.bytes_sent) = (Some(sent.files_sent), Some(sent.bytes_sent));
    pushed.inspect_err(|failure| {
        // What the failure doesn't name was skipped all the same.
        if failure.kind == FailureKind::Ours {
            skipped::name(context);
        }
    })?;
    if was_cut_off {
        leftovers::remove(context.remote_state, context.connection, context.plan)?;
    }
    summary::print(context, receipt, &sent);
    escaping_links::name(context);
    let foreign = ForeignFiles {
        connection: context.connection,
        document: context.document,
        place: &context.remote_state.workspace,
    };
    skipped::check(context, &foreign)?;
    check_inputs(context)?;
    let receiver = format!("on '{}'", context.connection.host());
    context.plan.check_places(&receiver, |folder| foreign.remedy(folder, "run this step again"))
}

/// Fails, after the rest was sent, if an input of the chosen tasks was skipped because of its kind.
fn check_inputs(context: &TransferContext) -> Outcome<()> {
    let (layout, plan) = (context.layout, context.plan);
    let special = context.local.code.iter().filter(|(_, entry)| entry.kind == EntryKind::Other);
    let special = special.map(|(path, _)| layout.base.join(path));
    let left_out: Vec<PathBuf> =
        special.chain(plan.left_out.iter().map(|path| layout.workspace.join(path))).collect();
    for input in required_inputs::needed(context.document, layout) {
        let Some(path) = &input.parameter.here else { continue };
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

/// Chooses which part of the workspace this push considers.
fn selection(document: &Document, layout: &Layout, args: &Args) -> anyhow::Result<Selection> {
    if args.inputs { selection::inputs(document, layout) } else { Ok(Selection::All) }
}

/// The failure for a run of a cube that was never configured on the remote.
fn never_configured(document: &Document) -> Failure {
    // Each workspace has a sync state of its own.
    let workspace = document.run.workspace.as_ref();
    let with = workspace.map(|path| format!(" with the workspace '{path}'")).unwrap_or_default();
    Failure::ours(anyhow!(
        "this cube was never configured on '{}' by this machine{with}",
        document.remote.host
    ))
    .hint(format!("run {}", document.configure_command()))
}

/// Shows the commands of a push. What only the remote knows is taken from the sync state.
fn dry_run(
    step: &Step,
    document: &Document,
    layout: &Layout,
    connection: &Connection,
    prepare: &Script,
    incoming: &IncomingId,
    args: &Args,
) -> Outcome<()> {
    let remote = &document.remote;
    let sync_state = SyncState::of(layout, remote)?;
    let listing = sync_state.workspace()?;
    let own = OwnFiles::with_keys(connection.possible_login_keys());
    let boundary = Boundary::of(layout, &Layout::of_document(document)?.1)?;
    let selection = selection(document, layout, args)?;
    let as_code = args.as_code.as_ref();
    let as_code = as_code.map(|path| former_workspaces::parse(layout, &sync_state, path));
    let as_code = as_code.transpose()?;
    let mut local = Local::look(
        layout,
        &boundary,
        sync_state,
        as_code.as_deref(),
        &selection,
        &own,
        step.report(),
    )?;
    local.skipped.print_ignored(&step.report());
    let state = remote.state.from_home();
    let (base, workspace) =
        (remote.base.from_home().to_owned(), remote.workspace.from_home().to_owned());
    let incoming_folder = format!("{state}/incoming/{}", incoming.id);
    let places = [base.clone(), workspace.clone()];
    let mut remote_state = RemoteState {
        base,
        workspace,
        workspaces: Vec::new(),
        incoming: Incoming::new(connection, incoming_folder, places, None),
        state: state.to_owned(),
        unnamed_backups: Vec::new(),
        is_new: !local.was_pushed(),
        was_pushed: local.was_pushed(),
        has_leftovers: false,
        leftover_bytes: 0,
        has_zstd: true,
        code_disk: Disk { is_on_incoming_disk: true, free: None },
        workspace_disk: Disk { is_on_incoming_disk: true, free: None },
        listing,
        code: Listing::default(),
        by_content: args.checksum,
    };
    let common = remote_state.listing.clone();
    local.replace_links(&mut remote_state.listing, &common);
    let plan = local.plan(&remote_state.listing, &common, args.overwrite);
    local.workspace = Listing::default();
    step.show(&connection.shown(prepare));
    let (local, remote_state, plan) = (&local, &remote_state, &plan);
    let backups = Backups::of_a_push(&remote_state.state, &incoming.id, args.checksum);
    let is_agreed = false;
    TransferContext {
        step,
        document,
        remote,
        layout,
        connection,
        local,
        remote_state,
        plan,
        is_agreed,
        backups,
    }
    .show(args);
    Ok(())
}
