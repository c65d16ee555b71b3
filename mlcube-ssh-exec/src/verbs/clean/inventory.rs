//! The local knowledge about what the remote holds of this cube: which of its files the local machine doesn't have.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use anyhow::Result;
use mlcube_ssh::cube::Cube;
use mlcube_ssh::cube::boundary::Boundary;
use mlcube_ssh::listing::{Entry, EntryKind, Listing};
use mlcube_ssh::pipe::document::Document;
use mlcube_ssh::pipe::failure::Outcome;
use mlcube_ssh::remote::connection::Connection;
use mlcube_ssh::remote::inventory::{Item, ItemKind};
use mlcube_ssh::sync::{Sides, SyncState, follow_own_links};
use mlcube_ssh::text::units::count;

/// The name of the remote tree in the listing.
pub(crate) const TREE: &str = "tree";
/// The folder of the listing for workspaces outside the tree.
pub(crate) const OWN: &str = "own";

/// What a folder on the remote has and the local machine doesn't, or has with other content.
#[derive(Debug, Default)]
pub(crate) struct NotFetched {
    /// The paths in the folder.
    pub(crate) paths: Vec<String>,
    /// How many of these a pull with this document fetches: those in its workspace that weren't edited locally.
    pub(crate) fetchable: usize,
    /// How many of these are in that workspace and were edited locally, so that a pull keeps the local ones.
    pub(crate) edited: usize,
    /// Those of these that can't be read: nobody knows what is in the folders among them.
    pub(crate) closed: Vec<PathBuf>,
}

impl NotFetched {
    /// The number of files, and of folders whose files nobody knows.
    pub(crate) fn counted(&self) -> String {
        let closed = self.closed.len();
        let counts = [(self.paths.len() - closed, "file"), (closed, "unreadable folder or file")];
        let counts = counts.into_iter().filter(|(number, _)| *number > 0);
        counts.map(|(number, what)| count(number as u64, what)).collect::<Vec<_>>().join(" and ")
    }

    /// What the user can do, given where the files are: a pull fetches the workspace and nothing else, and replaces no
    /// local edit.
    pub(crate) fn hint(&self, connection: &Connection, document: &Document) -> String {
        let pull = format!("`{}` fetches", document.pull_command());
        let copy = format!("copy what you need, for example with scp from '{}'", connection.host());
        let first = match self.fetchable {
            0 if self.edited == 0 => {
                format!("they are outside the workspace, which is all that a pull fetches: {copy}")
            }
            0 if self.edited == self.paths.len() => {
                format!("they were edited locally since, and a pull replaces no edit: {copy}")
            }
            0 => {
                format!(
                    "a pull fetches none of them, because they were edited locally or are outside the workspace: {copy}"
                )
            }
            all if all == self.paths.len() => format!("{pull} them"),
            some => format!("{pull} {some} of them; of the others, {copy}"),
        };
        format!("{first}; or remove them with --force")
    }
}

/// What the local machine has: the sync state of code and workspace, and the workspace as it is now.
pub(crate) struct Known {
    sync_state: SyncState,
    code: Listing,
    /// Code that this machine pushed once and that no longer exists locally.
    gone: Listing,
    /// What both sides of the workspace last agreed on. What was fetched once may have been lost since.
    agreed: Listing,
    local: Listing,
    /// The path of the document's workspace in the listing.
    place: String,
}

impl Known {
    /// Reads the local sync state; lists the local workspace if `lists_workspace`.
    pub(crate) fn of(cube: &Cube, document: &Document, lists_workspace: bool) -> Result<Self> {
        let layout = &cube.layout;
        let sync_state = SyncState::of(layout, &document.remote)?;
        let (base, workspace) = (document.remote.base.as_str(), document.remote.workspace.as_str());
        let in_tree = workspace.strip_prefix(base).and_then(|rest| rest.strip_prefix('/'));
        let place = match in_tree {
            Some(place) => format!("{TREE}/{place}"),
            None => format!("{OWN}/{}", workspace.rsplit('/').next().unwrap_or_default()),
        };
        let mut local = Listing::default();
        if lists_workspace {
            let (top, nothing) = (&layout.workspace, |_: &Path, _| Ok(false));
            local = Listing::of_folder(top, &nothing)?;
            let boundary = Boundary::of(layout, &cube.runner)?;
            follow_own_links(&mut local, top, &boundary, &|_, _| true, &nothing, &mut Vec::new())?;
        }
        let agreed = sync_state.agreed()?;
        let local = sync_state.local_as_agreed(&layout.workspace, local, &agreed)?;
        let (code, gone) = (sync_state.code()?.unwrap_or_default(), sync_state.gone()?);
        Ok(Self { sync_state, code, gone, agreed, local, place })
    }

