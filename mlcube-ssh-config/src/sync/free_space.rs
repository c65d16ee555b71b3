//! Checks before a transfer that the files fit on the receiver's file systems.

use anyhow::anyhow;

use crate::pipe::failure::{Failure, Outcome};
use crate::text::units::human_bytes;

/// Checks that files of `size` bytes fit where `free` bytes are free, if that is known. `allocated` looks up what the
/// files take without their holes: that is slow, and is needed only if the plain size doesn't fit. `transfer` and
/// `place` name both in the message, and `largest` the largest files.
///
/// # Errors
/// When the files don't fit, and the errors of `allocated`.
pub fn check(
    size: u64,
    free: Option<u64>,
    allocated: impl FnOnce() -> Outcome<u64>,
    [transfer, place]: [&str; 2],
    largest: impl FnOnce() -> String,
) -> Outcome<()> {
    let Some(free) = free.filter(|free| size > *free) else { return Ok(()) };
    let needed = allocated()?;
    if needed <= free {
        return Ok(());
    }
    Err(Failure::ours(anyhow!(
        "this {transfer} needs {} {place}, where {} are free; the largest: {}",
        human_bytes(needed),
        human_bytes(free),
        largest()
    )))
}
