//! The local knowledge about what the remote holds of this cube: which of its files were never fetched.

use std::path::Path;

use anyhow::Result;
use mlcube_ssh::cube::layout::Layout;
use mlcube_ssh::listing::{Entry, EntryKind, Listing};
use mlcube_ssh::pipe::document::Document;
use mlcube_ssh::remote::inventory::Item;
use mlcube_ssh::sync::SyncState;

/// The name of the remote tree in the listing.
pub(crate) const TREE: &str = "tree";
/// The folder of the listing for workspaces outside the tree.
pub(crate) const OWN: &str = "own";

/// The sync state of code and workspace, at their paths in the remote's listing.
pub(crate) struct Known {
    code: Listing,
    workspace: Listing,
    /// The path of the document's workspace in the listing.
    place: String,
}

impl Known {
    /// Reads the local sync state.
    pub(crate) fn of(layout: &Layout, document: &Document) -> Result<Self> {
        let sync_state = SyncState::of(layout, &document.remote)?;
        let (base, workspace) = (document.remote.base.as_str(), document.remote.workspace.as_str());
        let in_tree = workspace.strip_prefix(base).and_then(|rest| rest.strip_prefix('/'));
        let place = match in_tree {
            Some(place) => format!("{TREE}/{place}"),
            None => format!("{OWN}/{}", workspace.rsplit('/').next().unwrap_or_default()),
        };
        Ok(Self {
            code: sync_state.code()?.unwrap_or_default(),
            workspace: sync_state.workspace()?,
            place,
        })
    }

    /// Returns whether the document's workspace is inside the tree.
    pub(crate) fn is_in_tree(&self) -> bool {
        Path::new(&self.place).starts_with(TREE)
    }

    /// Returns whether `found` is the document's own workspace.
    pub(crate) fn is_own_workspace(&self, found: &Item) -> bool {
        found.kind == "workspace" || self.place == format!("{OWN}/{}", found.name())
    }

    /// Returns the files of `found` that the local machine never had, or had with other content. Empty if `found` is
    /// neither a tree nor a workspace.
    pub(crate) fn not_fetched(&self, found: &Item, remote_listing: &Listing) -> Vec<String> {
        let folder = match found.kind.as_str() {
            "tree" => TREE.to_owned(),
            "workspace" => self.place.clone(),
            "own" => format!("{OWN}/{}", found.name()),
            _ => return Vec::new(),
        };
        let unknown = remote_listing.below(Path::new(&folder));
        let unknown = unknown.iter().filter(|(path, entry)| match entry.kind {
            EntryKind::Folder => false,
            // Push creates the links in the tree; they hold no data.
            EntryKind::Link if !path.starts_with(&self.place) => false,
            _ => !self.common(path).is_some_and(|common| common.same_content(entry)),
        });
        unknown
            .filter_map(|(path, _)| path.strip_prefix(&folder).ok())
            .map(|path| path.to_string_lossy().escape_debug().to_string())
            .collect()
    }

    fn common(&self, path: &Path) -> Option<Entry> {
        match path.strip_prefix(&self.place) {
            Ok(path) => self.workspace.get(path),
            Err(_) => self.code.get(path.strip_prefix(TREE).ok()?),
        }
    }
}
