//! The processes of this machine, read from `/proc`.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::process::{Pid, Signal, kill_process};

use crate::program::{command, must};

/// A running process.
#[derive(Debug, Clone)]
pub struct Process {
    pid: i32,
    words: String,
}

impl Process {
    /// Its id.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Its arguments, joined with spaces.
    pub fn words(&self) -> &str {
        &self.words
    }

    /// Sends it a signal; that it is gone already is fine.
    pub fn signal(&self, signal: Signal) {
        if let Some(pid) = Pid::from_raw(self.pid) {
            let _gone_already = kill_process(pid, signal);
        }
    }

    fn read(pid: i32) -> Option<(Process, Vec<u8>, Vec<u8>)> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let state = stat.rsplit(") ").next()?.chars().next()?;
        if state == 'Z' {
            return None;
        }
        let arguments = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        let words = String::from_utf8_lossy(&arguments).trim_end_matches('\0').replace('\0', " ");
        Some((Process { pid, words }, arguments, environment))
    }
}

/// Some of the running processes.
#[derive(Debug)]
#[must_use = "nothing is done to them yet"]
pub struct Processes(Vec<Process>);

impl Processes {
    /// Those that name this path in their environment or in their arguments; zombies don't count.
    pub fn naming(path: &Path) -> Processes {
        let mark = path.as_os_str().as_bytes();
        Processes::that(|arguments, environment| holds(arguments, mark) || holds(environment, mark))
    }

    /// Those whose arguments, joined with spaces, hold this text.
    pub fn with_words(text: &str) -> Processes {
        Processes::that(|_, _| true).with(text)
    }

    /// Those that have this variable in their environment.
    pub fn with_variable(name: &str, value: &str) -> Processes {
        let mark = format!("{name}={value}\0");
        Processes::that(|_, environment| holds(environment, mark.as_bytes()))
    }

    fn that(are_meant: impl Fn(&[u8], &[u8]) -> bool) -> Processes {
        let own = i32::try_from(std::process::id()).unwrap();
        let all = fs::read_dir("/proc").unwrap().flatten();
        let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let others = pids.filter(|pid| *pid != own).filter_map(Process::read);
        let meant = others.filter(|(_, arguments, environment)| are_meant(arguments, environment));
        Processes(meant.map(|(process, _, _)| process).collect())
    }

    /// The children of a process, and theirs.
    pub fn below(pid: u32) -> Processes {
        let mut found = Vec::new();
        let mut parents = vec![pid];
        while let Some(parent) = parents.pop() {
            let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children"))
                .unwrap_or_default();
            for child in children.split_whitespace().filter_map(|pid| pid.parse().ok()) {
                parents.extend(u32::try_from(child));
                found.extend(Process::read(child).map(|(process, _, _)| process));
            }
        }
        Processes(found)
    }

    /// Those among them whose arguments hold this text.
    pub fn with(&self, text: &str) -> Processes {
        Processes(self.0.iter().filter(|process| process.words.contains(text)).cloned().collect())
    }

    /// Those among them whose arguments don't hold this text.
    pub fn without(&self, text: &str) -> Processes {
        Processes(self.0.iter().filter(|process| !process.words.contains(text)).cloned().collect())
    }

    /// Those among them that this user runs.
    pub fn of(&self, user: &str) -> Processes {
        let uid = must(command("id").args(["-u", user]));
        let is_theirs = |process: &&Process| {
            let owner = fs::metadata(format!("/proc/{}", process.pid)).map(|entry| entry.uid());
            owner.is_ok_and(|owner| owner.to_string() == uid.trim())
        };
        Processes(self.0.iter().filter(is_theirs).cloned().collect())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Process> {
        self.0.iter()
    }

    /// The only one; panics when there is none or several.
    pub fn only(&self) -> &Process {
        assert_eq!(self.0.len(), 1, "one process was expected, not {:#?}", self.0);
        &self.0[0]
    }

    /// Kills each.
    pub fn kill(&self) {
        self.0.iter().for_each(|process| process.signal(Signal::KILL));
    }
}

fn holds(bytes: &[u8], mark: &[u8]) -> bool {
    bytes.windows(mark.len()).any(|window| window == mark)
}
