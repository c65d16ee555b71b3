//! Checks that what is to be sent fits on the remote file systems.

use std::path::Path;

use mlcube_ssh::cube::layout::Layout;
use mlcube_ssh::listing::Listing;
use mlcube_ssh::pipe::failure::Outcome;
use mlcube_ssh::sync::{Plan, free_space};

use crate::local::Local;
use crate::remote::state::{Disk, RemoteState};

/// Checks code and workspace, together if they are on the same file system.
///
/// # Errors
/// When the files to send are larger than the free space; the largest files are named.
pub(crate) fn check(
    local: &Local,
    layout: &Layout,
    plan: &Plan,
    remote_state: &RemoteState,
    host: &str,
) -> Outcome<()> {
    let code = local.changed_code();
    let (code, send) = ((&code, layout.base.as_path()), (&plan.send, layout.workspace.as_path()));
    // What is in the incoming folder already needs no more room.
    let [disk, other] = [remote_state.workspace_disk, remote_state.code_disk].map(|disk| {
        let left = if disk.is_on_incoming_disk { remote_state.leftovers.unwrap_or(0) } else { 0 };
        Disk { free: disk.free.map(|free| free.saturating_add(left)), ..disk }
    });
    if disk.is_on_incoming_disk != other.is_on_incoming_disk {
        check_disk(&[code], other.free, host)?;
        return check_disk(&[send], disk.free, host);
    }
    check_disk(&[code, send], disk.free, host)
}

/// Checks the listings that are sent to one file system, each with its local folder. `free` is the number of free
/// bytes, if it is known.
fn check_disk(wanted: &[(&Listing, &Path)], free: Option<u64>, host: &str) -> Outcome<()> {
    let size = wanted.iter().map(|(listing, _)| listing.bytes()).sum();
    let allocated = || Ok(wanted.iter().map(|(listing, top)| listing.allocated_bytes(top)).sum());
    let largest = || {
        let mut all = Listing::default();
        for (listing, _) in wanted {
            all.merge(listing);
        }
        all.largest()
    };
    let place = format!("on '{host}'");
    free_space::check(size, free, allocated, ["push", &place], largest)
        .map_err(|failure| failure.hint("make room, or name in .mlcubeignore what isn't needed"))
}
