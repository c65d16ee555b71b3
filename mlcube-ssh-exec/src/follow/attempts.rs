//! The pauses between attempts to reconnect to a job.

use std::time::Duration;

/// The first pause between two attempts to reconnect to a job; each further pause is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The attempts to reconnect to a job since the last successful one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attempts {
    /// The time spent in attempts and in the pauses between them. Time during which the machine or this process slept
    /// doesn't count.
    pub(super) awake: Duration,
    /// The pause before the next attempt.
    pause: Duration,
    /// The number of sessions that ended by themselves.
    pub(super) idle_sessions: u32,
}

impl Attempts {
    pub(super) const NONE: Self =
        Self { awake: Duration::ZERO, pause: FIRST_PAUSE, idle_sessions: 0 };

    /// Adds an attempt that lasted `took`; returns the pause that follows it.
    pub(super) fn add(&mut self, took: Duration) -> Duration {
        let pause = self.pause;
        self.awake += took.min(LONGEST_PAUSE) + pause;
        self.pause = (pause * 2).min(LONGEST_PAUSE);
        pause
    }
}
