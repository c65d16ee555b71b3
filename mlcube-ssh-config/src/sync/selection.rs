//! Selects entries of a workspace by paths and by shell patterns, along with the ends of links within the workspace: a
//! link without its end is of no use.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashSet};
use std::ffi::OsStr;
use std::ops::Bound;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;

use crate::listing::Listing;
use crate::listing::entry::EntryKind;
use crate::listing::packed_entry::PackedEntry;
use crate::pipe::failure::hinted;
use crate::pipe::limits::{self, Exceeded};

/// How many links are followed in a row, against circles: as many as Linux follows (`path_resolution(7)`).
const MOST_HOPS: usize = 40;

/// How many patterns with wildcards are followed along links: each link can add a pattern for each of them.
const MOST_PATTERNS: usize = 1000;

/// A path in the workspace; `*` and `?` stand for any characters except `/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// The path as it was typed, behind what links have added.
    path: PathBuf,
    /// How many components stand for themselves, from the first one.
    exact: usize,
}

impl Pattern {
    /// Parses a pattern that the user typed.
    ///
    /// # Errors
    /// When the path leads out of the workspace.
    pub fn new(text: &str) -> Result<Self> {
        let parts: Vec<_> = text.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
        if text.starts_with('/') || parts.contains(&"..") || parts.is_empty() {
            return Err(hinted(
                format!("'{}' isn't a path in the workspace", text.escape_debug()),
                "write it relative to the workspace: 'model/last*', logs/",
            ));
        }
        Ok(Self { path: parts.into_iter().collect(), exact: 0 })
    }

    /// The pattern that selects `path` and everything in it.
    #[must_use]
    pub fn exact(path: &Path) -> Self {
        Self { path: path.to_owned(), exact: path.iter().count() }
    }

    /// The path, if it has no wildcard.
    fn path(&self) -> Option<&Path> {
        let has_wildcard = |part: &OsStr| part.as_bytes().iter().any(|byte| b"*?".contains(byte));
        (!self.path.iter().skip(self.exact).any(has_wildcard)).then_some(&self.path)
    }

    /// Returns whether a name matches the component `part`, at the place `at`.
    fn is(&self, at: usize, part: &OsStr, name: &OsStr) -> bool {
        part == name || at >= self.exact && matches(part.as_bytes(), name.as_bytes())
    }

    /// Returns whether `path` matches, or is a folder above a possible match.
    fn leads_through(&self, path: &Path) -> bool {
        let mut parts = self.path.iter();
        let is = |(at, name)| parts.next().is_some_and(|part| self.is(at, part, name));
        path.iter().enumerate().all(is)
    }

    /// Returns whether `path` is selected: it matches, or is in a folder that matches.
    fn matches(&self, path: &Path) -> bool {
        let mut names = path.iter();
        let is = |(at, part)| names.next().is_some_and(|name| self.is(at, part, name));
        self.path.iter().enumerate().all(is)
    }

    /// The pattern for the end of the link at `path` by its text, if that leads to something in the workspace. A `..`
    /// is accepted only at the start: after a name, which may itself be a link, it can lead anywhere.
    fn after_link(&self, path: &Path, target: &Path) -> Option<Self> {
        let mut around = path.parent().unwrap_or(path).to_owned();
        let mut has_name = false;
        for component in target.components() {
            match component {
                Component::CurDir => {}
                Component::ParentDir if !has_name && around.pop() => {}
                Component::Normal(name) => {
                    has_name = true;
                    around.push(name);
                }
                _ => return None,
            }
        }
        let exact = around.iter().count();
        around.extend(self.path.iter().skip(path.iter().count()));
        (!around.as_os_str().is_empty()).then_some(Self { path: around, exact })
    }
}

/// The selected part of a workspace.
///
/// ```
/// use std::path::Path;
///
/// use mlcube_ssh::sync::{Pattern, Selection};
///
/// let selection = Selection::of(vec![Pattern::new("model/*.bin")?, Pattern::new("logs")?]);
/// let includes = |path: &str| selection.includes(Path::new(path));
/// assert!(includes("model/last.bin") && includes("logs/1/errors"));
/// assert!(!includes("model/last.txt"));
/// assert!(Pattern::new("../secret").is_err());
/// # Ok::<(), anyhow::Error>(())
/// ```
#[derive(Clone, Debug)]
pub enum Selection {
    /// The whole workspace.
    All,
    /// The whole workspace without this folder or file in it.
    AllBut(PathBuf),
    /// What the patterns match, with everything in matching folders.
    Some(Selected),
    /// Another selection without some entries. A host decides how many, so they are kept once, and packed.
    Without(Box<Selection>, Arc<Listing>),
}

/// A selection by patterns.
#[derive(Clone, Debug, Default)]
pub struct Selected {
    given: Vec<Pattern>,
    /// The patterns with wildcards, including those that links add.
    patterns: Vec<Pattern>,
    /// The paths, including those that links lead to.
    paths: BTreeSet<PathBuf>,
    /// The links on the way, which are selected without the rest of their folders.
    links: HashSet<&'static Path>,
}

