//! What is never transferred: what `.mlcubeignore` names, `.git`, and the folders of mlcube-ssh.
//!
//! `.mlcubeignore` means what `.gitignore` means (gitignore(5)): it is read in the top folder and in every one below, a
//! deeper file wins over a higher one, a later line over an earlier one, and an entry in an ignored folder can't be
//! included again. Only the user decides about it, never a task: it isn't fetched, and only a regular file of limited
//! size is read, because anything else of that name was made to deceive. None is read behind a link that leads out and
//! isn't followed: a cube may have made the link.

use std::cell::RefCell;
use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs;
use std::fs::{File, OpenOptions};
use std::io;
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::{Context, Result};
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use rustix::fs::OFlags;
use rustix::io::Errno;

use crate::cube::boundary::Boundary;
use crate::cube::layout::Layout;
use crate::cube::paths::real;
use crate::listing::{Listing, PARTIAL};
use crate::pipe::failure::hinted;
use crate::text::units::human_bytes;

/// The name of the file with the patterns.
pub const FILE: &str = ".mlcubeignore";

/// A larger file isn't read, and no more than this of all files: every name is compared with every pattern.
const MOST_BYTES: u64 = 1_000_000;
/// The most patterns that are read, from all files.
const MOST_PATTERNS: usize = 10_000;
/// As how many patterns each `*` of a pattern counts, from the third on: a name is compared with thousands of plain
/// patterns at once, but 240 of the form `*a*b*c*d*e*` take half a millisecond for each.
const WEIGHT_OF_STAR: usize = 100;

/// Names that are ignored whatever the patterns say: version control, the state of the rules for make, and the folder
/// of a transfer.
pub const ALWAYS: [&str; 3] = [".git", OURS, PARTIAL];

/// The folder where the rules for make once kept their state.
const OURS: &str = ".mlcube-ssh";

/// Returns whether nothing of this name is ever transferred.
#[must_use]
pub fn is_reserved(name: &OsStr) -> bool {
    ALWAYS.iter().any(|always| is_named(name, always))
}

/// Returns the folders of a listing that have our reserved name and hold something: a job may have written results
/// there.
#[must_use]
pub fn reserved_folders(listing: &Listing) -> Vec<&'static Path> {
    let mut found: Vec<&Path> = Vec::new();
    let mut entries = listing.iter().peekable();
    while let Some((path, entry)) = entries.next() {
        let is_ours =
            entry.is_folder() && path.file_name().is_some_and(|name| is_named(name, OURS));
        let is_below = |found: &&Path| path.starts_with(found);
        if is_ours
            && entries.peek().is_some_and(|(next, _)| next.starts_with(path))
            && !found.last().is_some_and(is_below)
        {
            found.push(path);
        }
    }
    found
}

/// The ignored entries below a local folder. The local patterns hold for both sides.
#[derive(Debug)]
pub struct Ignored {
    /// The highest folder in which a `.mlcubeignore` is read.
    top: PathBuf,
    /// The folder, at or below the top, that paths are relative to.
    folder: PathBuf,
    /// Decides which links may lead out of them.
    boundary: Option<Boundary>,
    /// The folder that was last looked up and those above it, the highest first. Paths come in order, so the next one
    /// shares most of them; a cache of all folders would take more memory than a host's listing itself.
    ancestors: RefCell<Vec<(PathBuf, Rc<Folder>)>>,
    /// The folder of the last path, as the path names it.
    last: RefCell<Option<(PathBuf, Rc<Folder>)>>,
    read: RefCell<ReadFiles>,
}

/// How much was read.
#[derive(Debug, Default)]
struct ReadFiles {
    patterns: usize,
    bytes: u64,
    /// The files that are counted: one may be read again for another listing.
    files: HashSet<PathBuf>,
}

/// The facts about a folder.
#[derive(Debug)]
struct Folder {
    /// Whether it, or a folder above it, is ignored.
    is_ignored: bool,
    /// Whether nothing is read in it or below: it doesn't exist locally, or is a link that isn't followed.
    is_closed: bool,
    /// The patterns that hold in it, the deepest first.
    patterns: Vec<Rc<Gitignore>>,
}

impl Ignored {
    /// For paths relative to `folder`, with the patterns of `top` and every folder below it. A file is read when it is
    /// needed for a path.
    #[must_use]
    pub fn of(top: &Path, folder: &Path) -> Self {
        let (top, folder) = (top.to_owned(), folder.to_owned());
        Self {
            top,
            folder,
            boundary: None,
            ancestors: RefCell::default(),
            last: RefCell::default(),
            read: RefCell::default(),
        }
    }

