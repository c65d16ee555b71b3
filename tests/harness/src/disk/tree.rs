//! Lists what is in a folder.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// Everything in a folder, a line each: name, permissions, time and content, whoever owns it.
pub fn whole_tree(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let (path, data) = (entry.path(), entry.metadata().unwrap());
        let content = if data.is_symlink() {
            format!("-> {}", fs::read_link(&path).unwrap().display())
        } else if data.is_dir() {
            let below = whole_tree(&path);
            found
                .extend(below.iter().map(|line| format!("{}/{line}", entry.file_name().display())));
            format!("{:o}", data.mode())
        } else {
            let content = Sha256::digest(fs::read(&path).unwrap());
            let (mode, time) = (data.mode(), (data.mtime(), data.mtime_nsec()));
            format!("{mode:o} {time:?} {} {content:x?}", data.len())
        };
        found.push(format!("{} {content}", entry.file_name().display()));
    }
    found.sort();
    found
}

/// The paths of all that is no folder; none where there is nothing.
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let is_folder = |path: &Path| path.is_dir() && !path.is_symlink();
    let found = |path: PathBuf| if is_folder(&path) { files_below(&path) } else { vec![path] };
    entries.flat_map(|entry| found(entry.path())).collect()
}
