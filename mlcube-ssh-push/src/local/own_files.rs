//! Files that are never code: the private keys that log in, documents, what this command line is writing, and the state
//! folder. A cube's folder is where people work, and all of these end up in it.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::fs;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use mlcube_ssh::cube::paths::real;
use mlcube_ssh::listing::{Entry, Listing};
use mlcube_ssh::pipe::document::SCHEMA;
use mlcube_ssh::pipe::private_file::{is_state_folder, state_folder};
use mlcube_ssh::ui::report::Report;
use nix::unistd::getpgrp;

/// A document has a few kilobytes; a larger file isn't one.
const LARGEST_DOCUMENT: u64 = 4 << 20;

/// No key is as large: one of 16,384 bits has 12 kB.
const LARGEST_KEY: u64 = 64 << 10;

/// Finds the files that are never code, and remembers what it has found.
#[derive(Debug, Default)]
pub(crate) struct OwnFiles {
    /// The contents of the identity files.
    keys: Vec<Vec<u8>>,
    /// The real path of the local state folder.
    state: Option<PathBuf>,
    /// The real paths of the files that the processes of this command line are writing.
    written: OnceCell<BTreeSet<PathBuf>>,
}

impl OwnFiles {
    /// Reads the identity files of the connection.
    pub(crate) fn with_keys(files: &[PathBuf]) -> Self {
        let key = |path: &PathBuf| {
            let is_key =
                |found: fs::Metadata| found.is_file() && (1..LARGEST_KEY).contains(&found.len());
            fs::metadata(path).is_ok_and(is_key).then(|| fs::read(path).ok())?
        };
        let state = state_folder().ok().and_then(|state| real(&state).ok());
        Self { keys: files.iter().filter_map(key).collect(), state, ..Self::default() }
    }

    /// Removes keys from a listing of `top`, and names them: in the workspace they aren't data either.
    pub(crate) fn take_keys(&self, listing: &mut Listing, top: &Path, report: Report) {
        listing.retain(|path, entry| {
            let is_key = self.is_key(&top.join(path), entry);
            if is_key {
                report.warn(&format!(
                    "skipped {}: it is the private key of the login",
                    top.join(path).display()
                ));
            }
            !is_key
        });
    }

    /// Removes state folders from a listing of `top`: that in use, and those of a former `XDG_STATE_HOME`.
    pub(crate) fn take_states(&self, listing: &mut Listing, top: &Path, report: Report) {
        let real_top = real(top).unwrap_or_else(|_| top.to_owned());
        let in_use = self.state.as_ref().and_then(|state| state.strip_prefix(&real_top).ok());
        let is_former = |(path, entry): &(&'static Path, Entry)| {
            entry.is_folder() && is_state_folder(&top.join(path))
        };
        let states: Vec<_> = listing.iter().filter(is_former).map(|(path, _)| path).collect();
        listing.retain(|path, _| {
            let is_state = in_use.iter().chain(&states).any(|state| path.starts_with(state));
            if is_state {
                report.detail(&format!("skipped (state of mlcube-ssh): {}", path.display()));
            }
            !is_state
        });
    }

    /// Removes from the code in `base` all that isn't code. A file that was pushed as it is now has been examined
    /// already.
    pub(crate) fn take(
        &self,
        code: &mut Listing,
        base: &Path,
        pushed: Option<&Listing>,
        report: Report,
    ) {
        self.take_keys(code, base, report);
        self.take_states(code, base, report);
        let real_base = real(base).unwrap_or_else(|_| base.to_owned());
        code.retain(|path, entry| {
            let is_known = || {
                pushed
                    .and_then(|pushed| pushed.get(path))
                    .is_some_and(|pushed| pushed.same_content(entry))
            };
            let why = if !entry.is_file() || is_known() {
                return true;
            } else if self.is_written(&real_base.join(path)) {
                "this command line is writing it"
            } else if is_document(&base.join(path), entry) {
                "a document"
            } else {
                return true;
            };
            report.detail(&format!("skipped ({why}): {}", path.display()));
            false
        });
    }

