//! How long a remote may take from one word to the next.

use std::time::{Duration, Instant};

/// The bytes that count as a word. If a single byte counted, a host that sends one now and then would be waited for
/// without end.
pub(crate) const WORD: usize = 64 << 10;

/// The wait for the remote's next word.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Silence {
    limit: Duration,
    since: Instant,
    bytes: usize,
}

impl Silence {
    /// Starts waiting.
    pub(crate) fn new(limit: Duration) -> Self {
        Self { limit, since: Instant::now(), bytes: 0 }
    }

    /// Starts again after a word.
    pub(crate) fn begin(&mut self) {
        (self.since, self.bytes) = (Instant::now(), 0);
    }

    /// Counts bytes that came.
    pub(crate) fn hear(&mut self, bytes: usize) {
        self.bytes += bytes;
        if self.bytes >= WORD {
            self.begin();
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
    fn a_byte_now_and_then_is_no_word() {
        let hour = Duration::from_secs(3600);
        let long_ago = Instant::now().checked_sub(hour).unwrap();
        let mut silence = Silence { since: long_ago, ..Silence::new(hour) };
        silence.hear(WORD - 1);
        assert!(silence.left().is_zero());
        silence.hear(1);
        assert!(silence.left() > hour / 2);
    }
}
