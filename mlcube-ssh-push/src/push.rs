//! A push: the code becomes there what it is here; of the workspace goes what changed here.

use std::time::SystemTime;

use anyhow::anyhow;
use mlcube_ssh_config::command::Command;
use mlcube_ssh_config::connection::Connection;
use mlcube_ssh_config::document::{Document, Receipt};
use mlcube_ssh_config::failure::{Failure, Outcome};
use mlcube_ssh_config::inputs;
use mlcube_ssh_config::layout::Layout;
use mlcube_ssh_config::report::{count, human_bytes};
use mlcube_ssh_config::rsync::{self, Transfer};
use mlcube_ssh_config::step::{Step, timed};
use mlcube_ssh_config::workspace::{Listing, Part, Plan};

use crate::cli::Args;
use crate::code;
use crate::delete;
use crate::origin;
use crate::plan::Local;
use crate::prepare::{self, Prepared};
use crate::select::Selection;
use crate::space;

/// Pushes, and notes a receipt.
pub(crate) fn push(step: &Step, document: &mut Document, args: &Args) -> Outcome<()> {
    let (layout, runner) = Layout::of_document(document)?;
    if !layout.local_root().is_dir() {
        return Err(Failure::ours(anyhow!(
            "the cube's folder {} isn't there",
            layout.local_root().display()
        )));
    }
    inputs::check(document, &layout)?;
    let connection = Connection::new(document, &runner, step.report())?;
    if step.is_dry_run() {
        return dry_run(step, document, &layout, &connection, args, runner.adopt);
    }
    let remote = &document.remote;
    let receipt = timed(|receipt| {
        let local = Local::look(&layout, remote, selection(document, &layout, args)?)?;
        local.stays.say(&step.report());
        receipt.files = Some(local.code.files() + local.workspace.files());
        receipt.bytes = Some(local.code.bytes() + local.workspace.bytes());
        if args.if_changed && !local.was_pushed() {
            return Err(never_configured(document));
        }
        receipt.context_changed = Some(local.context_changed(&layout));
        let deletes = args.delete && local.gone.files() > 0;
        if args.if_changed && local.is_unchanged() && !deletes {
            (receipt.files_sent, receipt.bytes_sent) = (Some(0), Some(0));
            return local.stays.check(&step.report());
        }
        let prepared = prepare::prepare(
            &connection,
            &prepare::script(&connection, &layout, remote, &origin::of(&layout)?, runner.adopt),
            document,
            args.wait,
        )?;
        transfer(step, &layout, &connection, &local, &prepared, args, receipt)?;
        local.stays.check(&step.report())
    })?;
    document.steps.push = Some(receipt);
    Ok(())
}

/// What of the workspace is meant.
fn selection(document: &Document, layout: &Layout, args: &Args) -> anyhow::Result<Selection> {
    if args.inputs { Selection::of_inputs(document, layout) } else { Ok(Selection::All) }
}

/// A run needs a cube that was configured there.
fn never_configured(document: &Document) -> Failure {
    Failure::ours(anyhow!(
        "this cube was never configured on '{}' from here; run {}",
        document.remote.host,
        document.configure_command()
    ))
}

/// Sends what has to be sent, and remembers it.
fn transfer(
    step: &Step,
    layout: &Layout,
    connection: &Connection,
    local: &Local,
    prepared: &Prepared,
    args: &Args,
    receipt: &mut Receipt,
) -> Outcome<()> {
    receipt.free_bytes = prepared.free_bytes;
    let host = connection.host().as_str();
    let plan = local.plan(&prepared.listing, args.overwrite);
    delete::check(local, args)?;
    if let Some(free) = prepared.free_bytes {
        space::check(local, &plan, host, free)?;
    }
    let code = rsync::run(
        &code_command(layout, connection, &prepared.base, &local.code),
        connection,
        &step.report(),
    )?;
    space::check_count(&local.code, code.files, host)?;
    let (mut deleted, mut gone) = (Vec::new(), &local.gone);
    let nothing = Listing::default();
    if args.delete {
        deleted = delete::delete(step, connection, local, &prepared.base)?;
        gone = &nothing;
    }
    local.record.set_gone(gone)?;
    local.record.set_code(&local.code)?;

    let mut workspace = Transfer::default();
    for command in workspace_commands(layout, connection, prepared, &plan) {
        workspace.add(rsync::run(&command, connection, &step.report())?);
    }
    local.record.set_workspace(&plan.common)?;

    receipt.files_sent = Some(code.files_sent + workspace.files_sent);
    receipt.bytes_sent = Some(code.bytes_sent + workspace.bytes_sent);
    receipt.changed =
        !code.changed.is_empty() || !workspace.changed.is_empty() || !deleted.is_empty();
    receipt.deleted = deleted;
    receipt.left_out = plan
        .left_out
        .iter()
        .chain(&plan.in_the_way)
        .map(|path| path.to_string_lossy().into_owned())
        .collect();
    receipt.kept = plan.kept.iter().map(|path| path.to_string_lossy().into_owned()).collect();
    say(step, connection, receipt, &code, &workspace);
    Ok(())
}

