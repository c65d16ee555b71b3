//! Follows a job to its end: prints its log locally while the remote writes it, through lost connections and Ctrl-C.

mod build_log;
mod interrupt;
mod last_lines;
mod quiet_clock;

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
use mlcube_ssh::remote::job::frames::{Frame, Frames, Pending, Refused};
use mlcube_ssh::remote::job::{Holder, LockWait, readable};
use mlcube_ssh::remote::problem::SharedProblem;
use mlcube_ssh::remote::session::{Event, Reply, Session};
use mlcube_ssh::settings::names::Host;
use mlcube_ssh::text::quote::shell_word;
use mlcube_ssh::ui::report::{Report, Verbosity};
use mlcube_ssh::ui::status_line::StatusLine;
use signal_hook::consts::SIGINT;

use crate::follow::build_log::BuildLog;
use crate::follow::interrupt::Interrupts;
use crate::follow::last_lines::LastLines;
use crate::follow::quiet_clock::QuietClock;
use crate::job::end::{Batch, Blame, End, Stop};
use crate::job::engine_failure::EngineFailure;
use crate::job::problem::failure;
use crate::job::which_job::WhichJob;
use crate::job::{Job, engine, result};

/// The interval between two checks for signals.
const TICK: Duration = Duration::from_millis(50);

/// The first pause between two attempts to reconnect to a job; each further pause is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A session of this length counts as a success, even if the job wrote nothing during it.
const GOOD_SESSION: Duration = Duration::from_secs(30);

/// How long the log is still read after a stop of the job succeeded.
const LAST_WORDS: Duration = Duration::from_secs(20);

/// How long after a signal a session may take to open and to confirm the job: only a confirmed job can be stopped.
const LAST_CHANCE: Duration = Duration::from_secs(5);

/// The pause before a stop is repeated whose reply was lost with the connection.
const STOP_PAUSE: Duration = Duration::from_secs(2);

/// The number of sessions in a row that may end by themselves, over a working connection, without a byte of the log.
const IDLE_SESSIONS: u32 = 3;

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
    connection: Arc<Connection>,
    document: Document,
    job: Job,
    report: Report,
    /// Why a job hasn't started yet.
    status_line: StatusLine,
    interrupts: Interrupts,
    mode: FollowMode,
    lock_wait: LockWait,
    log: Box<dyn Write + 'a>,
    /// Whether the user was told that the job runs on another node of the host.
    is_elsewhere: bool,
    /// The offset of the next byte of the log; `None` until the remote has confirmed the job.
    offset: Option<u64>,
    attempts: Attempts,
    end: End,
    tail: LastLines,
    quiet_clock: QuietClock,
    /// The log, where at most one line of it is shown.
    build: Option<BuildLog>,
}

/// The reason why reading a session ended.
enum Ended {
    /// The job has ended, or everything requested has arrived.
    Job,
    /// The session ended, for this reason.
    Session(Failure),
    /// Another job holds the workspace's lock.
    Locked(Holder),
}

/// The situation in which a job is stopped.
#[derive(Clone, Copy, Debug)]
enum Stopping {
    /// Another session follows the job.
    BesideThis,
    /// No session follows the job.
    Alone,
}

/// The thread that stops a job. It returns the reply, or `None` if the host refused another session.
type StopThread = JoinHandle<Outcome<Option<Reply>>>;

/// How a stop ended.
enum StopEnd {
    /// The remote replied, or can't be asked again.
    Told(Stop),
    /// The connection was lost.
    Lost,
    /// The host refused another session.
    Refused,
}

/// The stop of a job that a session follows.
struct StopPlan {
    /// When it begins, if it is to.
    due: Option<Instant>,
    running: Option<StopThread>,
    /// When the remote replied to it.
    done: Option<Instant>,
    /// Whether the remote hasn't confirmed the job yet: a stop that runs before its job exists finds no job.
    waits_for_job: bool,
}

impl StopPlan {
    fn of(end: &End, start: Instant) -> Self {
        Self {
            // A stop whose connection broke is repeated.
            due: end.interrupted.map(|_| start + LAST_CHANCE),
            running: None,
            done: end.stop.as_ref().map(|_| start),
            waits_for_job: true,
        }
    }
}

