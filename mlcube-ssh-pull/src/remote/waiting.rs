//! The files that a pull leaves to a later one, because something may still write to them.

use std::path::Path;
use std::sync::Arc;

use anyhow::anyhow;
use mlcube_ssh::listing::ignore::Ignored;
use mlcube_ssh::listing::{Entry, Listing};
use mlcube_ssh::pipe::failure::{Failure, Outcome};
use mlcube_ssh::settings::names::Host;
use mlcube_ssh::sync::Selection;
use mlcube_ssh::text::quote::shell_word;

use crate::remote::workspace::RemoteWorkspace;

/// The files that wait for a later pull.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    /// Seconds for which a file must be unchanged; `None` if none waits.
    pub(crate) unchanged_for: Option<u64>,
    entries: Arc<Listing>,
}

impl Waiting {
    /// Finds the selected files that would be fetched, differ locally and were changed in the last seconds, by the
    /// remote's clock. A time in the future is that of no writer: such a file would wait for ever.
    pub(crate) fn of(
        unchanged_for: Option<u64>,
        remote: &RemoteWorkspace,
        local: &Listing,
        selection: &Selection,
        ignored: &Ignored,
        host: &Host,
    ) -> Outcome<Self> {
        let Some(seconds) = unchanged_for else { return Ok(Self::default()) };
        let now = remote.now.ok_or_else(|| {
            Failure::ours(anyhow!("'{host}' doesn't tell its time"))
                .hint(format!("check `date +%s` on it with `ssh {}`", shell_word(host.as_str())))
        })?;
        let is_new = |entry: &Entry| entry.modified.0.abs_diff(now) < seconds;
        let is_waiting = |path: &Path, entry: &Entry| {
            entry.is_file()
                && is_new(entry)
                && selection.includes(path)
                && local.get(path).is_none_or(|local| !local.same_content(entry))
        };
        let entries = ignored.fetched(remote.listing.filter(is_waiting))?;
        Ok(Self { unchanged_for, entries: Arc::new(entries) })
    }

    /// Takes them out of a selection.
    pub(crate) fn left_out_of(&self, selection: Selection) -> Selection {
        selection.without(Arc::clone(&self.entries))
    }

    /// Returns whether one of them is at `path` or below.
    pub(crate) fn has_part_of(&self, path: &Path) -> bool {
        self.paths().any(|waiting| waiting.starts_with(path))
    }

    /// How many they are.
    pub(crate) fn count(&self) -> usize {
        self.entries.len()
    }

    /// Their paths, in order.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &'static Path> {
        self.entries.iter().map(|(path, _)| path)
    }
}