    /// For paths relative to the base.
    #[must_use]
    pub fn of_code(layout: &Layout, boundary: &Boundary) -> Self {
        Self::of(&layout.base, &layout.base).within(boundary)
    }

    /// For paths relative to the workspace, with the patterns of the base if the workspace is in it.
    #[must_use]
    pub fn of_workspace(layout: &Layout, boundary: &Boundary) -> Self {
        let inside = layout.workspace.starts_with(&layout.base);
        let top = if inside { &layout.base } else { &layout.workspace };
        Self::of(top, &layout.workspace).within(boundary)
    }

    fn within(self, boundary: &Boundary) -> Self {
        Self { boundary: Some(boundary.clone()), ..self }
    }

    /// Returns whether `path`, or a folder above it, is ignored.
    ///
    /// # Errors
    /// When a `.mlcubeignore` can't be read: without it a secret might be sent.
    pub fn matches(&self, path: &Path, is_folder: bool) -> Result<bool> {
        let Some(parent) = self.parent_of(path)? else { return Ok(false) };
        Ok(parent.is_ignored || parent.matches(&self.folder, path, is_folder))
    }

    /// The folder of a path; `None` for the top. Most paths are in the folder of the path before: to find it again took a
    /// tenth of a pull with nothing to do.
    fn parent_of(&self, path: &Path) -> Result<Option<Rc<Folder>>> {
        let named = path.parent();
        if let (Some(named), Some((last, folder))) = (named, &*self.last.borrow())
            && named.as_os_str() == last.as_os_str()
        {
            return Ok(Some(Rc::clone(folder)));
        }
        let path = self.folder.join(path);
        let Some(parent) = path.parent().filter(|_| path != self.top) else { return Ok(None) };
        let folder = self.folder_at(parent)?;
        *self.last.borrow_mut() = named.map(|named| (named.to_owned(), Rc::clone(&folder)));
        Ok(Some(folder))
    }

    /// Returns the entries of a remote listing that may be fetched: all except the ignored ones and every
    /// `.mlcubeignore`. A task that wrote one would otherwise decide what is sent next.
    ///
    /// # Errors
    /// When a local `.mlcubeignore` can't be read.
    pub fn fetched(&self, mut listing: Listing) -> Result<Listing> {
        let mut problem = None;
        listing.retain(|path, entry| {
            let matches = self.matches(path, entry.is_folder());
            matches.map_err(|why| problem = Some(why)).is_ok_and(|matches| !matches)
                && !path.iter().any(|name| is_named(name, FILE))
        });
        problem.map_or(Ok(listing), Err)
    }

    fn folder_at(&self, path: &Path) -> Result<Rc<Folder>> {
        let mut known = self.ancestors.borrow_mut();
        // From the deepest: paths that share little differ in an early component, so the comparison is short.
        while known.last().is_some_and(|(folder, _)| !path.starts_with(folder)) {
            known.pop();
        }
        let deepest = known.last().map(|(folder, _)| folder.clone());
        let is_missing = |folder: &&Path| {
            deepest.as_deref() != Some(*folder)
                && (*folder == path || folder.starts_with(&self.top))
        };
        let missing: Vec<&Path> = path.ancestors().take_while(is_missing).collect();
        for folder in missing.into_iter().rev() {
            let parent = known.last().map(|(_, parent)| parent.as_ref());
            let looked = self.look_at(folder, parent)?;
            known.push((folder.to_owned(), Rc::new(looked)));
        }
        known.last().map(|(_, folder)| folder.clone()).context("a path has no folder")
    }

    fn look_at(&self, path: &Path, parent: Option<&Folder>) -> Result<Folder> {
        let mut folder = Folder { is_ignored: false, is_closed: false, patterns: Vec::new() };
        if let Some(parent) = parent {
            folder.is_ignored = parent.is_ignored || parent.matches(&self.folder, path, true);
            folder.is_closed = parent.is_closed;
            folder.patterns.clone_from(&parent.patterns);
        }
        // An ignored folder can't include anything again, and perhaps can't be entered.
        if folder.is_ignored || folder.is_closed {
            return Ok(folder);
        }
        folder.is_closed = match fs::symlink_metadata(path) {
            Ok(found) => found.is_symlink() && !self.is_followed(path),
            // Only absence counts: a folder that can't be inspected may contain something.
            Err(problem) => is_absence(&problem),
        };
        if folder.is_closed {
            return Ok(folder);
        }
        let file = path.join(FILE);
        let own = self.read.borrow_mut().read(path, &file).with_context(|| {
            format!("can't read {}, which says what isn't sent", file.display())
        })?;
        folder.patterns.splice(..0, own.map(Rc::new));
        Ok(folder)
    }

