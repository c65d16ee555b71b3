//! Folders of the receiving side that are links: the user's own (`out -> /disk`) is followed and kept; one that both
//! sides have had in common may have come from the other side, and nothing is ever written through it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::entry::Kind;
use super::listing::Listing;

/// Lists what lies behind the links of `here` to folders, where the sending side has a folder and no link was common.
/// Such an entry becomes a folder that still knows its target.
///
/// # Errors
/// Those of `list`, which lists a folder by its path in the workspace.
pub fn follow_own_links(
    here: &mut Listing,
    top: &Path,
    from: &Listing,
    base: &Listing,
    list: &dyn Fn(&Path) -> Result<Listing>,
) -> Result<()> {
    let is = |listing: &Listing, path: &Path, kind| {
        listing.get(path).is_some_and(|entry| entry.kind == kind)
    };
    loop {
        let own: Vec<PathBuf> = from
            .iter()
            .filter(|(path, entry)| entry.kind == Kind::Folder && is(here, path, Kind::Link))
            .filter(|(path, _)| !is(base, path, Kind::Link) && fs::read_dir(top.join(path)).is_ok())
            .map(|(path, _)| path.to_owned())
            .collect();
        if own.is_empty() {
            return Ok(());
        }
        for link in own {
            here.graft(&link, &list(&link)?);
            here.follow(&link);
        }
    }
}
