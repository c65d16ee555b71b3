//! What a remote script reports with `problem KIND SUBJECT` (`problem` in `prelude.sh`).
//!
//! The kinds of each program's own scripts are an enum beside the messages for them; those of the functions that
//! several scripts share are here, with one message each for all programs. `tests/house/script_heads.rs` holds the
//! enums to the scripts.

use std::fmt;

use clap::ValueEnum;

use crate::pipe::exit_status::ExitStatus;
use crate::pipe::failure::{Failure, MAKE_ROOM, hinted, is_out_of_room};
use crate::remote::folder_owner;
use crate::remote::login::ssh_messages::last_line;
use crate::remote::rsync_version;
use crate::text::quote::shell_word;

/// A problem that a remote script reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    kind: String,
    /// The words after the kind.
    pub subject: String,
}

/// The kinds of problems that functions which several scripts share report.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum SharedProblem {
    /// No program can list a folder (`know_find` in `find.sh`).
    NoFind,
    /// rsync is missing (`need_rsync` in `prelude.sh`).
    NoRsync,
    /// The remote rsync is openrsync (`need_rsync`).
    Openrsync,
    /// Others may change a folder or program (`check_own`, `check_program` in `folder-owner.sh`).
    NotOwn,
    /// The account can't enter or read a folder (`check_readable` in `jobs.sh`).
    Closed,
    /// Something about jobs can't be inspected (`need_state` and others in `jobs.sh`).
    NoLook,
    /// What started a job doesn't reply (`need_state`).
    NoState,
    /// The file that names the owner of a remote tree can't be read (`start.sh`, `prepare.sh`).
    NoOwner,
    /// File locks hang in this folder (`guard_locks` in `jobs.sh`).
    LocksHang,
    /// A job holds the workspace (`refuse_locked` in `jobs.sh`).
    Locked,
    /// Something can't be written, reported by any function that makes something; the reason follows a colon if it is
    /// known.
    NotWritable,
    /// A link leads to the workspace, and isn't known to be the user's (`check_workspace_link` in `workspace-link.sh`).
    LinkedWorkspace,
    /// The folder that a script was to list or to change is gone.
    NoFolder,
}

impl Problem {
    /// Parses the words after `problem`.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let (kind, subject) = text.split_once(' ').unwrap_or((text, ""));
        Self { kind: kind.to_owned(), subject: subject.to_owned() }
    }

    /// The kind as a variant of `K`, whose names in kebab case are the words of scripts; `None` if none of them is this
    /// word.
    #[must_use]
    pub fn kind<K: ValueEnum>(&self) -> Option<K> {
        K::from_str(&self.kind, false).ok()
    }

    /// Returns the failure for a kind that several scripts share; `None` for one that only one program knows. `errors`
    /// is the script's standard error.
    #[must_use]
    pub fn failure(&self, host: &str, errors: &str) -> Option<Failure> {
        let subject = self.subject.as_str();
        Some(match self.kind()? {
            SharedProblem::NoFind => no_find(host),
            SharedProblem::NoRsync => rsync_version::missing_on_remote(host),
            SharedProblem::Openrsync => rsync_version::wrong_on_remote(host),
            SharedProblem::NotOwn => folder_owner::failure(host, subject),
            SharedProblem::Closed => Failure::ours(hinted(
                format!("can't read {subject} on '{host}', so what is in it is unknown"),
                format!(
                    "`ls -ld {}` on the remote shows who may; let the account enter and read it",
                    shell_word(subject)
                ),
            )),
            SharedProblem::NoLook => Failure::ours(hinted(
                format!("can't read {subject} on '{host}', so the state of its jobs is unknown"),
                "check on the remote whether the account can read it and may start more processes (ulimit -u)",
            )),
            SharedProblem::NoState => Failure::ours(hinted(
                format!("can't find out the state of a job on '{host}': {subject}"),
                "run the same command again when that replies; a job goes on meanwhile",
            )),
            SharedProblem::NoOwner => Failure::ours(hinted(
                format!("can't read {subject} on '{host}', so it is unknown who pushes this cube"),
                "check on the remote whether the account can read it",
            )),
            SharedProblem::LocksHang => Failure::ours(hinted(
                format!(
                    "can't take a file lock in {subject} on '{host}': it is held, or the file system doesn't respond"
                ),
                "try again when no other mlcube-ssh runs on the remote; if that doesn't help, set remote_root to a folder on another file system",
            )),
            SharedProblem::LinkedWorkspace => {
                let (place, leads_to) = subject.split_once(" -> ").unwrap_or((subject, "?"));
                Failure::ours(hinted(
                    format!(
                        "the workspace {place} on '{host}' leads to {leads_to}, by a link that isn't known to be yours"
                    ),
                    "a task may have made it: remove the link on the remote; if it is yours, `mlcube-ssh-push --follow-link=.` accepts it from now on",
                ))
            }
            SharedProblem::NotWritable => not_writable(host, subject, errors),
            // The message for each depends on what was to be done.
            SharedProblem::Locked | SharedProblem::NoFolder => return None,
        })
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(format!("{} {}", self.kind, self.subject).trim_end())
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

/// Returns what failed and why, as far as the remote says: its problem, or the last words of its programs. The text is
/// never empty.
#[must_use]
pub fn reason(problem: Option<&Problem>, last_error: &str) -> String {
    match (problem, last_error) {
        (None, "") => "the host gave no reason".to_owned(),
        (None, words) => words.to_owned(),
        (Some(problem), "") => format!("its script reports '{problem}'"),
        (Some(problem), words) => format!("its script reports '{problem}': {words}"),
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
            "not-own",
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
        let odd = Problem::parse("odd /x");
        for (problem, words) in [(None, ""), (Some(&odd), ""), (None, "find: bad")] {
            assert!(!reason(problem, words).is_empty());
        }
        assert_eq!(reason(Some(&odd), "bad"), "its script reports 'odd /x': bad");
        assert_eq!(odd.kind::<SharedProblem>(), None);
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