    /// The remote listing with the times and permissions that both sides agreed on, where the remote file system can't
    /// store them.
    pub(crate) fn unrounded(
        &self,
        mut remote_listing: Listing,
        connection: &Connection,
        document: &Document,
    ) -> Outcome<Listing> {
        let remote = &document.remote;
        let places = [
            (TREE, &self.code, remote.base.as_str()),
            (&self.place, &self.agreed, remote.workspace.as_str()),
        ];
        for (place, exact, top) in places {
            let sides = Sides {
                connection,
                local: Path::new(""),
                remote: top,
                state: remote.state.as_str(),
                sync_state: &self.sync_state,
                run: &|script| connection.run(&script),
            };
            let below = remote_listing
                .iter()
                .filter_map(|(path, entry)| Some((path.strip_prefix(place).ok()?, entry)));
            let shown: Listing = below.collect();
            if let Cow::Owned(exact) = sides.unrounded_remote(&shown, exact)? {
                let place = Path::new(place);
                remote_listing.extend(exact.iter().map(|(path, entry)| (place.join(path), entry)));
            }
        }
        Ok(remote_listing)
    }

    /// Returns whether the document's workspace is inside the tree.
    pub(crate) fn is_in_tree(&self) -> bool {
        Path::new(&self.place).starts_with(TREE)
    }

    /// Returns whether `found` is the document's own workspace.
    pub(crate) fn is_own_workspace(&self, found: &Item) -> bool {
        found.kind == ItemKind::Workspace || self.place == format!("{OWN}/{}", found.name())
    }

    /// Returns what `found` has and the local machine doesn't. Empty if `found` is neither a tree nor a workspace.
    pub(crate) fn not_fetched(&self, found: &Item, remote_listing: &Listing) -> NotFetched {
        let mut unknown = NotFetched::default();
        let folder = match found.kind {
            ItemKind::Tree => TREE.to_owned(),
            ItemKind::Workspace => self.place.clone(),
            ItemKind::Own => format!("{OWN}/{}", found.name()),
            _ => return unknown,
        };
        for (path, entry) in remote_listing.below(Path::new(&folder)).iter() {
            let is_known = match entry.kind {
                EntryKind::Folder => true,
                // Push creates the links in the tree; they hold no data.
                EntryKind::Link if !path.starts_with(&self.place) => true,
                _ => self.has(path, &entry),
            };
            let Some(name) = path.strip_prefix(&folder).ok().filter(|_| !is_known) else {
                continue;
            };
            unknown.paths.push(name.to_string_lossy().escape_debug().to_string());
            if let Ok(path) = path.strip_prefix(&self.place) {
                let is_edited = self.is_edited(path);
                unknown.edited += usize::from(is_edited);
                unknown.fetchable += usize::from(!is_edited);
            }
            if entry.kind == EntryKind::Unreadable {
                unknown.closed.push(name.to_owned());
            }
        }
        unknown
    }

    /// Returns whether the local machine has an entry of the remote as it is; of code, whether it had it.
    fn has(&self, path: &Path, entry: &Entry) -> bool {
        match path.strip_prefix(&self.place) {
            Ok(path) => self.agreed.get(path).is_some_and(|agreed| {
                agreed.same_content(entry) && is_in(&self.local, path, &agreed)
            }),
            Err(_) => path
                .strip_prefix(TREE)
                .is_ok_and(|path| is_in(&self.code, path, entry) || is_in(&self.gone, path, entry)),
        }
    }

    /// Returns whether the local workspace has something else at `path` than both sides agreed on.
    fn is_edited(&self, path: &Path) -> bool {
        let is_agreed =
            |now: Entry| self.agreed.get(path).is_some_and(|agreed| agreed.same_content(&now));
        self.local.get(path).is_some_and(|now| !is_agreed(now))
    }
}

/// Returns whether a listing has an entry with this content.
fn is_in(listing: &Listing, path: &Path, entry: &Entry) -> bool {
    listing.get(path).is_some_and(|known| known.same_content(entry))
}
