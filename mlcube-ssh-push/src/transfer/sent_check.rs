//! Checks that rsync sent what it was asked to send; it can exit 0 without sending anything.

use std::path::Path;

use mlcube_ssh::listing::{Entry, Listing};
use mlcube_ssh::pipe::failure::{Failure, Outcome, hinted};
use mlcube_ssh::text::units::count;

/// Compares the number of sent files with the number of files in `missing`, except those that no longer exist locally.
/// If fewer were sent, `not_arrived` returns those of them that the remote doesn't have: another push may have brought
/// them.
///
/// # Errors
/// When fewer were sent, and the remote lacks some.
pub(crate) fn check(
    missing: &Listing,
    sent: u64,
    local: &Path,
    host: &str,
    not_arrived: impl FnOnce(&Listing) -> Outcome<Listing>,
) -> Outcome<()> {
    if sent >= missing.regular_files() {
        return Ok(());
    }
    let exists = |path: &Path| Entry::is_at(&local.join(path), Entry::is_file);
    let expected = missing.filter(|path, entry| entry.is_file() && exists(path));
    if sent >= expected.files() || not_arrived(&expected)?.is_empty() {
        return Ok(());
    }
    Err(Failure::ours(hinted(
        format!(
            "rsync reported success and sent {sent} of {} that '{host}' lacks",
            count(expected.files(), "file")
        ),
        "check whether the rsync in PATH, locally and on the remote, is the real one",
    )))
}
