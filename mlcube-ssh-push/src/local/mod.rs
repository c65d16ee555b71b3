//! What a push reads on the local disk: listings and the sync state. Nothing in here contacts the remote.

pub(crate) mod checks;
pub(crate) mod code;
pub(crate) mod escaping_links;
pub(crate) mod former_workspaces;
mod gone;
pub(crate) mod outside_cube;
pub(crate) mod own_files;
pub(crate) mod selection;
mod skipped;

use std::borrow::Cow;
use std::collections::HashSet;
use std::mem;
use std::path::{Path, PathBuf};

use anyhow::Result;
use mlcube_ssh::cube::boundary::Boundary;
use mlcube_ssh::cube::layout::Layout;
use mlcube_ssh::listing::ignore::Ignored;
use mlcube_ssh::listing::{Entry, EntryKind, Found, Listing};
use mlcube_ssh::pipe::failure::Outcome;
use mlcube_ssh::sync::{
    Agreed, AgreedEntry, Plan, Selection, Sides, Skipped, SyncState, TransferDirection,
    follow_own_links,
};
use mlcube_ssh::ui::report::Report;

use crate::local::own_files::OwnFiles;
use crate::local::skipped::LocallySkipped;

/// The local listings and the sync state.
pub(crate) struct Local {
    pub(crate) code: Listing,
    /// The whole workspace, also the entries outside the selection.
    pub(crate) workspace: Listing,
    pub(crate) sync_state: SyncState,
    /// What both sides of the workspace last agreed on.
    pub(crate) agreed: Listing,
    /// Whether there is a sync state of the workspace, even an empty one.
    pub(crate) has_agreement: bool,
    pushed: Option<Listing>,
    /// Whether the base is another folder than the one of the last transfer.
    has_other_base: bool,
    /// Code that a failed push may have sent, or that was pushed and no longer exists locally.
    sent_once: Listing,
    /// Code that was pushed once and no longer exists locally.
    pub(crate) gone: Listing,
    /// The entries of `pushed` and of `sent_once` that exist locally and aren't code now, because they are ignored or
    /// can't be read.
    still_pushed: Listing,
    still_sent_once: Listing,
    pub(crate) skipped: LocallySkipped,
    selection: Selection,
    /// The links of the workspace that are sent as their targets.
    pub(crate) followed: Vec<PathBuf>,
    /// The remote links of the workspace that this push replaces by folders.
    pub(crate) replaced_links: Listing,
    /// The places in the base that are or were a workspace, and aren't declared to be code.
    pub(crate) workspaces: Vec<PathBuf>,
    /// Entries of the workspace that were sent or fetched once, are ignored now, and have changed locally since.
    pub(crate) ignored_changes: Vec<PathBuf>,
}

/// Lists the workspace, with what is below the user's own links, and returns these links too. What isn't sent is noted
/// in `skipped`.
fn workspace(
    layout: &Layout,
    boundary: &Boundary,
    skipped: &LocallySkipped,
) -> Result<(Listing, Vec<PathBuf>)> {
    let ignored = Ignored::of_workspace(layout, boundary);
    let skip = |path: &Path, found: Found| {
        Ok(skipped.note_if_ignored(&ignored, path, found.is_folder)?
            || skipped.is_unreadable(&layout.workspace, path, found))
    };
    let top = &layout.workspace;
    let mut listing = Listing::of_folder(top, &skip)?;
    // A pull that was cut off has left them, and the next one continues with them.
    let partial = &mut Vec::new();
    let followed = follow_own_links(&mut listing, top, boundary, &|_, _| true, &skip, partial)?;
    Ok((listing, followed))
}

