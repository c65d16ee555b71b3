//! Libraries that change what a system call does.

use std::fs;
use std::path::PathBuf;

use crate::Place;
use crate::program::{command, must};

/// Compiles lines of C into a library for `LD_PRELOAD`.
pub fn library(place: &Place, name: &str, lines: &str) -> PathBuf {
    let (source, made) =
        (place.path().join(format!("{name}.c")), place.path().join(format!("{name}.so")));
    fs::write(&source, lines).unwrap();
    must(command("cc").args(["-shared", "-fPIC", "-o"]).arg(&made).arg(&source));
    made
}
