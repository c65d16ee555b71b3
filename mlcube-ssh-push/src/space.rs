//! Whether what has to go there has room there.

use anyhow::{Result, bail};
use mlcube_ssh_config::report::human_bytes;
use mlcube_ssh_config::workspace::Plan;

use crate::local::Local;

/// # Errors
/// When the files to send are more than what is free; the largest are named.
pub(crate) fn check(local: &Local, plan: &Plan, host: &str, free: u64) -> Result<()> {
    let mut wanted = local.changed_code();
    let bytes = wanted.bytes() + plan.send.bytes();
    if bytes <= free {
        return Ok(());
    }
    wanted.extend(plan.send.iter());
    bail!(
        "{} have to go to '{host}' and {} are free there; make room, or name what may stay here in .mlcubeignore. The largest: {}",
        human_bytes(bytes),
        human_bytes(free),
        wanted.largest()
    )
}
