//! What both sides of a workspace agree on. The sync state accepts only values of these types, and they are made only
//! by a comparison of both sides: the listing of one side is no agreement.

use std::mem;
use std::ops::Deref;
use std::path::Path;

use crate::listing::Listing;
use crate::listing::entry::Entry;
use crate::sync::plan::{Plan, TransferDirection};

/// A path, and the entry that both sides agree on at it.
pub type Common = (&'static Path, Option<Entry>);

/// The entries that both sides were seen to agree on.
#[derive(Clone, Debug, Default)]
pub struct Agreed(Listing);

impl Agreed {
    /// The agreement that the listings of both sides show.
    pub(super) fn of_both_sides(common: Listing) -> Self {
        Self(common)
    }

    /// The empty agreement, after everything was removed on one side.
    #[must_use]
    pub fn nothing() -> Self {
        Self::default()
    }
}

impl Deref for Agreed {
    type Target = Listing;

    fn deref(&self) -> &Listing {
        &self.0
    }
}

impl Plan {
    /// Takes the entries that both sides agree on; `None` while anything has to move.
    pub fn take_agreed(&mut self) -> Option<Agreed> {
        self.is_empty().then(|| Agreed(mem::take(&mut self.common)))
    }
}

/// What both sides agree on after a transfer, according to the sender's listing before it and the receiver's listing
/// after it: the plan that was noted at its beginning, with exceptions for some paths.
#[derive(Clone, Debug)]
pub struct Confirmed {
    pub(super) direction: TransferDirection,
    /// Entries that were written during the transfer, or that it didn't put in their places.
    pub(super) otherwise: Vec<Common>,
    /// Entries for which the previous agreement still holds.
    pub(super) as_before: Vec<Common>,
}

impl Confirmed {
    /// The entries that weren't found as planned.
    #[must_use]
    pub fn otherwise(&self) -> &[Common] {
        &self.otherwise
    }

    pub(super) fn others(&self) -> impl Iterator<Item = &Common> {
        self.otherwise.iter().chain(&self.as_before)
    }
}
