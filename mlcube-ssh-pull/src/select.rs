//! Which entries of the workspace are meant: paths and patterns as a shell reads them.

use std::path::Path;

use anyhow::{Result, bail};

/// What to fetch.
#[derive(Clone, Debug)]
pub(crate) enum Selection {
    /// The whole workspace.
    All,
    /// What these match, with all that is in a folder.
    Some(Vec<Pattern>),
}

/// A path in the workspace, in which `*` and `?` stand for any characters but `/`.
#[derive(Clone, Debug)]
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

impl Selection {
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
