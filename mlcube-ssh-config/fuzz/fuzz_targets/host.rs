//! Whatever a host sends is read or refused: replies, frames, listings, archives.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../host_input.rs"]
mod host_input;

fuzz_target!(|input: &[u8]| host_input::read(input));
