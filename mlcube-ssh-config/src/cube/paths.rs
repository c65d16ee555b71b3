//! Local paths: by their text, and as real paths.

use std::env;
use std::fs;
use std::io;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result};

/// Removes `.` and `..` as Python's `os.path.abspath` does: by text, without following links.
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

/// Follows all links in a path; components that don't exist keep their names.
///
/// # Errors
/// When it can't be inspected, or a link in it is broken.
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
    // Collecting the components removes a trailing slash of a folder that doesn't exist.
    let is = resolve().with_context(|| format!("can't find out what {} is", path.display()))?;
    Ok(is.components().collect())
}

/// The home folder of `HOME` or of the account.
pub(crate) fn home() -> Option<PathBuf> {
    env::home_dir().filter(|home| home.is_absolute())
}

/// Replaces a leading `~/` in `path` by the home folder.
#[must_use]
pub fn home_expanded(path: &str) -> PathBuf {
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