/// The ignored entries that both sides agreed on before and that have changed locally since: the remote has them as
/// they were. `workspace` is the listing without ignored entries.
fn ignored_changes(
    layout: &Layout,
    boundary: &Boundary,
    sync_state: &SyncState,
    workspace: &Listing,
    agreed: &Listing,
) -> Result<Vec<PathBuf>> {
    let ignored = Ignored::of_workspace(layout, boundary);
    let mut now = Listing::default();
    for (path, _) in agreed.without(workspace).iter() {
        if ignored.matches(path, false)? {
            now.extend(Entry::look(&layout.workspace.join(path))?.map(|entry| (path, entry)));
        }
    }
    let now = sync_state.local_as_agreed(&layout.workspace, now, agreed)?;
    let is_changed =
        |path: &Path, now: &Entry| agreed.get(path).is_some_and(|then| !then.same_content(now));
    Ok(now.filter(is_changed).iter().map(|(path, _)| path.to_owned()).collect())
}

impl Local {
    /// Lists code and workspace, without the files in `own`, which are never sent. `as_code` is a former workspace that
    /// is code now.
    pub(crate) fn look(
        layout: &Layout,
        boundary: &Boundary,
        sync_state: SyncState,
        as_code: Option<&Path>,
        selection: &Selection,
        own: &OwnFiles,
        report: Report,
    ) -> Result<Self> {
        let skipped = LocallySkipped::default();
        // Read before any other listing: local and remote have mostly the same entries, in this order.
        let agreed = sync_state.agreed_if_any()?;
        let mut former = sync_state.workspaces()?;
        former.retain(|place| as_code != Some(place));
        let mut workspaces = layout.workspaces();
        workspaces.extend(former.iter().cloned());
        let mut code = code::listing(layout, boundary, &workspaces, &skipped)?;
        let pushed = sync_state.code()?;
        own.take_from_code(&mut code, &layout.base, pushed.as_ref(), report);
        let (mut workspace, followed) = workspace(layout, boundary, &skipped)?;
        skipped.note(&layout.base, &code);
        skipped.note(&layout.workspace, &workspace);
        own.take_from_workspace(&mut workspace, &layout.workspace, agreed.as_ref(), report);
        let sent_once = sync_state.gone()?;
        let has_other_base = sync_state.has_other_base()?;
        let mut once = sent_once.clone();
        once.extend(pushed.iter().flat_map(Listing::iter));
        let mut ignored_changes = Vec::new();
        if let Some(agreed) = &agreed {
            workspace = sync_state.local_as_agreed(&layout.workspace, workspace, agreed)?;
            ignored_changes =
                self::ignored_changes(layout, boundary, &sync_state, &workspace, agreed)?;
        }
        let gone = gone::gone(layout, &once, &code, &workspaces);
        let is_skipped = |path: &Path| {
            code.get(path).is_none_or(|now| now.kind == EntryKind::Unreadable)
                && gone.get(path).is_none()
                && !workspaces.iter().any(|place| path.starts_with(place))
        };
        let skipped_of = |listing: &Listing| listing.filter(|path, _| is_skipped(path));
        Ok(Self {
            still_pushed: pushed.as_ref().map(skipped_of).unwrap_or_default(),
            still_sent_once: skipped_of(&sent_once),
            gone,
            ignored_changes,
            code,
            selection: selection.along_links(&workspace),
            workspace,
            followed,
            replaced_links: Listing::default(),
            workspaces: former,
            skipped,
            has_agreement: agreed.is_some(),
            agreed: agreed.unwrap_or_default(),
            pushed,
            has_other_base,
            sent_once,
            sync_state,
        })
    }

    /// What both sides last agreed on, given the listing of the remote workspace. What an earlier push that was cut off
    /// has sent counts.
    pub(crate) fn settled(&mut self, remote: &Listing, sides: &Sides) -> Outcome<Agreed> {
        let agreed = mem::take(&mut self.agreed);
        self.sync_state.settled(agreed, &self.workspace, remote, &|direction, listing, exact| {
            sides.unrounded_receiver(direction, listing, exact)
        })
    }

