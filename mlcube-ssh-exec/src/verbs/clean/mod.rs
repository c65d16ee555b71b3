//! `clean`: lists what the cube occupies on the remote, and removes the chosen items.

mod inventory;
mod kept;
mod shown;

use clap::ValueEnum;
use mlcube_ssh::cube::Cube;
use mlcube_ssh::cube::tree_owner;
use mlcube_ssh::cube::tree_owner::Owner;
use mlcube_ssh::listing::{FIND_FORMAT, FIND_FORMAT_UNREADABLE, Listing};
use mlcube_ssh::pipe::document::Document;
use mlcube_ssh::pipe::failure::{Failure, Outcome, hinted};
use mlcube_ssh::pipe::step::Step;
use mlcube_ssh::process::script::Script;
use mlcube_ssh::remote::connection::Connection;
use mlcube_ssh::remote::inventory::{Item, ItemKind};
use mlcube_ssh::remote::job;
use mlcube_ssh::remote::problem::{self, Problem};
use mlcube_ssh::remote::session::Reply;
use mlcube_ssh::settings::runner::Runner;
use mlcube_ssh::sync::{Agreed, SyncState};

use crate::verbs::clean::inventory::{Known, NotFetched, OWN, TREE};
use crate::verbs::clean::kept::Kept;

const LOOK: &str =
    concat!(include_str!("../../sh/inventory.sh"), include_str!("../../sh/list-inventory.sh"));
const REMOVE: &str =
    concat!(include_str!("../../sh/inventory.sh"), include_str!("../../sh/remove.sh"));

/// The items that can be removed, in the order of removal.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum What {
    /// Containers that a job left behind
    Containers,
    /// Folders of ended jobs, with their logs
    Jobs,
    /// Half-sent files of interrupted pushes
    Partial,
    /// The remote tree, with the workspace in it
    Tree,
    /// The workspace, and those of other `--workspace` folders
    Workspaces,
    /// Backups of what pushes replaced
    Replaced,
    /// The python environment that was created for mlcube
    Environment,
    /// All of these
    All,
}

/// Lists the items, or removes the chosen ones.
pub(crate) fn clean(
    step: &Step,
    document: &Document,
    yes: &[What],
    force: bool,
    as_json: bool,
) -> Outcome<()> {
    let cube = Cube::of(document)?;
    let connection = Connection::new(&cube, document, step.report())?;
    let look = look_script(&connection, document, &cube.runner);
    if step.is_dry_run() {
        step.show(&connection.shown(&look));
        return Ok(());
    }
    // A transfer of this local and remote tree writes the sync state when it ends.
    let sync_state = SyncState::of(&cube.layout, &document.remote)?;
    let _lock = if yes.is_empty() { None } else { Some(sync_state.lock(&step.report())?) };
    let reply = connection.run(&look)?;
    check(&connection, document, &reply)?;
    let text = reply.text();
    let found: Vec<Item> =
        text.lines().filter_map(|line| Item::parse(line.strip_prefix("found ")?)).collect();
    if yes.is_empty() {
        shown::write_found(&found, as_json)?;
        return kept::check_engines(&text, &connection);
    }
    let may_lose = |what| matches!(what, &(What::Tree | What::Workspaces | What::All));
    let may_lose = !force && yes.iter().any(may_lose);
    let known = Known::of(&cube, document, may_lose)?;
    let remote_listing = if may_lose {
        known.unrounded(reply.listing()?, &connection, document)?
    } else {
        Listing::default()
    };
    let (words, mut kept) = chosen(&found, yes, |found| known.not_fetched(found, &remote_listing));
    let newest = text.lines().find_map(|line| line.strip_prefix("newest ")).unwrap_or_default();
    let owner = sync_state.owner(&cube.layout)?;
    let script = remove_script(&connection, document, &cube, &owner)
        .given("newest", newest)
        .flag("force", force)
        .words(&words);
    let reply = connection.run(&script);
    let is_asked_for = |item: &&Item| words.contains(&word(item));
    if reply.is_err() {
        // After a failed session it is unknown how much was removed.
        forget(found.iter().filter(is_asked_for), &known, &sync_state)?;
    }
    let reply = reply?;
    check(&connection, document, &reply)?;
    forget(found.iter().filter(|item| is_touched(item, &reply)), &known, &sync_state)?;
    shown::write_removed(&reply.text(), as_json)?;
    kept.extend(Kept::from_reply(&reply));
    kept::refuse(&kept, &connection, &cube, document)
}

fn script(
    connection: &Connection,
    program: &'static str,
    document: &Document,
    runner: &Runner,
) -> Script {
    let remote = &document.remote;
    let environment = runner.interpreter.folder().unwrap_or_default();
    connection
        .script(program)
        .with(job::FUNCTIONS)
        .with(job::INCOMING)
        .given("base", remote.base.as_str())
        .given("state", remote.state.as_str())
        .given("workspace", remote.workspace.as_str())
        .given("environment", &environment)
}

