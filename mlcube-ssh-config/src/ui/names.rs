//! Messages about each entry of a list that may be long.

use std::path::Path;

use crate::ui::report::Report;

/// Names the first entries of a list, and counts the others.
pub struct Names {
    /// Where the lines are printed.
    pub report: Report,
    /// The place in the document that lists the entries; empty if there is none.
    pub field: &'static str,
    /// How many entries there are for that place, of which [`in_document`] lists the first.
    pub total: usize,
}

/// The most entries in a list of the document: a host may name a million, of 4,096 bytes each, which every step would
/// have to read.
const IN_DOCUMENT: usize = 1000;

/// The first paths, for a list of the document.
pub fn in_document<'a>(paths: impl IntoIterator<Item = &'a Path>) -> Vec<String> {
    paths.into_iter().take(IN_DOCUMENT).map(|path| path.to_string_lossy().into_owned()).collect()
}

impl Names {
    /// The number of entries that are named.
    pub const MOST: usize = 20;

    /// Prints a warning for each of the first entries, and one with the number of the others.
    pub fn each<T>(&self, all: impl IntoIterator<Item = T>, line: impl Fn(T) -> String) {
        let mut all = all.into_iter();
        for one in all.by_ref().take(Self::MOST) {
            self.report.warn(&line(one));
        }
        if let more @ 1.. = all.count() {
            let all = match self.field {
                "" => String::new(),
                field if self.total <= IN_DOCUMENT => {
                    format!("; {field} in the document lists all")
                }
                field => format!("; {field} in the document lists the first {IN_DOCUMENT}"),
            };
            self.report.warn(&format!("and {more} more{all}"));
        }
    }
}

/// Escapes a path so that it fits on one line.
#[must_use]
pub fn shown(path: &Path) -> String {
    path.to_string_lossy().escape_debug().to_string()
}

/// ` and N more` for a list of which the first entry is named; nothing if there is no other.
#[must_use]
pub fn others(all: usize) -> String {
    match all {
        0 | 1 => String::new(),
        more => format!(" and {} more", more - 1),
    }
}
