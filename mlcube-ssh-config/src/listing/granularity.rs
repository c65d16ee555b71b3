//! How finely a file system stores times, and whether it stores permissions: FAT stores even seconds and no
//! permissions, SMB tenths of a microsecond. A difference that is due to this isn't a change that somebody made.
//!
//! Nobody guesses it from the times of files, which anybody can set: a file with an odd time is made on the file system
//! and looked at.

use std::fmt;

use crate::listing::entry::{Entry, EntryKind};

/// One second in nanoseconds.
const SECOND: i128 = 1_000_000_000;

/// The steps in which file systems store times, in nanoseconds, from FAT's to those of ext4 and similar ones.
const STEPS: [i128; 7] = [2 * SECOND, SECOND, 10_000_000, 1_000_000, 1000, 100, 1];

/// The time and the permissions of the file that is made. None of the steps but the last divides this time.
pub(crate) const TRIED_TIME: (i64, u32) = (1_000_000_001, 123_456_789);
pub(crate) const TRIED_MODE: u32 = 0o640;

/// How a file system stores times and permissions. A coarser one is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Granularity {
    /// The step in which it stores times, in nanoseconds.
    step: i128,
    /// Whether it stores a time between two steps as the later one.
    rounds_up: bool,
    loses_modes: bool,
}

impl Granularity {
    /// The granularity of a file system that stores all times and permissions.
    pub(crate) const EXACT: Self = Self { step: 1, rounds_up: false, loses_modes: false };

    /// Finds it from the probe file as the file system shows it; `None` if the time isn't near the one that the file
    /// was given.
    pub(crate) fn of_tried(shown: &Entry) -> Option<Self> {
        let (shown_time, tried) = (nanoseconds(shown.modified), nanoseconds(TRIED_TIME));
        let is_step = |step: &i128| shown_time % step == 0 && (shown_time - tried).abs() < *step;
        let step = STEPS.into_iter().find(is_step)?;
        let loses_modes = shown.permissions() & 0o777 != TRIED_MODE;
        Some(Self { step, rounds_up: shown_time > tried, loses_modes })
    }

    /// Parses its text form; `None` if that is damaged.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let step = words.next()?.parse().ok().filter(|step| STEPS.contains(step))?;
        let mut is = |yes, no| match words.next()? {
            word if word == yes => Some(true),
            word if word == no => Some(false),
            _ => None,
        };
        Some(Self { step, rounds_up: is("up", "down")?, loses_modes: is("no-modes", "modes")? })
    }

    /// Returns whether it stores permissions.
    #[must_use]
    pub fn keeps_modes(self) -> bool {
        !self.loses_modes
    }

    /// The entry `exact` as the file system shows it; its permissions are left as they are.
    #[must_use]
    pub fn rounded(self, exact: &Entry) -> Entry {
        let time = nanoseconds(exact.modified);
        let down = time.div_euclid(self.step) * self.step;
        let time = if self.rounds_up && down != time { down + self.step } else { down };
        Entry { modified: split(time).unwrap_or(exact.modified), ..exact.clone() }
    }

    /// The entry `exact`, if the file system shows it as `shown`; with the permissions of `shown` if it stores them.
    pub(crate) fn exact_of(self, shown: &Entry, exact: &Entry) -> Option<Entry> {
        let is_shown = self.rounded(exact).same_content(shown);
        let permissions = if self.loses_modes { exact } else { shown }.permissions();
        let mode = shown.mode & !0o7777 | permissions;
        is_shown.then(|| Entry { mode, modified: exact.modified, ..shown.clone() })
    }
}

impl fmt::Display for Granularity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let up = if self.rounds_up { "up" } else { "down" };
        let modes = if self.loses_modes { "no-modes" } else { "modes" };
        write!(f, "{} {up} {modes}", self.step)
    }
}

/// Returns whether some file system shows the entry `exact` as `shown`, which differs from it.
pub(crate) fn may_be_shown(exact: &Entry, shown: &Entry) -> bool {
    if !matches!(shown.kind, EntryKind::File | EntryKind::Folder) {
        return false;
    }
    shown.same_content(exact) && !shown.same_permissions(exact) || may_be_rounded(exact, shown)
}

/// Returns whether some file system shows the time of the file `exact` as that of `shown`, which is another one.
#[must_use]
pub fn may_be_rounded(exact: &Entry, shown: &Entry) -> bool {
    let (exact_time, shown_time) = (nanoseconds(exact.modified), nanoseconds(shown.modified));
    let is_step = |step: &i128| shown_time % step == 0 && (shown_time - exact_time).abs() < *step;
    shown.is_file()
        && exact.is_file()
        && shown.size == exact.size
        && shown_time != exact_time
        && STEPS.iter().any(is_step)
}

fn nanoseconds((seconds, nanoseconds): (i64, u32)) -> i128 {
    i128::from(seconds) * SECOND + i128::from(nanoseconds)
}

/// The seconds and nanoseconds of a time; `None` if they don't fit, which times of file systems always do.
fn split(time: i128) -> Option<(i64, u32)> {
    let (seconds, nanoseconds) = (time.div_euclid(SECOND), time.rem_euclid(SECOND));
    Some((seconds.try_into().ok()?, nanoseconds.try_into().ok()?))
}
