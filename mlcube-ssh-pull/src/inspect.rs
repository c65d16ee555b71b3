//! The first stage of a pull: lists the workspace locally and on the remote.

use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::thread;

use mlcube_ssh::cube::layout::Layout;
use mlcube_ssh::listing::Listing;
use mlcube_ssh::pipe::document::Document;
use mlcube_ssh::pipe::failure::Outcome;
use mlcube_ssh::remote::connection::Connection;
use mlcube_ssh::sync::{Selection, SyncState, TransferId, longest_path};

use crate::remote::followed_links;
use crate::remote::list::list;
use crate::remote::workspace::RemoteWorkspace;

/// The listings of a workspace.
pub(crate) struct Listings {
    /// The remote workspace.
    pub(crate) remote: RemoteWorkspace,
    /// The local entries.
    pub(crate) local: Listing,
    /// The local folders where earlier pulls have left parts of files.
    pub(crate) partial: Vec<PathBuf>,
    /// What both sides last agreed on.
    pub(crate) agreed: Listing,
}

/// Lists the remote workspace, and meanwhile the local one.
pub(crate) fn list_both(
    connection: &Connection,
    document: &Document,
    layout: &Layout,
    sync_state: &SyncState,
    is_pull: bool,
    named: &Selection,
) -> Outcome<Listings> {
    thread::scope(|scope| {
        let local = scope.spawn(|| {
            // Read before any other listing: local and remote have mostly the same entries, in this order.
            let agreed = sync_state.agreed()?;
            let mut partial = Vec::new();
            let skip_nothing = |_: &Path, _| Ok(false);
            let local =
                Listing::of_folder_with_parts(&layout.workspace, &skip_nothing, &mut partial)?;
            Ok::<_, anyhow::Error>((agreed, local, partial))
        });
        let transfer = if is_pull { Some(begin_transfer(sync_state, document)?) } else { None };
        let mut remote = list(connection, document, layout, transfer.as_ref())?;
        let (agreed, local, partial) = local.join().unwrap_or_else(|panic| resume_unwind(panic))?;
        followed_links::follow(connection, document, &mut remote, named, &agreed)?;
        remote.listing.close_long_paths(longest_path(&layout.workspace, &remote.path));
        if connection.is_shared() {
            remote.listing.put_own_permissions(&local);
        }
        Ok(Listings { remote, local, partial, agreed })
    })
}

/// Begins a transfer; only a pull is one.
fn begin_transfer(sync_state: &SyncState, document: &Document) -> anyhow::Result<TransferId> {
    let id = sync_state.transfer_id(&document.remote)?;
    sync_state.begin_transfer(&id)?;
    Ok(id)
}
