//! Whatever a host lists and then sends as an archive, a pull unpacks nothing but what was listed.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../archive_input.rs"]
mod archive_input;

// The parts of the program that the archive goes through.
#[path = "../../src/archive/mod.rs"]
#[expect(dead_code, reason = "the archive comes from memory, and not over a connection")]
mod archive;
#[path = "../../src/local"]
mod local {
    #[expect(dead_code, reason = "only an rsync needs the rest")]
    pub(crate) mod scratch;
}

fuzz_target!(|input: &[u8]| archive_input::read(input));
