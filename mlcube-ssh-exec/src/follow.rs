//! Following a job: its log here as it is written there, through lost connections and Ctrl-C, to its end.

use std::io::{ErrorKind, Write};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::anyhow;
use mlcube_ssh_config::connection::{Answer, Connection, Event, Session};
use mlcube_ssh_config::document::Document;
use mlcube_ssh_config::failure::{Failure, Kind, Outcome};
use mlcube_ssh_config::frames::{Frame, Frames, Refused};
use mlcube_ssh_config::jobs::{Holder, LOCKED, Patience};
use mlcube_ssh_config::quote::shell_word;
use mlcube_ssh_config::report::Report;
use mlcube_ssh_config::script::Script;

use crate::interrupt::Interrupts;
use crate::job::Job;
use crate::outcome::{self, Blame, End};
use crate::tail::Tail;

/// How often signals are looked for.
const TICK: Duration = Duration::from_millis(50);

/// The longest pause between attempts to connect again.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// How a job is followed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner {
    /// For how long a lost connection is sought again.
    pub(crate) reconnect_timeout: Duration,
    /// For how many seconds a workspace that is held is waited for.
    pub(crate) wait: Option<u64>,
    /// How many lines of what is there already are shown; none: all.
    pub(crate) tail: Option<u64>,
    /// Whether to go on to the job's end.
    pub(crate) follow: bool,
    /// Whether Ctrl-C ends the job.
    pub(crate) ends_it: bool,
}

/// Follows one job.
pub(crate) struct Follower<'a> {
    connection: Arc<Connection>,
    document: Document,
    job: Job,
    report: Report,
    interrupts: Interrupts,
    manner: Manner,
    patience: Patience,
    log: Box<dyn Write + 'a>,
    /// The byte of the log that comes next, once the job is known to be there.
    offset: Option<u64>,
    end: End,
    tail: Tail,
}

/// What a session ended with.
enum Ended {
    /// The job is over, or all that was asked for is there.
    Job,
    /// The connection is.
    Connection,
    /// Another job holds the workspace.
    Locked(Holder),
}

impl<'a> Follower<'a> {
    pub(crate) fn new(
        connection: Connection,
        document: &Document,
        job: Job,
        report: Report,
        manner: Manner,
        log: Box<dyn Write + 'a>,
    ) -> Outcome<Self> {
        Ok(Self {
            connection: Arc::new(connection),
            document: document.clone(),
            end: End { job: job.id.clone(), ..End::default() },
            job,
            report,
            interrupts: Interrupts::watch()?,
            manner,
            patience: Patience::new(manner.wait),
            log,
            offset: None,
            tail: Tail::default(),
        })
    }

    /// The job's id, as far as it is known.
    pub(crate) fn job(&self) -> &str {
        &self.job.id
    }

    /// Starts the job, or finds it, and follows it to its end.
    pub(crate) fn run(mut self) -> Outcome<End> {
        let mut session = self.open_first()?;
        loop {
            match self.follow(session)? {
                Ended::Job => {
                    self.end.last_line = self.tail.last_line();
                    self.end.could_be_built = self.tail.contains(outcome::PULL_ADVICE);
                    return Ok(self.end);
                }
                Ended::Connection => session = self.reconnect()?,
                Ended::Locked(holder) => session = self.wait_for(&holder)?,
            }
        }
    }

    /// The first session. A connection that breaks between the login and the script's first word may have started the
    /// job: it is asked once more, which starts no second one.
    fn open_first(&self) -> Outcome<Session> {
        match self.connection.open_session(&self.script()) {
            Err(failure) if failure.kind == Kind::Connection && self.connection.was_open() => {
                self.connection.open_session(&self.script())
            }
            opened => opened,
        }
    }

    /// What takes the job up where we are. One whose start was lost isn't there: then this starts it.
    fn script(&self) -> Script {
        match (self.offset, self.job.start()) {
            (None, Some(start)) => start.clone(),
            (offset, _) => self.job.attach(offset, self.manner.tail, self.manner.follow),
        }
    }

