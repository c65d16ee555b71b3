//! What stays where it is: what `.mlcubeignore` names, `.git`, and our own folders.
//!
//! `.mlcubeignore` means what `.gitignore` means (gitignore(5)): it is read in the top folder and in every one below,
//! a deeper file wins over a higher one, a later line over an earlier one, and what lies in an ignored folder can't be
//! named back in.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::{Context, Result};
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::layout::Layout;
use crate::rsync::PARTIAL;
use crate::workspace::Listing;

/// The file that names what stays.
pub const FILE: &str = ".mlcubeignore";

/// Names that stay whatever the patterns say: version control, the state of our make rules, a transfer's own folder.
const ALWAYS: [&str; 3] = [".git", ".mlcube-ssh", PARTIAL];

/// What is ignored below a local folder. The patterns of this machine count for both sides.
#[derive(Debug)]
pub struct Ignored {
    /// Where the first `.mlcubeignore` may lie.
    top: PathBuf,
    /// What paths are relative to, below the top.
    folder: PathBuf,
    patterns: RefCell<HashMap<PathBuf, Option<Rc<Gitignore>>>>,
    folders: RefCell<HashMap<PathBuf, bool>>,
}

impl Ignored {
    /// For paths relative to `folder`, with the patterns of `top` and every folder below it. Files are read when a path
    /// asks for them.
    #[must_use]
    pub fn of(top: &Path, folder: &Path) -> Self {
        let (top, folder) = (top.to_owned(), folder.to_owned());
        Self { top, folder, patterns: RefCell::default(), folders: RefCell::default() }
    }

    /// For paths relative to the base.
    #[must_use]
    pub fn of_code(layout: &Layout) -> Self {
        Self::of(&layout.base, &layout.base)
    }

    /// For paths relative to the workspace: with the patterns of the base, where it lies below.
    #[must_use]
    pub fn of_workspace(layout: &Layout) -> Self {
        let inside = layout.workspace.starts_with(&layout.base);
        Self::of(if inside { &layout.base } else { &layout.workspace }, &layout.workspace)
    }

    /// Whether `path` stays, or a folder that it lies in does.
    ///
    /// # Errors
    /// When a `.mlcubeignore` can't be read: without it a secret might go.
    pub fn matches(&self, path: &Path, is_folder: bool) -> Result<bool> {
        let path = self.folder.join(path);
        if let Some(parent) = path.parent().filter(|parent| parent.starts_with(&self.top))
            && path != self.top
            && self.folder_matches(parent)?
        {
            return Ok(true);
        }
        self.matches_itself(&path, is_folder)
    }

    /// The entries of a listing that don't stay.
    ///
    /// # Errors
    /// When a `.mlcubeignore` can't be read.
    pub fn without(&self, listing: &Listing) -> Result<Listing> {
        let mut problem = None;
        let left = listing.filter(|path, entry| {
            let matches = self.matches(path, entry.is_folder());
            matches.map_err(|why| problem = Some(why)).is_ok_and(|matches| !matches)
        });
        problem.map_or(Ok(left), Err)
    }

    fn folder_matches(&self, folder: &Path) -> Result<bool> {
        if folder == self.top {
            return Ok(false);
        }
        if let Some(&known) = self.folders.borrow().get(folder) {
            return Ok(known);
        }
        let matches = folder.parent().map_or(Ok(false), |parent| self.folder_matches(parent))?
            || self.matches_itself(folder, true)?;
        self.folders.borrow_mut().insert(folder.to_owned(), matches);
        Ok(matches)
    }

    /// Whether a name or a pattern is for this very path; the deepest file that says anything of it counts.
    fn matches_itself(&self, path: &Path, is_folder: bool) -> Result<bool> {
        if path == self.top {
            return Ok(false);
        }
        if path.file_name().is_some_and(|name| ALWAYS.iter().any(|always| name == *always)) {
            return Ok(true);
        }
        for folder in path.ancestors().skip(1).take_while(|folder| folder.starts_with(&self.top)) {
            let Some(patterns) = self.patterns_in(folder)? else { continue };
            let found = patterns.matched(path, is_folder);
            if !found.is_none() {
                return Ok(found.is_ignore());
            }
        }
        Ok(false)
    }

    fn patterns_in(&self, folder: &Path) -> Result<Option<Rc<Gitignore>>> {
        if let Some(known) = self.patterns.borrow().get(folder) {
            return Ok(known.clone());
        }
        let file = folder.join(FILE);
        let patterns = read(folder, &file)
            .with_context(|| format!("can't read {}, which says what stays here", file.display()))?
            .map(Rc::new);
        self.patterns.borrow_mut().insert(folder.to_owned(), patterns.clone());
        Ok(patterns)
    }
}

/// The patterns of a file; none where there is no file.
fn read(folder: &Path, file: &Path) -> Result<Option<Gitignore>> {
    let opened = match File::open(file) {
        Ok(opened) => opened,
        Err(problem)
            if matches!(problem.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
        {
            return Ok(None);
        }
        Err(problem) => return Err(problem.into()),
    };
    let mut builder = GitignoreBuilder::new(folder);
    for (number, line) in BufReader::new(opened).lines().enumerate() {
        let line = line?;
        let line = if number == 0 { line.trim_start_matches('\u{feff}') } else { &line };
        // A line that is no pattern matches nothing, as with git.
        if !has_open_class(line) {
            let _ = builder.add_line(None, line);
        }
    }
    Ok(Some(builder.build()?))
}

/// Whether a `[` has no `]`: the crate takes it for a letter, git for a mistake.
fn has_open_class(pattern: &str) -> bool {
    let mut rest = pattern.chars();
    while let Some(c) = rest.next() {
        match c {
            '\\' => drop(rest.next()),
            '[' => {
                let class = rest.as_str();
                let class = class.strip_prefix(['!', '^']).unwrap_or(class);
                // A `]` that comes first is one of the class.
                let Some(end) = class.char_indices().skip(1).find(|(_, c)| *c == ']') else {
                    return true;
                };
                rest = class[end.0..].chars();
            }
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_deepest_file_counts_and_an_ignored_folder_is_closed() {
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path();
        fs::create_dir_all(top.join("a/b")).unwrap();
        fs::write(top.join(FILE), "*.log\n/build/\n!build/keep\nb/\n").unwrap();
        fs::write(top.join("a").join(FILE), "!keep.log\n").unwrap();
        let ignored = Ignored::of(top, top);
        let matches = |path: &str, is_folder| ignored.matches(Path::new(path), is_folder).unwrap();
        assert!(matches("x.log", false) && matches("a/x.log", false));
        assert!(!matches("a/keep.log", false), "the deeper file wins");
        assert!(matches("build", true) && matches("build/keep", false));
        assert!(!matches("build", false), "a slash at the end is for folders");
        assert!(!matches("a/build", true) && matches("a/b", true) && matches("a/b/c/d", false));
        assert!(matches("a/.git", true) && matches(".git/config", false));
        assert!(!matches("", true));
    }

    #[test]
    fn paths_are_relative_to_the_folder_and_patterns_to_the_top() {
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path();
        fs::create_dir_all(top.join("cube/workspace")).unwrap();
        fs::write(top.join(FILE), "cube/workspace/secret\n").unwrap();
        let ignored = Ignored::of(top, &top.join("cube/workspace"));
        assert!(ignored.matches(Path::new("secret"), false).unwrap());
        assert!(!ignored.matches(Path::new("deep/secret"), false).unwrap());
    }
}
