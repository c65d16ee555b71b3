//! Stops a job that is followed: for a signal, beside the session that follows it or without one.

use std::mem;
use std::sync::Arc;
use std::thread;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use mlcube_ssh::pipe::failure::Outcome;
use mlcube_ssh::remote::session::{Reply, Session};

use crate::follow::follower::{Follower, LAST_CHANCE, SessionOutcome, TICK};
use crate::job::end::{End, Stop};
use crate::job::result;

/// How long the log is still read after a stop of the job succeeded.
const LAST_WORDS: Duration = Duration::from_secs(20);

/// The pause before a stop is repeated whose reply was lost with the connection.
const STOP_PAUSE: Duration = Duration::from_secs(2);

/// The thread that stops a job. It returns the reply, or `None` if the host refused another session.
type StopThread = JoinHandle<Outcome<Option<Reply>>>;

/// How a stop ended.
enum StopResult {
    /// The remote replied, or can't be asked again.
    Known(Stop),
    /// The connection was lost.
    Lost,
    /// The host refused another session.
    Refused,
}

/// The stop of a job that a session follows.
pub(super) struct StopPlan {
    /// When it begins, if it is to.
    due: Option<Instant>,
    running: Option<StopThread>,
    /// When the remote replied to it.
    done: Option<Instant>,
    /// Whether the remote hasn't confirmed the job yet: a stop that runs before its job exists finds no job.
    waits_for_job: bool,
}

impl StopPlan {
    pub(super) fn of(end: &End, start: Instant) -> Self {
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
pub(super) enum StopState {
    /// The job is followed further.
    Following,
    /// Nothing more of the job is waited for.
    Over,
    /// The host refuses a second session beside the one that follows the job.
    Refused,
}

impl Follower<'_> {
    /// Takes up a signal, begins a stop that is due, and reads the reply of one that has ended.
    pub(super) fn poll_stop(&mut self, stop: &mut StopPlan) -> Outcome<StopState> {
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
            stop.running = Some(self.stop(true));
        }
        if let Some(ended) = stop.running.take_if(|running| running.is_finished()) {
            match self.read_stop_result(ended) {
                StopResult::Known(stop_result) => {
                    (self.end.stop, stop.done) = (Some(stop_result), Some(Instant::now()));
                }
                StopResult::Lost => {
                    (self.end.stop, stop.done) = (None, None);
                    stop.due = Some(Instant::now() + STOP_PAUSE);
                }
                StopResult::Refused => return Ok(StopState::Refused),
            }
        }
        // A job that couldn't be stopped may continue for any time.
        let is_failed = matches!(self.end.stop, Some(Stop::Failed(..)));
        let is_over = is_failed || stop.done.is_some_and(|done| done.elapsed() > LAST_WORDS);
        Ok(if is_over { StopState::Over } else { StopState::Following })
    }

    /// Waits for a stop that still runs when the job has ended.
    pub(super) fn finish_running_stop(&mut self, stop: StopPlan) -> Outcome<()> {
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
        self.end.stop = match self.read_stop_result(stopping) {
            StopResult::Known(stop_result) => Some(stop_result),
            StopResult::Lost => None,
            StopResult::Refused => return Ok(false),
        };
        Ok(true)
    }

    fn read_stop_result(&self, stopping: StopThread) -> StopResult {
        match stopping.join() {
            Ok(Ok(Some(reply))) => {
                result::warnings(&reply).for_each(|text| self.report.warn(&text));
                StopResult::Known(result::stop(&reply, &self.document))
            }
            Ok(Ok(None)) => StopResult::Refused,
            Ok(Err(failure)) if !failure.is_final() => StopResult::Lost,
            Ok(Err(failure)) => StopResult::Known(Stop::Failed(failure.to_string(), None)),
            Err(_) => StopResult::Known(Stop::Failed("the stop wasn't asked for".to_owned(), None)),
        }
    }

    /// Stops the job while no session follows it.
    pub(super) fn stop_alone(&mut self) -> Outcome<SessionOutcome> {
        let stopping = self.stop(false);
        self.wait_for_stop(stopping)?;
        match self.end.stop {
            // Fetches the rest of the log, and the status.
            Some(Stop::AllGone | Stop::Left(_)) => {
                let session = self.connection.open_session(&self.script())?;
                self.follow(session)
            }
            _ => Ok(SessionOutcome::Job),
        }
    }

    /// Stops the job through a session of its own; the host may refuse one `while_following` the job in another.
    fn stop(&self, while_following: bool) -> StopThread {
        let (connection, script) = (Arc::clone(&self.connection), self.job.stop_script());
        thread::spawn(move || {
            if while_following {
                connection.run_unless_busy(&script)
            } else {
                connection.run(&script).map(Some)
            }
        })
    }

    /// Stops the job for a signal that came while no session follows it. With a jump host, Ctrl-C itself may have ended
    /// the connection: the proxy of the master is in the foreground at the terminal.
    pub(super) fn stop_without_session(&mut self, signal: u8) -> Outcome<Option<Session>> {
        if !self.mode.stops_job || self.offset.is_none() || self.end.interrupted.is_some() {
            return Err(self.left_alone(signal));
        }
        self.note_stop_signal(signal);
        self.stop_alone()?;
        Ok(None)
    }
}
