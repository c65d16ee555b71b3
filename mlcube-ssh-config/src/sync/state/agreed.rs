//! What both sides of a workspace agree on. The sync state accepts only values of these types, and they are made only
//! by a comparison of both sides: the listing of one side isn't an agreement.

use std::collections::HashSet;
use std::mem;
use std::ops::Deref;
use std::path::Path;

use crate::listing::Listing;
use crate::listing::entry::Entry;
use crate::listing::packed_entry::PackedEntry;
use crate::sync::direction::TransferDirection;
use crate::sync::plan::Plan;

/// A path, and the entry that both sides agree on at it, in few bytes: there may be a million.
#[derive(Clone, Copy, Debug)]
pub struct AgreedEntry {
    path: &'static Path,
    entry: Option<PackedEntry>,
}

impl AgreedEntry {
    /// A path at which they agree on nothing.
    #[must_use]
    pub fn nothing_at(path: &'static Path) -> Self {
        Self { path, entry: None }
    }

    /// A path at which they agree on what a listing has there.
    pub(super) fn of(path: &'static Path, listing: &Listing) -> Self {
        Self { path, entry: listing.find_packed(path) }
    }

    /// The path.
    #[must_use]
    pub fn path(self) -> &'static Path {
        self.path
    }

    /// The entry; `None` if they agree on nothing.
    #[must_use]
    pub fn entry(self) -> Option<Entry> {
        self.entry.map(PackedEntry::entry)
    }
}

/// The entries that both sides were seen to agree on.
#[derive(Clone, Debug, Default)]
pub struct Agreed {
    listing: Listing,
    /// The entries that were in the agreement before, or may have been, and aren't any more.
    forgotten: Listing,
}

impl Agreed {
    /// The agreement that the listings of both sides show.
    pub(super) fn of_both_sides(listing: Listing) -> Self {
        Self { listing, forgotten: Listing::default() }
    }

    /// The same, which no longer has `forgotten`.
    pub(super) fn without(self, forgotten: Listing) -> Self {
        Self { forgotten, ..self }
    }

    /// Takes what both sides agree on at some paths, each of which is named once, in place of what was agreed on there.
    pub(super) fn replace(&mut self, others: &[AgreedEntry]) {
        // In one pass: there may be a million.
        let gone = others.iter().filter(|other| other.entry.is_none());
        let gone: HashSet<&Path> = gone.map(|other| other.path).collect();
        self.forget(&self.listing.filter(|path, _| gone.contains(path)));
        self.listing.add(others.iter().filter_map(|other| other.entry));
    }

    /// Takes entries out of it.
    pub(super) fn forget(&mut self, entries: &Listing) {
        self.listing.retain(|path, _| entries.get(path).is_none());
        self.forgotten.merge(entries);
    }

    pub(super) fn forgotten(&self) -> &Listing {
        &self.forgotten
    }

    /// Takes the entries that both sides agree on according to a plan; `None` while anything has to move.
    pub fn of_plan(plan: &mut Plan) -> Option<Self> {
        if !plan.is_empty() {
            return None;
        }
        let (listing, forgotten) =
            (mem::take(&mut plan.will_agree), mem::take(&mut plan.forgotten));
        Some(Self { listing, forgotten })
    }

    /// The empty agreement, after all that was agreed on `before` was removed on one side.
    #[must_use]
    pub fn nothing(before: Listing) -> Self {
        Self { listing: Listing::default(), forgotten: before }
    }
}

impl Deref for Agreed {
    type Target = Listing;

    fn deref(&self) -> &Listing {
        &self.listing
    }
}

/// What both sides agree on after a transfer, according to the sender's listing before it and the receiver's listing
/// after it: the plan that was noted at its beginning, with exceptions for some paths.
#[derive(Clone, Debug)]
pub struct Confirmed {
    pub(super) direction: TransferDirection,
    /// Entries that were written during the transfer, or that it didn't put in their places.
    pub(super) otherwise: Vec<AgreedEntry>,
    /// Entries for which the previous agreement still holds.
    pub(super) as_before: Vec<AgreedEntry>,
    /// Those of `otherwise` that the receiver has neither as planned nor as the sender has them now.
    pub(super) missing: Vec<&'static Path>,
    /// Files and folders that the sender has replaced by something else, and the receiver doesn't have.
    pub(super) exchanged: Vec<&'static Path>,
}

impl Confirmed {
    /// Nothing was found otherwise than planned.
    pub(super) fn as_planned(direction: TransferDirection) -> Self {
        let (otherwise, as_before) = (Vec::new(), Vec::new());
        Self { direction, otherwise, as_before, missing: Vec::new(), exchanged: Vec::new() }
    }

    /// Adds an entry that the receiver doesn't have as the sender has it; both sides agree on what they did before.
    pub(super) fn add_missing(&mut self, agreed: AgreedEntry) {
        self.otherwise.push(agreed);
        self.missing.push(agreed.path);
    }

    /// The entries that weren't found as planned.
    #[must_use]
    pub fn otherwise(&self) -> &[AgreedEntry] {
        &self.otherwise
    }

    /// The entries that the receiver has neither as planned nor as the sender has them now.
    #[must_use]
    pub fn missing(&self) -> &[&'static Path] {
        &self.missing
    }

    /// Files and folders that weren't sent, because the sender had something else in their places by then.
    #[must_use]
    pub fn exchanged(&self) -> &[&'static Path] {
        &self.exchanged
    }
}
