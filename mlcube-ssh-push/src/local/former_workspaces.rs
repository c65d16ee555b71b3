//! Places in the tree that were a workspace once. A job may have written in them, so they aren't code until the user
//! says so.

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use mlcube_ssh::cube::layout::Layout;
use mlcube_ssh::cube::paths::normal;
use mlcube_ssh::pipe::failure::{Failure, Outcome};
use mlcube_ssh::sync::SyncState;
use mlcube_ssh::text::quote::shell_word_of;
use mlcube_ssh::ui::report::Report;

/// Names the places in `known` that exist locally and aren't sent.
pub(crate) fn name_skipped(report: &Report, layout: &Layout, known: &[PathBuf]) {
    let is_left_out = |place: &&PathBuf| layout.is_code(place) && layout.base.join(place).exists();
    let existing: Vec<_> = known.iter().filter(is_left_out).collect();
    if let [first, others @ ..] = existing.as_slice() {
        let shown = first.display().to_string().escape_debug().to_string();
        let more = match others.len() {
            0 => String::new(),
            1 => ", nor is 1 more".to_owned(),
            number => format!(", nor are {number} more"),
        };
        report.say(&format!(
            "'{shown}' isn't sent as code{more}, as it was a workspace once; --as-code={} sends it",
            shell_word_of(first.as_os_str())
        ));
    }
}

/// Reads the path of a former workspace, absolute or relative to the base, that the user declares to be code.
///
/// # Errors
/// When it was never a workspace, or is the one in use.
pub(crate) fn parse(layout: &Layout, sync_state: &SyncState, path: &Path) -> Outcome<PathBuf> {
    let place = normal(&layout.base.join(path)).strip_prefix(&layout.base).map(Path::to_owned);
    let refuse = |why: &str| {
        Failure::ours(anyhow!("--as-code: '{}' {why}", path.display().to_string().escape_debug()))
            .hint("name a folder of the cube that was a workspace before")
    };
    let place = place.map_err(|_| refuse("isn't below the base of the cube"))?;
    if layout.is_workspace(&place) {
        return Err(refuse("is the workspace in use, which is never code"));
    }
    if !sync_state.workspaces()?.contains(&place) {
        return Err(refuse("isn't known as a former workspace of this remote tree")
            .hint("a push warns about each former workspace, with its path"));
    }
    Ok(place)
}
