//! Names for the folders with the backups of a transfer.

use std::process;
use std::time::{SystemTime, UNIX_EPOCH};

/// Makes a name that no other transfer uses, not even in the same second: the time, which sorts, and the process id.
#[must_use]
pub fn name_aside() -> String {
    let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{}.{:09}-{}", time.as_secs(), time.subsec_nanos(), process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_are_the_same() {
        assert_ne!(name_aside(), name_aside());
    }
}
