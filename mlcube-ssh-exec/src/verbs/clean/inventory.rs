//! What is ours on the remote, and what of it this machine doesn't have.

use std::path::Path;

use anyhow::Result;
use mlcube_ssh::cube::layout::Layout;
use mlcube_ssh::listing::{Entry, EntryKind, Listing};
use mlcube_ssh::pipe::document::Document;
use mlcube_ssh::remote::inventory::Item;
use mlcube_ssh::sync::SyncState;

/// Where the listing has what lies in the tree.
pub(crate) const TREE: &str = "tree";
/// Where the listing has the workspaces outside the tree.
pub(crate) const OWN: &str = "own";

/// What both sides have in common, by where the remote's listing has it.
pub(crate) struct Known {
    code: Listing,
    workspace: Listing,
    /// The place of the document's workspace in the listing.
    place: String,
}

impl Known {
    /// What the record of this machine says.
    pub(crate) fn of(layout: &Layout, document: &Document) -> Result<Self> {
        let record = SyncState::of(layout, &document.remote)?;
        let (base, workspace) = (document.remote.base.as_str(), document.remote.workspace.as_str());
        let in_tree = workspace.strip_prefix(base).and_then(|rest| rest.strip_prefix('/'));
        let place = match in_tree {
            Some(place) => format!("{TREE}/{place}"),
            None => format!("{OWN}/{}", workspace.rsplit('/').next().unwrap_or_default()),
        };
        Ok(Self { code: record.code()?.unwrap_or_default(), workspace: record.workspace()?, place })
    }

    /// Whether the document's workspace lies in the tree.
    pub(crate) fn is_in_tree(&self) -> bool {
        Path::new(&self.place).starts_with(TREE)
    }

    /// Whether `found` holds the document's own workspace, and no other.
    pub(crate) fn is_own_workspace(&self, found: &Item) -> bool {
        found.kind == "workspace" || self.place == format!("{OWN}/{}", found.name())
    }

    /// The files of `found` that this machine never had, or had with another content. What isn't a tree or a workspace
    /// has none.
    pub(crate) fn not_fetched(&self, found: &Item, there: &Listing) -> Vec<String> {
        let folder = match found.kind.as_str() {
            "tree" => TREE.to_owned(),
            "workspace" => self.place.clone(),
            "own" => format!("{OWN}/{}", found.name()),
            _ => return Vec::new(),
        };
        let unknown = there.below(Path::new(&folder));
        let unknown = unknown.iter().filter(|(path, entry)| match entry.kind {
            EntryKind::Folder => false,
            // Links of the tree are made by push; they hold nothing.
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
