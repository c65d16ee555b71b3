//! The YAML reader takes any bytes: a value or an error, in bounded time and memory.
#![no_main]

use libfuzzer_sys::fuzz_target;
use omegaconf::yaml;

fuzz_target!(|bytes: &[u8]| {
    let _ = yaml::read_file(bytes);
});
