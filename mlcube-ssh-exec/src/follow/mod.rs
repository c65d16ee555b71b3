//! Following a job: its log here as it is written there, through lost connections and Ctrl-C, to its end.

mod interrupt;
mod last_lines;

use std::io::{ErrorKind, Write};
use std::mem;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use mlcube_ssh::pipe::document::Document;
use mlcube_ssh::pipe::exit_status::ExitStatus;
use mlcube_ssh::pipe::failure::{Failure, FailureKind, Outcome};
use mlcube_ssh::process::command;
use mlcube_ssh::process::script::Script;
use mlcube_ssh::remote::connection::Connection;
use mlcube_ssh::remote::job::frames::{Frame, Frames, Refused};
use mlcube_ssh::remote::job::{Holder, LOCKED, LockWait};
use mlcube_ssh::remote::session::{Event, Reply, Session};
use mlcube_ssh::settings::names::Host;
use mlcube_ssh::text::quote::shell_word;
use mlcube_ssh::ui::report::Report;

use crate::follow::interrupt::Interrupts;
use crate::follow::last_lines::Tail;
use crate::job::engine_trouble::Trouble;
use crate::job::result::{Blame, End, Stop};
use crate::job::{Job, engine, result};

/// How often signals are looked for.
const TICK: Duration = Duration::from_millis(50);

/// The first pause between attempts to take a job up again; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// The longest of these pauses.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A session that lasted so long was a good one, also if the job said nothing meanwhile.
const GOOD_SESSION: Duration = Duration::from_secs(30);

/// How long the log of a job goes on that was ended.
const LAST_WORDS: Duration = Duration::from_secs(20);

/// How long after a signal a session may still take to begin, and a job to be known: then there is something to end.
const LAST_CHANCE: Duration = Duration::from_secs(5);

/// The pause before a stop is asked for again that the connection lost.
const STOP_PAUSE: Duration = Duration::from_secs(2);

/// How many sessions in a row may end by themselves, over a connection that is there, without a byte of the log.
const IDLE_SESSIONS: u32 = 3;

/// How a job is followed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FollowMode {
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
    manner: FollowMode,
    patience: LockWait,
    log: Box<dyn Write + 'a>,
    /// Whether it was said that the job is on another node of the host.
    is_elsewhere: bool,
    /// The byte of the log that comes next, once the job is known to be there.
    offset: Option<u64>,
    attempts: Attempts,
    end: End,
    tail: Tail,
}

/// What a session ended with.
enum Ended {
    /// The job is over, or all that was asked for is there.
    Job,
    /// The session is, and why.
    Session(Failure),
    /// Another job holds the workspace.
    Locked(Holder),
}

/// How a job is ended.
#[derive(Clone, Copy, Debug)]
enum Stopping {
    /// While another session follows it.
    BesideThis,
    /// While nothing does.
    Alone,
}

/// What asks for the end of a job; its answer, unless the host had no session for it.
type StopThread = JoinHandle<Outcome<Option<Reply>>>;

/// The attempts to take a job up again since the last one that led to anything.
#[derive(Clone, Copy, Debug)]
struct Attempts {
    /// The time that they took and that was waited between them. Time that this machine slept, or this process, doesn't
    /// count.
    awake: Duration,
    /// The pause before the next one.
    pause: Duration,
    /// Sessions that ended by themselves.
    idle_sessions: u32,
}

impl Attempts {
    const NONE: Self = Self { awake: Duration::ZERO, pause: FIRST_PAUSE, idle_sessions: 0 };

    /// Adds an attempt that took so long, and the pause after it, which is returned.
    fn add(&mut self, took: Duration) -> Duration {
        let pause = self.pause;
        self.awake += took.min(LONGEST_PAUSE) + pause;
        self.pause = (pause * 2).min(LONGEST_PAUSE);
        pause
    }
}

