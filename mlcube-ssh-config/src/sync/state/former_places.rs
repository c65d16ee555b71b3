//! Paths of the workspace that both sides once had and that neither has now.
//!
//! The sync state forgets an entry that neither side has. A push must not: a link of the remote in such a place may be
//! a task's, which waits for the local side to have the folder again.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use crate::listing::Listing;
use crate::listing::entry::{Entry, EntryKind};

/// How many places are kept. Beyond that, the deepest are replaced by the folders around them.
const MOST: usize = 50_000;

/// Such places.
#[derive(Clone, Debug)]
pub enum FormerPlaces {
    /// These places, and what is below them.
    Known(Listing),
    /// Any place may be one: there were too many, or the file is damaged.
    Any,
}

impl Default for FormerPlaces {
    /// No place.
    fn default() -> Self {
        Self::Known(Listing::default())
    }
}

impl FormerPlaces {
    /// The places in a file. A file without any says that any place may be one.
    pub(super) fn of_file(places: Listing) -> Self {
        if places.is_empty() { Self::Any } else { Self::Known(places) }
    }

    /// Returns whether something was once made at this place, or may have been.
    #[must_use]
    pub fn covers(&self, path: &Path) -> bool {
        match self {
            Self::Known(places) => path.ancestors().any(|at| places.get(at).is_some()),
            Self::Any => true,
        }
    }

    /// Adds places; returns the file's new content, `None` if it doesn't change.
    pub(super) fn with(&self, places: &Listing) -> Option<Listing> {
        let Self::Known(known) = self else { return None };
        if places.iter().all(|(path, _)| self.covers(path)) {
            return None;
        }
        let all = known.iter().chain(places.iter()).map(|(path, _)| path);
        Some(bounded(highest(all.collect()), MOST))
    }
}

/// The listing of at most so many places; an empty one for any place.
fn bounded(mut places: Vec<&Path>, most: usize) -> Listing {
    let depth = |path: &Path| path.components().count();
    while places.len() > most {
        let deepest = places.iter().map(|path| depth(path)).max().unwrap_or_default();
        for place in places.iter_mut().filter(|place| depth(place) == deepest) {
            *place = place.parent().unwrap_or(Path::new(""));
        }
        places = highest(places);
    }
    if places == [Path::new("")] {
        return Listing::default();
    }
    let entry = Entry {
        kind: EntryKind::Folder,
        mode: 0,
        size: 0,
        modified: (0, 0),
        target: PathBuf::new(),
    };
    places.into_iter().map(|path| (path, entry.clone())).collect()
}

/// The places that aren't below another one.
fn highest(places: Vec<&Path>) -> Vec<&Path> {
    let all: HashSet<&Path> = places.into_iter().collect();
    let is_highest = |path: &&&Path| !path.ancestors().skip(1).any(|above| all.contains(above));
    all.iter().filter(is_highest).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(names: &[&str]) -> Listing {
        let line = |name: &&str| format!("f 644 1 1.000000001 {name}\0\0");
        Listing::parse(names.iter().map(line).collect::<String>().as_bytes()).unwrap()
    }

    fn names(listing: &Listing) -> Vec<&'static Path> {
        listing.iter().map(|(path, _)| path).collect()
    }

    #[test]
    fn the_highest_places_cover_what_is_below_them() {
        let made = FormerPlaces::of_file(listing(&["a/b", "c"]));
        assert!(made.with(&listing(&["a/b/x", "c"])).is_none(), "known");
        let places = made.with(&listing(&["a", "a/d", "e/f"])).unwrap();
        assert_eq!(names(&places), ["a", "c", "e/f"].map(Path::new));
        let made = FormerPlaces::of_file(places);
        assert!(made.covers(Path::new("a/anything")) && made.covers(Path::new("c")));
        assert!(!made.covers(Path::new("e")) && !made.covers(Path::new("ab")));
        assert!(FormerPlaces::of_file(Listing::default()).covers(Path::new("e")));
    }

    #[test]
    fn too_many_places_become_the_folders_around_them() {
        let of = |places: &[&'static str], most| {
            let places = bounded(highest(places.iter().map(Path::new).collect()), most);
            names(&places).into_iter().map(|path| path.to_str().unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(of(&["d/1", "d/2", "d/3", "e"], 3), ["d", "e"]);
        assert_eq!(of(&["d/1", "d/2", "e"], 3), ["d/1", "d/2", "e"]);
        assert!(of(&["1", "2", "3"], 2).is_empty(), "any place");
    }
}