    /// Removes from the code what is in `places`, which the remote knows as present or former workspaces, and remembers
    /// these places.
    pub(crate) fn exclude_workspaces(&mut self, places: &[PathBuf]) -> Result<()> {
        self.sync_state.add_workspaces(places)?;
        let is_new = |place: &&PathBuf| !self.workspaces.contains(place);
        let new: Vec<_> = places.iter().filter(is_new).cloned().collect();
        self.workspaces.extend(new);
        let is_code = |path: &Path| !places.iter().any(|place| path.starts_with(place));
        self.code.retain(|path, _| is_code(path));
        for listing in [&mut self.gone, &mut self.still_pushed, &mut self.still_sent_once] {
            listing.retain(|path, _| is_code(path));
        }
        Ok(())
    }

    /// Leaves these entries of the code, with everything below them, as they are on the remote, where it has `remote`.
    pub(crate) fn skip_code(&mut self, skipped: &[PathBuf], remote: &Listing) {
        let skipped: HashSet<&Path> = skipped.iter().map(PathBuf::as_path).collect();
        let is_skipped = |path: &Path| path.ancestors().any(|at| skipped.contains(at));
        self.code.retain(|path, _| !is_skipped(path));
        // What an earlier push has sent of them is still there, and still this machine's.
        let is_as_pushed = |path: &Path, entry: &Entry| {
            is_skipped(path) && remote.get(path).is_some_and(|remote| remote.same(entry))
        };
        let before = self.pushed.as_ref().map(|pushed| pushed.filter(is_as_pushed));
        self.code.merge(&before.unwrap_or_default());
    }

    /// The code that this machine may have sent to a place: by an earlier push, one that was cut off, or this one.
    pub(crate) fn once_sent_to(&self, place: &Path) -> Vec<Entry> {
        let sent = [self.pushed.as_ref(), Some(&self.sent_once), Some(&self.code)];
        let sent = sent.into_iter().flatten().filter_map(|sent| sent.get(place));
        let now = self.code.get(place);
        let is_own = |sent: &Entry| {
            // In another folder an older file can't be the one that was sent from the former folder.
            !self.has_other_base || now.as_ref().is_some_and(|now| now.modified >= sent.modified)
        };
        sent.filter(is_own).collect()
    }

    /// The code that was pushed last.
    pub(crate) fn pushed(&self) -> Option<&Listing> {
        self.pushed.as_ref()
    }

