//! How long a remote may take for its next bytes.

use std::time::{Duration, Instant};

/// Fewer bytes don't count as progress: a host that sends one now and then would be waited for without end.
pub(crate) const PROGRESS: usize = 64 << 10;

/// The end of the wait for the remote's next [`PROGRESS`] bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    limit: Duration,
    since: Instant,
    bytes: usize,
}

impl Deadline {
    /// Starts waiting.
    pub(crate) fn new(limit: Duration) -> Self {
        Self { limit, since: Instant::now(), bytes: 0 }
    }

    /// Starts again.
    pub(crate) fn restart(&mut self) {
        (self.since, self.bytes) = (Instant::now(), 0);
    }

    /// Counts bytes that came.
    pub(crate) fn count(&mut self, bytes: usize) {
        self.bytes += bytes;
        if self.bytes >= PROGRESS {
            self.restart();
        }
    }

    /// How long to continue waiting.
    pub(crate) fn left(&self) -> Duration {
        self.limit.saturating_sub(self.since.elapsed())
    }

    /// The longest wait.
    pub(crate) fn limit(&self) -> Duration {
        self.limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_now_and_then_is_no_progress() {
        let hour = Duration::from_secs(3600);
        let long_ago = Instant::now().checked_sub(hour).unwrap();
        let mut deadline = Deadline { since: long_ago, ..Deadline::new(hour) };
        deadline.count(PROGRESS - 1);
        assert!(deadline.left().is_zero());
        deadline.count(1);
        assert!(deadline.left() > hour / 2);
    }
}
