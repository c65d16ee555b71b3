//! What a person reads on standard error.

use std::io::{self, Write};

/// How much a program says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Errors and warnings only (`-q`).
    Quiet,
    /// What was done, in a line or two.
    #[default]
    Normal,
    /// Every command too (`-v`).
    Verbose,
}

/// Writes to standard error, each line with the program's name. A closed standard error is no reason to stop.
#[derive(Clone, Copy, Debug)]
pub struct Report {
    program: &'static str,
    verbosity: Verbosity,
}

impl Report {
    /// A report of `program`.
    #[must_use]
    pub fn new(program: &'static str, verbosity: Verbosity) -> Self {
        Self { program, verbosity }
    }

    /// How much is said.
    #[must_use]
    pub fn verbosity(&self) -> Verbosity {
        self.verbosity
    }

    /// An error, or what a person must know even with `-q`.
    pub fn error(&self, message: &str) {
        self.line(message);
    }

    /// Something that was done.
    pub fn say(&self, message: &str) {
        if self.verbosity >= Verbosity::Normal {
            self.line(message);
        }
    }

    /// Something that only `-v` shows.
    pub fn detail(&self, message: &str) {
        if self.verbosity >= Verbosity::Verbose {
            self.line(message);
        }
    }

    /// A command before it runs, with `-v`.
    pub fn command(&self, command: &impl std::fmt::Display) {
        if self.verbosity >= Verbosity::Verbose {
            self.raw(format!("{command}\n").as_bytes());
        }
    }

    /// Bytes as they are: the remote's own output.
    pub fn raw(&self, bytes: &[u8]) {
        let mut stderr = io::stderr().lock();
        let _ = stderr.write_all(bytes).and_then(|()| stderr.flush());
    }

    fn line(&self, message: &str) {
        self.raw(format!("{}: {message}\n", self.program).as_bytes());
    }
}

/// A number of bytes as people read it (`1.5 MB`).
#[must_use]
pub fn human_bytes(bytes: u64) -> String {
    let mut whole = bytes;
    let mut tenths = 0;
    for unit in ["bytes", "kB", "MB", "GB", "TB"] {
        if whole < 1000 || unit == "TB" {
            return if unit == "bytes" {
                format!("{whole} bytes")
            } else {
                format!("{whole}.{tenths} {unit}")
            };
        }
        tenths = whole % 1000 / 100;
        whole /= 1000;
    }
    format!("{bytes} bytes")
}

/// `1 file`, `2 files`.
#[must_use]
pub fn count(number: u64, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_for_people() {
        assert_eq!(human_bytes(0), "0 bytes");
        assert_eq!(human_bytes(999), "999 bytes");
        assert_eq!(human_bytes(1_550), "1.5 kB");
        assert_eq!(human_bytes(4_200_000_000), "4.2 GB");
        assert_eq!(count(1, "file"), "1 file");
        assert_eq!(count(0, "file"), "0 files");
    }
}
