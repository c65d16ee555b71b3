//! Ctrl-C and SIGTERM: noted when they come, acted on by whoever follows a job.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result};
use signal_hook::consts::{SIGINT, SIGTERM};

/// The signals that asked us to end.
#[derive(Clone, Debug)]
pub(crate) struct Interrupts {
    last: Arc<AtomicUsize>,
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
        Ok(Self { last })
    }

    /// The signal that came since the last call, if one did.
    pub(crate) fn take(&self) -> Option<u8> {
        u8::try_from(self.last.swap(0, Ordering::Relaxed)).ok().filter(|&number| number != 0)
    }
}