    /// Returns whether the file at `path` is an identity file or a copy of one, under any name.
    fn is_key(&self, path: &Path, entry: &Entry) -> bool {
        // Most files differ in size, so the disk isn't read for them. A copy may have got other ends of lines.
        let has_its_size = |key: &&Vec<u8>| {
            let lines = key.split(|byte| *byte == b'\n').count() as u64;
            entry.is_file() && entry.size.abs_diff(key.len() as u64) <= lines
        };
        let same_lines = |text: &[u8], key: &[u8]| {
            let lines = |text: &[u8]| -> Vec<u8> {
                text.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect()
            };
            lines(text) == lines(key)
        };
        self.keys
            .iter()
            .filter(has_its_size)
            .any(|key| fs::read(path).is_ok_and(|text| same_lines(&text, key)))
    }

    fn is_written(&self, path: &Path) -> bool {
        self.written.get_or_init(written).contains(path)
    }
}

/// The files that processes of this process group have open for writing: the ends of the pipe and the shell around it
/// (`… > ran.json`, `2> log`, `| tee log`). They are empty or incomplete, and another run has others.
fn written() -> BTreeSet<PathBuf> {
    // 0 in a pid namespace that the group's leader isn't in.
    let group = getpgrp().to_string();
    let is_of_group = |process: &Path| {
        let stat = fs::read_to_string(process.join("stat")).unwrap_or_default();
        // proc_pid_stat(5): after the name, which may contain any character, come state, parent and group.
        let words = stat.rsplit(')').next().unwrap_or_default();
        words.split_whitespace().nth(2) == Some(&group)
    };
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten().map(|entry| entry.path());
    let processes = processes.filter(|process| is_of_group(process));
    processes.flat_map(|process| written_by(&process)).collect()
}

fn written_by(process: &Path) -> Vec<PathBuf> {
    let open = fs::read_dir(process.join("fd")).into_iter().flatten().flatten();
    let written = |number: &Path| {
        let info = fs::read_to_string(process.join("fdinfo").join(number)).ok()?;
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:"))?;
        // The last two bits of open(2)'s flags: 0 is reading alone.
        u32::from_str_radix(flags.trim(), 8).ok().filter(|flags| flags & 3 != 0)
    };
    open.filter(|entry| written(Path::new(&entry.file_name())).is_some())
        .filter_map(|entry| fs::read_link(entry.path()).ok())
        .filter(|path| path.is_absolute())
        .collect()
}

/// Returns whether a file is a document, complete or cut off, whatever its name.
fn is_document(path: &Path, entry: &Entry) -> bool {
    let read = || {
        let mut start = Vec::new();
        let mut file = File::open(path).ok()?;
        file.by_ref().take(200).read_to_end(&mut start).ok()?;
        // Our programs write the schema first; other programs sort the keys or leave out the blanks.
        let is_object = start.trim_ascii_start().starts_with(b"{");
        let begins =
            without_blanks(&start).starts_with(format!("{{\"schema\":\"{SCHEMA}\"").as_bytes());
        if begins || !is_object {
            return Some(begins);
        }
        file.take(LARGEST_DOCUMENT).read_to_end(&mut start).ok()?;
        let value: serde_json::Value = serde_json::from_slice(&start).ok()?;
        Some(value.get("schema").and_then(serde_json::Value::as_str) == Some(SCHEMA))
    };
    entry.size > 0 && entry.size <= LARGEST_DOCUMENT && read().unwrap_or(false)
}

fn without_blanks(text: &[u8]) -> Vec<u8> {
    text.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recognizes_documents_by_their_content() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("any name");
        let is = |text: &str| {
            fs::write(&path, text).unwrap();
            is_document(&path, &Entry::look(&path).unwrap().unwrap())
        };
        assert!(is("{\n  \"schema\": \"mlcube-ssh/v1\",\n  \"config\": {}\n}\n"));
        assert!(is("{\"schema\":\"mlcube-ssh/v1\",\"conf"), "cut off");
        assert!(is(&format!(
            "{{\"config\": \"{}\", \"schema\": \"mlcube-ssh/v1\"}}",
            "x".repeat(900)
        )));
        assert!(!is("{\"schema\": \"mine/v1\"}") && !is("") && !is("schema mlcube-ssh/v1"));
        assert!(!is("{\"a\": {\"schema\": \"mlcube-ssh/v1\"}}"));
    }

    #[test]
    fn finds_files_that_this_process_writes() {
        let folder = tempfile::tempdir().unwrap();
        let path = real(folder.path()).unwrap().join("log");
        let _open = File::create(&path).unwrap();
        let other = path.with_file_name("read");
        fs::write(&other, "").unwrap();
        let _read = File::open(&other).unwrap();
        let written = written();
        assert!(written.contains(&path) && !written.contains(&other));
    }
}
