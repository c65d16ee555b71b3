//! Checks that rsync sent what it was asked to send; it can exit 0 without sending anything.

use std::path::Path;

use anyhow::Result;
use mlcube_ssh::listing::{Entry, Listing};
use mlcube_ssh::pipe::failure::hinted;
use mlcube_ssh::text::units::count;

/// Compares the number of sent files with the number of files in `missing`, except those that no longer exist locally.
///
/// # Errors
/// When fewer were sent.
pub(crate) fn check(missing: &Listing, sent: u64, local: &Path, host: &str) -> Result<()> {
    if sent >= missing.regular_files() {
        return Ok(());
    }
    let exists = |path: &Path| Entry::is_at(&local.join(path), Entry::is_file);
    let expected = missing.filter(|path, entry| entry.is_file() && exists(path)).files();
    if sent < expected {
        return Err(hinted(
            format!(
                "rsync reported success and sent {sent} of {} that '{host}' lacks",
                count(expected, "file")
            ),
            "check whether the rsync in PATH, locally and on the remote, is the real one",
        ));
    }
    Ok(())
}
