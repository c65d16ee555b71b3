//! Folders of this side that are links. Nothing is written through one unless the user says so: a task or a cube may
//! have made it, whatever the sync state knows of it.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::sync::listing::Listing;
use crate::sync::listing::entry::Kind;

/// Lists what lies behind the links of `here` to folders, where the sending side has a folder and `follows` says that the
/// user wants the link, given by its path in the workspace, to be followed. Such an entry becomes a folder that still
/// knows its target.
///
/// # Errors
/// Those of `list`, which lists a folder by its path in the workspace.
pub fn follow_own_links(
    here: &mut Listing,
    from: &Listing,
    follows: &dyn Fn(&Path) -> bool,
    list: &dyn Fn(&Path) -> Result<Listing>,
) -> Result<()> {
    let is = |listing: &Listing, path: &Path, kind| {
        listing.get(path).is_some_and(|entry| entry.kind == kind)
    };
    loop {
        let own: Vec<PathBuf> = from
            .iter()
            .filter(|(path, entry)| entry.kind == Kind::Folder && is(here, path, Kind::Link))
            // rsync is told the path of such a folder as text.
            .filter(|(path, _)| path.to_str().is_some() && follows(path))
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