fn say(
    step: &Step,
    connection: &Connection,
    receipt: &Receipt,
    code: &Transfer,
    workspace: &Transfer,
) {
    let report = step.report();
    let names: Vec<&String> =
        code.changed.iter().chain(&workspace.changed).filter(|name| !name.ends_with('/')).collect();
    let sent = receipt.files_sent.unwrap_or(0);
    match names.as_slice() {
        [] => report.say(&format!("nothing to send to {}", connection.host())),
        few if few.len() <= 3 => {
            let few = few.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ");
            report.say(&format!("sent {few} to {}", connection.host()));
        }
        _ => report.say(&format!(
            "sent {} to {}, {} over the link",
            count(sent, "file"),
            connection.host(),
            human_bytes(receipt.bytes_sent.unwrap_or(0))
        )),
    }
    for name in names {
        report.detail(&format!("sent {name}"));
    }
    for name in &receipt.left_out {
        report.error(&format!(
            "left out {name}: a device, or something else of that name is in its way on {}",
            connection.host()
        ));
    }
    for name in &receipt.kept {
        report.error(&format!(
            "kept {name} as it is on {}, it changed there too; --overwrite replaces it",
            connection.host()
        ));
    }
}

/// The transfer of the code, file by file: rsync's own patterns can't say what gitignore's do.
fn code_command(layout: &Layout, connection: &Connection, base: &str, code: &Listing) -> Command {
    rsync::command(connection)
        .args(["--files-from=-", "--from0", "--dirs"])
        // A folder above the code that is a link here is none there.
        .arg("--no-implied-dirs")
        // Times are compared to the nanosecond: by default what changed within one second is skipped.
        .arg("--modify-window=-1")
        .arg("--")
        .arg(format!("{}/", layout.base.display()))
        .arg(connection.rsync_path(&format!("{base}/")))
        .list(code::files_from(code))
}

/// The transfers of the workspace: the entries of the plan, and what they replace is kept aside.
fn workspace_commands(
    layout: &Layout,
    connection: &Connection,
    prepared: &Prepared,
    plan: &Plan,
) -> Vec<Command> {
    let replaced = format!("{}/replaced/{}", prepared.state, seconds_since_1970());
    let command = |part: &Part| {
        rsync::command(connection)
            .args(["--files-from=-", "--from0", "--dirs", "--backup"])
            // The plan has compared to the nanosecond; rsync would skip what changed within one second.
            .arg("--ignore-times")
            .arg(format!("--backup-dir={}", part.below(&replaced).trim_end_matches('/')))
            .arg("--")
            .arg(part.below(&layout.workspace.to_string_lossy()))
            .arg(connection.rsync_path(&part.below(&prepared.workspace)))
            .list(part.files_from.clone())
    };
    plan.transfers().iter().map(command).collect()
}

fn seconds_since_1970() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Shows the push. What only the remote knows is taken as if nothing were there.
fn dry_run(
    step: &Step,
    document: &Document,
    layout: &Layout,
    connection: &Connection,
    args: &Args,
    adopt: bool,
) -> Outcome<()> {
    let local = Local::look(layout, &document.remote, selection(document, layout, args)?)?;
    local.stays.say(&step.report());
    let remote = &document.remote;
    let prepared = Prepared {
        base: remote.base.from_home().to_owned(),
        state: remote.state.from_home().to_owned(),
        workspace: remote.workspace.from_home().to_owned(),
        free_bytes: None,
        listing: local.common.clone(),
    };
    let plan = local.plan(&prepared.listing, args.overwrite);
    let script = prepare::script(connection, layout, remote, &origin::of(layout)?, adopt);
    step.show(&connection.shown(&script));
    step.show([&code_command(layout, connection, &prepared.base, &local.code)]);
    if args.delete {
        let script = delete::script(connection, &local, &prepared.base);
        step.show(
            script.iter().flat_map(|script| connection.shown(script)).collect::<Vec<_>>().iter(),
        );
    }
    step.show(&workspace_commands(layout, connection, &prepared, &plan));
    Ok(())
}
