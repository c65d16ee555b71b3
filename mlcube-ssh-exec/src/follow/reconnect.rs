//! Connects to a job again after the connection was lost.

use std::time::{Duration, Instant};

use mlcube_ssh::pipe::exit_status::ExitStatus;
use mlcube_ssh::pipe::failure::{Failure, FailureKind, Outcome};
use mlcube_ssh::remote::session::Session;

use crate::follow::follower::Follower;

/// The number of sessions in a row that may end by themselves, over a working connection, without a byte of the log.
const IDLE_SESSIONS: u32 = 3;

impl Follower<'_> {
    /// Reconnects and continues the log at the byte where it stopped. The pauses between attempts grow, until an
    /// attempt succeeds or more attempts are pointless. Returns `None` if the job was stopped instead, for a signal.
    pub(super) fn take_up_again(&mut self, why: Failure) -> Outcome<Option<Session>> {
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
}
