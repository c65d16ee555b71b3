//! Stops a job that is followed: for a signal, beside the session that follows it or without one.

use std::mem;
use std::sync::Arc;
use std::thread;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use mlcube_ssh::pipe::failure::Outcome;
use mlcube_ssh::remote::session::{Reply, Session};

use crate::follow::follower::{Ended, Follower, LAST_CHANCE, TICK};
use crate::job::end::{End, Stop};
use crate::job::result;

/// How long the log is still read after a stop of the job succeeded.
const LAST_WORDS: Duration = Duration::from_secs(20);

/// The pause before a stop is repeated whose reply was lost with the connection.
const STOP_PAUSE: Duration = Duration::from_secs(2);

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
pub(super) enum Advance {
    /// The job is followed further.
    Going,
    /// Nothing more of the job is waited for.
    Over,
    /// The host refuses a second session beside the one that follows the job.
    Refused,
}

impl Follower<'_> {
    /// Takes up a signal, begins a stop that is due, and reads the reply of one that has ended.
    pub(super) fn advance(&mut self, stop: &mut StopPlan) -> Outcome<Advance> {
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
    pub(super) fn end_stop(&mut self, stop: StopPlan) -> Outcome<()> {
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
    pub(super) fn stop_alone(&mut self) -> Outcome<Ended> {
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