impl Selected {
    /// Adds a pattern; returns whether it is new.
    fn add(&mut self, pattern: &Pattern) -> bool {
        let Some(path) = pattern.path() else {
            let is_new = !self.patterns.contains(pattern) && self.patterns.len() < MOST_PATTERNS;
            if is_new {
                self.patterns.push(pattern.clone());
            }
            return is_new;
        };
        self.paths.insert(path.to_owned())
    }

    /// Returns whether a path is selected, or is a folder above a selected one. Those in a folder follow it.
    fn holds(&self, path: &Path) -> bool {
        let mut following = self.paths.range::<Path, _>((Bound::Included(path), Bound::Unbounded));
        following.next().is_some_and(|next| next.starts_with(path))
    }

    /// Returns whether a path is selected, or is in a selected folder.
    fn means(&self, path: &Path) -> bool {
        path.ancestors().any(|path| self.paths.contains(path))
            || self.patterns.iter().any(|pattern| pattern.matches(path))
    }

    /// The links of `listing` on the way to what a pattern selects, and within it.
    fn links_of(pattern: &Pattern, listing: &Listing) -> Vec<PackedEntry> {
        let is_link = |packed: &PackedEntry| packed.kind() == EntryKind::Link;
        if let Some(path) = pattern.path() {
            let on_the_way = path.ancestors().filter_map(|at| listing.find_packed(at));
            let within = listing.within(path).filter(|packed| packed.path() != path);
            return on_the_way.chain(within).filter(is_link).collect();
        }
        let is_met = |path: &Path| pattern.leads_through(path) || pattern.matches(path);
        listing.packed().filter(|packed| is_link(packed) && is_met(packed.path())).collect()
    }
}

impl Selection {
    /// Selects what the patterns match.
    #[must_use]
    pub fn of(given: Vec<Pattern>) -> Self {
        let mut selected = Selected::default();
        for pattern in &given {
            selected.add(pattern);
        }
        Self::Some(Selected { given, ..selected })
    }

    /// The selection without these entries, which keep their place in the sync state.
    #[must_use]
    pub fn without(self, entries: Arc<Listing>) -> Self {
        if entries.is_empty() { self } else { Self::Without(Box::new(self), entries) }
    }

    /// Adds the ends of those links of `listing` within the workspace that are selected, or are on the way to something
    /// selected.
    #[must_use]
    pub fn along_links(&self, listing: &Listing) -> Self {
        self.along(listing, usize::MAX).unwrap_or_else(|| self.clone())
    }

    /// As [`Selection::along_links`], for a listing that a host sent.
    ///
    /// # Errors
    /// When the links lead to more places than a client can hold.
    pub fn along_links_of_host(&self, listing: &Listing) -> Result<Self, Exceeded> {
        self.along(listing, limits::LINKS).ok_or(Exceeded::Links)
    }

    /// Adds the ends of links; `None` if they take more than `most` bytes.
    fn along(&self, listing: &Listing, mut most: usize) -> Option<Self> {
        let Self::Some(Selected { given, .. }) = self else { return Some(self.clone()) };
        let mut selected = Selected { given: given.clone(), ..Selected::default() };
        let mut waiting: Vec<(Pattern, usize)> = Vec::new();
        for pattern in given.iter().filter(|pattern| selected.add(pattern)) {
            waiting.push((pattern.clone(), 0));
        }
        while let Some((pattern, hops)) = waiting.pop() {
            for link in Selected::links_of(&pattern, listing) {
                let (path, target) = (link.path(), link.target());
                selected.links.insert(path);
                let next = pattern.after_link(path, target).filter(|_| hops < MOST_HOPS);
                // What the pattern itself selects is followed anyway.
                let is_known = |end: &Pattern| end.path().is_some_and(|end| pattern.matches(end));
                let Some(next) = next.filter(|next| !is_known(next)) else { continue };
                if selected.add(&next) {
                    most = most.checked_sub(next.path.as_os_str().len() + limits::LINK)?;
                    waiting.push((next, hops + 1));
                }
            }
        }
        Some(Self::Some(selected))
    }

    /// Returns whether an entry is selected.
    #[must_use]
    pub fn includes(&self, path: &Path) -> bool {
        match self {
            Self::All => true,
            Self::AllBut(place) => !path.starts_with(place),
            Self::Some(selected) => selected.means(path) || selected.links.contains(path),
            Self::Without(selection, entries) => {
                entries.find_packed(path).is_none() && selection.includes(path)
            }
        }
    }

    /// Returns whether `path` is selected, or is a folder above something selected.
    #[must_use]
    pub fn leads_through(&self, path: &Path) -> bool {
        match self {
            Self::All | Self::AllBut(_) => false,
            Self::Without(selection, _) => selection.leads_through(path),
            Self::Some(selected) => {
                selected.holds(path)
                    || selected.patterns.iter().any(|pattern| pattern.leads_through(path))
            }
        }
    }

