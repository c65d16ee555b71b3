//! Whether what has to come fits on the disk here, asked before anything moves.

use std::path::Path;

use anyhow::{Context, Result, bail};
use mlcube_ssh_config::report::human_bytes;
use mlcube_ssh_config::workspace::Plan;

/// Free bytes for this user on the file system of `folder`.
pub(crate) fn free_bytes(folder: &Path) -> Result<u64> {
    let disk = rustix::fs::statvfs(folder)
        .with_context(|| format!("can't ask for the free space of {}", folder.display()))?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// # Errors
/// When the files of the plan are more than what is free; the largest are named.
pub(crate) fn check(plan: &Plan, workspace: &Path, free: u64) -> Result<()> {
    let wanted = plan.send.bytes();
    if wanted <= free {
        return Ok(());
    }
    bail!(
        "{} have to come and {} are free in {}; make room, or name what you need (mlcube-ssh-pull PATTERN). The largest: {}",
        human_bytes(wanted),
        human_bytes(free),
        workspace.display(),
        plan.send.largest()
    )
}
