//! The first round trip: folders are made there for a push, the workspace is listed.

use std::path::Path;

use anyhow::{Context, anyhow};
use mlcube_ssh_config::connection::{Answer, Connection};
use mlcube_ssh_config::document::{Document, Remote};
use mlcube_ssh_config::failure::{Failure, Outcome};
use mlcube_ssh_config::jobs::{self, WaitArgs};
use mlcube_ssh_config::layout::{Layout, links};
use mlcube_ssh_config::script::Script;
use mlcube_ssh_config::status::ExitStatus;
use mlcube_ssh_config::workspace::{FIND_FORMAT, FIND_FORMAT_LINKED, Listing};

use crate::origin;

const PROGRAM: &str = concat!(include_str!("remote/listing.sh"), include_str!("remote/prepare.sh"));
const LOOK: &str = concat!(include_str!("remote/listing.sh"), include_str!("remote/look.sh"));

/// What the remote looks like before a push.
pub(crate) struct Prepared {
    /// The tree, absolute.
    pub(crate) base: String,
    /// Our own folder, absolute.
    pub(crate) state: String,
    /// The workspace, absolute.
    pub(crate) workspace: String,
    /// Where things are on their way, absolute.
    pub(crate) incoming: String,
    /// Whether there was no tree before.
    pub(crate) is_new: bool,
    /// Whether a push that was cut off has brought something that isn't in its place.
    pub(crate) is_left: bool,
    /// Whether there is a zstd there.
    pub(crate) has_zstd: bool,
    /// The disk of the tree.
    pub(crate) code_disk: Disk,
    /// The disk of the workspace.
    pub(crate) workspace_disk: Disk,
    /// What is in the workspace.
    pub(crate) listing: Listing,
}

/// A disk there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Disk {
    /// Whether our own folder is on it: else what goes through that would be written twice, and could fill a disk that it
    /// isn't meant for.
    pub(crate) is_near: bool,
    /// Free bytes, if they are known.
    pub(crate) free: Option<u64>,
}

impl Disk {
    /// Reads `yes BYTES` or `no BYTES`.
    fn parse(text: &str) -> Self {
        let (near, free) = text.split_once(' ').unwrap_or((text, ""));
        Self { is_near: near == "yes", free: free.parse().ok() }
    }
}

/// A folder here whose entries go to one there.
pub(crate) struct Route<'a> {
    pub(crate) here: &'a Path,
    pub(crate) there: &'a str,
    /// Our own folder there for what isn't in its place yet.
    pub(crate) incoming: String,
    /// That for rsync's temporary files.
    pub(crate) scratch: String,
    /// Whether they are on the disk of `there`.
    pub(crate) is_near: bool,
    /// That for what is replaced.
    pub(crate) replaced: String,
    /// Whether there is a zstd there.
    pub(crate) has_zstd: bool,
}

impl Prepared {
    /// The route of the code.
    pub(crate) fn code_route<'a>(&'a self, layout: &'a Layout) -> Route<'a> {
        self.route("code", &layout.base, &self.base, self.code_disk)
    }

    /// The route of the workspace.
    pub(crate) fn workspace_route<'a>(&'a self, layout: &'a Layout) -> Route<'a> {
        self.route("workspace", &layout.workspace, &self.workspace, self.workspace_disk)
    }

    fn route<'a>(&'a self, kind: &str, here: &'a Path, there: &'a str, disk: Disk) -> Route<'a> {
        let folder = |name| format!("{}/{name}", self.incoming);
        let replaced = format!("{}/replaced", self.state);
        let (incoming, scratch) = (folder(kind), folder("tmp"));
        let (is_near, has_zstd) = (disk.is_near, self.has_zstd);
        Route { here, there, incoming, scratch, is_near, replaced, has_zstd }
    }
}

pub(crate) fn script(
    connection: &Connection,
    layout: &Layout,
    remote: &Remote,
    origin: &str,
    adopt: bool,
    incoming: &str,
) -> Script {
    let places =
        [&remote.base, &remote.state, &remote.workspace].map(|path| path.as_str().to_owned());
    let script = connection
        .script(PROGRAM)
        .with(jobs::FUNCTIONS)
        .words(&places)
        .word(FIND_FORMAT)
        .word(FIND_FORMAT_LINKED);
    let script = script.word(origin).word(if adopt { "adopt" } else { "" }).word(incoming);
    let paths = [Some(&layout.root), layout.context.as_ref()];
    let pairs = paths.into_iter().flatten().flat_map(|path| links(path));
    pairs.fold(script, |script, (folder, name)| script.word(&folder).word(&name))
}

/// Makes the folders and returns what was found, once no job holds the workspace.
pub(crate) fn prepare(
    connection: &Connection,
    script: &Script,
    document: &Document,
    wait: WaitArgs,
) -> Outcome<Prepared> {
    let answer = jobs::ask_when_free(connection, script, document, wait)?;
    if answer.status != 0 {
        return Err(failure(connection.host().as_str(), &document.remote, &answer));
    }
    let field = |key| {
        answer.field(key).with_context(|| format!("'{}' didn't say its {key}", connection.host()))
    };
    Ok(Prepared {
        base: field("base")?,
        state: field("state")?,
        workspace: field("workspace")?,
        incoming: field("incoming")?,
        is_new: field("tree")? == "made",
        is_left: field("left")? == "yes",
        has_zstd: field("zstd")? == "yes",
        code_disk: Disk::parse(&field("disk-of-code")?),
        workspace_disk: Disk::parse(&field("disk-of-workspace")?),
        listing: answer.listing()?,
    })
}

/// The script that lists the workspace and makes nothing.
pub(crate) fn look_script(connection: &Connection, remote: &Remote) -> Script {
    let script = connection.script(LOOK).word(remote.workspace.as_str());
    script.word(FIND_FORMAT).word(FIND_FORMAT_LINKED)
}

/// What is in the workspace there; nothing where there is none.
pub(crate) fn look(connection: &Connection, remote: &Remote) -> Outcome<Listing> {
    let answer = connection.ask(&look_script(connection, remote))?;
    if answer.status != 0 {
        return Err(failure(connection.host().as_str(), remote, &answer));
    }
    Ok(answer.listing()?)
}

fn failure(host: &str, remote: &Remote, answer: &Answer) -> Failure {
    let problem = answer.field("problem").unwrap_or_default();
    let last = answer.last_error();
    match problem.split_once(' ').unwrap_or((&problem, "")) {
        ("no-rsync", _) => Failure::tool(
            ExitStatus::NotFound,
            format!("rsync isn't installed on '{host}'; install it there"),
        ),
        ("other-origin", line) => origin::other(host, remote.base.as_str(), line),
        ("not-writable", path) if answer.errors.contains("No space left") => {
            Failure::ours(anyhow!("there is no room left on '{host}' for {path}; make room there"))
        }
        ("not-writable", path) => Failure::ours(anyhow!(
            "can't write {path} on '{host}' ({last}); set runner.remote_root to a folder of yours there"
        )),
        _ => Failure::ours(anyhow!("can't list the workspace on '{host}': {last}")),
    }
}