    /// The selected entries of a listing.
    #[must_use]
    pub fn of_listing<'a>(&self, listing: &'a Listing) -> Cow<'a, Listing> {
        match self {
            Self::All => Cow::Borrowed(listing),
            Self::AllBut(_) | Self::Some(_) | Self::Without(..) => {
                Cow::Owned(listing.filter(|path, _| self.includes(path)))
            }
        }
    }

    /// The selected entries of a listing, and the folders above them: nothing may be written through a link in the
    /// place of one, or into one that can't be read.
    #[must_use]
    pub fn with_folders_above<'a>(&self, listing: &'a Listing) -> Cow<'a, Listing> {
        // In the usual case, a copy of a listing that may be long is avoided.
        if matches!(self, Self::All) {
            return Cow::Borrowed(listing);
        }
        // From the last one: the entries of a folder come before it, and nothing between.
        let (mut selected, mut last) = (Listing::default(), None);
        for packed in listing.packed().rev() {
            let path = packed.path();
            if self.includes(path) || last.is_some_and(|last: &Path| last.starts_with(path)) {
                selected.push(packed);
                last = Some(path);
            }
        }
        selected.sort();
        Cow::Owned(selected)
    }

    /// The patterns that match nothing in a listing that a host sent, as they were typed.
    ///
    /// # Errors
    /// When the links lead to more places than a client can hold.
    pub fn unmatched(&self, listing: &Listing) -> Result<Vec<PathBuf>, Exceeded> {
        let Self::Some(selected) = self else { return Ok(Vec::new()) };
        let mut unmatched = Vec::new();
        for pattern in &selected.given {
            let Self::Some(alone) = Self::of(vec![pattern.clone()]).along_links_of_host(listing)?
            else {
                continue;
            };
            let is_whole = pattern.path.as_os_str().is_empty();
            if !is_whole && !listing.packed().any(|packed| alone.means(packed.path())) {
                unmatched.push(pattern.path.clone());
            }
        }
        Ok(unmatched)
    }
}

/// Returns whether `text` matches `pattern`. On a mismatch it backtracks to the last `*` only, so the time is at most
/// the product of both lengths. (globset would act on `[` and `{`, too, and its compiled matchers can't be compared, as
/// patterns are here.)
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p + 1, t));
                p += 1;
            }
            Some(&c) if c == b'?' || c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((after, from)) => {
                    star = Some((after, from + 1));
                    p = after;
                    t = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&c| c == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_links_lead_to_is_meant_too() {
        let link = |path: &str, target: &str| format!("l 777 1 1.000000000 {path}\0{target}\0");
        let links = [
            link("latest", "runs/3"),
            link("runs/3/best", "../../epochs/./9"),
            link("out", "/scratch/out"),
            link("round", "round/x"),
            link("up", "../x"),
        ];
        let there = Listing::parse(links.concat().as_bytes()).unwrap();
        let asked = |text: &str| {
            let selection = Selection::of(vec![Pattern::new(text).unwrap()]).along_links(&there);
            move |path: &str| selection.includes(Path::new(path))
        };
        let model = asked("latest/best/model");
        assert!(model("latest") && model("runs/3/best") && model("epochs/9/model"));
        assert!(!model("epochs/9/other") && !model("runs/3/log") && !model("out"));
        assert!(asked("latest")("runs/3/log"));
        assert!(asked("round")("round") && asked("up")("up"), "it ends");
    }

    #[test]
    fn links_of_a_host_lead_to_a_limited_number_of_places() {
        let link = |number: usize| {
            let target = "a/".repeat(2000);
            format!("l 777 1 1.000000000 in/{number}\0../{number}/{target}\0")
        };
        let listing = |links: usize| {
            let links: String = (0..links).map(link).collect();
            Listing::parse(links.as_bytes()).unwrap()
        };
        let asked = |text: &str| Selection::of(vec![Pattern::new(text).unwrap()]);
        let (few, many) = (listing(9), listing(limits::LINKS / 4000));
        let along = asked("in").along_links_of_host(&few).unwrap();
        assert!(along.leads_through(Path::new("7/a/a/a")) && !along.includes(Path::new("7/a/a/a")));
        assert_eq!(asked("in").along_links_of_host(&many).unwrap_err(), Exceeded::Links);
        assert_eq!(asked("i*").unmatched(&many), Err(Exceeded::Links));
        assert!(asked("in/1").along_links_of_host(&many).is_ok(), "the others aren't asked for");
    }

    #[test]
    fn patterns() {
        let includes =
            |pattern: &str, path: &str| Pattern::new(pattern).unwrap().matches(Path::new(path));
        assert!(includes("model/last*", "model/last.pt"));
        assert!(includes("logs/", "logs/a/b.txt"));
        assert!(includes("*", "a/b"));
        assert!(includes("a*b?c", "axxbxbyc"));
        assert!(!includes("model", "model2/x"));
        assert!(!includes("*/x", "a/b/x"));
        assert!(!includes("a/b", "a"));
        assert!(
            Pattern::new("../x").is_err()
                && Pattern::new("/etc").is_err()
                && Pattern::new("").is_err()
        );
    }
}
