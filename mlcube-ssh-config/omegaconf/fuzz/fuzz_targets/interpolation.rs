//! The parser of interpolations accepts or refuses any text, and every position that it reports is within the text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use omegaconf::interpolation;

fuzz_target!(|text: &str| {
    for error in [interpolation::parse(text).err(), interpolation::parse_element(text).err()].into_iter().flatten() {
        assert!(text.is_char_boundary(error.at));
    }
});
