//! Waits until something is true, with a limit.

use std::time::{Duration, Instant};

/// How long a test waits for what must come, at most; nothing here takes a tenth of it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until `is_so`; panics, naming `what`, when it hasn't come within a minute.
pub fn eventually(what: &str, is_so: impl FnMut() -> bool) {
    eventually_within(PATIENCE, what, is_so);
}

/// As [`eventually`], for what takes a minute by its nature.
pub fn eventually_within(patience: Duration, what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < patience, "this didn't come within {patience:?}: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
