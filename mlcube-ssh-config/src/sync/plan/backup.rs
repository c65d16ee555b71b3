//! Names for the folders with the backups of a transfer.

use std::time::{SystemTime, UNIX_EPOCH};

/// Makes a name that no other transfer uses, not even in the same second: the time, which sorts, and the transfer's id.
#[must_use]
pub fn name_backups(id: &str) -> String {
    let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{}.{:09}-{id}", time.as_secs(), time.subsec_nanos())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_are_the_same() {
        assert_ne!(name_backups("1"), name_backups("1"));
    }
}