    /// Returns whether patterns are read behind this link.
    fn is_followed(&self, link: &Path) -> bool {
        // The way to the folder itself was checked before anything was listed.
        if self.folder.starts_with(link) {
            return true;
        }
        let Ok(is) = fs::canonicalize(link) else { return false };
        let stays = |top: &Path| real(top).is_ok_and(|top| is.starts_with(top));
        stays(&self.top)
            || stays(&self.folder)
            || self.boundary.as_ref().is_some_and(|boundary| boundary.follows(link))
    }
}

/// Returns whether nothing of this name exists. A name that the local disk can't store doesn't exist either.
fn is_absence(problem: &io::Error) -> bool {
    matches!(
        problem.kind(),
        ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::InvalidFilename
    )
}

impl Folder {
    /// Returns whether a fixed name or a pattern names this very path, which is relative to `top`; the deepest file that
    /// mentions it decides.
    fn matches(&self, top: &Path, path: &Path, is_folder: bool) -> bool {
        if path.file_name().is_some_and(is_reserved) {
            return true;
        }
        if self.patterns.is_empty() {
            return false;
        }
        let path = &top.join(path);
        let mut results = self.patterns.iter().map(|patterns| patterns.matched(path, is_folder));
        results.find(|results| !results.is_none()).is_some_and(|results| results.is_ignore())
    }
}

/// Returns whether some disk takes a name for `known`: one that folds case finds `.GIT` under `.git`.
fn is_named(name: &OsStr, known: &str) -> bool {
    name.as_encoded_bytes().eq_ignore_ascii_case(known.as_bytes())
}

impl ReadFiles {
    /// Reads the patterns of a file; `None` if it doesn't exist.
    fn read(&mut self, folder: &Path, file: &Path) -> Result<Option<Gitignore>> {
        let Some((patterns, read)) = read(folder, file)? else { return Ok(None) };
        if self.files.insert(file.to_owned()) {
            self.patterns += read.0;
            self.bytes += read.1;
        }
        if self.patterns > MOST_PATTERNS {
            return Err(too_much(&format!(
                "the {FILE} files have more than {MOST_PATTERNS} patterns together"
            )));
        }
        if self.bytes > MOST_BYTES {
            return Err(too_much(&format!(
                "the {FILE} files are larger than {} together",
                human_bytes(MOST_BYTES)
            )));
        }
        Ok(Some(patterns))
    }
}

/// Reads the patterns of a file, with as how many they count and how many bytes it has; `None` if it doesn't exist.
fn read(folder: &Path, file: &Path) -> Result<Option<(Gitignore, (usize, u64))>> {
    // Don't follow a link, and don't wait for the writer of a pipe.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits())?;
    let opened = match OpenOptions::new().read(true).custom_flags(flags).open(file) {
        Ok(opened) => opened,
        Err(problem) if is_absence(&problem) => return Ok(None),
        // Nothing of a folder that can't be entered is sent anyway.
        Err(problem)
            if problem.kind() == ErrorKind::PermissionDenied && !can_be_entered(folder) =>
        {
            return Ok(None);
        }
        // Linux returns ELOOP for a link.
        Err(problem) if problem.raw_os_error() == Some(Errno::LOOP.raw_os_error()) => {
            return Err(not_a_file("a link"));
        }
        Err(problem) if fs::symlink_metadata(file).is_ok_and(|found| !found.is_file()) => {
            return Err(not_a_file(&problem.to_string()));
        }
        Err(problem) => return Err(problem.into()),
    };
    let text = text_of(&opened)?;
    let mut builder = GitignoreBuilder::new(folder);
    let patterns = text.trim_start_matches('\u{feff}').lines();
    let mut count = 0;
    for line in patterns.filter(|line| !line.is_empty()) {
        count += weight(line);
        if count > MOST_PATTERNS {
            return Err(too_much(&format!(
                "it has more than {MOST_PATTERNS} patterns, where each * after the second counts as {WEIGHT_OF_STAR}"
            )));
        }
        // An invalid line matches nothing, as with git.
        if !has_open_class(line) {
            let _ = builder.add_line(None, line);
        }
    }
    // Wildcards may expand a few patterns beyond what can be matched in time.
    let built = builder.build().map(|patterns| Some((patterns, (count, text.len() as u64))));
    built.map_err(|problem| too_much(&problem.to_string()))
}