/// What a stop has come to while its job is followed.
enum Advance {
    /// The job is followed further.
    Going,
    /// Nothing more of the job is waited for.
    Over,
    /// The host refuses a second session beside the one that follows the job.
    Refused,
}

/// The attempts to reconnect to a job since the last successful one.
#[derive(Clone, Copy, Debug)]
struct Attempts {
    /// The time spent in attempts and in the pauses between them. Time during which the machine or this process slept
    /// doesn't count.
    awake: Duration,
    /// The pause before the next attempt.
    pause: Duration,
    /// The number of sessions that ended by themselves.
    idle_sessions: u32,
}

impl Attempts {
    const NONE: Self = Self { awake: Duration::ZERO, pause: FIRST_PAUSE, idle_sessions: 0 };

    /// Adds an attempt that lasted `took`; returns the pause that follows it.
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
            is_elsewhere: false,
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

    /// Starts the job, or finds an existing one, and follows it to its end.
    pub(crate) fn run(mut self) -> Outcome<End> {
        let mut session = self.open_first()?;
        loop {
            let again = match self.follow(session)? {
                Ended::Job => return Ok(self.finished()),
                // The stop has its reply; only the rest of the log is missing.
                Ended::Session(_) if self.end.stop.is_some() => return Ok(self.end),
                Ended::Session(why) => self.take_up_again(why)?,
                Ended::Locked(holder) => self.wait_for(&holder)?,
            };
            match again {
                Some(again) => session = again,
                None => return Ok(self.finished()),
            }
        }
    }

    /// Returns the end of the job, with the cause of a failure.
    fn finished(mut self) -> End {
        self.print_failed_build();
        self.end.last_line = self.tail.last_line();
        let failure = self.diagnose_engine();
        // Nobody wants to pull from a registry that can't be reached if the recipe is there. Any other known failure
        // would end a build as well.
        self.end.could_be_built = self.tail.contains(result::PULL_ADVICE)
            && matches!(failure, None | Some(EngineFailure::NoRegistry(_)));
        self.end
    }

    /// Prints the log of a build that was kept, if it failed.
    fn print_failed_build(&mut self) {
        let has_failed = self.end.status != Some(0) && self.end.interrupted.is_none();
        let Some(build) = self.build.take().filter(|_| has_failed) else { return };
        self.status_line.clear();
        // A terminal that has gone reads nothing.
        let _ = self.log.write_all(&build.text()).and_then(|()| self.log.flush());
    }

    /// Looks for a known failure of the container engine, and for a hint about it; returns the failure.
    fn diagnose_engine(&mut self) -> Option<EngineFailure> {
        // Once a task began, the last lines of the log are the task's own, unless the engine failed to start a later
        // one: then only the engine names a cause.
        let is_of_task = match self.end.blame {
            Blame::Task => self.end.began,
            Blame::Engine => self.end.cause.is_some(),
            Blame::Mlcube => false,
        };
        if is_of_task || matches!(self.end.status, None | Some(0)) {
            return None;
        }
        let engine = engine::name(&self.document);
        // A missing engine isn't mentioned in the log, only in mlcube's cause.
        let from_mlcube = || {
            let cause = self.end.cause.as_deref()?;
            Some((EngineFailure::of_line(cause, engine)?, cause.to_owned()))
        };
        let (failure, line) = self.tail.engine_failure(engine).or_else(from_mlcube)?;
        self.end.hint = Some(failure.hint(&self.connection, &self.document));
        self.end.last_line = line;
        Some(failure)
    }

    /// Opens the first session. If the connection breaks between the login and the script's first word, the job may
    /// have started. The script then runs a second time, which never starts a second job.
    fn open_first(&mut self) -> Outcome<Session> {
        match self.open() {
            Err(failure) if !failure.is_final() && self.connection.was_open() => self.open(),
            opened => opened,
        }
    }

