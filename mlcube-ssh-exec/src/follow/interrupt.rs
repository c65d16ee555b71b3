//! SIGINT (Ctrl-C) and SIGTERM: a handler notes them, and the loop that follows a job acts on them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use signal_hook::consts::{SIGINT, SIGTERM};

/// Signals within this time count as one: the terminal sends Ctrl-C, and a wrapper may forward it a second time.
const ONE: Duration = Duration::from_secs(1);

/// The signals that asked this program to end.
#[derive(Clone, Debug)]
pub(crate) struct Interrupts {
    last: Arc<AtomicUsize>,
    taken: Option<Instant>,
}

impl Interrupts {
    /// Notes SIGINT and SIGTERM from now on, even where the caller ignored them, as a shell does for `&`.
    pub(crate) fn watch() -> Result<Self> {
        let last = Arc::new(AtomicUsize::new(0));
        for signal in [SIGINT, SIGTERM] {
            let number = usize::try_from(signal).context("a signal's number")?;
            signal_hook::flag::register_usize(signal, Arc::clone(&last), number)
                .context("can't watch for signals")?;
        }
        Ok(Self { last, taken: None })
    }

    /// Returns the signal that arrived since the last call, if any.
    pub(crate) fn take(&mut self) -> Option<u8> {
        let signal = u8::try_from(self.last.swap(0, Ordering::Relaxed))
            .ok()
            .filter(|&number| number != 0)?;
        // Only a counted signal restarts the time: a user who keeps pressing Ctrl-C means it.
        let again = self.taken.is_some_and(|taken| taken.elapsed() < ONE);
        if again {
            return None;
        }
        self.taken = Some(Instant::now());
        Some(signal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_keeps_pressing_ctrl_c_is_heard() {
        let mut interrupts = Interrupts { last: Arc::default(), taken: None };
        let mut press = || {
            interrupts.last.store(2, Ordering::Relaxed);
            interrupts.take()
        };
        assert_eq!(
            (press(), press()),
            (Some(2), None),
            "a wrapper forwards what the terminal sent"
        );
        let start = Instant::now();
        while press().is_none() {
            assert!(start.elapsed() < 5 * ONE, "each press was taken for a part of the first one");
        }
        assert!(start.elapsed() > ONE / 2);
    }
}
