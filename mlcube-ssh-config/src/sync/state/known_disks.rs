//! Remembers how each side's file system stores times and permissions. A file system that is full or read-only can't be
//! probed; then the remembered result is used, so that a rounded time isn't taken for a change.

use std::borrow::Cow;
use std::path::Path;

use crate::listing::{Disks, Granularity, Listing};
use crate::sync::state::SyncState;

/// The file that holds a line for each side: its name, and the coarsest disk that was found on it.
const FILE: &str = "disks";

/// A side of a workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Local,
    Remote,
}

impl Side {
    const ALL: [Self; 2] = [Self::Local, Self::Remote];

    fn name(self) -> &'static str {
        match self {
            Self::Local => "local ",
            Self::Remote => "remote ",
        }
    }
}

impl SyncState {
    /// Notes how the probed file systems of a side store times. The others count as what was found before.
    pub(crate) fn known_disks(&self, side: Side, disks: Disks) -> Disks {
        let before = self.known_disk(side);
        let coarsest = before.max(disks.coarsest());
        if coarsest != before {
            let line = |of: Side| {
                let disk = if of == side { coarsest } else { self.known_disk(of) };
                disk.map(|disk| format!("{}{disk}\n", of.name()))
            };
            let text: String = Side::ALL.into_iter().filter_map(line).collect();
            // The next transfer probes it again.
            let _ = self.record(FILE).write(text);
        }
        disks.or(before)
    }

    /// The coarsest disk that was ever found on a side.
    pub(crate) fn known_disk(&self, side: Side) -> Option<Granularity> {
        let text = self.record(FILE).text().ok().flatten().unwrap_or_default();
        text.lines().find_map(|line| Granularity::parse(line.strip_prefix(side.name())?))
    }

    /// The entries of a listing of the local folder `top` with the times and permissions in `exact`, where its file
    /// systems can't store them.
    #[must_use]
    pub fn unrounded_local<'l>(
        &self,
        top: &Path,
        listing: &'l Listing,
        exact: &Listing,
    ) -> Cow<'l, Listing> {
        listing.unrounded_by(exact, |folders| {
            self.known_disks(Side::Local, Disks::local(top, folders))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::listing::Entry;
    use crate::sync::state::tests::sync_state;

    #[test]
    fn a_disk_that_can_not_be_asked_any_more_counts_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let sync_state = sync_state(folder.path());
        let disk = |time: &str, mode: &str| {
            let text = format!("f {mode} 1 {time} tried\0\0");
            let tried = Listing::parse(text.as_bytes()).unwrap().get(Path::new("tried")).unwrap();
            let disk = Granularity::of_tried(&tried).unwrap();
            Disks::from_iter([(Path::new("").to_owned(), disk)])
        };
        let shown = |side| {
            let disks = sync_state.known_disks(side, Disks::default());
            let exact = Entry { modified: (7, 5), ..entry() };
            disks.of(Path::new("a")).rounded(&exact).modified
        };
        assert_eq!(shown(Side::Remote), (7, 5));
        sync_state.known_disks(Side::Remote, disk("1000000002.000000000", "755"));
        sync_state.known_disks(Side::Local, disk("1000000001.123456789", "640"));
        assert_eq!((shown(Side::Remote), shown(Side::Local)), ((8, 0), (7, 5)));
        assert!(sync_state.known_disk(Side::Remote).is_some_and(|disk| !disk.keeps_modes()));
        // A finer disk below the same side doesn't replace it.
        sync_state.known_disks(Side::Remote, disk("1000000001.123456700", "640"));
        assert_eq!(shown(Side::Remote), (8, 0));
        sync_state.record(FILE).write("remote 3 up modes\n").unwrap();
        assert_eq!(shown(Side::Remote), (7, 5), "damaged");
    }

    fn entry() -> Entry {
        Listing::parse(b"f 644 1 1.000000001 a\0\0").unwrap().get(Path::new("a")).unwrap()
    }
}