/// As how many patterns a line counts.
fn weight(line: &str) -> usize {
    if line.starts_with('#') {
        return 1;
    }
    // A folder name of two stars is any folders, which are cheap.
    let names = line.split('/').filter(|name| *name != "**");
    let stars = names.flat_map(str::bytes).filter(|byte| *byte == b'*').count();
    1 + WEIGHT_OF_STAR * stars.saturating_sub(2)
}

fn too_much(problem: &str) -> anyhow::Error {
    hinted(problem, "name folders in place of what is in them, with fewer wildcards")
}

/// Reads a regular file of at most [`MOST_BYTES`].
fn text_of(file: &File) -> Result<String> {
    if !file.metadata()?.is_file() {
        return Err(not_a_file("a folder, a pipe or a device"));
    }
    let mut text = String::new();
    // The file may grow after `metadata`.
    file.take(MOST_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MOST_BYTES {
        return Err(too_much(&format!("it is larger than {}", human_bytes(MOST_BYTES))));
    }
    Ok(text)
}

fn not_a_file(what: &str) -> anyhow::Error {
    hinted(
        format!("it isn't a regular file ({what})"),
        "replace it with a file of patterns, or remove it",
    )
}

fn can_be_entered(folder: &Path) -> bool {
    fs::metadata(folder.join(".")).is_ok()
}

/// Returns whether a `[` has no `]`: the crate takes it for a letter, git for an error.
fn has_open_class(pattern: &str) -> bool {
    let mut rest = pattern.chars();
    while let Some(c) = rest.next() {
        match c {
            '\\' => drop(rest.next()),
            '[' => {
                let class = rest.as_str();
                let class = class.strip_prefix(['!', '^']).unwrap_or(class);
                // A `]` in the first place belongs to the class.
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
    use std::os::unix::fs::symlink;

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
    fn all_files_together_have_one_limit() {
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path();
        let ignored = Ignored::of(top, top);
        let patterns =
            |of: usize| (0..of).fold(String::new(), |all, number| all + &format!("x{number}\n"));
        for (name, number) in [("a", MOST_PATTERNS - 10), ("b", 10), ("c", 1)] {
            fs::create_dir(top.join(name)).unwrap();
            fs::write(top.join(name).join(FILE), patterns(number)).unwrap();
        }
        let matches = |path: &str| ignored.matches(Path::new(path), false);
        for path in ["a/y", "b/y", "a/y", "b/x9"] {
            assert_eq!(matches(path).unwrap(), path == "b/x9", "read again, and counted once");
        }
        let refused = format!("{:#}", matches("c/y").unwrap_err());
        assert!(refused.contains("10000 patterns together"), "{refused}");
    }

    #[test]
    fn patterns_with_many_wildcards_count_for_more() {
        let folder = tempfile::tempdir().unwrap();
        let matches = |pattern: &str, number: usize| {
            let patterns = (0..number).map(|number| format!("{pattern}{number}\n"));
            fs::write(folder.path().join(FILE), patterns.collect::<String>()).unwrap();
            Ignored::of(folder.path(), folder.path()).matches(Path::new("x"), false)
        };
        for (pattern, number) in
            [("**/*a*", 9000), ("**/a/**/b*", 9000), ("*a*b*", 90), ("# **** ", 9000)]
        {
            assert!(!matches(pattern, number).unwrap(), "{pattern}");
        }
        for (pattern, number) in [("*a*b*", 100), ("*a*b*c*d*e*", 30), ("****a", 60)] {
            let refused = format!("{:#}", matches(pattern, number).unwrap_err());
            assert!(refused.contains("each * after the second"), "{refused}");
        }
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

    #[test]
    fn no_pattern_is_read_behind_a_link_that_leads_out() {
        let folder = tempfile::tempdir().unwrap();
        let [cube, other] = ["cube", "other"].map(|name| folder.path().join(name));
        for folder in [&other, &cube.join("real")] {
            fs::create_dir_all(folder.join("in")).unwrap();
            fs::write(folder.join(FILE), "a\n").unwrap();
            fs::write(folder.join("in").join(FILE), "b\n").unwrap();
        }
        symlink("../other", cube.join("out")).unwrap();
        symlink("real", cube.join("link")).unwrap();
        let ignored = Ignored::of(&cube, &cube);
        let matches = |path: &str| ignored.matches(Path::new(path), false).unwrap();
        for name in ["a", "in/a", "in/b"] {
            assert!(matches(&format!("link/{name}")) && matches(&format!("real/{name}")));
            assert!(!matches(&format!("out/{name}")), "{name}");
        }
        // The folder itself may be such a link: the user names it, or lists where it leads.
        let workspace = Ignored::of(&cube, &cube.join("out"));
        assert!(workspace.matches(Path::new("in/b"), false).unwrap());
    }
}
