//! Whether a step may log in by itself: the setting `login`.
//!
//! A second factor may be pushed to a phone by any login, even by one that asks nothing, and a one-time password can't
//! be answered by a program. So `once` means what it says: a command line that has used a connection opens no other
//! one. It waits or fails, and the verb `login` continues it.
//!
//! A *command line* is a process group: the steps of a pipe, of the wrapper and of a script are in one. An interactive
//! shell gives each pipe a group, so commands with `;` between them are several command lines. A mark beside the socket
//! notes that one has used the connection.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use nix::unistd::{getpgrp, getsid};
use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process_group};

use crate::pipe::failure::Outcome;
use crate::pipe::private_file;
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
            let _ = private_file::write_atomically(&mark, |file| {
                file.write_all(Leaders::now().text().as_bytes())
            });
        }
    }

    fn has_been_used(&self) -> bool {
        let noted = || fs::read_to_string(self.mark()).ok();
        self.was_open() || noted().is_some_and(|noted| Leaders::now().may_be(&noted))
    }

    fn mark(&self) -> PathBuf {
        let session = getsid(None).map_or(0, nix::unistd::Pid::as_raw);
        let name = format!("{}-{session}.{USED}", getpgrp());
        self.socket_for(Purpose::Shared).with_extension(name)
    }
}

/// What tells a command line from a later one with the same numbers, as in a container that is started again: the boot,
/// and when the leaders of its group and of its session were started.
#[derive(Debug)]
struct Leaders([Option<String>; 3]);

impl Leaders {
    /// Those of this process. Only Linux tells them; the leader of a group may have ended before its other processes.
    fn now() -> Self {
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok();
        let session = getsid(None).ok().and_then(start_of);
        Self([boot.map(|id| id.trim().to_owned()), start_of(getpgrp()), session])
    }

    fn text(&self) -> String {
        self.0.each_ref().map(|part| part.as_deref().unwrap_or("-")).join(" ")
    }

    /// Whether a mark with this text may be one of the same command line: nothing that both know differs.
    fn may_be(&self, noted: &str) -> bool {
        let noted = noted.split_whitespace();
        let is_same = |(own, noted): (&Option<String>, &str)| {
            noted == "-" || own.as_deref().is_none_or(|own| own == noted)
        };
        self.0.iter().zip(noted).all(is_same)
    }
}

/// When a process was started, in ticks since the boot (`proc_pid_stat(5)`, the 22nd field).
fn start_of(process: nix::unistd::Pid) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The second field, the name in parentheses, may hold anything.
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_whitespace().nth(19).map(str::to_owned)
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
    fn a_mark_of_another_command_line_with_the_same_numbers_is_none() {
        let of =
            |parts: [&str; 3]| Leaders(parts.map(|part| (part != "-").then(|| part.to_owned())));
        let own = of(["boot", "700", "650"]);
        assert!(own.may_be(&own.text()));
        for (noted, is_same) in [
            ("boot - 650", true),
            ("- - -", true),
            ("", true),
            ("boot 700 651", false),
            ("boot 701 650", false),
            ("later 700 650", false),
        ] {
            assert_eq!(own.may_be(noted), is_same, "{noted}");
        }
        assert!(of(["-", "-", "-"]).may_be("boot 700 650"));
        assert!(Leaders::now().may_be(&Leaders::now().text()));
    }

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
