//! Random bytes and names that nobody can guess.

use std::fs::File;
use std::io::Read;

use anyhow::{Context, Result};

use crate::text::stable_hash::to_hex;

/// Makes random bytes.
pub(crate) fn bytes<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    File::open("/dev/urandom")
        .and_then(|mut source| source.read_exact(&mut bytes))
        .context("can't read /dev/urandom")?;
    Ok(bytes)
}

/// Makes random hexadecimal digits, two for each of `BYTES`.
///
/// # Errors
/// When the system has no `/dev/urandom`.
pub fn hex_digits<const BYTES: usize>() -> Result<String> {
    Ok(to_hex(&bytes::<BYTES>()?))
}