    /// Opens a session. A signal that arrives meanwhile stops the job if the session opens soon, else it ends this
    /// program: start-up files may delay a session for minutes.
    fn open(&mut self) -> Outcome<Session> {
        let (connection, script) = (Arc::clone(&self.connection), self.script());
        let (sender, opened) = channel();
        // After a signal has ended this program, nothing receives the session.
        thread::spawn(move || sender.send(connection.open_session(&script)).is_ok());
        let mut given_up_at: Option<Instant> = None;
        loop {
            match opened.recv_timeout(TICK) {
                Ok(opened) => {
                    // After a signal no further attempt is wanted. Ctrl-C ends an ssh at its prompt, too.
                    let signal = given_up_at.and(self.end.interrupted).filter(|_| opened.is_err());
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
                given_up_at = Some(Instant::now() + LAST_CHANCE);
            }
            if let Some(signal) = self.end.interrupted
                && given_up_at.is_some_and(|end| Instant::now() > end)
            {
                return Err(self.interrupted_unconfirmed(signal));
            }
        }
    }

    /// Notes a signal that stops the job.
    fn note_stop_signal(&mut self, signal: u8) {
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
    fn interrupted_unconfirmed(&self, signal: u8) -> Failure {
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
    fn script(&self) -> Script {
        match (self.offset, self.job.start_script()) {
            (None, Some(start)) => start.clone(),
            (offset, _) => self.job.attach_script(offset, self.mode.tail, self.mode.follow),
        }
    }

    /// Reads one session to its end. A signal meanwhile stops the job through a second session.
    fn follow(&mut self, mut session: Session) -> Outcome<Ended> {
        let (start, mut frames) = (Instant::now(), self.job.frames());
        let mut stop = StopPlan::of(&self.end, start);
        loop {
            match self.advance(&mut stop) {
                Ok(Advance::Going) => {}
                Ok(Advance::Over) => {
                    session.hang_up();
                    return Ok(Ended::Job);
                }
                Ok(Advance::Refused) => {
                    session.hang_up();
                    return self.stop_alone();
                }
                Err(failure) => {
                    session.hang_up();
                    return Err(failure);
                }
            }
            match session.next(TICK) {
                Event::Bytes(bytes) => frames.add(&bytes),
                // The remote sends the offset first, even of a job that has just started; after that the job may be
                // silent for days.
                Event::Silence if self.offset.is_none() => {
                    if let Some(silent) = session.failure_if_silent() {
                        session.hang_up();
                        return Err(silent);
                    }
                }
                Event::Silence => self.show_silence(),
                Event::End => {
                    if start.elapsed() > GOOD_SESSION {
                        self.attempts = Attempts::NONE;
                    }
                    return Ok(Ended::Session(session.why_it_ended()?));
                }
            }
            match self.take(&mut frames) {
                Ok(None) => {}
                Ok(Some(ended)) => return self.end_stop(stop).map(|()| ended),
                Err(failure) => {
                    session.hang_up();
                    return Err(failure);
                }
            }
        }
    }

    /// Takes up a signal, begins a stop that is due, and reads the reply of one that has ended.
    fn advance(&mut self, stop: &mut StopPlan) -> Outcome<Advance> {
        if let Some(signal) = self.interrupts.take() {
            if !self.mode.stops_job || self.end.interrupted.is_some() {
                return Err(self.left_alone(signal));
            }
            self.note_stop_signal(signal);
            let chance = if self.offset.is_some() { Duration::ZERO } else { LAST_CHANCE };
            stop.due = Some(Instant::now() + chance);
        }
        if self.offset.is_some() && mem::take(&mut stop.waits_for_job) {
            stop.due = stop.due.map(|_| Instant::now());
        }
        let is_due = |at: &mut Instant| Instant::now() > *at;
        if stop.running.is_none() && stop.due.take_if(is_due).is_some() {
            stop.running = Some(self.stop(Stopping::BesideThis));
        }
        if let Some(ended) = stop.running.take_if(|running| running.is_finished()) {
            match self.stop_end(ended) {
                StopEnd::Told(told) => {
                    (self.end.stop, stop.done) = (Some(told), Some(Instant::now()));
                }
                StopEnd::Lost => {
                    (self.end.stop, stop.done) = (None, None);
                    stop.due = Some(Instant::now() + STOP_PAUSE);
                }
                StopEnd::Refused => return Ok(Advance::Refused),
            }
        }
        // A job that couldn't be stopped may continue for any time.
        let is_failed = matches!(self.end.stop, Some(Stop::Failed(..)));
        let is_over = is_failed || stop.done.is_some_and(|done| done.elapsed() > LAST_WORDS);
        Ok(if is_over { Advance::Over } else { Advance::Going })
    }

    /// Waits for a stop that still runs when the job has ended.
    fn end_stop(&mut self, stop: StopPlan) -> Outcome<()> {
        if let Some(running) = stop.running {
            // The session that followed the job has ended, so the host accepts another one.
            if !self.wait_for_stop(running)? {
                self.stop_alone()?;
            }
        }
        Ok(())
    }

    /// Waits for the stop's reply, so that the user learns what the stop left behind; a second signal ends the waiting.
    /// Returns whether the host took a session for the stop.
    fn wait_for_stop(&mut self, stopping: StopThread) -> Outcome<bool> {
        while !stopping.is_finished() {
            if let Some(signal) = self.interrupted_within(TICK) {
                return Err(self.left_alone(signal));
            }
        }
        self.end.stop = match self.stop_end(stopping) {
            StopEnd::Told(told) => Some(told),
            StopEnd::Lost => None,
            StopEnd::Refused => return Ok(false),
        };
        Ok(true)
    }

    fn stop_end(&self, stopping: StopThread) -> StopEnd {
        match stopping.join() {
            Ok(Ok(Some(reply))) => {
                result::warnings(&reply).for_each(|text| self.report.warn(&text));
                StopEnd::Told(result::stop(&reply, &self.document))
            }
            Ok(Ok(None)) => StopEnd::Refused,
            Ok(Err(failure)) if !failure.is_final() => StopEnd::Lost,
            Ok(Err(failure)) => StopEnd::Told(Stop::Failed(failure.to_string(), None)),
            Err(_) => StopEnd::Told(Stop::Failed("the stop wasn't asked for".to_owned(), None)),
        }
    }

    /// Stops the job while no session follows it.
    fn stop_alone(&mut self) -> Outcome<Ended> {
        let stopping = self.stop(Stopping::Alone);
        self.wait_for_stop(stopping)?;
        match self.end.stop {
            // Fetches the rest of the log, and the status.
            Some(Stop::AllGone | Stop::Left(_)) => {
                let session = self.connection.open_session(&self.script())?;
                self.follow(session)
            }
            _ => Ok(Ended::Job),
        }
    }

    /// Stops the job through a session of its own.
    fn stop(&self, stopping: Stopping) -> StopThread {
        let (connection, script) = (Arc::clone(&self.connection), self.job.stop_script());
        thread::spawn(move || match stopping {
            Stopping::BesideThis => connection.run_unless_busy(&script),
            Stopping::Alone => connection.run(&script).map(Some),
        })
    }

    /// Processes the frames that have arrived; returns why the session ended, if it did.
    fn take(&mut self, frames: &mut Frames) -> Outcome<Option<Ended>> {
        while let Some(frame) = frames.next().map_err(|refused| self.refused(&refused))? {
            if !matches!(frame, Frame::Batch(..) | Frame::Pending(_)) {
                self.status_line.clear();
                self.quiet_clock.note_sign_of_life();
            }
            match frame {
                Frame::Log(bytes) => self.take_log(&bytes),
                Frame::CutLog { came, of } => {
                    return Ok(Some(Ended::Session(self.cut_log(came, of))));
                }
                Frame::LogSize(size) => {
                    self.end.log_size = Some(size);
                    self.check_log_size(size)?;
                }
                Frame::Job(id) => {
                    self.job.which = WhichJob::Id(id);
                    self.end.job.clone_from(&self.job.which);
                }
                Frame::Node(name, is_elsewhere) => self.note_node(name, is_elsewhere),
                Frame::Batch(system, number) => self.end.batch = Some(Batch { system, number }),
                Frame::Pending(pending) => self.show_pending(&pending),
                Frame::Ran(seconds) => self.end.seconds = Some(seconds),
                Frame::LeftOn(node) => self.end.left_on = Some(node),
                Frame::NodeFailed(node, problem) => {
                    self.end.node_failed = Some((node, problem));
                }
                Frame::BatchEnd(state) => self.end.ended_in = Some(state),
                Frame::JobRecord(bytes) => self.end.record = Some(bytes),
                Frame::Offset(offset) => {
                    if self.offset.replace(offset).is_none() {
                        self.quiet_clock = QuietClock::begin();
                    }
                }
                Frame::Warning(text) => self.report.warn(&text),
                Frame::BeforeTheTask(cause) => self.end.blame_on(Blame::Mlcube, cause),
                Frame::EngineFailed(cause) => self.end.blame_on(Blame::Engine, cause),
                Frame::Began => self.end.began = true,
                Frame::Stopped => self.end.was_stopped = true,
                Frame::Status(status) => {
                    self.end.status = Some(status);
                    return Ok(Some(Ended::Job));
                }
                Frame::Lost(why) => {
                    self.end.lost = Some(why);
                    return Ok(Some(Ended::Job));
                }
                Frame::Started | Frame::LogEnd => return Ok(Some(Ended::Job)),
                Frame::Problem(problem) if problem.kind() == Some(SharedProblem::Locked) => {
                    return Ok(Some(Ended::Locked(Holder::parse(&problem.subject))));
                }
                Frame::Problem(problem) => {
                    // The script puts the words of its programs into the subject: its standard error may still be on
                    // the way.
                    return Err(failure(&self.document, &problem, ""));
                }
            }
        }
        Ok(None)
    }

    /// Shows on a terminal that nothing is heard, and for how long the job has run.
    fn show_silence(&mut self) {
        if !self.status_line.is_drawn_again() || self.end.interrupted.is_some() {
            return;
        }
        if self.build.is_some() {
            if self.quiet_clock.take_new_second() {
                self.show_build();
            }
            return;
        }
        let is_started_now = self.job.start_script().is_some();
        if let Some(text) = self.quiet_clock.text(is_started_now) {
            // The line is cut on a narrow terminal.
            self.status_line.show(&format!("{text} on '{}'", self.host()));
        }
    }

    /// Draws the last line of a build, behind the time.
    fn show_build(&mut self) {
        let line = self.tail.newest_line();
        self.status_line.show(format!("{}  {line}", self.quiet_clock.running()).trim_end());
    }

    /// Shows why the job hasn't started yet, and when it is expected to.
    fn show_pending(&mut self, pending: &Pending) {
        self.quiet_clock.mark_explained();
        let state = if pending.is_requeued { "requeued, pending again" } else { "pending" };
        let batch = self.end.batch.as_ref();
        let number = batch.map(|batch| format!(" (job {})", batch.number)).unwrap_or_default();
        // The launcher names no reason before it has thought about the job.
        let reason = match pending.reason.as_str() {
            "None" => String::new(),
            reason => format!(": {}", readable(reason)),
        };
        // `2026-11-27T14:30:00`, in the local time of the host.
        let start = pending.start.as_ref().map_or_else(String::new, |start| {
            let minute = start.rsplit_once(':').map_or(start.as_str(), |(minute, _)| minute);
            format!(", starts about {}", minute.replace('T', " "))
        });
        self.status_line.show(&format!("{state}{number}{reason}{start}"));
    }

    /// Notes the job's node, and tells the user once if it isn't the node of this login.
    fn note_node(&mut self, name: Host, is_elsewhere: bool) {
        if is_elsewhere && !mem::replace(&mut self.is_elsewhere, true) {
            self.report.say(&format!(
                "{} runs on the node '{name}' of '{}', and this login is on another node; the log is read from their shared disk",
                self.job.which,
                self.host()
            ));
        }
        self.end.node = Some(name);
    }

    /// Returns the failure for a host whose output breaks the protocol.
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
        self.quiet_clock.note_output(bytes);
        if let Some(build) = &mut self.build {
            build.add(bytes);
            return self.show_build();
        }
        match self.log.write_all(bytes).and_then(|()| self.log.flush()) {
            // A reader of the log that closed its pipe has seen what it wanted.
            Err(problem) if problem.kind() != ErrorKind::BrokenPipe => {
                // Not a reason to stop the job; the user learns it when the job has ended.
                self.end.unwritten.get_or_insert(problem.to_string());
            }
            _ => {}
        }
    }

    /// The failure of a session that sent less of the log than it announced: a program there failed.
    fn cut_log(&self, came: u64, of: u64) -> Failure {
        Failure::ours(anyhow!(
            "only {came} of {of} further bytes of the log of {} came from '{}'",
            self.job.which,
            self.host()
        ))
        .hint("`tail` and `head` must work on the host, and the account needs room for two more processes")
        .for_good()
    }

    /// Refuses the end of a job when a part of its log hasn't arrived.
    fn check_log_size(&self, size: u64) -> Outcome<()> {
        let shown = self.offset.unwrap_or(0);
        if shown >= size {
            return Ok(());
        }
        Err(Failure::ours(anyhow!(
            "the log of {} on '{}' has {size} bytes, and only {shown} arrived",
            self.job.which,
            self.host()
        ))
        .hint(format!(
            "`{}` prints it from its beginning",
            self.document.attach_command(self.job.which.id())
        )))
    }

    /// Reconnects and continues the log at the byte where it stopped. The pauses between attempts grow, until an
    /// attempt succeeds or more attempts are pointless. Returns `None` if the job was stopped instead, for a signal.
    fn take_up_again(&mut self, why: Failure) -> Outcome<Option<Session>> {
        self.status_line.clear();
        if why.is_final() {
            // The connection works and the script ended: what ended it once usually does so again.
            self.attempts.idle_sessions += 1;
            if self.offset.is_none() || self.attempts.idle_sessions > IDLE_SESSIONS {
                return Err(self.given_up(why));
            }
            self.report.detail(&format!("{why}; resuming {}", self.job.which));
        } else if self.attempts.awake.is_zero() {
            let then = if self.offset.is_some() { "; the job continues" } else { "" };
            let next = match self.connection.awaited_login() {
                Some(login) => format!("waiting for `{login}`"),
                None => "reconnecting".to_owned(),
            };
            self.report.say(&format!("{why}{then}; {next}"));
        }
        let mut failure = why;
        let mut took = Duration::ZERO;
        loop {
            if self.attempts.awake > self.mode.reconnect_timeout {
                return Err(self.given_up(failure));
            }
            let pause = self.attempts.add(took);
            if let Some(signal) = self.interrupted_within(pause) {
                return self.stop_without_session(signal);
            }
            let start = Instant::now();
            match self.open() {
                Ok(session) => return Ok(Some(session)),
                Err(failure) if matches!(failure.status, ExitStatus::Signal(_)) => {
                    return Err(failure);
                }
                // Another attempt could lock the account, or needs input from a user who isn't present.
                Err(failure) if failure.is_final() => return Err(self.given_up(failure)),
                Err(again) => failure = again,
            }
            took = start.elapsed();
        }
    }

    /// Stops the job for a signal that came while no session follows it. With a jump host, Ctrl-C itself may have ended
    /// the connection: the proxy of the master is in the foreground at the terminal.
    fn stop_without_session(&mut self, signal: u8) -> Outcome<Option<Session>> {
        if !self.mode.stops_job || self.offset.is_none() || self.end.interrupted.is_some() {
            return Err(self.left_alone(signal));
        }
        self.note_stop_signal(signal);
        self.stop_alone()?;
        Ok(None)
    }

    /// Pauses while another job holds the workspace's lock, then tries to start this job.
    fn wait_for(&mut self, holder: &Holder) -> Outcome<Option<Session>> {
        if self.mode.wait.is_some() && self.lock_wait.is_fresh() {
            self.report.say(&holder.waiting(&self.document));
        }
        let Some(pause) = self.lock_wait.pause() else {
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
            opened => opened.map(Some),
        }
    }

    /// Returns the signal that arrives within `pause`, if any.
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

    /// Adds to the failure what is known of the job.
    fn given_up(&self, failure: Failure) -> Failure {
        let attach = self.document.attach_command(self.job.which.id());
        if failure.kind != FailureKind::Connection && self.offset.is_none() {
            return failure
                .hint(format!("`{attach}` follows {} if it was started", self.job.which));
        }
        let message = format!("{failure}; {} may still run on '{}'", self.job.which, self.host());
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