fn remove_script(
    connection: &Connection,
    document: &Document,
    cube: &Cube,
    owner: &Owner,
) -> Script {
    script(connection, REMOVE, document, &cube.runner)
        .given("owner", owner.id())
        .given("former_owner", &owner.former_id)
        .flag("adopt", cube.runner.adopt)
}

fn look_script(connection: &Connection, document: &Document, runner: &Runner) -> Script {
    let below = |format: &str, place: &str| format.replace("%P", &format!("{place}/%P"));
    script(connection, LOOK, document, runner)
        .given("format", &below(FIND_FORMAT, TREE))
        .given("unreadable", &below(FIND_FORMAT_UNREADABLE, TREE))
        .given("format_outside", &below(FIND_FORMAT, OWN))
        .given("unreadable_outside", &below(FIND_FORMAT_UNREADABLE, OWN))
}

/// Returns the words for the items to remove, and the chosen items that are kept.
fn chosen(
    found: &[Item],
    yes: &[What],
    not_fetched: impl Fn(&Item) -> NotFetched,
) -> (Vec<String>, Vec<Kept>) {
    let asked = |what| yes.contains(&what) || yes.contains(&What::All);
    let mut words = Vec::new();
    let mut kept = Vec::new();
    for (what, word) in
        [(What::Containers, "containers"), (What::Jobs, "jobs"), (What::Partial, "partial")]
    {
        words.extend(asked(what).then(|| word.to_owned()));
    }
    for found in found {
        let what = match found.kind {
            ItemKind::Foreign => {
                if asked(What::Tree) || asked(What::Workspaces) {
                    kept.push(Kept::NotOurs(found.path.clone()));
                }
                continue;
            }
            ItemKind::Tree => What::Tree,
            ItemKind::Workspace | ItemKind::Own => What::Workspaces,
            _ => continue,
        };
        if !asked(what) {
            continue;
        }
        let what = not_fetched(found);
        if what.paths.is_empty() {
            words.push(word(found));
        } else {
            kept.push(Kept::NotFetched { path: found.path.clone(), what });
        }
    }
    for (what, word) in [(What::Replaced, "replaced"), (What::Environment, "environment")] {
        words.extend(asked(what).then(|| word.to_owned()));
    }
    (words, kept)
}

/// Returns the word that names the item to the remove script.
fn word(item: &Item) -> String {
    if item.kind == ItemKind::Own { format!("own/{}", item.name()) } else { item.kind.word() }
}

/// Returns whether the item was removed, as a whole or in part.
fn is_touched(item: &Item, reply: &Reply) -> bool {
    let (kind, path) = (item.kind.word(), &item.path);
    let lines = [format!("removed {kind} {path}"), format!("kept {kind} denied {path}")];
    reply.text().lines().any(|reported| lines.iter().any(|line| line == reported))
}

/// Removes from the sync state what was removed on the remote.
fn forget<'a>(
    removed: impl Iterator<Item = &'a Item>,
    known: &Known,
    sync_state: &SyncState,
) -> Outcome<()> {
    for item in removed {
        if item.kind == ItemKind::Tree {
            sync_state.forget_code()?;
        }
        if known.is_own_workspace(item) || (item.kind == ItemKind::Tree && known.is_in_tree()) {
            sync_state.agree(&Agreed::nothing(sync_state.agreed()?))?;
        }
    }
    Ok(())
}

/// The problems that the scripts of `clean` report.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum ProblemKind {
    /// Another machine or folder owns the remote tree.
    OtherOwner,
    /// The host has no files of this cube.
    Nothing,
    /// A job was started since the files were listed.
    Changed,
    /// The folder that `remote_root` and `remote_name` lead to can't be a remote tree.
    NotOurs,
}

fn check(connection: &Connection, document: &Document, reply: &Reply) -> Outcome<()> {
    if reply.status == 0 {
        return Ok(());
    }
    let (host, problem) = (connection.host(), reply.problem());
    let shared = problem.as_ref().and_then(|it| it.failure(host.as_str(), &reply.errors));
    if let Some(failure) = shared {
        return Err(failure);
    }
    let subject = problem.as_ref().map_or("", |problem| problem.subject.as_str());
    Err(Failure::ours(match problem.as_ref().and_then(Problem::kind) {
        Some(ProblemKind::OtherOwner) => return Err(tree_owner::not_removed(document, subject)),
        Some(ProblemKind::Nothing) => hinted(
            format!("'{host}' has no files of this cube"),
            "`mlcube-ssh clean` without --yes lists what it has",
        ),
        Some(ProblemKind::Changed) => {
            let message =
                format!("a job was started on '{host}' meanwhile, so nothing was removed");
            hinted(message, "list the files again with `mlcube-ssh clean`")
        }
        Some(ProblemKind::NotOurs) => {
            let message = format!("{subject} on '{host}' isn't a remote tree of mlcube-ssh");
            hinted(message, "correct remote_root or remote_name in the platform's section")
        }
        None => hinted(
            format!(
                "can't find or remove what belongs to this cube on '{host}': {}",
                problem::reason(problem.as_ref(), &reply.last_error())
            ),
            problem::WITH_V,
        ),
    }))
}
