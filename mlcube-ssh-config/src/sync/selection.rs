//! Selects entries of a workspace by paths and by shell patterns, along with the ends of links within the workspace: a
//! link without its end is of no use.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use anyhow::Result;

use crate::listing::Listing;
use crate::listing::entry::EntryKind;
use crate::pipe::failure::hinted;

/// How many links are followed in a row, against circles: as many as Linux follows (`path_resolution(7)`).
const MOST_HOPS: usize = 40;

/// How many patterns with wildcards are followed along links: each link can add a pattern for each of them.
const MOST_PATTERNS: usize = 1000;

/// A path in the workspace; `*` and `?` stand for any characters except `/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(Vec<Name>);

/// One component of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Name {
    text: OsString,
    has_wildcards: bool,
}

impl Name {
    fn exact(text: OsString) -> Self {
        Self { text, has_wildcards: false }
    }

    fn is(&self, name: &std::ffi::OsStr) -> bool {
        if self.has_wildcards {
            matches(self.text.as_bytes(), name.as_bytes())
        } else {
            self.text == name
        }
    }
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
        let name =
            |part: &str| Name { text: part.into(), has_wildcards: part.contains(['*', '?']) };
        Ok(Self(parts.into_iter().map(name).collect()))
    }

    /// The pattern that selects `path` and everything in it.
    #[must_use]
    pub fn exact(path: &Path) -> Self {
        Self(path.iter().map(|name| Name::exact(name.to_owned())).collect())
    }

    /// The path, if it has no wildcard.
    fn path(&self) -> Option<PathBuf> {
        let mut names = self.0.iter();
        names.all(|name| !name.has_wildcards).then(|| self.text())
    }

    /// The path as it was typed.
    fn text(&self) -> PathBuf {
        self.0.iter().map(|name| &name.text).collect()
    }

    /// Returns whether `path` matches, or is a folder above a possible match.
    fn leads_through(&self, path: &Path) -> bool {
        path.components().count() <= self.0.len()
            && self.0.iter().zip(path).all(|(pattern, name)| pattern.is(name))
    }

    /// Returns whether `path` is selected: it matches, or is in a folder that matches.
    fn matches(&self, path: &Path) -> bool {
        path.components().count() >= self.0.len()
            && self.0.iter().zip(path).all(|(pattern, name)| pattern.is(name))
    }

    /// The pattern for the end of the link at `path` by its text, if that leads to something in the workspace. A `..`
    /// is accepted only at the start: after a name, which may itself be a link, it can lead anywhere.
    fn after_link(&self, path: &Path, target: &Path) -> Option<Self> {
        let mut around = Self::exact(path.parent().unwrap_or(path)).0;
        let mut has_name = false;
        for component in target.components() {
            match component {
                Component::CurDir => {}
                Component::ParentDir if !has_name => drop(around.pop()?),
                Component::Normal(name) => {
                    has_name = true;
                    around.push(Name::exact(name.to_owned()));
                }
                _ => return None,
            }
        }
        around.extend(self.0.iter().skip(path.components().count()).cloned());
        (!around.is_empty()).then_some(Self(around))
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
}

