//! How long a remote may take from one word to the next.

use std::time::{Duration, Instant};

/// So many bytes are a word: a host that sends one now and then would be waited for as long as one that sends nothing.
const WORD: usize = 64 << 10;

/// How many lines count as words of their own; more of them would make a wait endless.
const LINES: u32 = 1000;

/// The wait for a remote's next word.
#[derive(Clone, Copy, Debug)]
pub(super) struct Silence {
    limit: Duration,
    since: Instant,
    bytes: usize,
    lines: u32,
}

impl Silence {
    /// A wait that begins now.
    pub(super) fn new(limit: Duration) -> Self {
        Self { limit, since: Instant::now(), bytes: 0, lines: 0 }
    }

    /// Begins again, behind a word of the remote's.
    pub(super) fn begin(&mut self) {
        (self.since, self.bytes) = (Instant::now(), 0);
    }

    /// Takes note of bytes that came.
    pub(super) fn hear(&mut self, bytes: usize) {
        self.bytes += bytes;
        if self.bytes >= WORD {
            self.begin();
        }
    }

    /// Takes note of a line that tells a person what is done now.
    pub(super) fn hear_line(&mut self) {
        if self.lines < LINES {
            self.lines += 1;
            self.begin();
        }
    }

    /// How long to go on waiting.
    pub(super) fn left(&self) -> Duration {
        self.limit.saturating_sub(self.since.elapsed())
    }

    /// The most that is waited.
    pub(super) fn limit(&self) -> Duration {
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
        for _ in 0..=LINES {
            silence.since = long_ago;
            silence.hear_line();
        }
        assert!(silence.left().is_zero(), "lines without end");
    }
}
