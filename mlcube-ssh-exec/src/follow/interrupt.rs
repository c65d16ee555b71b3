//! Ctrl-C and SIGTERM: noted when they come, acted on by whoever follows a job.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use signal_hook::consts::{SIGINT, SIGTERM};

/// Two signals within this time are one: Ctrl-C comes from the terminal, and again from a wrapper that forwards it.
const ONE: Duration = Duration::from_secs(1);

/// The signals that asked us to end.
#[derive(Clone, Debug)]
pub(crate) struct Interrupts {
    last: Arc<AtomicUsize>,
    taken: Option<Instant>,
}

impl Interrupts {
    /// Notes SIGINT and SIGTERM from now on; also where the caller had them ignored, as a shell does for `&`.
    pub(crate) fn watch() -> Result<Self> {
        let last = Arc::new(AtomicUsize::new(0));
        for signal in [SIGINT, SIGTERM] {
            let number = usize::try_from(signal).context("a signal's number")?;
            signal_hook::flag::register_usize(signal, Arc::clone(&last), number)
                .context("can't watch for signals")?;
        }
        Ok(Self { last, taken: None })
    }

    /// The signal that came since the last call, if one did.
    pub(crate) fn take(&mut self) -> Option<u8> {
        let signal = u8::try_from(self.last.swap(0, Ordering::Relaxed))
            .ok()
            .filter(|&number| number != 0)?;
        // Only one that counts begins the time anew: whoever keeps pressing Ctrl-C means it.
        let again = self.taken.is_some_and(|taken| taken.elapsed() < ONE);
        if again {
            return None;
        }
        self.taken = Some(Instant::now());
        Some(signal)
    }
}
