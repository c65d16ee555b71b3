//! `clean`: lists what is ours on the remote, and removes what it is told to.

use anyhow::anyhow;
use clap::ValueEnum;
use mlcube_ssh_config::connection::{Answer, Connection};
use mlcube_ssh_config::document::Document;
use mlcube_ssh_config::failure::{Failure, Outcome};
use mlcube_ssh_config::jobs;
use mlcube_ssh_config::layout::Layout;
use mlcube_ssh_config::own;
use mlcube_ssh_config::runner::{Interpreter, Runner};
use mlcube_ssh_config::script::Script;
use mlcube_ssh_config::step::{Step, write_for_people};
use mlcube_ssh_config::workspace::{FIND_FORMAT, FIND_FORMAT_UNREADABLE, Listing, Record};

use crate::belongings::{Found, Known, OWN, TREE};
use crate::kept::{self, Kept};

const LOOK: &str = concat!(
    include_str!("remote/containers.sh"),
    include_str!("remote/belongings.sh"),
    include_str!("remote/look.sh")
);
const REMOVE: &str = concat!(
    include_str!("remote/containers.sh"),
    include_str!("remote/belongings.sh"),
    include_str!("remote/remove.sh")
);

/// What can be removed, in the order in which it is.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum What {
    /// Containers that a job left behind
    Containers,
    /// Folders of jobs that don't run, with their logs
    Jobs,
    /// Half-sent files that pushes that were cut off have left
    Partial,
    /// The code there and the workspace in it
    Tree,
    /// The workspace, and those of other `--workspace` folders
    Workspaces,
    /// What pushes replaced and kept aside
    Replaced,
    /// The python environment that was made for mlcube
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
    let answer = connection.ask(&look)?;
    check(&connection, &answer)?;
    let text = answer.text();
    let found: Vec<Found> =
        text.lines().filter_map(|line| Found::parse(line.strip_prefix("found ")?)).collect();
    if yes.is_empty() {
        return Ok(write_for_people(found.iter().map(Found::line))?);
    }
    let known = Known::of(&layout, document)?;
    let there = if force { Listing::default() } else { answer.listing()? };
    let (words, mut kept) = chosen(&found, yes, |found| known.not_fetched(found, &there));
    let newest = text.lines().find_map(|line| line.strip_prefix("newest ")).unwrap_or_default();
    let script = script(&connection, REMOVE, document, &runner).word(newest).words(&words);
    let answer = connection.ask(&script)?;
    check(&connection, &answer)?;
    forget(&answer, &found, &known, &Record::of(&layout, &document.remote)?)?;
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
    let environment = match &runner.interpreter {
        Interpreter::Virtualenv { location, name, .. } => {
            format!("{}/{name}", location.as_str().trim_end_matches('/'))
        }
        Interpreter::System { .. } => String::new(),
    };
    let script = connection
        .script(program)
        .with(jobs::FUNCTIONS)
        .with(jobs::INCOMING)
        .word(remote.base.as_str());
    script.word(remote.state.as_str()).word(remote.workspace.as_str()).word(&environment)
}

fn look_script(connection: &Connection, document: &Document, runner: &Runner) -> Script {
    let script = script(connection, LOOK, document, runner);
    [TREE, OWN].iter().fold(script, |script, place| {
        let below = format!("{place}/%P");
        script
            .word(&FIND_FORMAT.replace("%P", &below))
            .word(&FIND_FORMAT_UNREADABLE.replace("%P", &below))
    })
}

/// What the remote is told to remove, and what stays.
fn chosen(
    found: &[Found],
    yes: &[What],
    not_fetched: impl Fn(&Found) -> Vec<String>,
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
        let (what, word) = match found.kind.as_str() {
            "foreign" => {
                if asked(What::Tree) || asked(What::Workspaces) {
                    kept.push(Kept::NotOurs(found.path.clone()));
                }
                continue;
            }
            "tree" => (What::Tree, "tree".to_owned()),
            "workspace" => (What::Workspaces, "workspace".to_owned()),
            "own" => (What::Workspaces, format!("own/{}", found.name())),
            _ => continue,
        };
        if !asked(what) {
            continue;
        }
        let files = not_fetched(found);
        if files.is_empty() {
            words.push(word);
        } else {
            kept.push(Kept::NotFetched { path: found.path.clone(), files });
        }
    }
    for (what, word) in [(What::Replaced, "replaced"), (What::Environment, "environment")] {
        words.extend(asked(what).then(|| word.to_owned()));
    }
    (words, kept)
}

/// The record of what both sides have in common ends with what was removed there.
fn forget(answer: &Answer, found: &[Found], known: &Known, record: &Record) -> Outcome<()> {
    let removed = |found: &&Found| {
        let line = format!("removed {} {}", found.kind, found.path);
        answer.text().lines().any(|told| told == line)
    };
    for found in found.iter().filter(removed) {
        if found.kind == "tree" {
            record.forget_code()?;
        }
        if known.is_own_workspace(found) || (found.kind == "tree" && known.is_in_tree()) {
            record.finish(&Listing::default())?;
        }
    }
    Ok(())
}

fn check(connection: &Connection, answer: &Answer) -> Outcome<()> {
    let host = connection.host();
    if answer.status == 0 {
        return Ok(());
    }
    let text = answer.text();
    let problem = text.lines().rev().find_map(|line| line.strip_prefix("problem "));
    let (kind, subject) =
        problem.and_then(|problem| problem.split_once(' ')).unwrap_or((problem.unwrap_or(""), ""));
    if kind == own::NOT_OWN {
        return Err(own::failure(host.as_str(), subject));
    }
    Err(Failure::ours(match kind {
        "nothing" => anyhow!("there is nothing of this cube on '{host}'"),
        "changed" => {
            anyhow!("a job was started on '{host}' meanwhile, nothing was removed; look again")
        }
        "not-ours" => {
            anyhow!("{subject} on '{host}' is no tree of ours; check remote_root and remote_name")
        }
        "not-writable" => anyhow!("can't write {subject} on '{host}'; is the folder yours?"),
        _ => anyhow!("can't look what is on '{host}': {}", answer.last_error()),
    }))
}
