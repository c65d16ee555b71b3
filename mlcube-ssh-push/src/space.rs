//! Whether what has to go there has room there.

use std::cmp::Reverse;

use anyhow::{Result, bail};
use mlcube_ssh_config::report::human_bytes;
use mlcube_ssh_config::workspace::{Listing, Plan};

use crate::plan::Local;

/// # Errors
/// When the files to send are more than what is free; the largest are named.
pub(crate) fn check(local: &Local, plan: &Plan, host: &str, free: u64) -> Result<()> {
    let workspace = plan.send.iter().filter_map(|path| Some((path, local.workspace.get(path)?)));
    let code = local.changed_code();
    let files = code.into_iter().chain(workspace).filter(|(_, entry)| entry.is_file());
    let mut files: Vec<_> = files.map(|(path, entry)| (entry.size, path)).collect();
    let wanted: u64 = files.iter().map(|(size, _)| size).sum();
    if wanted <= free {
        return Ok(());
    }
    files.sort_by_key(|(size, _)| Reverse(*size));
    let largest = files.iter().take(5);
    let largest =
        largest.map(|(size, path)| format!("{} ({})", path.display(), human_bytes(*size)));
    bail!(
        "{} have to go to '{host}' and {} are free there; make room, or name what may stay here in .mlcubeignore. The largest: {}",
        human_bytes(wanted),
        human_bytes(free),
        largest.collect::<Vec<_>>().join(", ")
    )
}

/// Whether rsync looked at what it was told to send: one that considered less has sent nothing, and said it was done.
///
/// # Errors
/// When entries that are still there weren't considered.
pub(crate) fn check_count(code: &Listing, considered: u64, host: &str) -> Result<()> {
    let told = code.iter().filter(|(_, entry)| entry.is_file()).count() as u64;
    if told > 0 && considered == 0 {
        bail!(
            "rsync reported success and considered none of {told} files for '{host}'; is the rsync on PATH, here and there, the real one?"
        );
    }
    Ok(())
}
