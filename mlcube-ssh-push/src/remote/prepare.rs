//! The first round trip of a push: the remote makes the folders and lists the workspace.

use std::path::{Component, PathBuf};

use anyhow::{Context, Result, anyhow};
use mlcube_ssh::cube::layout::{Layout, links};
use mlcube_ssh::cube::tree_owner;
use mlcube_ssh::cube::tree_owner::Owner;
use mlcube_ssh::listing::{
    FIND_FORMAT, FIND_FORMAT_LINKED, FIND_FORMAT_UNREADABLE, FIND_FORMAT_UNWRITABLE, Listing,
};
use mlcube_ssh::pipe::document::{Document, Remote};
use mlcube_ssh::pipe::failure::{OrHint, Outcome};
use mlcube_ssh::process::script::Script;
use mlcube_ssh::remote::connection::Connection;
use mlcube_ssh::remote::disks::LIST_PLACES;
use mlcube_ssh::remote::job;
use mlcube_ssh::remote::job::WaitArgs;
use mlcube_ssh::remote::problem::WITH_V;
use mlcube_ssh::remote::session::{Reply, Session};
use mlcube_ssh::settings::names::RemotePath;
use mlcube_ssh::sync::TransferId;

use crate::remote::backups::Backups;
use crate::remote::incoming::{Incoming, IncomingId};
use crate::remote::problem::{ProblemKind, failure};
use crate::remote::state::{Disk, RemoteState};

const PROGRAM: &str = concat!(include_str!("../sh/listing.sh"), include_str!("../sh/prepare.sh"));
const LOOK: &str =
    concat!(include_str!("../sh/listing.sh"), include_str!("../sh/list-workspace.sh"));

/// How large the listing of the pushed code may be, in bytes, for the remote to be sent all of its names. rsync packs
/// the names of a larger one better.
pub(crate) const FEW_NAMES: u64 = 64 << 10;

/// The script that makes the folders, and lists the workspace and the remote entries of the code that was `pushed`
/// last.
pub(crate) fn script(
    connection: &Connection,
    layout: &Layout,
    remote: &Remote,
    origin: &Owner,
    adopt: bool,
    incoming: &IncomingId,
    pushed: &Listing,
) -> Result<Script> {
    let former_workspace = layout.former_workspace(remote)?;
    let paths = [Some(&layout.root), layout.context.as_ref()];
    let pairs: Vec<_> = paths.into_iter().flatten().flat_map(|path| links(path)).collect();
    let script = connection
        .script(PROGRAM)
        .with(job::FUNCTIONS)
        .with(job::INCOMING)
        .with(job::WORKSPACE_LINK)
        .with(LIST_PLACES)
        .given("base", remote.base.as_str())
        .given("state", remote.state.as_str())
        .given("workspace", remote.workspace.as_str())
        .given("format", FIND_FORMAT)
        .given("linked", FIND_FORMAT_LINKED)
        .given("unwritable", FIND_FORMAT_UNWRITABLE)
        .given("unreadable", FIND_FORMAT_UNREADABLE)
        .given("origin", &origin.line)
        .given("former_origin", &origin.former_id)
        .given("former_workspace", former_workspace.as_ref().map_or("", RemotePath::as_str))
        .flag("adopt", adopt)
        .given("place", &layout.workspace_in_base().unwrap_or_default())
        .given("id", &incoming.id)
        .given("former", &incoming.former.join(" "))
        .given("links", &pairs.len().to_string())
        .followed();
    let script = incoming.transfer.report_in(script);
    let script = pairs.iter().fold(script, |script, (link, name)| script.word(link).word(name));
    Ok(script.words(pushed.iter().map(|(path, _)| path)))
}

/// Makes the folders and returns the state of the remote, once no job holds the workspace.
pub(crate) fn prepare<'a>(
    connection: &'a Connection,
    script: &Script,
    document: &Document,
    transfer: &TransferId,
    wait: WaitArgs,
) -> Outcome<RemoteState<'a>> {
    let (reply, session) = job::run_when_free(connection, script, document, wait)?;
    if reply.status == 0 {
        return state_in(reply, session, connection, transfer);
    }
    Err(match reply.problem() {
        Some(problem) if problem.kind() == Some(ProblemKind::OtherOrigin) => {
            tree_owner::other(document, &problem.subject)
        }
        _ => failure(connection.host().as_str(), &reply),
    })
}

