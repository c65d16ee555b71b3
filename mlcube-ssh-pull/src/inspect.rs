//! The first stage of a pull: the workspace is listed on both sides.

use std::panic::resume_unwind;
use std::path::Path;
use std::thread;

use mlcube_ssh::cube::layout::Layout;
use mlcube_ssh::listing::Listing;
use mlcube_ssh::pipe::document::Document;
use mlcube_ssh::pipe::failure::Outcome;
use mlcube_ssh::remote::connection::Connection;
use mlcube_ssh::sync::{Selection, SyncState};

use crate::remote::list::list;
use crate::remote::workspace::RemoteWorkspace;

/// What is known of a workspace.
pub(crate) struct Lists {
    /// What is in it on the remote.
    pub(crate) there: RemoteWorkspace,
    /// What is in it on this machine.
    pub(crate) here: Listing,
    /// What both sides last had in common.
    pub(crate) common: Listing,
}

/// Lists the workspace there, and meanwhile the one here.
pub(crate) fn list_both(
    connection: &Connection,
    document: &Document,
    layout: &Layout,
    record: &SyncState,
    is_followed: bool,
    asked: &Selection,
) -> Outcome<Lists> {
    thread::scope(|scope| {
        let here = scope.spawn(|| {
            // Before any other list: what is found on either side is mostly the same, in the order of this one.
            let common = record.workspace()?;
            Ok::<_, anyhow::Error>((common, list_here(&layout.workspace)?))
        });
        let mut there = list(connection, document, layout, is_followed.then_some(record), asked)?;
        let (common, here) = here.join().unwrap_or_else(|panic| resume_unwind(panic))?;
        if connection.is_shared() {
            there.listing.put_own_permissions(&here);
        }
        Ok(Lists { there, here, common })
    })
}

/// What lies in a folder of this machine.
fn list_here(folder: &Path) -> anyhow::Result<Listing> {
    Listing::of_folder(folder, &|_, _| Ok(false))
}