    /// Reads one session to its end; a signal ends the job through another one meanwhile.
    fn follow(&mut self, mut session: Session) -> Outcome<Ended> {
        let mut frames = Frames::default();
        // A stop that went down with the connection is asked for again.
        let mut stopping = self.end.interrupted.map(|_| self.stop());
        loop {
            if let Some(signal) = self.interrupts.take() {
                if !self.manner.ends_it || self.end.interrupted.is_some() {
                    session.hang_up();
                    return Err(self.left_alone(signal));
                }
                self.end.interrupted = Some(signal);
                self.report.say(&format!("ending job {} on {}", self.job.id, self.host()));
                stopping = Some(self.stop());
            }
            match session.next(TICK) {
                Event::Bytes(bytes) => frames.add(&bytes),
                // What is there already tells its offset first; a job that has just started may be silent for days.
                Event::Silence if self.offset.is_none() && self.job.start().is_none() => {
                    if let Some(silent) = session.silence() {
                        session.hang_up();
                        return Err(silent);
                    }
                }
                Event::Silence => {}
                Event::End => return session.over().map(|()| Ended::Connection),
            }
            let ended = match self.take(&mut frames) {
                Ok(ended) => ended,
                Err(failure) => {
                    session.hang_up();
                    return Err(failure);
                }
            };
            if let Some(ended) = ended {
                self.end.left = match stopping {
                    Some(stopping) => self.wait_for_stop(stopping)?,
                    None => None,
                };
                return Ok(ended);
            }
        }
    }

    /// What the stop left behind is told before we go, unless a second signal says that nobody waits for it.
    fn wait_for_stop(&mut self, stopping: JoinHandle<Outcome<Answer>>) -> Outcome<Option<String>> {
        while !stopping.is_finished() {
            if let Some(signal) = self.interrupted_within(TICK) {
                return Err(self.left_alone(signal));
            }
        }
        Ok(stopping.join().ok().and_then(|answer| answer.ok()?.field("left")))
    }

    /// Ends the job through a session of its own; not waited for when a second signal says so.
    fn stop(&self) -> JoinHandle<Outcome<Answer>> {
        let (connection, script) = (Arc::clone(&self.connection), self.job.stop());
        thread::spawn(move || connection.ask(&script))
    }

    /// Takes what has come; tells what the session ended with, if it did.
    fn take(&mut self, frames: &mut Frames) -> Outcome<Option<Ended>> {
        while let Some(frame) = frames.next().map_err(|refused| self.refused(refused))? {
            match frame {
                Frame::Log(bytes) => self.take_log(&bytes),
                Frame::LogSize(size) => self.check_log_size(size)?,
                Frame::Job(id) => {
                    self.job.id = id.to_string();
                    self.end.job = id.to_string();
                }
                Frame::Record(bytes) => self.end.record = Some(bytes),
                Frame::Offset(offset) => self.offset = Some(offset),
                Frame::Warning(text) => self.report.warn(&text),
                Frame::BeforeTheTask(cause) => {
                    self.end.blame = Blame::Mlcube;
                    self.end.cause = cause;
                }
                Frame::EngineFailed => self.end.blame = Blame::Engine,
                Frame::Began => self.end.began = true,
                Frame::Status(status) => {
                    self.end.status = Some(status);
                    return Ok(Some(Ended::Job));
                }
                Frame::Lost(why) => {
                    self.end.why_lost = Some(why);
                    return Ok(Some(Ended::Job));
                }
                Frame::Started | Frame::LogEnd => return Ok(Some(Ended::Job)),
                Frame::Problem(kind, subject) if kind == LOCKED => {
                    return Ok(Some(Ended::Locked(Holder::parse(&subject))));
                }
                Frame::Problem(kind, subject) => {
                    return Err(outcome::problem(&self.document, &kind, &subject));
                }
            }
        }
        Ok(None)
    }