/// Reads the state of the remote from a reply to the script.
fn state_in<'a>(
    reply: Reply,
    session: Option<Session>,
    connection: &'a Connection,
    transfer: &TransferId,
) -> Outcome<RemoteState<'a>> {
    let field = |key| {
        reply
            .field(key)
            .with_context(|| format!("'{}' sent no {key} in its reply", connection.host()))
            .or_hint(WITH_V)
    };
    let flag = |key| field(key).map(|value| value == "yes");
    let path =
        |key| reply.path(key).map_err(|problem| anyhow!("'{}' {problem}", connection.host()));
    let (base, workspace) = (path("base")?, path("workspace")?);
    let (state, folder) = (path("state")?, path("incoming")?);
    let (to, workspace_to, is_held) = (base.clone(), workspace.clone(), flag("held")?);
    let leftover_bytes = field("left-bytes")?.parse().unwrap_or(0);
    let mut remote_state = RemoteState {
        base,
        unnamed_backups: unnamed_backups(&reply, &state),
        state,
        workspace,
        workspaces: workspaces(&reply),
        unwritable_code: places(&reply, "unwritable "),
        incoming: Incoming::new(
            connection,
            folder,
            to,
            workspace_to,
            transfer.clone(),
            session,
            is_held,
        ),
        last_transfer: transfer.seen(&reply),
        is_new: field("tree")? == "made",
        was_pushed: flag("pushed")?,
        was_taken_over: flag("taken-over")?,
        leftovers: flag("left")?.then_some(leftover_bytes),
        has_zstd: flag("zstd")?,
        code_disk: Disk::parse(&field("disk-of-code")?),
        workspace_disk: Disk::parse(&field("disk-of-workspace")?),
        listing: Listing::default(),
        code: Listing::default(),
        has_parts: reply.has_parts(),
        by_content: false,
    };
    let (listing, code) = reply.listings()?;
    (remote_state.listing, remote_state.code) = (listing, code.unwrap_or_default());
    Ok(remote_state)
}

/// The script that lists the workspace and makes nothing.
pub(crate) fn look_script(connection: &Connection, remote: &Remote) -> Script {
    connection
        .script(LOOK)
        .given("base", remote.base.as_str())
        .given("state", remote.state.as_str())
        .given("workspace", remote.workspace.as_str())
        .given("format", FIND_FORMAT)
        .given("unwritable", FIND_FORMAT_UNWRITABLE)
        .given("unreadable", FIND_FORMAT_UNREADABLE)
}

/// The remote as a comparison finds it.
pub(crate) struct Look {
    /// The absolute path of the base: rsync starts in the folder of the login, which needn't be the home folder of the
    /// scripts.
    pub(crate) base: String,
    /// The absolute path of the workspace.
    pub(crate) workspace: String,
    /// The entries of the workspace; empty if it doesn't exist.
    pub(crate) listing: Listing,
    /// The places in the tree that are or were a workspace.
    pub(crate) workspaces: Vec<PathBuf>,
}

/// Lists the remote workspace, and makes nothing.
pub(crate) fn look(connection: &Connection, remote: &Remote) -> Outcome<Look> {
    let reply = connection.run(&look_script(connection, remote))?;
    let workspaces = workspaces(&reply);
    if reply.status != 0 {
        return Err(failure(connection.host().as_str(), &reply));
    }
    let path =
        |key| reply.path(key).map_err(|problem| anyhow!("'{}' {problem}", connection.host()));
    let (base, workspace) = (path("base")?, path("workspace")?);
    Ok(Look { base, workspace, listing: reply.listing()?, workspaces })
}

/// The backups of earlier pushes of this machine that were cut off.
fn unnamed_backups(reply: &Reply, state: &str) -> Vec<Backups> {
    let text = reply.text();
    let names = text.lines().filter_map(|line| line.strip_prefix("backups "));
    names.filter_map(|name| Backups::of_an_earlier_push(state, name)).collect()
}

fn workspaces(reply: &Reply) -> Vec<PathBuf> {
    places(reply, "was-workspace ")
}

/// The places in the tree on the lines that begin with `key`.
fn places(reply: &Reply, key: &str) -> Vec<PathBuf> {
    let text = reply.text();
    let places = text.lines().filter_map(|line| line.strip_prefix(key));
    let is_below = |place: &PathBuf| {
        place.components().all(|component| matches!(component, Component::Normal(_)))
    };
    places.map(PathBuf::from).filter(is_below).collect()
}
