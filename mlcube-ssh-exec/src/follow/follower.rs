//! What is known of a followed job, and the sessions that are opened for it.

use std::io::Write;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use mlcube_ssh::pipe::document::Document;
use mlcube_ssh::pipe::failure::{Failure, Outcome};
use mlcube_ssh::process::command;
use mlcube_ssh::process::script::Script;
use mlcube_ssh::remote::connection::Connection;
use mlcube_ssh::remote::job::{Holder, LockWait};
use mlcube_ssh::remote::session::Session;
use mlcube_ssh::ui::report::{Report, Verbosity};
use mlcube_ssh::ui::status_line::StatusLine;
use signal_hook::consts::SIGINT;

use crate::follow::attempts::Attempts;
use crate::follow::build_log::BuildLog;
use crate::follow::interrupt::Interrupts;
use crate::follow::last_lines::LastLines;
use crate::follow::quiet_clock::QuietClock;
use crate::job::Job;
use crate::job::end::End;
use crate::job::which_job::WhichJob;

/// The interval between two checks for signals.
pub(super) const TICK: Duration = Duration::from_millis(50);

/// How long after a signal a session may take to open and to confirm the job: only a confirmed job can be stopped.
pub(super) const LAST_CHANCE: Duration = Duration::from_secs(5);

/// The options that decide how a job is followed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FollowMode {
    /// How long reconnecting is attempted after a lost connection.
    pub(crate) reconnect_timeout: Duration,
    /// How many seconds to wait for a locked workspace.
    pub(crate) wait: Option<u64>,
    /// How many of the existing lines are shown; `None` shows all.
    pub(crate) tail: Option<u64>,
    /// Whether to continue until the job ends.
    pub(crate) follow: bool,
    /// Whether Ctrl-C stops the job.
    pub(crate) stops_job: bool,
    /// Whether the job is a build, of which a terminal shows one line, and `-q` nothing.
    pub(crate) is_build: bool,
}

/// The state of following one job.
pub(crate) struct Follower<'a> {
    pub(super) connection: Arc<Connection>,
    pub(super) document: Document,
    pub(super) job: Job,
    pub(super) report: Report,
    /// Why a job hasn't started yet.
    pub(super) status_line: StatusLine,
    pub(super) interrupts: Interrupts,
    pub(super) mode: FollowMode,
    pub(super) lock_wait: LockWait,
    pub(super) log: Box<dyn Write + 'a>,
    /// Whether the user was told that the job runs on another node of the host.
    pub(super) told_node: bool,
    /// The offset of the next byte of the log; `None` until the remote has confirmed the job.
    pub(super) offset: Option<u64>,
    pub(super) attempts: Attempts,
    pub(super) end: End,
    pub(super) tail: LastLines,
    pub(super) quiet_clock: QuietClock,
    /// The log, where at most one line of it is shown.
    pub(super) build: Option<BuildLog>,
}

/// The reason why reading a session ended.
pub(super) enum SessionOutcome {
    /// The job has ended, or everything requested has arrived.
    Job,
    /// The session ended, for this reason.
    Session(Failure),
    /// Another job holds the workspace's lock.
    Locked(Holder),
}

impl<'a> Follower<'a> {
    pub(crate) fn new(
        connection: Connection,
        document: &Document,
        job: Job,
        report: Report,
        mode: FollowMode,
        log: Box<dyn Write + 'a>,
    ) -> Outcome<Self> {
        let status_line = StatusLine::new(report);
        let is_short = status_line.is_drawn_again() || report.verbosity() == Verbosity::Quiet;
        Ok(Self {
            build: (mode.is_build && is_short).then(BuildLog::default),
            connection: Arc::new(connection),
            document: document.clone(),
            end: End { job: job.which.clone(), ..End::default() },
            job,
            report,
            status_line,
            interrupts: Interrupts::watch()?,
            mode,
            lock_wait: LockWait::new(mode.wait),
            log,
            told_node: false,
            offset: None,
            attempts: Attempts::NONE,
            tail: LastLines::default(),
            quiet_clock: QuietClock::begin(),
        })
    }

