//! Follows a job to its end: prints its log locally while the remote writes it, through lost connections and Ctrl-C.

mod attempts;
mod build_log;
mod follower;
mod interrupt;
mod last_lines;
mod quiet_clock;
mod reconnect;
mod stop;

pub(crate) use follower::{FollowMode, Follower};

use std::io::{ErrorKind, Write};
use std::mem;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use mlcube_ssh::pipe::failure::{Failure, Outcome};
use mlcube_ssh::remote::job::frames::{Frame, Frames, Pending, Refused};
use mlcube_ssh::remote::job::{Holder, readable};
use mlcube_ssh::remote::problem::SharedProblem;
use mlcube_ssh::remote::session::{Event, Session};
use mlcube_ssh::settings::names::Host;
use mlcube_ssh::text::quote::shell_word;

use crate::follow::attempts::Attempts;
use crate::follow::follower::{SessionOutcome, TICK};
use crate::follow::quiet_clock::QuietClock;
use crate::follow::stop::{StopPlan, StopState};
use crate::job::end::{Batch, Blame, End};
use crate::job::engine_failure::EngineFailure;
use crate::job::problem::failure;
use crate::job::which_job::WhichJob;
use crate::job::{engine, result};

/// A session of this length counts as a success, even if the job wrote nothing during it.
const GOOD_SESSION: Duration = Duration::from_secs(30);

impl Follower<'_> {
    /// Starts the job, or finds an existing one, and follows it to its end.
    pub(crate) fn run(mut self) -> Outcome<End> {
        let mut session = self.open_first()?;
        loop {
            let again = match self.follow(session)? {
                SessionOutcome::Job => return Ok(self.finished()),
                // The stop has its reply; only the rest of the log is missing.
                SessionOutcome::Session(_) if self.end.stop.is_some() => return Ok(self.end),
                SessionOutcome::Session(why) => self.take_up_again(why)?,
                SessionOutcome::Locked(holder) => self.wait_for(&holder)?,
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

    /// Reads one session to its end. A signal meanwhile stops the job through a second session.
    fn follow(&mut self, mut session: Session) -> Outcome<SessionOutcome> {
        let (start, mut frames) = (Instant::now(), self.job.frames());
        let mut stop = StopPlan::of(&self.end, start);
        loop {
            match self.poll_stop(&mut stop) {
                Ok(StopState::Following) => {}
                Ok(StopState::Over) => {
                    session.hang_up();
                    return Ok(SessionOutcome::Job);
                }
                Ok(StopState::Refused) => {
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
                    return Ok(SessionOutcome::Session(session.why_it_ended()?));
                }
            }
            match self.handle_frames(&mut frames) {
                Ok(None) => {}
                Ok(Some(ended)) => return self.finish_running_stop(stop).map(|()| ended),
                Err(failure) => {
                    session.hang_up();
                    return Err(failure);
                }
            }
        }
    }

    /// Processes the frames that have arrived; returns why the session ended, if it did.
    fn handle_frames(&mut self, frames: &mut Frames) -> Outcome<Option<SessionOutcome>> {
        while let Some(frame) = frames.next().map_err(|refused| self.refused(&refused))? {
            if !matches!(frame, Frame::Batch(..) | Frame::Pending(_)) {
                self.status_line.clear();
                self.quiet_clock.note_sign_of_life();
            }
            match frame {
                Frame::Log(bytes) => self.take_log(&bytes),
                Frame::CutLog { came, of } => {
                    return Ok(Some(SessionOutcome::Session(self.cut_log(came, of))));
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
                    return Ok(Some(SessionOutcome::Job));
                }
                Frame::Lost(why) => {
                    self.end.lost = Some(why);
                    return Ok(Some(SessionOutcome::Job));
                }
                Frame::Started | Frame::LogEnd => return Ok(Some(SessionOutcome::Job)),
                Frame::Problem(problem) if problem.kind() == Some(SharedProblem::Locked) => {
                    return Ok(Some(SessionOutcome::Locked(Holder::parse(&problem.subject))));
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
        if is_elsewhere && !mem::replace(&mut self.told_node, true) {
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
}
