//! Lists the remote workspace.

use anyhow::{Result, anyhow};
use mlcube_ssh::cube::layout::Layout;
use mlcube_ssh::listing::{FIND_FORMAT, FIND_FORMAT_UNREADABLE};
use mlcube_ssh::pipe::document::Document;
use mlcube_ssh::pipe::failure::{Failure, Outcome};
use mlcube_ssh::process::script::Script;
use mlcube_ssh::remote::connection::Connection;
use mlcube_ssh::remote::job;
use mlcube_ssh::remote::session::KeptSession;
use mlcube_ssh::settings::names::RemotePath;
use mlcube_ssh::sync::TransferId;

use crate::remote::workspace::{RemoteWorkspace, check_folders, failure};

const LIST: &str = concat!(include_str!("../sh/find.sh"), include_str!("../sh/list.sh"));

/// The script that lists the remote workspace. With the id of a transfer, which only a pull gives, the session stays
/// open for an archive.
pub(crate) fn list_script(
    connection: &Connection,
    document: &Document,
    layout: &Layout,
    transfer: Option<&TransferId>,
) -> Result<Script> {
    let former_workspace = layout.former_workspace(&document.remote)?;
    let script = connection.script(LIST);
    // The former workspace is moved only if no job runs in it, which these functions find out.
    let script = if former_workspace.is_some() { script.with(job::FUNCTIONS) } else { script };
    let script = script
        .given("base", document.remote.base.as_str())
        .given("workspace", document.remote.workspace.as_str())
        .given("state", document.remote.state.as_str())
        .given("former_workspace", former_workspace.as_ref().map_or("", RemotePath::as_str))
        .given("format", FIND_FORMAT)
        .given("unreadable", FIND_FORMAT_UNREADABLE);
    Ok(match transfer {
        Some(transfer) => transfer.check_in(script.followed()),
        None => script.given("transfer_file", ""),
    })
}

/// Lists the remote workspace. Its links are still to be followed.
pub(crate) fn list(
    connection: &Connection,
    document: &Document,
    layout: &Layout,
    transfer: Option<&TransferId>,
) -> Outcome<RemoteWorkspace> {
    let script = list_script(connection, document, layout, transfer)?;
    let (reply, session) = connection.run_and_keep(&script)?;
    if reply.status != 0 {
        return Err(failure(connection.host().as_str(), document, &reply));
    }
    let host = connection.host();
    let path = reply.path("workspace");
    let path = path.map_err(|problem| Failure::ours(anyhow!("'{host}' {problem}")))?;
    let last_transfer = transfer.map(|transfer| transfer.seen(&reply));
    let now = reply.field("now").and_then(|now| now.parse().ok());
    let (followed, listing) = (Vec::new(), reply.listing()?);
    check_folders(&listing, host)?;
    let session = session.map_or_else(KeptSession::closed, KeptSession::open);
    Ok(RemoteWorkspace { path, listing, followed, now, last_transfer, session })
}
