//! What `clean` was asked to remove and kept: the reason, and what the user can do.

use std::path::Path;

use anyhow::anyhow;
use mlcube_ssh::cube::Cube;
use mlcube_ssh::pipe::document::Document;
use mlcube_ssh::pipe::failure::{Failure, Outcome};
use mlcube_ssh::remote::connection::Connection;
use mlcube_ssh::remote::foreign_files::ForeignFiles;
use mlcube_ssh::remote::session::Reply;
use mlcube_ssh::settings::names::{Host, JobId};
use mlcube_ssh::text::quote::shell_word;

use crate::verbs::clean::inventory::NotFetched;

const START_ENGINE: &str = "start the container engine on the remote, and repeat clean";

/// One item that was kept.
#[derive(Debug)]
pub(crate) enum Kept {
    /// A folder that no push created.
    NotOurs(String),
    /// A folder with files that the local machine doesn't have.
    NotFetched { path: String, what: NotFetched },
    /// An item that a running job uses.
    InUse { path: String, job: JobId, node: Option<Host> },
    /// An item that may be used by a job whose state can't be read.
    Unknown(String),
    /// An item that a push is writing.
    Pushed(String),
    /// A container that its engine doesn't remove.
    Container(String),
    /// The containers that may be left in this engine, which doesn't reply.
    Silent(String),
    /// The folder of a job whose engine doesn't reply.
    SilentJob(String),
    /// The folder of a job that left containers.
    LeadsToContainers(String),
    /// A folder that could only be removed in part: an entry that is left, and its owner.
    Closed { path: String, owner: String, entry: String },
}

impl Kept {
    /// Parses the items that the remote kept.
    pub(crate) fn from_reply(reply: &Reply) -> Vec<Self> {
        let text = reply.text();
        let mut lines = text.lines().peekable();
        let mut kept = Vec::new();
        while let Some(line) = lines.next() {
            let mut words = line.strip_prefix("kept ").unwrap_or_default().splitn(3, ' ');
            let (Some(kind), Some(why), Some(path)) = (words.next(), words.next(), words.next())
            else {
                continue;
            };
            let path = path.to_owned();
            let closed =
                lines.peek().and_then(|next| next.strip_prefix("closed ")?.split_once(' '));
            kept.push(match (kind, why, closed) {
                ("container", "denied", _) => Self::Container(path),
                ("container", "silent", _) => Self::Silent(path),
                (_, "silent", _) => Self::SilentJob(path),
                (_, "containers", _) => Self::LeadsToContainers(path),
                (_, "denied", Some((owner, entry))) => {
                    Self::Closed { path, owner: owner.to_owned(), entry: entry.to_owned() }
                }
                (_, "denied", None) => {
                    Self::Closed { entry: path.clone(), path, owner: "somebody else".to_owned() }
                }
                (_, "unknown", _) => Self::Unknown(path),
                (_, "push", _) => Self::Pushed(path),
                (_, job, _) => {
                    let (job, node) = job.split_once('@').unwrap_or((job, ""));
                    let node = node.parse().ok();
                    match job.parse() {
                        Ok(job) => Self::InUse { path, job, node },
                        Err(_) => Self::Unknown(path),
                    }
                }
            });
        }
        kept
    }

    fn sentence(&self) -> String {
        match self {
            Self::NotOurs(path) => {
                format!("{path} existed before the first push, or was replaced by another folder")
            }
            Self::NotFetched { path, what } => format!(
                "{path} has {} that this machine doesn't have ({})",
                what.counted(),
                few(&what.paths)
            ),
            Self::InUse { path, job, .. } => format!("{path} is in use by job {job}"),
            Self::Unknown(path) => {
                format!("{path} may be in use, as the state of a job can't be read")
            }
            Self::Pushed(path) => format!("{path} is in use by a push"),
            Self::Container(id) => format!("the engine can't remove the container {id}"),
            Self::Silent(engine) => {
                format!("containers that jobs may have left, as {engine} doesn't reply")
            }
            Self::SilentJob(path) => {
                format!("{path} leads to containers that may be left, as its engine doesn't reply")
            }
            Self::LeadsToContainers(path) => format!("{path} leads to containers that are left"),
            Self::Closed { path, owner, entry } => {
                format!("{path} can't be removed as a whole, as {entry} belongs to {owner}")
            }
        }
    }

    fn hint(&self, connection: &Connection, cube: &Cube, document: &Document) -> String {
        match self {
            Self::NotOurs(_) => {
                "it isn't mlcube-ssh's: remove it by hand on the remote if nobody needs it"
                    .to_owned()
            }
            Self::Container(id) => format!(
                "remove it with the engine on the remote: rm -f {}; the engine says why it can't",
                shell_word(id)
            ),
            Self::Silent(_) => START_ENGINE.to_owned(),
            Self::SilentJob(_) => format!("{START_ENGINE}, or remove the job with --force"),
            Self::LeadsToContainers(_) => {
                "remove the containers, too (--yes=containers,jobs), or the job alone with --force"
                    .to_owned()
            }
            Self::NotFetched { path, what } => match what.closed.first() {
                Some(closed) => {
                    let foreign = ForeignFiles { connection, cube, document, place: path };
                    let then = if what.fetchable > 0 {
                        format!(
                            "`{}` fetches them; or remove them with --force",
                            document.pull_command()
                        )
                    } else {
                        "repeat clean".to_owned()
                    };
                    foreign.remedy(closed, &then)
                }
                None => what.hint(connection, document),
            },
            Self::Unknown(_) => {
                "look for unreadable files in the folder 'jobs' beside it on the remote".to_owned()
            }
            Self::Pushed(_) => "repeat clean when the push has ended".to_owned(),
            Self::InUse { job, node, .. } => {
                let stop = match node {
                    Some(node) => document.stop_command_on(node, job),
                    None => document.stop_command(Some(job)),
                };
                format!("`{stop}` ends the job")
            }
            Self::Closed { path, entry, .. } => {
                let foreign = ForeignFiles { connection, cube, document, place: path };
                foreign.remedy(Path::new(entry), "repeat clean")
            }
        }
    }
}

/// Fails with the kept items, if there are any. The hint is that of the first one.
pub(crate) fn refuse(
    kept: &[Kept],
    connection: &Connection,
    cube: &Cube,
    document: &Document,
) -> Outcome<()> {
    let Some(first) = kept.first() else { return Ok(()) };
    let sentences: Vec<String> = kept.iter().map(Kept::sentence).collect();
    let failure =
        Failure::ours(anyhow!("kept on '{}': {}", connection.host(), sentences.join("; ")));
    Err(failure.hint(first.hint(connection, cube, document)))
}

/// Refuses a list without the containers of engines that don't reply.
pub(crate) fn check_engines(listed: &str, connection: &Connection) -> Outcome<()> {
    let silent: Vec<&str> =
        listed.lines().filter_map(|line| line.strip_prefix("silent ")).collect();
    if silent.is_empty() {
        return Ok(());
    }
    let message = format!(
        "{} on '{}' doesn't reply, so containers that jobs may have left aren't listed",
        silent.join(", "),
        connection.host()
    );
    Err(Failure::ours(anyhow!(message)).hint(START_ENGINE))
}

fn few(files: &[String]) -> String {
    let more = if files.len() > 3 { ", …" } else { "" };
    format!("{}{more}", files.iter().take(3).map(String::as_str).collect::<Vec<_>>().join(", "))
}
