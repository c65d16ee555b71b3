//! Whether what has to go there has room there.

use anyhow::{Result, bail};
use mlcube_ssh_config::report::human_bytes;
use mlcube_ssh_config::workspace::{Listing, Plan};

use crate::local::Local;
use crate::there::{Disk, Prepared};

/// # Errors
/// When the files to send are more than what is free; the largest are named.
pub(crate) fn check(local: &Local, plan: &Plan, prepared: &Prepared, host: &str) -> Result<()> {
    let mut code = local.changed_code();
    // What was brought already needs no more room.
    let [disk, other] = [prepared.workspace_disk, prepared.code_disk].map(|disk| {
        let left = if disk.is_near { prepared.left_bytes } else { 0 };
        Disk { free: disk.free.map(|free| free + left), ..disk }
    });
    if disk.is_near != other.is_near {
        check_disk(&code, other.free, host)?;
        return check_disk(&plan.send, disk.free, host);
    }
    if disk.free.is_none_or(|free| code.bytes() + plan.send.bytes() <= free) {
        return Ok(());
    }
    code.extend(plan.send.iter());
    check_disk(&code, disk.free, host)
}

/// The same for what goes to one disk, of which so many bytes are free, if that is known.
fn check_disk(wanted: &Listing, free: Option<u64>, host: &str) -> Result<()> {
    let Some(free) = free.filter(|free| wanted.bytes() > *free) else { return Ok(()) };
    bail!(
        "{} have to go to '{host}' and {} are free there; make room, or name what may stay here in .mlcubeignore. The largest: {}",
        human_bytes(wanted.bytes()),
        human_bytes(free),
        wanted.largest()
    )
}
