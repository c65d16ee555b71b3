//! Any two texts are merged and resolved, or refused, in bounded time and memory.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../config_input.rs"]
mod config_input;

fuzz_target!(|input: &[u8]| config_input::read(input));
