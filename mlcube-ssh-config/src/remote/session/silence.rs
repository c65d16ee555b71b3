//! How long a remote may take from one word to the next.

use std::time::{Duration, Instant};

/// So many bytes are a word: a host that sends one now and then would be waited for as long as one that sends nothing.
pub(crate) const WORD: usize = 64 << 10;

/// The wait for a remote's next word.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Silence {
    limit: Duration,
    since: Instant,
    bytes: usize,
}

impl Silence {
    /// A wait that begins now.
    pub(crate) fn new(limit: Duration) -> Self {
        Self { limit, since: Instant::now(), bytes: 0 }
    }

    /// Begins again, behind a word of the remote's.
    pub(crate) fn begin(&mut self) {
        (self.since, self.bytes) = (Instant::now(), 0);
    }

    /// Takes note of bytes that came.
    pub(crate) fn hear(&mut self, bytes: usize) {
        self.bytes += bytes;
        if self.bytes >= WORD {
            self.begin();
        }
    }

    /// How long to go on waiting.
    pub(crate) fn left(&self) -> Duration {
        self.limit.saturating_sub(self.since.elapsed())
    }

    /// The most that is waited.
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
