//! Messages on standard error.
//!
//! Every line passes through [`printable`]: a host, a cube or a file name can't move the cursor, set a title or change
//! the direction of writing.

use std::io;
use std::io::Write;

use crate::text::printable::{printable, printable_lines};

/// How much a program prints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Errors and warnings only (`-q`).
    Quiet,
    /// A line or two about what was done.
    #[default]
    Normal,
    /// Also every command (`-v`).
    Verbose,
}

/// Prints to standard error, each line with the program's name. A closed standard error is ignored.
#[derive(Clone, Copy, Debug)]
pub struct Report {
    program: &'static str,
    verbosity: Verbosity,
}

impl Report {
    /// Makes a report for `program`.
    #[must_use]
    pub fn new(program: &'static str, verbosity: Verbosity) -> Self {
        Self { program, verbosity }
    }

    /// How much is printed.
    #[must_use]
    pub fn verbosity(&self) -> Verbosity {
        self.verbosity
    }

    /// Reports an error: what failed, with its object. `-q` doesn't hide it.
    pub fn error(&self, message: &str) {
        self.line(&format!("error: {message}"));
    }

    /// Reports what the user can do about the error or warning before it.
    pub fn hint(&self, message: &str) {
        self.line(&format!("hint: {message}"));
    }

    /// Reports something that didn't fail and needs attention. `-q` doesn't hide it.
    pub fn warn(&self, message: &str) {
        self.line(&format!("warning: {message}"));
    }

    /// Reports something that was done.
    pub fn say(&self, message: &str) {
        if self.verbosity >= Verbosity::Normal {
            self.line(message);
        }
    }

    /// Reports something with `-v` only.
    pub fn detail(&self, message: &str) {
        if self.verbosity >= Verbosity::Verbose {
            self.line(message);
        }
    }

    /// Shows a command before it runs, with `-v`.
    pub fn command(&self, command: &impl std::fmt::Display) {
        if self.verbosity >= Verbosity::Verbose {
            self.show(command);
        }
    }

    /// Shows a command, or several lines of shell code, that can be pasted into a shell.
    pub fn show(&self, command: &impl std::fmt::Display) {
        write_text(&format!("{}\n", printable_lines(&command.to_string())));
    }

    /// Draws a line on the terminal over the previous one.
    pub fn draw(&self, line: &str) {
        write_text(&format!("\r{}\x1b[K", printable(line)));
    }

    /// Erases the drawn line.
    pub fn erase(&self) {
        write_text("\r\x1b[K");
    }

    fn line(&self, message: &str) {
        write_text(&format!("{}: {}\n", self.program, printable(message)));
    }
}

/// The only place that writes to standard error.
fn write_text(text: &str) {
    let mut stderr = io::stderr().lock();
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}
