//! A program that runs on the user's machine.

use std::fs;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, ExitStatus};
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::Outcome;
use crate::wait::{PATIENCE, eventually};

/// A child that leads a process group; killed on drop.
///
/// Its output goes to files: reading it can't keep it waiting, and whatever holds them open can't keep the test
/// waiting.
#[derive(Debug)]
pub struct Running {
    child: Child,
    line: String,
    out: PathBuf,
    err: PathBuf,
    started: Instant,
}

impl Running {
    pub(crate) fn new(child: Child, line: String, out: PathBuf, err: PathBuf) -> Running {
        Running { child, line, out, err, started: Instant::now() }
    }

    /// What it wrote to its standard error so far.
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.err).unwrap()).into_owned()
    }

    /// What it wrote to its standard output so far.
    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.out).unwrap()).into_owned()
    }

    /// Waits until it has written this to its standard error, and is still running.
    pub fn says(&mut self, text: &str) {
        let (line, err) = (self.line.clone(), self.err.clone());
        let child = &mut self.child;
        let read = || String::from_utf8_lossy(&fs::read(&err).unwrap()).into_owned();
        eventually(&format!("{line} says {text:?}"), || {
            let ended = child.try_wait().unwrap();
            read().contains(text) || {
                assert!(
                    ended.is_none(),
                    "{line} ended ({ended:?}) without saying {text:?}:\n{}",
                    read()
                );
                false
            }
        });
        assert!(
            self.child.try_wait().unwrap().is_none(),
            "{} ended already:\n{}",
            self.line,
            self.stderr()
        );
    }

    /// Types into its standard input, if it [listens](crate::Invocation::listens).
    pub fn types(&mut self, keys: &str) {
        let stdin = self.child.stdin.as_mut().unwrap();
        stdin.write_all(keys.as_bytes()).and_then(|()| stdin.flush()).unwrap();
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// What Ctrl-C at a terminal does: SIGINT to everything in the foreground.
    pub fn ctrl_c(&self) {
        self.signal_all(Signal::INT);
    }

    /// Ends it and all that it started, without a word.
    pub fn kill_all(&self) {
        self.signal_all(Signal::KILL);
    }

    /// Before it leads a group it is alone.
    fn signal_all(&self, signal: Signal) {
        if kill_process_group(self.pid(), signal).is_err() {
            self.signal(signal);
        }
    }

    /// Sends a signal to it alone.
    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// Waits for its end.
    pub fn wait(mut self) -> Outcome {
        let mut peak = None;
        let status = loop {
            peak = self.peak_memory().or(peak);
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(
                self.started.elapsed() < 2 * PATIENCE,
                "{} doesn't end; so far:\n{}\n{}",
                self.line,
                self.stdout(),
                self.stderr()
            );
            std::thread::sleep(std::time::Duration::from_millis(3));
        };
        let elapsed = self.started.elapsed();
        Outcome::new(self.line.clone(), code(status), self.stdout(), self.stderr(), elapsed, peak)
    }

    /// The most memory that it took so far (proc(5), `VmHWM`).
    fn peak_memory(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let _gone_already = kill_process_group(self.pid(), Signal::KILL);
            let _reaped = self.child.wait();
        }
    }
}

/// The status as a shell shows it.
fn code(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap())
}
