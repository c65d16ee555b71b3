//! How finely a file system stores times, found from its listing: FAT stores even seconds, SMB tenths of a microsecond.
//! A difference due to such rounding isn't a change that somebody made.

use std::borrow::Cow;

use crate::listing::Listing;
use crate::listing::entry::{Entry, EntryKind};

/// One second in nanoseconds.
const SECOND: i128 = 1_000_000_000;

/// The steps in which file systems store times, in nanoseconds, from FAT's to those of ext4 and similar ones.
const STEPS: [i128; 7] = [2 * SECOND, SECOND, 10_000_000, 1_000_000, 1000, 100, 1];

/// From this step on it is FAT or exFAT, which store no permissions either.
const WITHOUT_MODES: i128 = 10_000_000;

/// The step in which a file system stores times, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Granularity {
    step: i128,
    /// Whether all files have the same permissions.
    is_of_one_mode: bool,
}

impl Granularity {
    /// Finds the largest of the known steps that divides all times of the files in a listing.
    #[must_use]
    pub fn of(listing: &Listing) -> Self {
        let mut steps = STEPS.as_slice();
        let (mut mode, mut is_of_one_mode) = (None, true);
        for (_, entry) in listing.iter().filter(|(_, entry)| entry.is_file()) {
            while let [step, finer @ ..] = steps
                && !finer.is_empty()
                && nanoseconds(&entry) % step != 0
            {
                steps = finer;
            }
            is_of_one_mode &= *mode.get_or_insert(entry.permissions()) == entry.permissions();
            if steps.len() == 1 {
                break;
            }
        }
        Self { step: steps.first().copied().unwrap_or(1), is_of_one_mode }
    }

    /// Returns whether a file system with this step shows the entry `exact` as `shown`.
    #[must_use]
    pub fn shows(self, shown: &Entry, exact: &Entry) -> bool {
        if shown.same_content(exact) {
            return true;
        }
        let off = (nanoseconds(shown) - nanoseconds(exact)).abs();
        let is_file = [shown, exact].iter().all(|entry| entry.kind == EntryKind::File);
        is_file
            && shown.size == exact.size
            && off < self.step
            && nanoseconds(exact) % self.step != 0
    }

    fn keeps_modes(self) -> bool {
        self.step < WITHOUT_MODES || !self.is_of_one_mode
    }
}

fn nanoseconds(entry: &Entry) -> i128 {
    i128::from(entry.modified.0) * SECOND + i128::from(entry.modified.1)
}

impl Listing {
    /// Replaces rounded entries with the exact ones in `common`, on which both sides agreed.
    #[must_use]
    pub fn unrounded(&self, common: &Self) -> Cow<'_, Self> {
        let granularity = Granularity::of(self);
        if granularity.step == 1 {
            return Cow::Borrowed(self);
        }
        let exact = |(path, shown): (_, Entry)| {
            let exact = common.get(path).filter(|exact| granularity.shows(&shown, exact))?;
            let permissions =
                if granularity.keeps_modes() { shown.permissions() } else { exact.permissions() };
            let mode = shown.mode & !0o7777 | permissions;
            (!shown.same(&exact))
                .then_some((path, Entry { mode, modified: exact.modified, ..shown }))
        };
        let exact: Vec<_> = self.iter().filter_map(exact).collect();
        if exact.is_empty() {
            return Cow::Borrowed(self);
        }
        let mut listing = self.clone();
        listing.extend(exact);
        Cow::Owned(listing)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn listing(files: &[(&str, &str, &str)]) -> Listing {
        let line =
            |(path, mode, time): &(&str, &str, &str)| format!("f {mode} 1 {time} {path}\0\0");
        Listing::parse(files.iter().map(line).collect::<String>().as_bytes()).unwrap()
    }

    #[test]
    fn what_a_disk_rounds_is_no_change() {
        let common = listing(&[("a", "644", "7.123456789"), ("b", "600", "9.000000000")]);
        let agreed = |a: &str, b: &str| {
            let shown = listing(&[("a", "755", a), ("b", "755", b)]);
            let shown = shown.unrounded(&common);
            ["a", "b"].map(|name| shown.get(Path::new(name)) == common.get(Path::new(name)))
        };
        assert_eq!(agreed("6.000000000", "8.000000000"), [true, true], "FAT");
        assert_eq!(agreed("4.000000000", "8.000000000"), [false, true], "it was written");
        assert_eq!(agreed("7.120000000", "8.990000000"), [true, false], "exFAT; b was written");
        assert_eq!(agreed("6.000000000", "8.000000001"), [false, false], "it keeps all");
        let smb = listing(&[("a", "644", "7.123456700"), ("b", "755", "9.000000000")]);
        let smb = smb.unrounded(&common);
        assert_eq!(smb.get(Path::new("a")), common.get(Path::new("a")));
        assert_eq!(smb.get(Path::new("b")).unwrap().permissions(), 0o755, "somebody changed them");
    }
}
