//! False conflicts: files that differ only in their times.

use std::collections::HashSet;
use std::path::PathBuf;

use crate::listing::Listing;
use crate::pipe::failure::Outcome;
use crate::sync::direction::TransferDirection;
use crate::sync::plan::Plan;
use crate::sync::state::SyncState;
use crate::sync::state::compared::VersionPairs;

/// The listings that a plan was made of.
#[derive(Clone, Copy, Debug)]
pub struct SideListings<'a> {
    /// The direction of the transfer.
    pub direction: TransferDirection,
    /// The local workspace.
    pub local: &'a Listing,
    /// The remote workspace.
    pub remote: &'a Listing,
    /// What both sides last agreed on.
    pub agreed: &'a Listing,
}

impl SyncState {
    /// Agrees on the conflicts of a plan whose contents are the same. `compare` returns the names of those files that
    /// differ; `None` if they couldn't be compared: then they stay conflicts. What was compared once and hasn't changed
    /// since isn't compared again.
    ///
    /// # Errors
    /// The errors of `compare`, and when the sync state can't be read or written.
    pub fn agree_on_same_contents(
        &self,
        plan: &mut Plan,
        listings: &SideListings,
        compare: impl FnOnce(&Plan, &Listing) -> Outcome<Option<HashSet<PathBuf>>>,
    ) -> Outcome<()> {
        let SideListings { direction, local, remote, agreed } = *listings;
        let mut files = plan.kept_of_equal_size(direction, local, remote, agreed);
        if files.is_empty() {
            return Ok(());
        }
        let known = self.differing()?;
        let is_known = |path: &_| {
            local.get(path).zip(remote.get(path)).is_some_and(|(l, r)| known.has(path, &l, &r))
        };
        files.retain(|path, _| !is_known(path));
        if files.is_empty() {
            return Ok(());
        }
        let Some(names) = compare(plan, &files)? else { return Ok(()) };
        let same = files.filter(|path, _| !names.contains(path));
        let differing = files.filter(|path, _| names.contains(path));
        let pairs = |files| VersionPairs::of(files, local, remote);
        self.add_compared(&pairs(&same), &pairs(&differing))?;
        plan.agree_on(&same);
        Ok(())
    }
}
