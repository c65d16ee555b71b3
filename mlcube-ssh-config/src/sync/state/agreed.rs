//! What both sides of a workspace agree on. The record takes nothing else for it than values of these types, and only a look at
//! both sides makes one: a list is no agreement.

use std::mem;
use std::ops::Deref;
use std::path::Path;

use crate::listing::Listing;
use crate::listing::entry::Entry;
use crate::sync::plan::{Plan, TransferDirection};

/// A path, and what both sides have in common there.
pub type Common = (&'static Path, Option<Entry>);

/// What both sides were seen to have in common.
#[derive(Clone, Debug, Default)]
pub struct Agreed(Listing);

impl Agreed {
    /// What lists of both sides show.
    pub(super) fn of_both_sides(common: Listing) -> Self {
        Self(common)
    }

    /// Nothing: all was removed on one side.
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
    /// Takes what both sides have in common; none while anything has to move.
    pub fn take_agreed(&mut self) -> Option<Agreed> {
        self.is_empty().then(|| Agreed(mem::take(&mut self.common)))
    }
}

/// What both sides have in common after a transfer, by the sender's list before it and the receiver's after it: what was noted
/// when it began, but for some paths.
#[derive(Clone, Debug)]
pub struct Confirmed {
    pub(super) direction: TransferDirection,
    /// Entries that were written while the transfer went on, or that it didn't put in their places.
    pub(super) otherwise: Vec<Common>,
    /// Entries about which nothing was agreed anew.
    pub(super) as_before: Vec<Common>,
}

impl Confirmed {
    /// The entries that weren't found as they were planned.
    #[must_use]
    pub fn otherwise(&self) -> &[Common] {
        &self.otherwise
    }

    pub(super) fn others(&self) -> impl Iterator<Item = &Common> {
        self.otherwise.iter().chain(&self.as_before)
    }
}
