//! Whether what has to come fits on the disk here, asked before anything moves.

use std::path::Path;

use anyhow::{Context, Result, bail};
use mlcube_ssh_config::report::human_bytes;
use mlcube_ssh_config::workspace::{Kind, Listing, Plan};

/// Free bytes for this user on the file system of `folder`.
pub(crate) fn free_bytes(folder: &Path) -> Result<u64> {
    let disk = rustix::fs::statvfs(folder)
        .with_context(|| format!("can't ask for the free space of {}", folder.display()))?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// # Errors
/// When the files of the plan are more than what is free; the largest are named.
pub(crate) fn check(plan: &Plan, there: &Listing, workspace: &Path, free: u64) -> Result<()> {
    if plan.bytes <= free {
        return Ok(());
    }
    let size = |path| there.get(path).filter(|entry| entry.kind == Kind::File).map(|it| it.size);
    let mut largest: Vec<_> =
        plan.send.iter().filter_map(|path| Some((size(path)?, path))).collect();
    largest.sort_by_key(|(size, _)| std::cmp::Reverse(*size));
    let named = largest.iter().take(5).map(|(size, path)| {
        format!("{} ({})", path.to_string_lossy().escape_debug(), human_bytes(*size))
    });
    bail!(
        "{} have to come and {} are free in {}; make room, or name what you need (mlcube-ssh-pull PATTERN). The largest: {}",
        human_bytes(plan.bytes),
        human_bytes(free),
        workspace.display(),
        named.collect::<Vec<_>>().join(", ")
    )
}
