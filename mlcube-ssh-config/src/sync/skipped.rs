//! Entries that a transfer skips: why, and the lines that name them.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use anyhow::{Error, anyhow};

use crate::listing::Unreadable;
use crate::listing::packed_entry::PackedEntry;
use crate::settings::names::Host;
use crate::sync::direction::TransferDirection;
use crate::ui::names::{Names, others, shown};

/// A skipped entry, and why, in eight bytes: a host may list a million of them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SkippedEntry {
    entry: PackedEntry,
    /// Why it is skipped.
    pub why: Skipped,
}

impl SkippedEntry {
    /// Makes one of a path.
    #[must_use]
    pub fn new(path: &Path, why: Skipped) -> Self {
        Self { entry: PackedEntry::of_path(path), why }
    }

    /// Makes one of an entry that is listed.
    pub(crate) fn listed(entry: PackedEntry, why: Skipped) -> Self {
        Self { entry, why }
    }

    /// The path.
    #[must_use]
    pub fn path(self) -> &'static Path {
        self.entry.path()
    }

    /// Why it can't be read, if that is why it is skipped.
    #[must_use]
    pub fn unreadable(self) -> Option<Unreadable> {
        (self.why == Skipped::Unreadable).then(|| Unreadable::of(self.entry.target()))
    }

    /// The end of the line that names it.
    fn reason(self, direction: TransferDirection, host: &Host) -> String {
        match self.unreadable() {
            Some(Unreadable::Owner(owner)) => format!("it belongs to {owner} on '{host}'"),
            Some(Unreadable::Reason(reason)) => format!("'{host}' can't read it ({reason})"),
            None => self.why.text(direction, host),
        }
    }
}

impl fmt::Debug for SkippedEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {:?}", self.path(), self.why)
    }
}

/// Why an entry is skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Skipped {
    /// The remote has a link in the place of the folder, and the link isn't known to be the user's.
    RemoteLink,
    /// Locally it is a link to a folder that isn't followed; on the remote it is a folder.
    OwnLink,
    /// It is a folder on one side, and something else on the other.
    OtherKind,
    /// Nobody knows what the folder contains on the receiver, which can't read it.
    Closed,
    /// The receiver's file system can't store the name, or confuses it with the name of another entry.
    Unheld,
    /// A folder of the receiver isn't writable.
    Unwritable,
    /// It is a device, a socket or a pipe.
    Special,
    /// It is a link of the remote that leads out of the workspace.
    LeadsOut,
    /// It is a link of the remote to a reserved name: the next transfer would write through it.
    ReservedLink,
    /// It is a folder of the remote whose name is reserved.
    Reserved,
    /// The sender can't read it.
    Unreadable,
    /// It is a link of the remote that leads out, that a push sent, and that no longer exists locally.
    SentLink,
}

impl Skipped {
    /// Returns whether both sides have an entry in this place, and not of the same kind.
    #[must_use]
    pub fn is_other_kind(&self) -> bool {
        matches!(self, Self::RemoteLink | Self::OwnLink | Self::OtherKind)
    }

    /// Returns whether everything below the entry is skipped with it, although the sender lists it.
    pub(crate) fn takes_all_below(self) -> bool {
        self.is_other_kind() || matches!(self, Self::Closed | Self::Unheld)
    }

    /// Returns whether the user is told. A link that the user has removed is no news.
    #[must_use]
    pub fn is_named(&self) -> bool {
        *self != Self::SentLink
    }

    /// Why the receiver can't store the entry, [`Self::Unheld`] or [`Self::Unwritable`]; `of_receiver` calls a thing the
    /// receiver's.
    pub(crate) fn why_not_stored(self, of_receiver: impl Fn(&str) -> String) -> String {
        if self == Self::Unwritable {
            return format!("its {}, or one above it, isn't writable", of_receiver("folder"));
        }
        let disk = of_receiver("file system");
        format!("the {disk} can't store the name, or confuses it with another one")
    }

    /// The end of the line that names a skipped entry.
    fn text(self, direction: TransferDirection, host: &Host) -> String {
        let (is_up, host) = (direction == TransferDirection::Up, format!("'{host}'"));
        let receiver = |of: &str| {
            if is_up { format!("{of} on {host}") } else { format!("local {of}") }
        };
        match self {
            Self::RemoteLink => format!("on {host} it is a link that isn't known to be yours"),
            Self::OwnLink if is_up => {
                format!("locally it is a link that isn't followed, on {host} a folder")
            }
            Self::OwnLink => {
                "locally it is a link out of the workspace, and a pull doesn't write through it"
                    .to_owned()
            }
            Self::OtherKind => format!(
                "it is a folder locally or on {host}, but not both; move one of the two away"
            ),
            Self::Closed => format!("the {} can't be read", receiver("folder")),
            Self::Unheld | Self::Unwritable => self.why_not_stored(receiver),
            Self::Special => "a device, a socket or a pipe".to_owned(),
            Self::LeadsOut | Self::SentLink => {
                format!("on {host} it is a link out of the workspace")
            }
            Self::ReservedLink => {
                format!("on {host} it is a link to what is never fetched, by its name")
            }
            Self::Reserved => {
                "nothing in a folder of this name is fetched; a job has to write elsewhere"
                    .to_owned()
            }
            Self::Unreadable => "it can't be read".to_owned(),
        }
    }
}

/// Names skipped entries, those with the same reason together.
pub fn name(
    names: &Names,
    skipped: &(impl Iterator<Item = SkippedEntry> + Clone),
    direction: TransferDirection,
    host: &Host,
) {
    let reasons: BTreeSet<_> =
        skipped.clone().map(|one| one.why).filter(Skipped::is_named).collect();
    for why in reasons {
        let below = if why.is_other_kind() || matches!(why, Skipped::Closed | Skipped::Reserved) {
            " and everything below it"
        } else {
            ""
        };
        names.each(skipped.clone().filter(|one| one.why == why), |one| {
            format!("skipped {}{below}: {}", shown(one.path()), one.reason(direction, host))
        });
    }
}

/// Names what rsync left out: the receiver was looked at, because rsync names files as it sees them, for instance by
/// temporary names.
pub fn name_missing(names: &Names, missing: &[&Path], direction: TransferDirection, host: &Host) {
    let version = match direction {
        TransferDirection::Up => format!("'{host}' doesn't have the local version"),
        TransferDirection::Down => format!("the version of '{host}' isn't in its place"),
    };
    names.each(missing, |path| format!("skipped {}: {version}", shown(path)));
}

/// Returns the error about `all` entries of another kind, of which `first` is one.
#[must_use]
pub fn of_another_kind(first: &Path, all: usize, host: &Host) -> Error {
    anyhow!(
        "skipped '{}'{}: a folder locally or on '{host}', but not both; the rest was done",
        shown(first),
        others(all)
    )
}
