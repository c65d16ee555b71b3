//! `clean`: lists what is ours on the remote, and removes what it is told to.

mod inventory;
mod kept;

use anyhow::anyhow;
use clap::ValueEnum;
use mlcube_ssh::cube::layout::Layout;
use mlcube_ssh::cube::tree_owner;
use mlcube_ssh::cube::tree_owner::Owner;
use mlcube_ssh::listing::{FIND_FORMAT, FIND_FORMAT_UNREADABLE, Listing};
use mlcube_ssh::pipe::document::Document;
use mlcube_ssh::pipe::failure::{Failure, Outcome, hinted};
use mlcube_ssh::pipe::step::{Step, write_for_people};
use mlcube_ssh::process::script::Script;
use mlcube_ssh::remote::connection::Connection;
use mlcube_ssh::remote::inventory::Item;
use mlcube_ssh::remote::job;
use mlcube_ssh::remote::problem::{self, Problem};
use mlcube_ssh::remote::session::Reply;
use mlcube_ssh::settings::runner::Runner;
use mlcube_ssh::sync::{Agreed, SyncState};

use crate::verbs::clean::inventory::{Known, OWN, TREE};
use crate::verbs::clean::kept::Kept;

const LOOK: &str =
    concat!(include_str!("../../sh/inventory.sh"), include_str!("../../sh/list-inventory.sh"));
const REMOVE: &str =
    concat!(include_str!("../../sh/inventory.sh"), include_str!("../../sh/remove.sh"));

/// What can be removed, in the order in which it is.
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

/// Lists, or removes.
pub(crate) fn clean(step: &Step, document: &Document, yes: &[What], force: bool) -> Outcome<()> {
    let (layout, runner) = Layout::of_document(document)?;
    let connection = Connection::new(document, &runner, step.report())?;
    let look = look_script(&connection, document, &runner);
    if step.is_dry_run() {
        step.show(&connection.shown(&look));
        return Ok(());
    }
    // A transfer of this pair writes down what lies there when it ends.
    let record = SyncState::of(&layout, &document.remote)?;
    let _lock = if yes.is_empty() { None } else { Some(record.lock(&step.report())?) };
    let answer = connection.run(&look)?;
    check(&connection, document, &answer)?;
    let text = answer.text();
    let found: Vec<Item> =
        text.lines().filter_map(|line| Item::parse(line.strip_prefix("found ")?)).collect();
    if yes.is_empty() {
        return Ok(write_for_people(found.iter().map(Item::line))?);
    }
    let known = Known::of(&layout, document)?;
    let there = if force { Listing::default() } else { answer.listing()? };
    let (words, mut kept) = chosen(&found, yes, |found| known.not_fetched(found, &there));
    let newest = text.lines().find_map(|line| line.strip_prefix("newest ")).unwrap_or_default();
    let script = remove_script(&connection, document, &layout, &runner)?.word(newest).words(&words);
    let answer = connection.run(&script);
    let is_asked_for = |item: &&Item| words.contains(&word(item));
    if answer.is_err() {
        // Nobody knows how far it came.
        forget(found.iter().filter(is_asked_for), &known, &record)?;
    }
    let answer = answer?;
    check(&connection, document, &answer)?;
    forget(found.iter().filter(|item| is_touched(item, &answer)), &known, &record)?;
    let text = answer.text();
    write_for_people(text.lines().filter(|line| line.starts_with("removed ")))?;
    kept.extend(Kept::told_by(&answer));
    kept::refuse(&kept, &connection, document)
}

fn script(
    connection: &Connection,
    program: &'static str,
    document: &Document,
    runner: &Runner,
) -> Script {
    let remote = &document.remote;
    let environment = runner.interpreter.folder().unwrap_or_default();
    let script = connection
        .script(program)
        .with(job::FUNCTIONS)
        .with(job::INCOMING)
        .word(remote.base.as_str());
    script.word(remote.state.as_str()).word(remote.workspace.as_str()).word(&environment)
}

