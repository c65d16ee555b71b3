//! SIGINT (Ctrl-C) and SIGTERM: a handler notes them, and the loop that follows a job acts on them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use signal_hook::consts::{SIGINT, SIGTERM};

/// A SIGTERM so soon after another signal is the same one: the wrapper forwards as SIGTERM what the terminal, or
/// whoever ends its group, has sent to this program as well.
const FORWARDED: Duration = Duration::from_secs(1);

/// A SIGINT so soon after another signal is the same one, which another program forwards. Nobody presses Ctrl-C so
/// fast.
const PRESSED: Duration = Duration::from_millis(150);

/// The signals that asked this program to end.
#[derive(Clone, Debug)]
pub(crate) struct Interrupts {
    int: Arc<AtomicBool>,
    term: Arc<AtomicBool>,
    taken: Option<Instant>,
}

impl Interrupts {
    /// Notes SIGINT and SIGTERM from now on, even where the caller ignored them, as a shell does for `&`.
    pub(crate) fn watch() -> Result<Self> {
        let interrupts = Self { int: Arc::default(), term: Arc::default(), taken: None };
        for (signal, flag) in [(SIGINT, &interrupts.int), (SIGTERM, &interrupts.term)] {
            signal_hook::flag::register(signal, Arc::clone(flag))
                .context("can't watch for signals")?;
        }
        Ok(interrupts)
    }

    /// Returns the signal that arrived since the last call, if any.
    pub(crate) fn take(&mut self) -> Option<u8> {
        let (int, term) =
            (self.int.swap(false, Ordering::Relaxed), self.term.swap(false, Ordering::Relaxed));
        let (signal, one) = match (int, term) {
            (true, _) => (SIGINT, PRESSED),
            (false, true) => (SIGTERM, FORWARDED),
            (false, false) => return None,
        };
        // Only a counted signal restarts the time: a user who keeps pressing Ctrl-C means it.
        if self.taken.is_some_and(|taken| taken.elapsed() < one) {
            return None;
        }
        self.taken = Some(Instant::now());
        u8::try_from(signal).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_presses_ctrl_c_again_is_heard() {
        let mut interrupts = Interrupts { int: Arc::default(), term: Arc::default(), taken: None };
        let mut press = |int, term| {
            interrupts.int.store(int, Ordering::Relaxed);
            interrupts.term.store(term, Ordering::Relaxed);
            interrupts.take()
        };
        assert_eq!(press(true, true), Some(2), "the wrapper forwards what the terminal sent");
        assert_eq!(press(false, true), None, "however late it does");
        assert_eq!(press(true, false), None, "another program forwards it");
        let start = Instant::now();
        while press(true, false).is_none() {
            assert!(
                start.elapsed() < 40 * PRESSED,
                "each press was taken for a part of the first one"
            );
        }
        assert!(start.elapsed() > PRESSED / 2);
        assert_eq!(press(false, true), None, "the wrapper forwards that one, too");
    }
}
