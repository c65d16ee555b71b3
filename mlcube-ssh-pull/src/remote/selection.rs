//! Which entries of the workspace are meant: paths and patterns as a shell reads them.

use std::path::{Component, Path};

use anyhow::{Result, bail};
use mlcube_ssh::sync::{Kind, Listing};

/// What to fetch.
#[derive(Clone, Debug)]
pub(crate) enum Selection {
    /// The whole workspace.
    All,
    /// What these match, with all that is in a folder.
    Some(Vec<Pattern>),
}

/// A path in the workspace, in which `*` and `?` stand for any characters but `/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern(Vec<String>);

impl Pattern {
    /// # Errors
    /// When the path leads out of the workspace.
    pub(crate) fn new(text: &str) -> Result<Self> {
        let parts: Vec<_> =
            text.split('/').filter(|part| !matches!(*part, "" | ".")).map(str::to_owned).collect();
        if text.starts_with('/') || parts.iter().any(|part| part == "..") || parts.is_empty() {
            bail!(
                "'{}' isn't a path in the workspace; write it relative to it (model/last*, logs/)",
                text.escape_debug()
            );
        }
        Ok(Self(parts))
    }

    /// Whether `path` matches, or is a folder that lies around what matches.
    pub(crate) fn leads_through(&self, path: &Path) -> bool {
        let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
        parts.len() <= self.0.len()
            && self
                .0
                .iter()
                .zip(&parts)
                .all(|(pattern, part)| matches(pattern.as_bytes(), part.as_bytes()))
    }

    /// What means `path` and what is in it.
    fn of(path: &Path) -> Self {
        Self(path.iter().map(|part| part.to_string_lossy().into_owned()).collect())
    }

    /// What is meant behind the link at `path` by its text, if that leads to something in the workspace. A `..` may only stand
    /// first: behind a name it leads to wherever that name, a link perhaps, leads.
    fn behind(&self, path: &Path, target: &Path) -> Option<Self> {
        let mut around = Self::of(path.parent().unwrap_or(path)).0;
        let mut has_name = false;
        for component in target.components() {
            match component {
                Component::CurDir => {}
                Component::ParentDir if !has_name => drop(around.pop()?),
                Component::Normal(name) => {
                    has_name = true;
                    around.push(name.to_string_lossy().into_owned());
                }
                _ => return None,
            }
        }
        around.extend_from_slice(&self.0[path.components().count()..]);
        (!around.is_empty()).then_some(Self(around))
    }

    /// Whether `path` is meant: it matches, or lies in a folder that does.
    fn matches(&self, path: &Path) -> bool {
        let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
        parts.len() >= self.0.len()
            && self
                .0
                .iter()
                .zip(&parts)
                .all(|(pattern, part)| matches(pattern.as_bytes(), part.as_bytes()))
    }
}

/// More isn't asked for along links: they may lead in circles.
const MOST_ALONG_LINKS: usize = 1000;

/// Patterns, with those of the links within the workspace on the way to what they mean, and of what these lead to.
pub(crate) fn along_links(patterns: &[Pattern], there: &Listing) -> Vec<Pattern> {
    let links: Vec<_> = there.iter().filter(|(_, entry)| entry.kind == Kind::Link).collect();
    let (mut all, mut passed) = (patterns.to_vec(), Vec::new());
    let mut next = 0;
    while next < all.len() && all.len() < patterns.len() + MOST_ALONG_LINKS {
        let pattern = all[next].clone();
        next += 1;
        for (link, entry) in links.iter().filter(|(link, _)| pattern.leads_through(link)) {
            passed.push(Pattern::of(link));
            all.extend(pattern.behind(link, &entry.target).filter(|behind| !all.contains(behind)));
        }
    }
    // Only now: they mean the links, and not what these lead to.
    all.append(&mut passed);
    all
}

impl Selection {
    /// With what the links within the workspace lead to that are asked for, or lie on the way to what is.
    pub(crate) fn along_links(&self, there: &Listing) -> Self {
        match self {
            Self::All => Self::All,
            Self::Some(patterns) => Self::Some(along_links(patterns, there)),
        }
    }

    pub(crate) fn includes(&self, path: &Path) -> bool {
        match self {
            Self::All => true,
            Self::Some(patterns) => patterns.iter().any(|pattern| pattern.matches(path)),
        }
    }
}

/// Whether `text` matches `pattern`; goes back to the last `*` when it doesn't, so that it takes no more than the
/// product of both lengths.
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
            let selection = Selection::Some(vec![Pattern::new(text).unwrap()]).along_links(&there);
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
