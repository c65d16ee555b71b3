//! Paths on this machine: by their text, and as what they really are.

use std::env;
use std::fs;
use std::io;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result};

/// `path` without `.` and `..`, as Python's `os.path.abspath` makes it: by text, links are not followed.
#[must_use]
pub fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                normal.pop();
            }
            other => normal.push(other),
        }
    }
    normal
}

/// What a path is once all links in it are followed; what doesn't exist keeps its name.
///
/// # Errors
/// When it can't be looked at, or a link in it leads nowhere.
pub fn real(path: &Path) -> Result<PathBuf> {
    let resolve = || -> io::Result<PathBuf> {
        for existing in path.ancestors() {
            match fs::canonicalize(existing) {
                Ok(is) => return Ok(is.join(path.strip_prefix(existing).unwrap_or(path))),
                Err(problem) if problem.kind() != ErrorKind::NotFound => return Err(problem),
                Err(_) if fs::symlink_metadata(existing).is_ok() => {
                    return Err(io::Error::other(format!(
                        "the link {} is broken",
                        existing.display()
                    )));
                }
                Err(_) => {}
            }
        }
        Err(ErrorKind::NotFound.into())
    };
    // A folder that doesn't exist has no slash at its end.
    let is = resolve().with_context(|| format!("can't find out what {} is", path.display()))?;
    Ok(is.components().collect())
}

/// The home folder of `HOME` or of the account.
pub(crate) fn home() -> Option<PathBuf> {
    env::home_dir().filter(|home| home.is_absolute())
}

/// `path` with `~/` in front replaced by the home folder.
pub(crate) fn home_expanded(path: &str) -> PathBuf {
    match (path.strip_prefix("~/"), home()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_normal_by_text() {
        assert_eq!(normal(Path::new("/a/b/../project/.")), Path::new("/a/project"));
        assert_eq!(normal(Path::new("/..")), Path::new("/"));
    }
}