impl<'a> Follower<'a> {
    pub(crate) fn new(
        connection: Connection,
        document: &Document,
        job: Job,
        report: Report,
        manner: FollowMode,
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
            patience: LockWait::new(manner.wait),
            log,
            is_elsewhere: false,
            offset: None,
            attempts: Attempts::NONE,
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
                    self.look_for_trouble();
                    self.end.could_be_built = self.tail.contains(result::PULL_ADVICE);
                    return Ok(self.end);
                }
                // The stop was answered; no more than the rest of the log is missing.
                Ended::Session(_) if self.end.stop.is_some() => return Ok(self.end),
                Ended::Session(why) => session = self.take_up_again(why)?,
                Ended::Locked(holder) => session = self.wait_for(&holder)?,
            }
        }
    }

    /// Finds out what can be done about the failure of an engine, if it is one of the usual ones.
    fn look_for_trouble(&mut self) {
        // Of a task that began the words are its own.
        let is_of_task = self.end.blame == Blame::Task && self.end.began;
        if is_of_task || matches!(self.end.status, None | Some(0)) {
            return;
        }
        let engine = engine::name(&self.document);
        // Of an engine that isn't there only mlcube tells, not the log.
        let told_by_mlcube = || {
            let cause = self.end.cause.as_deref()?;
            Some((Trouble::of_line(cause, engine)?, cause.to_owned()))
        };
        if let Some((trouble, line)) = self.tail.trouble(engine).or_else(told_by_mlcube) {
            self.end.hint = Some(trouble.hint(&self.connection, &self.document));
            self.end.last_line = line;
        }
    }

    /// The first session. A connection that breaks between the login and the script's first word may have started the
    /// job: it is asked once more, which starts no second one.
    fn open_first(&mut self) -> Outcome<Session> {
        match self.open() {
            Err(failure) if !failure.is_final() && self.connection.was_open() => self.open(),
            opened => opened,
        }
    }

    /// Opens a session. A signal that comes meanwhile ends the job in it if it begins soon, else it ends us: start-up files
    /// may hold a session for minutes.
    fn open(&mut self) -> Outcome<Session> {
        let (connection, script) = (Arc::clone(&self.connection), self.script());
        let (sender, opened) = channel();
        // Nobody listens any more when a signal has ended us.
        thread::spawn(move || sender.send(connection.open_session(&script)).is_ok());
        let mut given_up_at: Option<Instant> = None;
        loop {
            match opened.recv_timeout(TICK) {
                Ok(opened) => {
                    // Nobody who asks for an end wants another attempt.
                    let signal = given_up_at.and(self.end.interrupted).filter(|_| opened.is_err());
                    return signal.map_or(opened, |signal| Err(self.ended_in_silence(signal)));
                }
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Failure::ours(anyhow!("the session wasn't asked for")));
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
            if let Some(signal) = self.interrupts.take() {
                if !self.manner.ends_it || self.end.interrupted.is_some() {
                    return Err(self.ended_in_silence(signal));
                }
                self.is_told_to_end(signal);
                given_up_at = Some(Instant::now() + LAST_CHANCE);
            }
            if let Some(signal) = self.end.interrupted
                && given_up_at.is_some_and(|end| Instant::now() > end)
            {
                return Err(self.ended_in_silence(signal));
            }
        }
    }

    /// Takes note of a signal that ends the job.
    fn is_told_to_end(&mut self, signal: u8) {
        self.end.interrupted = Some(signal);
        self.report.say(&format!("ending job {} on '{}'", self.job.id, self.host()));
    }

    /// What is said when a signal ends us while the host has nothing to say.
    fn ended_in_silence(&self, signal: u8) -> Failure {
        command::end_children();
        if self.offset.is_some() || self.job.start().is_none() {
            return self.left_alone(signal);
        }
        let message = format!(
            "interrupted before '{}' confirmed the start of job {}",
            self.host(),
            self.job.id
        );
        Failure::signal(signal, message).hint(format!(
            "`{}` follows it if it was started",
            self.document.attach_command(&self.job.id)
        ))
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
        let (start, mut frames) = (Instant::now(), Frames::default());
        let mut stopping = None;
        let mut stopped = self.end.stop.as_ref().map(|_| start);
        // A stop that went down with the connection is asked for again. One that comes before its job finds none.
        let mut stop_at = self.end.interrupted.map(|_| start + LAST_CHANCE);
        let mut waits_for_job = true;
        loop {
            if let Some(signal) = self.interrupts.take() {
                if !self.manner.ends_it || self.end.interrupted.is_some() {
                    session.hang_up();
                    return Err(self.left_alone(signal));
                }
                self.is_told_to_end(signal);
                let chance = if self.offset.is_some() { Duration::ZERO } else { LAST_CHANCE };
                stop_at = Some(Instant::now() + chance);
            }
            let is_due = |at: &mut Instant| Instant::now() > *at;
            if self.offset.is_some() && mem::take(&mut waits_for_job) {
                stop_at = stop_at.map(|_| Instant::now());
            }
            if stopping.is_none() && stop_at.take_if(is_due).is_some() {
                stopping = Some(self.stop(Stopping::BesideThis));
            }
            if let Some(ended) = stopping.take_if(|stopping| stopping.is_finished()) {
                let Some(stop) = self.stop_result(ended) else {
                    // The host takes no session but this one.
                    session.hang_up();
                    return self.stop_alone();
                };
                self.end.stop = stop;
                stopped = self.end.stop.as_ref().map(|_| Instant::now());
                if stopped.is_none() {
                    stop_at = Some(Instant::now() + STOP_PAUSE);
                }
            }
            // A job that couldn't be ended goes on for as long as it likes.
            let is_failed = matches!(self.end.stop, Some(Stop::Failed(..)));
            if is_failed || stopped.is_some_and(|stopped| stopped.elapsed() > LAST_WORDS) {
                session.hang_up();
                return Ok(Ended::Job);
            }
            match session.next(TICK) {
                Event::Bytes(bytes) => frames.add(&bytes),
                // What is there tells its offset first, also of a job that has just started; the job itself may be
                // silent for days.
                Event::Silence if self.offset.is_none() => {
                    if let Some(silent) = session.silence() {
                        session.hang_up();
                        return Err(silent);
                    }
                }
                Event::Silence => {}
                Event::End => {
                    if start.elapsed() > GOOD_SESSION {
                        self.attempts = Attempts::NONE;
                    }
                    return Ok(Ended::Session(session.why_it_ended()?));
                }
            }
            let ended = match self.take(&mut frames) {
                Ok(ended) => ended,
                Err(failure) => {
                    session.hang_up();
                    return Err(failure);
                }
            };
            if let Some(ended) = ended {
                if let Some(stopping) = stopping {
                    // A session is free now.
                    if self.wait_for_stop(stopping)?.is_none() {
                        self.stop_alone()?;
                    }
                }
                return Ok(ended);
            }
        }
    }

    /// What the stop left behind is told before we go, unless a second signal says that nobody waits for it; none where
    /// the host had no session for it.
    fn wait_for_stop(&mut self, stopping: StopThread) -> Outcome<Option<()>> {
        while !stopping.is_finished() {
            if let Some(signal) = self.interrupted_within(TICK) {
                return Err(self.left_alone(signal));
            }
        }
        Ok(self.stop_result(stopping).map(|stop| self.end.stop = stop))
    }

    /// What a stop led to: nothing, when the connection was lost meanwhile; none when the host had no session for it.
    #[expect(clippy::option_option, reason = "no session and no answer are two things")]
    fn stop_result(&self, stopping: StopThread) -> Option<Option<Stop>> {
        match stopping.join() {
            Ok(Ok(answer)) => Some(Some(Stop::told_by(&answer?, &self.document))),
            Ok(Err(failure)) if !failure.is_final() => Some(None),
            Ok(Err(failure)) => Some(Some(Stop::Failed(failure.to_string(), None))),
            Err(_) => Some(Some(Stop::Failed("the stop wasn't asked for".to_owned(), None))),
        }
    }

    /// Ends the job when no session follows it.
    fn stop_alone(&mut self) -> Outcome<Ended> {
        let stopping = self.stop(Stopping::Alone);
        self.wait_for_stop(stopping)?;
        match self.end.stop {
            // The rest of the log, and the status.
            Some(Stop::AllGone | Stop::Left(_)) => {
                let session = self.connection.open_session(&self.script())?;
                self.follow(session)
            }
            _ => Ok(Ended::Job),
        }
    }

    /// Ends the job through a session of its own; not waited for when a second signal says so.
    fn stop(&self, stopping: Stopping) -> StopThread {
        let (connection, script) = (Arc::clone(&self.connection), self.job.stop());
        thread::spawn(move || match stopping {
            Stopping::BesideThis => connection.ask_unless_busy(&script),
            Stopping::Alone => connection.run(&script).map(Some),
        })
    }

    /// Takes what has come; tells what the session ended with, if it did.
    fn take(&mut self, frames: &mut Frames) -> Outcome<Option<Ended>> {
        while let Some(frame) = frames.next().map_err(|refused| self.refused(&refused))? {
            match frame {
                Frame::Log(bytes) => self.take_log(&bytes),
                Frame::LogSize(size) => self.check_log_size(size)?,
                Frame::Job(id) => {
                    self.job.id = id.to_string();
                    self.end.job = id.to_string();
                }
                Frame::Node(name, is_elsewhere) => self.note_node(name, is_elsewhere),
                Frame::SyncState(bytes) => self.end.record = Some(bytes),
                Frame::Offset(offset) => self.offset = Some(offset),
                Frame::Warning(text) => self.report.warn(&text),
                Frame::BeforeTheTask(cause) => {
                    self.end.blame = Blame::Mlcube;
                    self.end.cause = cause;
                }
                Frame::EngineFailed => self.end.blame = Blame::Engine,
                Frame::Began => self.end.began = true,
                Frame::Stopped => self.end.was_stopped = true,
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
                    return Err(result::problem(&self.document, &kind, &subject));
                }
            }
        }
        Ok(None)
    }

    /// Takes note of the job's node, and says once what that means where it is another one.
    fn note_node(&mut self, name: Host, is_elsewhere: bool) {
        if is_elsewhere && !mem::replace(&mut self.is_elsewhere, true) {
            self.report.say(&format!(
                "job {} runs on the node '{name}' of '{}', and this login is on another node; the log is read from their shared disk",
                self.job.id,
                self.host()
            ));
        }
        self.end.node = Some(name);
    }

    /// Why a host isn't listened to any longer.
    fn refused(&self, refused: &Refused) -> Failure {
        let failure = Failure::ours(anyhow!("'{}' {refused}", self.host()));
        failure.hint(format!(
            "the job may still run; check the host's programs with `ssh {}`",
            shell_word(self.host())
        ))
    }

    fn take_log(&mut self, bytes: &[u8]) {
        let offset = self.offset.get_or_insert(0);
        *offset = offset.saturating_add(bytes.len() as u64);
        self.attempts = Attempts::NONE;
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
            "the log of job {} on '{}' has {size} bytes, and only {shown} arrived",
            self.job.id,
            self.host()
        ))
        .hint(format!(
            "`{}` prints it from its beginning",
            self.document.attach_command(&self.job.id)
        )))
    }

    /// Takes the log up at the byte where it stopped, with growing pauses, until that leads to something or there is no
    /// sense in going on.
    fn take_up_again(&mut self, why: Failure) -> Outcome<Session> {
        if why.is_final() {
            // The connection is there, and the script isn't: whoever ends it once does so again, mostly.
            self.attempts.idle_sessions += 1;
            if self.offset.is_none() || self.attempts.idle_sessions > IDLE_SESSIONS {
                return Err(self.given_up(why));
            }
            self.report.detail(&format!("{why}; resuming job {}", self.job.id));
        } else if self.attempts.awake.is_zero() {
            let then = if self.offset.is_some() { "; the job continues" } else { "" };
            self.report.say(&format!("{why}{then}; reconnecting"));
        }
        let mut failure = why;
        let mut took = Duration::ZERO;
        loop {
            if self.attempts.awake > self.manner.reconnect_timeout {
                return Err(self.given_up(failure));
            }
            let pause = self.attempts.add(took);
            self.sleep(pause)?;
            let start = Instant::now();
            match self.open() {
                Ok(session) => return Ok(session),
                Err(failure) if matches!(failure.status, ExitStatus::Signal(_)) => {
                    return Err(failure);
                }
                // One more attempt could lock the account, or asks somebody who isn't there.
                Err(failure) if failure.is_final() => return Err(self.given_up(failure)),
                Err(again) => failure = again,
            }
            took = start.elapsed();
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
        let signal = self.end.interrupted;
        if let Some(signal) = signal.or_else(|| self.interrupted_within(pause)) {
            return Err(Failure::signal(
                signal,
                "interrupted while waiting; no job was started".to_owned(),
            ));
        }
        match self.open() {
            Err(failure) if !failure.is_final() => self.take_up_again(failure),
            opened => opened,
        }
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
            "interrupted without the connection; job {} on '{}' may still run",
            self.job.id,
            self.host()
        );
        let attach = self.document.attach_command(&self.job.id);
        Failure::signal(signal, message).hint(format!("follow it with `{attach}`"))
    }

    /// The failure that ends the following, with what is known of the job.
    fn given_up(&self, failure: Failure) -> Failure {
        let attach = self.document.attach_command(&self.job.id);
        if failure.kind != FailureKind::Connection && self.offset.is_none() {
            return failure
                .hint(format!("`{attach}` follows job {} if it was started", self.job.id));
        }
        let message = format!("{failure}; job {} may still run on '{}'", self.job.id, self.host());
        let hint = format!("follow it with `{attach}`");
        match failure.hint_text() {
            Some(first) => Failure::connection(message).hint(format!("{first}; then {hint}")),
            None => Failure::connection(message).hint(hint),
        }
    }

    fn host(&self) -> &str {
        self.connection.host().as_str()
    }
}
