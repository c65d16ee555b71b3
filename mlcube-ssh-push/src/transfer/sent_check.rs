//! Checks that rsync sent what it was asked to send; it can exit 0 without sending anything.

use std::path::Path;

use anyhow::{Result, bail};
use mlcube_ssh::listing::{Entry, Listing};
use mlcube_ssh::text::units::count;

/// Compares the number of sent files with the number of files in `missing`, except those that no longer exist locally.
///
/// # Errors
/// When fewer were sent.
pub(crate) fn check(missing: &Listing, sent: u64, here: &Path, host: &str) -> Result<()> {
    if sent >= missing.regular_files() {
        return Ok(());
    }
    let is_here = |path: &Path| Entry::is_at(&here.join(path), Entry::is_file);
    let told = missing.filter(|path, entry| entry.is_file() && is_here(path)).files();
    if sent < told {
        bail!(
            "rsync reported success and sent {sent} of {} that '{host}' lacks; is the rsync in PATH, locally and on the remote, the real one?",
            count(told, "file")
        );
    }
    Ok(())
}
