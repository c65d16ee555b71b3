//! Whether a step may log in by itself: the setting `login`.
//!
//! A second factor may be pushed to a phone by any login, even by one that asks nothing, and a one-time password can't
//! be answered by a program. So `once` means what it says: a command line that has used a connection opens no other
//! one. It waits or fails, and the verb `login` continues it.
//!
//! A *command line* is a process group: the steps of a pipe, of the wrapper and of a script are in one, and each line
//! that is typed into a shell has its own. A mark beside the socket notes that one has used the connection.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use nix::unistd::{getpgrp, getsid};
use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process_group};

use crate::pipe::failure::Outcome;
use crate::remote::connection::Connection;
use crate::remote::login::control_socket::Purpose;
use crate::remote::login::diagnosis;
use crate::settings::runner::login_policy::LoginPolicy;

/// How the name of a mark ends.
const USED: &str = "used";

impl Connection {
    /// Refuses a login that the settings don't allow now. Another attempt may succeed, because somebody may use the
    /// verb `login` meanwhile.
    pub(crate) fn check_may_log_in(&self) -> Outcome<()> {
        match self.policy {
            _ if self.is_requested => Ok(()),
            LoginPolicy::Once if self.has_been_used() => {
                Err(diagnosis::of_second_login(&self.login, &self.login_on_request))
            }
            LoginPolicy::Never => {
                Err(diagnosis::of_forbidden_login(&self.login, &self.login_on_request))
            }
            LoginPolicy::Ask | LoginPolicy::Once => Ok(()),
        }
    }

    /// Returns whether more logins than the one that is necessary are allowed.
    pub(crate) fn may_log_in_again(&self) -> bool {
        self.policy == LoginPolicy::Ask
    }

    /// The command that has to be typed before a lost connection can be replaced; `None` if a step replaces it.
    #[must_use]
    pub fn awaited_login(&self) -> Option<&str> {
        self.check_may_log_in().is_err().then_some(&self.login_on_request)
    }

    /// Notes that a session was opened.
    pub(crate) fn note_use(&self) {
        let was_noted = self.was_open.swap(true, Ordering::Relaxed);
        if self.policy == LoginPolicy::Once && !was_noted {
            let mark = self.mark();
            sweep_beside(&mark);
            // Without it a later step of the command line might ask once more, as with `ask`.
            let _ = fs::write(mark, "");
        }
    }

    fn has_been_used(&self) -> bool {
        self.was_open() || self.mark().exists()
    }

    fn mark(&self) -> PathBuf {
        let session = getsid(None).map_or(0, nix::unistd::Pid::as_raw);
        let name = format!("{}-{session}.{USED}", getpgrp());
        self.socket_for(Purpose::Shared).with_extension(name)
    }
}

/// Removes the marks of command lines that have ended.
fn sweep_beside(mark: &Path) {
    let folder = mark.parent().unwrap_or(mark);
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if group_of(&entry.path()).is_some_and(has_ended) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// The process group that a mark names.
fn group_of(mark: &Path) -> Option<Pid> {
    let name = mark.file_name()?.to_str()?;
    let (_, group) = name.strip_suffix(USED)?.split_once('.')?;
    Pid::from_raw(group.split('-').next()?.parse().ok()?)
}

fn has_ended(group: Pid) -> bool {
    test_kill_process_group(group) == Err(Errno::SRCH)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::command::Command;

    #[test]
    fn the_marks_of_command_lines_that_have_ended_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let mark = |group: String| folder.path().join(format!("0123456789abcdef.{group}-7.used"));
        let ended = Command::new("sh").args(["-c", "echo $$"]).own_group();
        let ended = ended.run_within(None).unwrap().unwrap().output;
        let ended = String::from_utf8(ended).unwrap().trim().to_owned();
        let (ended_mark, own) = (mark(ended), mark(getpgrp().to_string()));
        let others = ["0123456789abcdef", "0123456789abcdef.lock", "ssh-x.log"];
        for name in others {
            fs::write(folder.path().join(name), "").unwrap();
        }
        fs::write(&own, "").unwrap();
        fs::write(&ended_mark, "").unwrap();
        sweep_beside(&own);
        assert!(own.exists() && !ended_mark.exists());
        assert!(others.iter().all(|name| folder.path().join(name).exists()));
    }
}
