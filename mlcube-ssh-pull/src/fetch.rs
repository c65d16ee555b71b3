//! The transfer: what the plan names comes here, and nothing that the remote sends lands outside the workspace.

use anyhow::anyhow;
use mlcube_ssh_config::command::Command;
use mlcube_ssh_config::connection::{Answer, Connection};
use mlcube_ssh_config::document::Document;
use mlcube_ssh_config::failure::{Failure, Outcome};
use mlcube_ssh_config::layout::Layout;
use mlcube_ssh_config::rsync;
use mlcube_ssh_config::script::Script;
use mlcube_ssh_config::status::ExitStatus;
use mlcube_ssh_config::workspace::{
    FIND_FORMAT, FIND_FORMAT_UNREADABLE, Listing, Part, Plan, Record, name_aside,
};

use crate::scratch;

const LIST: &str = include_str!("remote/list.sh");

/// The workspace on the remote.
pub(crate) struct There {
    /// Its path, absolute.
    pub(crate) path: String,
    /// What is in it.
    pub(crate) listing: Listing,
}

pub(crate) fn list_script(connection: &Connection, document: &Document) -> Script {
    connection
        .script(LIST)
        .word(document.remote.workspace.as_str())
        .word(FIND_FORMAT)
        .word(FIND_FORMAT_UNREADABLE)
}

/// Lists the workspace there.
pub(crate) fn list(connection: &Connection, document: &Document) -> Outcome<There> {
    let answer = connection.ask(&list_script(connection, document))?;
    if answer.status != 0 {
        return Err(failure(connection.host().as_str(), document, &answer));
    }
    let path = answer.field("workspace").unwrap_or_default();
    Ok(There { path, listing: answer.listing()? })
}

/// The transfers of the plan's entries. What they replace is kept in a folder of the record.
pub(crate) fn commands(
    connection: &Connection,
    layout: &Layout,
    there: &str,
    plan: &Plan,
    record: &Record,
) -> Vec<Command> {
    let name = name_aside();
    let workspace = layout.workspace.to_string_lossy();
    let kept_aside = record.replaced();
    let command = |part: &Part| {
        let aside = part.below(&format!("{}/{name}", kept_aside.display()));
        rsync::command(connection)
            .args(["--files-from=-", "--from0", "--dirs", "--backup"])
            // Times are compared to the nanosecond: by default what changed within one second is skipped.
            .arg("--modify-window=-1")
            .arg(format!("--backup-dir={}", aside.trim_end_matches('/')))
            // What is half there lies where no listing looks, even when rsync is killed. Relative to where it writes: with
            // a full path rsync takes half as long again.
            .arg(format!("--temp-dir={}", scratch::folder()))
            // Nothing that comes from there runs here with more rights than its user has.
            .arg("--chmod=u-s,g-s,o-t")
            // The plan has left out links that lead out; one that was put there since the list stays there, too.
            .arg("--safe-links")
            .arg("--")
            .arg(connection.rsync_path(&part.below(there)))
            .arg(part.below(&workspace))
            .list(part.files_from.clone())
    };
    plan.transfers().iter().map(command).collect()
}

fn failure(host: &str, document: &Document, answer: &Answer) -> Failure {
    let problem = answer.field("problem").unwrap_or_default();
    match problem.split_once(' ').unwrap_or((&problem, "")) {
        ("no-rsync", _) => Failure::tool(
            ExitStatus::NotFound,
            format!("rsync isn't installed on '{host}'; install it there"),
        ),
        ("no-workspace", path) => Failure::ours(anyhow!(
            "there is no workspace {path} on '{host}'; run {}",
            document.configure_command()
        )),
        _ => {
            Failure::ours(anyhow!("can't list the workspace on '{host}': {}", answer.last_error()))
        }
    }
}
