//! Files that are never sent: the private keys that log in, documents, and the state folder; in the code also what this
//! command line is writing. A cube's folder is where people work, and all of these end up in it.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::fs;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use mlcube_ssh::cube::Cube;
use mlcube_ssh::cube::paths::real;
use mlcube_ssh::cube::settings_in_use::{SettingsInUse, WHY};
use mlcube_ssh::listing::{Entry, Listing};
use mlcube_ssh::pipe::document::{DESCRIPTION_HEAD, SCHEMA, YAML_HEAD};
use mlcube_ssh::pipe::private_file::{is_state_folder, state_folder};
use mlcube_ssh::remote::job::JobReport;
use mlcube_ssh::remote::login::login_keys::{LoginKey, LoginKeys};
use mlcube_ssh::text::quote::shell_word;
use mlcube_ssh::ui::report::Report;
use nix::unistd::getpgrp;

/// A document has a few kilobytes; a larger file isn't one.
const LARGEST_DOCUMENT: u64 = 4 << 20;

/// Finds the files that are never code, and remembers what it has found.
#[derive(Debug, Default)]
pub(crate) struct OwnFiles {
    keys: LoginKeys,
    /// The real path of the local state folder.
    state: Option<PathBuf>,
    settings: SettingsInUse,
    /// The real paths of the files that the processes of this command line are writing.
    written: OnceCell<BTreeSet<PathBuf>>,
}

impl OwnFiles {
    /// The files that a push of `cube` never sends; `keys` are those that may log in.
    pub(crate) fn of(cube: &Cube, keys: LoginKeys) -> Self {
        let state = state_folder().ok().and_then(|state| real(&state).ok());
        Self { keys, state, settings: SettingsInUse::of(cube), ..Self::default() }
    }

    /// Removes keys and settings from a listing of `top`, and names them: in the workspace they aren't data either. A
    /// file that was sent as it is now has been examined already.
    fn take_keys(&self, listing: &mut Listing, top: &Path, sent: Option<&Listing>, report: Report) {
        let mut remedy = None;
        listing.retain_beside(sent, |path, entry, is_sent| {
            if !entry.is_file() {
                return true;
            }
            let place = top.join(path);
            if self.settings.has(&place, entry.size) {
                report.warn(&format!("skipped {}: {WHY}", place.display()));
                return false;
            }
            let found = if is_sent {
                self.keys.is_copy(&place, entry.size).then_some(LoginKey::OfAFile)
            } else {
                self.keys.find(&place, entry.size)
            };
            let Some(found) = found else { return true };
            report.warn(&format!("skipped {}: {}", place.display(), why(found)));
            remedy = remedy.take().or_else(|| remedy_of(found, &place));
            false
        });
        if let Some(remedy) = remedy {
            report.hint(&remedy);
        }
    }