    /// Why a host isn't listened to any longer.
    fn refused(&self, refused: Refused) -> Failure {
        let failure = Failure::ours(anyhow!("'{}' {refused}", self.host()));
        failure.hint(format!(
            "the job may go on there; look at the programs of the host with `ssh {}`",
            shell_word(self.host())
        ))
    }

    fn take_log(&mut self, bytes: &[u8]) {
        let offset = self.offset.get_or_insert(0);
        *offset = offset.saturating_add(bytes.len() as u64);
        self.tail.add(bytes);
        match self.log.write_all(bytes).and_then(|()| self.log.flush()) {
            // A reader of the log that is gone has seen what it wanted.
            Err(problem) if problem.kind() != ErrorKind::BrokenPipe => {
                // No reason to end a job; told when it has ended.
                self.end.unwritten.get_or_insert(problem.to_string());
            }
            _ => {}
        }
    }

    /// Refuses an end at which a part of the log is missing.
    fn check_log_size(&self, size: u64) -> Outcome<()> {
        let shown = self.offset.unwrap_or(0);
        if shown >= size {
            return Ok(());
        }
        Err(Failure::ours(anyhow!(
            "the log of job {} on '{}' has {size} bytes, and {shown} arrived",
            self.job.id,
            self.host()
        ))
        .hint(format!(
            "`{}` shows it from its beginning",
            self.document.attach_command(&self.job.id)
        )))
    }

    /// Connects again, with growing pauses, and takes the log up at the byte where it stopped.
    fn reconnect(&mut self) -> Outcome<Session> {
        self.report.say(&format!(
            "the connection to {} was lost; the job goes on there, connecting again",
            self.host()
        ));
        // Time that this machine slept, or this process, doesn't count.
        let mut awake = Duration::ZERO;
        let mut pause = Duration::from_millis(500);
        loop {
            let start = Instant::now();
            match self.connection.open_session(&self.script()) {
                Ok(session) => return Ok(session),
                Err(failure) if failure.kind != Kind::Connection => return Err(failure),
                Err(failure) if awake > self.manner.reconnect_timeout => {
                    return Err(self.given_up(&failure));
                }
                Err(_) => self.sleep(pause)?,
            }
            awake += start.elapsed().min(pause + LONGEST_PAUSE);
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Pauses while another job holds the workspace, then starts this one.
    fn wait_for(&mut self, holder: &Holder) -> Outcome<Session> {
        if self.manner.wait.is_some() && self.patience.is_fresh() {
            self.report.say(&holder.waiting(&self.document));
        }
        let Some(pause) = self.patience.pause() else {
            return Err(holder.refusal(&self.document));
        };
        if let Some(signal) = self.interrupted_within(pause) {
            return Err(Failure::signal(
                signal,
                "ended while waiting; no job was started".to_owned(),
            ));
        }
        self.connection.open_session(&self.script())
    }

    /// Sleeps, unless a signal comes: without a connection it can only leave the job alone.
    fn sleep(&mut self, pause: Duration) -> Outcome<()> {
        self.interrupted_within(pause).map_or(Ok(()), |signal| Err(self.left_alone(signal)))
    }

    /// The signal that comes within this time.
    fn interrupted_within(&mut self, pause: Duration) -> Option<u8> {
        let end = Instant::now() + pause;
        while Instant::now() < end {
            if let Some(signal) = self.interrupts.take() {
                return Some(signal);
            }
            thread::sleep(TICK);
        }
        None
    }

    fn left_alone(&self, signal: u8) -> Failure {
        let message = format!(
            "left job {} on '{}', which may go on there; follow it with `{}`",
            self.job.id,
            self.host(),
            self.document.attach_command(&self.job.id)
        );
        Failure::signal(signal, message)
    }

    fn given_up(&self, failure: &Failure) -> Failure {
        Failure::connection(format!(
            "gave up connecting to '{}' ({failure}); job {} may go on there; follow it with `{}`",
            self.host(),
            self.job.id,
            self.document.attach_command(&self.job.id)
        ))
    }

    fn host(&self) -> &str {
        self.connection.host().as_str()
    }
}