fn remove_script(
    connection: &Connection,
    document: &Document,
    layout: &Layout,
    runner: &Runner,
) -> Outcome<Script> {
    let owner = Owner::of(layout)?;
    Ok(script(connection, REMOVE, document, runner)
        .given("owner", owner.id())
        .given("former_owner", &owner.former_id)
        .given("adopt", if runner.adopt { "yes" } else { "no" }))
}

fn look_script(connection: &Connection, document: &Document, runner: &Runner) -> Script {
    let script = script(connection, LOOK, document, runner);
    [TREE, OWN].iter().fold(script, |script, place| {
        let below = format!("{place}/%P");
        script
            .word(FIND_FORMAT.replace("%P", &below))
            .word(FIND_FORMAT_UNREADABLE.replace("%P", &below))
    })
}

/// What the remote is told to remove, and what stays.
fn chosen(
    found: &[Item],
    yes: &[What],
    not_fetched: impl Fn(&Item) -> Vec<String>,
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
        let what = match found.kind.as_str() {
            "foreign" => {
                if asked(What::Tree) || asked(What::Workspaces) {
                    kept.push(Kept::NotOurs(found.path.clone()));
                }
                continue;
            }
            "tree" => What::Tree,
            "workspace" | "own" => What::Workspaces,
            _ => continue,
        };
        if !asked(what) {
            continue;
        }
        let files = not_fetched(found);
        if files.is_empty() {
            words.push(word(found));
        } else {
            kept.push(Kept::NotFetched { path: found.path.clone(), files });
        }
    }
    for (what, word) in [(What::Replaced, "replaced"), (What::Environment, "environment")] {
        words.extend(asked(what).then(|| word.to_owned()));
    }
    (words, kept)
}

/// The word by which the remote is told to remove it.
fn word(item: &Item) -> String {
    if item.kind == "own" { format!("own/{}", item.name()) } else { item.kind.clone() }
}

/// Whether all of it was removed, or a part.
fn is_touched(item: &Item, answer: &Reply) -> bool {
    let (kind, path) = (&item.kind, &item.path);
    let lines = [format!("removed {kind} {path}"), format!("kept {kind} denied {path}")];
    answer.text().lines().any(|told| lines.iter().any(|line| line == told))
}

/// The record of what both sides have in common ends with what was removed there.
fn forget<'a>(
    removed: impl Iterator<Item = &'a Item>,
    known: &Known,
    record: &SyncState,
) -> Outcome<()> {
    for item in removed {
        if item.kind == "tree" {
            record.forget_code()?;
        }
        if known.is_own_workspace(item) || (item.kind == "tree" && known.is_in_tree()) {
            record.agree(&Agreed::nothing())?;
        }
    }
    Ok(())
}

fn check(connection: &Connection, document: &Document, answer: &Reply) -> Outcome<()> {
    let host = connection.host();
    if answer.status == 0 {
        return Ok(());
    }
    let text = answer.text();
    let problem = text.lines().rev().find_map(|line| line.strip_prefix("problem "));
    let (kind, subject) =
        problem.and_then(|problem| problem.split_once(' ')).unwrap_or((problem.unwrap_or(""), ""));
    if let Some(failure) = Problem::of(kind, subject).failure(host.as_str(), &answer.errors) {
        return Err(failure);
    }
    if kind == "other-owner" {
        return Err(tree_owner::not_removed(document, subject));
    }
    Err(Failure::ours(match kind {
        "nothing" => anyhow!("'{host}' has no files of this cube"),
        "changed" => {
            let message =
                format!("a job was started on '{host}' meanwhile, so nothing was removed");
            hinted(message, "list the files again with `mlcube-ssh clean`")
        }
        "not-ours" => {
            let message = format!("{subject} on '{host}' isn't a remote tree of mlcube-ssh");
            hinted(message, "correct remote_root or remote_name in the platform's section")
        }
        _ => anyhow!(
            "can't find or remove what belongs to this cube on '{host}': {}",
            problem::reason(problem.unwrap_or_default(), &answer.last_error())
        ),
    }))
}