    /// Removes state folders from a listing of `top`: that in use, and those of a former `XDG_STATE_HOME`.
    fn take_states(&self, listing: &mut Listing, top: &Path, report: Report) {
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

    /// Removes from the workspace `top` all that isn't data of the cube. A file that both sides agreed on as it is now has
    /// been examined already.
    pub(crate) fn take_from_workspace(
        &self,
        workspace: &mut Listing,
        top: &Path,
        agreed: Option<&Listing>,
        report: Report,
    ) {
        self.take_keys(workspace, top, agreed, report);
        self.take_states(workspace, top, report);
        take_documents(workspace, top, agreed, report);
    }

    /// Removes from the code in `base` all that isn't code. A file that was pushed as it is now has been examined
    /// already.
    pub(crate) fn take_from_code(
        &self,
        code: &mut Listing,
        base: &Path,
        pushed: Option<&Listing>,
        report: Report,
    ) {
        self.take_keys(code, base, pushed, report);
        self.take_states(code, base, report);
        let real_base = real(base).unwrap_or_else(|_| base.to_owned());
        code.retain_beside(pushed, |path, entry, is_pushed| {
            let why = if !entry.is_file() || is_pushed {
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

    fn is_written(&self, path: &Path) -> bool {
        self.written.get_or_init(written).contains(path)
    }
}

/// Removes documents from a listing of `top`, and names them: each holds the whole configuration, also what the host
/// isn't sent. A file that both sides agreed on as it is now is on the host already.
fn take_documents(listing: &mut Listing, top: &Path, agreed: Option<&Listing>, report: Report) {
    listing.retain_beside(agreed, |path, entry, is_agreed| {
        let is_taken = entry.is_file() && !is_agreed && is_document(&top.join(path), entry);
        if is_taken {
            report.warn(&format!(
                "skipped {}: it is a document, a configuration, or the state of a job",
                top.join(path).display()
            ));
        }
        !is_taken
    });
}

/// Returns why a private key isn't sent.
fn why(key: LoginKey) -> &'static str {
    match key {
        LoginKey::OfAnAgent => "it is a private key that your ssh agent holds",
        LoginKey::OfASilentAgent => {
            "it is a private key, and your ssh agent doesn't say whether it is one of its own"
        }
        LoginKey::Locked => "it is a private key with a passphrase, and may be one that logs in",
        _ => "it is the private key of the login",
    }
}

/// Returns the hint that helps to find out whether the file may be sent; `None` if that is known.
fn remedy_of(key: LoginKey, path: &Path) -> Option<String> {
    let path = path.to_string_lossy();
    match key {
        LoginKey::OfASilentAgent => {
            Some("find out why `ssh-add -L` gives no answer, or unset SSH_AUTH_SOCK if that agent is gone; then run this step again".to_owned())
        }
        LoginKey::Locked => Some(format!(
            "`ssh-keygen -y -f {} > {}` shows which key it is; it is sent if no agent and no identity file has it",
            shell_word(&path),
            shell_word(&format!("{path}.pub"))
        )),
        _ => None,
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

/// Returns whether a file is a document or a configuration, complete or cut off, or the state of a job, whatever its
/// name.
fn is_document(path: &Path, entry: &Entry) -> bool {
    let read = || {
        let mut start = Vec::new();
        let mut file = File::open(path).ok()?;
        file.by_ref().take(200).read_to_end(&mut start).ok()?;
        // Our programs write the schema first; other programs sort the keys or leave out the blanks.
        let is_object = start.trim_ascii_start().starts_with(b"{");
        let begins =
            without_blanks(&start).starts_with(format!("{{\"schema\":\"{SCHEMA}\"").as_bytes());
        let heads = [YAML_HEAD, DESCRIPTION_HEAD];
        let begins = begins
            || JobReport::is_json(&start)
            || heads.iter().any(|head| start.starts_with(head.as_bytes()));
        if begins || !is_object {
            return Some(begins);
        }
        file.take(LARGEST_DOCUMENT).read_to_end(&mut start).ok()?;
        let value: serde_json::Value = serde_json::from_slice(&start).ok()?;
        let has = |place: &str| value.pointer(place).is_some_and(serde_json::Value::is_string);
        // What `inspect` prints has no schema: a cube's configuration with its local folder and the settings of a host.
        let is_configuration = has("/runtime/root") && has("/runner/host");
        // What `describe --json` prints.
        let is_description = has("/settings_file") && has("/workspace") && has("/configure");
        Some(is_configuration || is_description || value["schema"] == SCHEMA)
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
        assert!(is(
            "{\"job\":\"1764253445123-0a1b2c3d4e5f\",\"state\":\"running\",\"status\":null,"
        ));
        assert!(is("[\n{\"job\":\"1764253445123-0a1b2c3d4e5f\",\"state\":\"running\"}\n]\n"));
        assert!(!is("{\"job\":\"a b\",\"state\":\"\"}") && !is("{\"job\":\"1-a\",\"name\":\"x\"}"));
        assert!(!is("{\"schema\": \"mine/v1\"}") && !is("") && !is("schema mlcube-ssh/v1"));
        assert!(is("{\"runtime\": {\"root\": \"/me/cube\"}, \"runner\": {\"host\": \"box\"}}"));
        assert!(
            !is("{\"runtime\": {\"root\": \"/\"}}") && !is("{\"runner\": {\"host\": \"box\"}}")
        );
        assert!(is("MLCube\n  path = /me/cube\n  name = x\n") && !is("MLCube\n  path = x\n"));
        let description = r#"{"workspace": "/me/cube/workspace", "settings_file": "/me/mlcube.yaml", "configure": "x"}"#;
        assert!(is(description) && !is(&description.replace("configure", "run")));
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