/// A selection by patterns.
#[derive(Clone, Debug, Default)]
pub struct Selected {
    given: Vec<Pattern>,
    /// The patterns with wildcards, including those that links add.
    patterns: Vec<Pattern>,
    /// The paths, including those that links lead to.
    paths: HashSet<PathBuf>,
    /// The folders above these paths.
    around: HashSet<PathBuf>,
    /// The links on the way, which are selected without the rest of their folders.
    links: HashSet<PathBuf>,
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
        for folder in path.ancestors().skip(1) {
            // The folders above this one were added with it.
            if !self.around.insert(folder.to_owned()) {
                break;
            }
        }
        self.paths.insert(path)
    }

    /// Returns whether a path is selected, or is in a selected folder.
    fn means(&self, path: &Path) -> bool {
        path.ancestors().any(|path| self.paths.contains(path))
            || self.patterns.iter().any(|pattern| pattern.matches(path))
    }

    /// The links of `listing` on the way to what a pattern selects, and within it.
    fn links_of(pattern: &Pattern, listing: &Listing) -> Vec<(&'static Path, PathBuf)> {
        let link = |path: &Path| {
            listing.find_entry(path).filter(|(_, entry)| entry.kind == EntryKind::Link)
        };
        let target =
            |(path, entry): (&'static Path, crate::listing::entry::Entry)| (path, entry.target);
        if let Some(path) = pattern.path() {
            let on_the_way = path.ancestors().filter_map(link);
            let within = listing.within(&path).filter(|(_, entry)| entry.kind == EntryKind::Link);
            let within = within.filter(|(link, _)| *link != path);
            return on_the_way.chain(within).map(target).collect();
        }
        let links = listing.iter().filter(|(_, entry)| entry.kind == EntryKind::Link);
        let is_met = |path: &Path| pattern.leads_through(path) || pattern.matches(path);
        links.filter(|(path, _)| is_met(path)).map(target).collect()
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

    /// Adds the ends of those links of `listing` within the workspace that are selected, or are on the way to something
    /// selected.
    #[must_use]
    pub fn along_links(&self, listing: &Listing) -> Self {
        let Self::Some(Selected { given, .. }) = self else { return self.clone() };
        let mut selected = Selected { given: given.clone(), ..Selected::default() };
        let mut waiting: Vec<(Pattern, usize)> = Vec::new();
        for pattern in given.iter().filter(|pattern| selected.add(pattern)) {
            waiting.push((pattern.clone(), 0));
        }
        while let Some((pattern, hops)) = waiting.pop() {
            for (link, target) in Selected::links_of(&pattern, listing) {
                selected.links.insert(link.to_owned());
                let next = pattern.after_link(link, &target).filter(|_| hops < MOST_HOPS);
                if let Some(next) = next.filter(|next| selected.add(next)) {
                    waiting.push((next, hops + 1));
                }
            }
        }
        Self::Some(selected)
    }

    /// Returns whether an entry is selected.
    #[must_use]
    pub fn includes(&self, path: &Path) -> bool {
        match self {
            Self::All => true,
            Self::AllBut(place) => !path.starts_with(place),
            Self::Some(selected) => selected.means(path) || selected.links.contains(path),
        }
    }

    /// Returns whether `path` is selected, or is a folder above something selected.
    #[must_use]
    pub fn leads_through(&self, path: &Path) -> bool {
        match self {
            Self::All | Self::AllBut(_) => false,
            Self::Some(selected) => {
                selected.paths.contains(path)
                    || selected.around.contains(path)
                    || selected.patterns.iter().any(|pattern| pattern.leads_through(path))
            }
        }
    }

    /// The selected entries of a listing.
    #[must_use]
    pub fn of_listing<'a>(&self, listing: &'a Listing) -> Cow<'a, Listing> {
        match self {
            Self::All => Cow::Borrowed(listing),
            Self::AllBut(_) | Self::Some(_) => {
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
        let selected = listing.iter().map(|(path, _)| path).filter(|path| self.includes(path));
        let above: HashSet<&Path> = selected.flat_map(|path| path.ancestors().skip(1)).collect();
        Cow::Owned(listing.filter(|path, _| self.includes(path) || above.contains(path)))
    }

    /// The patterns that match nothing in `listing`, as they were typed.
    #[must_use]
    pub fn unmatched(&self, listing: &Listing) -> Vec<PathBuf> {
        let Self::Some(selected) = self else { return Vec::new() };
        let is_unmatched = |pattern: &&Pattern| {
            let Self::Some(alone) = Self::of(vec![(*pattern).clone()]).along_links(listing) else {
                return false;
            };
            !pattern.0.is_empty() && !listing.iter().any(|(path, _)| alone.means(path))
        };
        selected.given.iter().filter(is_unmatched).map(Pattern::text).collect()
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