    /// The entries of the workspace that are selected.
    pub(crate) fn selected(&self) -> Cow<'_, Listing> {
        self.selection.of_listing(&self.workspace)
    }

    /// Returns whether a push would have nothing to send.
    pub(crate) fn is_unchanged(&self) -> bool {
        let code_is_known =
            self.pushed.as_ref().is_some_and(|pushed| pushed.same(&self.pushed_now(&[])));
        let agreed = &self.agreed;
        code_is_known
            && !self.sync_state.was_cut_off()
            && self
                .selected()
                .iter()
                .all(|(path, entry)| agreed.get(path).is_some_and(|agreed| agreed.same(&entry)))
    }

    /// Plans the transfer of the workspace, given its remote listing and what both sides agree on. Entries outside the
    /// selection keep their place in the sync state.
    pub(crate) fn plan(&self, remote: &Listing, agreed: &Listing, overwrite: bool) -> Plan {
        let selected = self.selection.with_folders_above(&self.workspace);
        let mut plan = Plan::new(TransferDirection::Up, &selected, remote, agreed, overwrite);
        plan.will_agree.extend(agreed.iter().filter(|(path, _)| !self.selection.includes(path)));
        plan.forgotten.retain(|path, _| self.selection.includes(path));
        // `skipped` has them already, together with those of the code, and names them even if the remote isn't
        // contacted.
        plan.skipped.retain(|skipped| skipped.why != Skipped::Unreadable);
        plan
    }

    /// The code that differs from what was last pushed.
    pub(crate) fn changed_code(&self) -> Listing {
        let pushed = |path: &Path| self.pushed.as_ref()?.get(path);
        self.code
            .filter(|path, entry| !pushed(path).is_some_and(|pushed| pushed.same_content(entry)))
    }

    /// Code that may be on the remote once this push has begun, however it ends: that of earlier pushes, and what is
    /// sent now.
    pub(crate) fn once_sent(&self) -> Listing {
        let mut once = self.gone.clone();
        once.extend(self.still_sent_once.iter());
        once.extend(self.changed_code().iter());
        once
    }

    /// The remote code after this push, except for what is `unconfirmed`. What is skipped is as it was.
    pub(crate) fn pushed_now(&self, unconfirmed: &[AgreedEntry]) -> Listing {
        let mut code = self.code.filter(|_, entry| entry.kind != EntryKind::Unreadable);
        code.extend(self.still_pushed.iter());
        let unconfirmed: HashSet<&Path> = unconfirmed.iter().map(|one| one.path()).collect();
        code.retain(|path, _| !unconfirmed.contains(path));
        code
    }

    /// The devices, sockets and pipes among the code.
    pub(crate) fn special_code(&self) -> impl Iterator<Item = PathBuf> {
        let special = self.code.iter().filter(|(_, entry)| entry.kind == EntryKind::Other);
        special.map(|(path, _)| path.to_owned())
    }

    /// Code that was pushed once and may still exist on the remote: what no longer exists locally, unless this push has
    /// deleted it, and what the remote has in the places of the `unconfirmed` entries, from this machine or from
    /// before. From this the next push knows which of its backups contain somebody else's work.
    pub(crate) fn still_gone(&self, was_deleted: bool, unconfirmed: &[AgreedEntry]) -> Listing {
        let mut gone = self.still_sent_once.clone();
        if !was_deleted {
            gone.extend(self.gone.iter());
        }
        let before = |path: &Path| self.pushed.as_ref()?.get(path);
        let on_remote =
            |one: &AgreedEntry| Some((one.path(), one.entry().or_else(|| before(one.path()))?));
        gone.extend(unconfirmed.iter().filter_map(on_remote));
        gone
    }

    /// Links that were pushed and are folders locally now.
    pub(crate) fn old_links(&self) -> Listing {
        let is_folder = |path: &Path| self.code.get(path).is_some_and(|now| now.is_folder());
        let pushed = self.pushed.as_ref();
        pushed
            .map(|pushed| {
                pushed.filter(|path, entry| entry.kind == EntryKind::Link && is_folder(path))
            })
            .unwrap_or_default()
    }

    /// Removes from the remote listing the links that both sides agreed on and that are folders locally now, so that
    /// the plan sends the folders; notes these links. rsync replaces no link by a folder, it would write through it.
    pub(crate) fn replace_links(&mut self, remote: &mut Listing, agreed: &Listing) {
        let is_agreed = |path: &Path, link: &Entry| {
            link.kind == EntryKind::Link
                && agreed.get(path).is_some_and(|agreed| agreed.same_content(link))
        };
        let is_folder = |path: &Path| self.workspace.get(path).is_some_and(|now| now.is_folder());
        let is_replaced = |path: &Path, entry: &Entry| {
            is_agreed(path, entry) && is_folder(path) && self.selection.includes(path)
        };
        self.replaced_links = remote.filter(is_replaced);
        if !self.replaced_links.is_empty() {
            // What was listed along such a link, too.
            let is_along = |path: &Path| self.replaced_links.get(path).is_some();
            remote.retain(|path, _| !path.ancestors().any(is_along));
        }
    }

    /// Returns whether this machine ever pushed the cube.
    pub(crate) fn was_pushed(&self) -> bool {
        self.pushed.is_some()
    }

    /// Returns whether anything that the image is built from has changed since it was last built.
    pub(crate) fn context_changed(&self, layout: &Layout) -> bool {
        let now = self.pushed_now(&[]).below(layout.build_context());
        !matches!(self.sync_state.configured(), Ok(Some(built)) if built.same(&now))
    }
}