    /// Returns the job that is followed.
    pub(crate) fn job(&self) -> &WhichJob {
        &self.job.which
    }

    /// Opens a session. A signal that arrives meanwhile stops the job if the session opens soon, else it ends this
    /// program: start-up files may delay a session for minutes.
    pub(super) fn open(&mut self) -> Outcome<Session> {
        let (connection, script) = (Arc::clone(&self.connection), self.script());
        let (sender, opened) = channel();
        // After a signal has ended this program, nothing receives the session.
        thread::spawn(move || sender.send(connection.open_session(&script)).is_ok());
        let mut deadline: Option<Instant> = None;
        loop {
            match opened.recv_timeout(TICK) {
                Ok(opened) => {
                    // After a signal no further attempt is wanted. Ctrl-C ends an ssh at its prompt, too.
                    let signal = deadline.and(self.end.interrupted).filter(|_| opened.is_err());
                    let signal = match opened {
                        Err(_) => signal.or_else(|| self.interrupts.take()),
                        Ok(_) => signal,
                    };
                    return signal
                        .map_or(opened, |signal| Err(self.interrupted_unconfirmed(signal)));
                }
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Failure::ours(anyhow!("the session wasn't asked for")));
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
            if let Some(signal) = self.interrupts.take() {
                if !self.mode.stops_job || self.end.interrupted.is_some() {
                    return Err(self.interrupted_unconfirmed(signal));
                }
                self.note_stop_signal(signal);
                deadline = Some(Instant::now() + LAST_CHANCE);
            }
            if let Some(signal) = self.end.interrupted
                && deadline.is_some_and(|end| Instant::now() > end)
            {
                return Err(self.interrupted_unconfirmed(signal));
            }
        }
    }

    /// Notes a signal that stops the job.
    pub(super) fn note_stop_signal(&mut self, signal: u8) {
        self.status_line.clear();
        self.end.interrupted = Some(signal);
        let ending = format!("ending {} on '{}'", self.job.which, self.host());
        // A container may take its whole grace to end.
        match i32::from(signal) {
            SIGINT => self.report.say(&format!("{ending}; another Ctrl-C returns at once")),
            _ => self.report.say(&ending),
        }
    }

    /// Returns the failure for a signal that ends this program before the remote replied.
    pub(super) fn interrupted_unconfirmed(&self, signal: u8) -> Failure {
        command::end_children();
        if self.offset.is_some() || self.job.start_script().is_none() {
            return self.left_alone(signal);
        }
        let message = format!(
            "interrupted before '{}' confirmed the start of {}",
            self.host(),
            self.job.which
        );
        Failure::signal(signal, message).hint(format!(
            "`{}` follows it if it was started",
            self.document.attach_command(self.job.which.id())
        ))
    }

    /// Returns the script that continues where the log stopped. It starts the job if no start was confirmed.
    pub(super) fn script(&self) -> Script {
        match (self.offset, self.job.start_script()) {
            (None, Some(start)) => start.clone(),
            (offset, _) => self.job.attach_script(offset, self.mode.tail, self.mode.follow),
        }
    }

    /// Returns the signal that arrives within `pause`, if any.
    pub(super) fn interrupted_within(&mut self, pause: Duration) -> Option<u8> {
        let end = Instant::now() + pause;
        while Instant::now() < end {
            if let Some(signal) = self.interrupts.take() {
                return Some(signal);
            }
            thread::sleep(TICK);
        }
        None
    }

    pub(super) fn left_alone(&self, signal: u8) -> Failure {
        let (job, host) = (&self.job.which, self.host());
        let attach = self.document.attach_command(job.id());
        if !self.mode.stops_job {
            let message = format!("interrupted; this doesn't end {job} on '{host}'");
            return Failure::signal(signal, message).hint(format!("`{attach}` follows it"));
        }
        let stop = self.document.stop_command(job.id());
        Failure::signal(signal, format!("interrupted; {job} on '{host}' may still run"))
            .hint(format!("`{stop}` ends it, `{attach}` follows it"))
    }

    pub(super) fn host(&self) -> &str {
        self.connection.host().as_str()
    }
}
