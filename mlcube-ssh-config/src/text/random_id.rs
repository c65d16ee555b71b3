//! Random names that nobody can guess.

use std::fs::File;
use std::io;
use std::io::Read;

use anyhow::{Context, Result};

/// Makes sixteen random hexadecimal digits.
///
/// # Errors
/// When the system has no `/dev/urandom`.
pub fn hex_digits() -> Result<String> {
    let read = || {
        let mut bytes = [0; 8];
        File::open("/dev/urandom")?.read_exact(&mut bytes)?;
        Ok::<_, io::Error>(u64::from_ne_bytes(bytes))
    };
    Ok(format!("{:016x}", read().context("can't read /dev/urandom")?))
}
