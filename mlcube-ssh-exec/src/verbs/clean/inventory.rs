//! The local knowledge about what the remote holds of this cube: which of its files were never fetched.

use std::path::Path;

use anyhow::Result;
use mlcube_ssh::cube::layout::Layout;
use mlcube_ssh::listing::{Entry, EntryKind, Listing};
use mlcube_ssh::pipe::document::Document;
use mlcube_ssh::remote::connection::Connection;
use mlcube_ssh::remote::inventory::Item;
use mlcube_ssh::sync::SyncState;
use mlcube_ssh::text::units::count;

/// The name of the remote tree in the listing.
pub(crate) const TREE: &str = "tree";
/// The folder of the listing for workspaces outside the tree.
pub(crate) const OWN: &str = "own";

/// What a folder on the remote has that the local machine never had, or had with other content.
#[derive(Debug, Default)]
pub(crate) struct NotFetched {
    /// The paths in the folder.
    pub(crate) paths: Vec<String>,
    /// How many of these are in the workspace that a pull with this document fetches.
    pub(crate) in_workspace: usize,
    /// How many of these are folders that can't be read, so nobody knows what is in them.
    pub(crate) closed: usize,
}

impl NotFetched {
    /// The number of files, and of folders whose files nobody knows.
    pub(crate) fn counted(&self) -> String {
        let files = self.paths.len() - self.closed;
        let counts = [(files, "file"), (self.closed, "unreadable folder or file")];
        let counts = counts.into_iter().filter(|(number, _)| *number > 0);
        counts.map(|(number, what)| count(number as u64, what)).collect::<Vec<_>>().join(" and ")
    }

    /// What the user can do, given where the files are: a pull fetches the workspace and nothing else.
    pub(crate) fn hint(&self, connection: &Connection, document: &Document) -> String {
        let pull = format!("`{}` fetches", document.pull_command());
        let copy = format!("copy what you need, for example with scp from '{}'", connection.host());
        let first = match self.in_workspace {
            0 => {
                format!("they are outside the workspace, which is all that a pull fetches: {copy}")
            }
            all if all == self.paths.len() => format!("{pull} them"),
            some => format!("{pull} the {some} in the workspace; of the others, {copy}"),
        };
        format!("{first}; or remove them with --force")
    }
}

/// The sync state of code and workspace, at their paths in the remote's listing.
pub(crate) struct Known {
    code: Listing,
    /// Code that this machine pushed once and that no longer exists locally.
    gone: Listing,
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
            gone: sync_state.gone()?,
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

    /// Returns what `found` has that the local machine never had. Empty if `found` is neither a tree nor a workspace.
    pub(crate) fn not_fetched(&self, found: &Item, remote_listing: &Listing) -> NotFetched {
        let mut unknown = NotFetched::default();
        let folder = match found.kind.as_str() {
            "tree" => TREE.to_owned(),
            "workspace" => self.place.clone(),
            "own" => format!("{OWN}/{}", found.name()),
            _ => return unknown,
        };
        for (path, entry) in remote_listing.below(Path::new(&folder)).iter() {
            let is_known = match entry.kind {
                EntryKind::Folder => true,
                // Push creates the links in the tree; they hold no data.
                EntryKind::Link if !path.starts_with(&self.place) => true,
                _ => self.had(path, &entry),
            };
            let Some(name) = path.strip_prefix(&folder).ok().filter(|_| !is_known) else {
                continue;
            };
            unknown.paths.push(name.to_string_lossy().escape_debug().to_string());
            unknown.in_workspace += usize::from(path.starts_with(&self.place));
            unknown.closed += usize::from(entry.kind == EntryKind::Unreadable);
        }
        unknown
    }

    /// Returns whether the local machine had an entry as it is.
    fn had(&self, path: &Path, entry: &Entry) -> bool {
        let is_in = |listing: &Listing, path: &Path| {
            listing.get(path).is_some_and(|known| known.same_content(entry))
        };
        match path.strip_prefix(&self.place) {
            Ok(path) => is_in(&self.workspace, path),
            Err(_) => path
                .strip_prefix(TREE)
                .is_ok_and(|path| is_in(&self.code, path) || is_in(&self.gone, path)),
        }
    }
}
