//! The log of a build at a terminal: its last line is drawn, and the log is printed only if the build fails. With `-q`
//! nothing is drawn, at a terminal or elsewhere.

use std::collections::VecDeque;

/// How much is kept for a build that fails: what a person would read of it stands at its end.
const MOST: usize = 1 << 20;

/// The end of the log of a build.
#[derive(Debug, Default)]
pub(crate) struct BuildLog(VecDeque<u8>);

impl BuildLog {
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        self.0.extend(bytes);
        self.0.drain(..self.0.len().saturating_sub(MOST));
    }

    /// What was kept.
    pub(crate) fn text(self) -> Vec<u8> {
        self.0.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_long_log_is_kept() {
        let mut log = BuildLog::default();
        log.add(&vec![b'a'; MOST]);
        log.add(b"bc");
        let text = log.text();
        assert_eq!((text.len(), &text[MOST - 3..]), (MOST, &b"abc"[..]));
    }
}
