//! The problems of functions that several remote scripts share, with one message each for all programs.

use crate::pipe::exit_status::ExitStatus;
use crate::pipe::failure::{Failure, MAKE_ROOM, hinted, is_out_of_room};
use crate::remote::folder_owner;
use crate::remote::login::ssh_messages::last_line;
use crate::remote::rsync_version;
use crate::text::quote::shell_word;

/// A problem that a remote script reports with `problem KIND SUBJECT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem<'a> {
    /// No program can list a folder (`know_find` in `find.sh`).
    NoFind,
    /// rsync is missing (`need_rsync` in `prelude.sh`).
    NoRsync,
    /// The remote rsync is openrsync (`need_rsync`).
    OpenRsync,
    /// Others may change a folder or program (`check_own`, `check_program` in `folder-owner.sh`).
    NotOwn(&'a str),
    /// The account can't enter or read a folder (`check_readable` in `jobs.sh`).
    Closed(&'a str),
    /// Something about jobs can't be inspected (`need_state` and others in `jobs.sh`).
    NoLook(&'a str),
    /// The file that names the owner of a remote tree can't be read (`start.sh`, `prepare.sh`).
    NoOwner(&'a str),
    /// File locks hang in this folder (`guard_locks` in `jobs.sh`).
    LocksHang(&'a str),
    /// Something can't be written, reported by any function that makes something; the reason follows a colon if it is
    /// known.
    NotWritable(&'a str),
    /// A link leads to the workspace, and isn't known to be the user's (`check_workspace_link` in `workspace-link.sh`).
    LinkedWorkspace(&'a str),
    /// A problem of a single script, known only to its program.
    Other {
        /// The kind.
        kind: &'a str,
        /// The subject.
        subject: &'a str,
    },
}

impl<'a> Problem<'a> {
    /// Parses the words after `problem`.
    #[must_use]
    pub fn parse(text: &'a str) -> Self {
        let (kind, subject) = text.split_once(' ').unwrap_or((text, ""));
        Self::of(kind, subject)
    }

    /// Makes the problem of a kind.
    #[must_use]
    pub fn of(kind: &'a str, subject: &'a str) -> Self {
        match kind {
            "no-find" => Self::NoFind,
            "no-rsync" => Self::NoRsync,
            "openrsync" => Self::OpenRsync,
            folder_owner::NOT_OWN => Self::NotOwn(subject),
            "closed" => Self::Closed(subject),
            "no-look" => Self::NoLook(subject),
            "no-owner" => Self::NoOwner(subject),
            "locks-hang" => Self::LocksHang(subject),
            "linked-workspace" => Self::LinkedWorkspace(subject),
            "not-writable" => Self::NotWritable(subject),
            kind => Self::Other { kind, subject },
        }
    }

    /// Returns the failure; `None` for a problem that only one program knows. `errors` is the script's standard error.
    #[must_use]
    pub fn failure(&self, host: &str, errors: &str) -> Option<Failure> {
        Some(match *self {
            Self::NoFind => no_find(host),
            Self::NoRsync => rsync_version::missing_on_remote(host),
            Self::OpenRsync => rsync_version::wrong_on_remote(host),
            Self::NotOwn(subject) => folder_owner::failure(host, subject),
            Self::Closed(folder) => Failure::ours(hinted(
                format!("can't read {folder} on '{host}', so what is in it is unknown"),
                format!(
                    "`ls -ld {}` on the remote shows who may; let the account enter and read it",
                    shell_word(folder)
                ),
            )),
            Self::NoLook(subject) => Failure::ours(hinted(
                format!("can't read {subject} on '{host}', so the state of its jobs is unknown"),
                "check on the remote whether the account can read it and may start more processes (ulimit -u)",
            )),
            Self::NoOwner(file) => Failure::ours(hinted(
                format!("can't read {file} on '{host}', so it is unknown who pushes this cube"),
                "check on the remote whether the account can read it",
            )),
            Self::LocksHang(folder) => Failure::ours(hinted(
                format!(
                    "can't take a file lock in {folder} on '{host}': it is held, or the file system doesn't respond"
                ),
                "try again when no other mlcube-ssh runs on the remote; if that doesn't help, set remote_root to a folder on another file system",
            )),
            Self::LinkedWorkspace(subject) => {
                let (place, leads_to) = subject.split_once(" -> ").unwrap_or((subject, "?"));
                Failure::ours(hinted(
                    format!(
                        "the workspace {place} on '{host}' leads to {leads_to}, by a link that isn't known to be yours"
                    ),
                    "a task may have made it: remove the link on the remote; if it is yours, `mlcube-ssh-push --follow-link=.` accepts it from now on",
                ))
            }
            Self::NotWritable(subject) => not_writable(host, subject, errors),
            Self::Other { .. } => return None,
        })
    }
}

fn not_writable(host: &str, subject: &str, errors: &str) -> Failure {
    let (path, words) = subject.split_once(": ").unwrap_or((subject, ""));
    let last = last_line(errors);
    let words = if words.trim().is_empty() { last.as_str() } else { words.trim() };
    let why = if words.is_empty() { String::new() } else { format!(": {words}") };
    // dash says no more than "I/O error" about a full disk.
    if is_out_of_room(words) || is_out_of_room(errors) || words.contains("I/O error") {
        let message = format!("no room left on '{host}' for {path}{why}");
        return Failure::ours(hinted(message, MAKE_ROOM));
    }
    Failure::ours(hinted(
        format!("can't write {path} on '{host}'{why}"),
        "set runner.remote_root to a folder on the remote that you can write",
    ))
}

/// The hint for a script that failed in a way that nobody foresaw.
pub const WITH_V: &str = "run the same command again; with -v it shows its script, which can be run on the remote by hand";

/// Returns what failed and why, as far as the remote says: the kind of its problem, or the last words of its programs.
/// The text is never empty.
#[must_use]
pub fn reason(problem: &str, last_error: &str) -> String {
    match (problem, last_error) {
        ("", "") => "the host gave no reason".to_owned(),
        ("", words) => words.to_owned(),
        (problem, "") => format!("its script reports '{problem}'"),
        (problem, words) => format!("its script reports '{problem}': {words}"),
    }
}

/// The failure of a remote that has neither GNU find nor Python.
fn no_find(host: &str) -> Failure {
    let message = format!(
        "the find on '{host}' can't list a folder (-printf), and no python3 starts that could do it instead"
    );
    Failure::tool(ExitStatus::CannotRun, message)
        .hint("install findutils on the remote, or python3 in the PATH of the account's shell")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_problem_is_told_without_its_object_or_a_reason() {
        for kind in [
            "closed",
            "no-look",
            "no-owner",
            "linked-workspace",
            "locks-hang",
            "not-writable",
            folder_owner::NOT_OWN,
        ] {
            let problem = format!("{kind} owner ann drwx------ /a/b");
            let failure = Problem::parse(&problem).failure("h", "").unwrap();
            assert!(failure.to_string().contains("/a/b"), "{kind}");
            assert!(failure.hint_text().is_some(), "{kind}");
        }
        for kind in ["no-find", "no-rsync", "openrsync"] {
            assert!(Problem::parse(kind).failure("h", "").unwrap().hint_text().is_some(), "{kind}");
        }
        assert!(Problem::parse("no-exec /a/b").failure("h", "").is_none());
        for (problem, words) in [("", ""), ("odd /x", ""), ("", "find: bad"), ("odd", "bad")] {
            assert!(!reason(problem, words).is_empty());
        }
    }

    #[test]
    fn what_can_not_be_written_is_told_with_why() {
        let table = [
            (
                "not-writable /a",
                "mkdir: /a: Permission denied\n",
                "can't write /a on 'h': mkdir: /a: Permission denied",
            ),
            ("not-writable /a: sh: I/O error", "", "no room left on 'h' for /a: sh: I/O error"),
            ("not-writable /a", "mkdir: Disk quota exceeded\nx\n", "no room left on 'h' for /a: x"),
            ("not-writable /a", "", "can't write /a on 'h'"),
        ];
        for (problem, errors, message) in table {
            assert_eq!(Problem::parse(problem).failure("h", errors).unwrap().to_string(), message);
        }
    }
}
