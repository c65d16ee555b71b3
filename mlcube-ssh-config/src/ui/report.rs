//! What a person reads on standard error.
//!
//! Every line passes through [`printable`]: a host, a cube or a file name can't move the cursor, set a title or turn the
//! direction of writing.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io;
use std::io::Write;

use crate::pipe::failure::Failure;

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

    /// Reports a failure: its `error:` line and, if it has one, its `hint:` line.
    pub fn failure(&self, failure: &Failure) {
        self.error(&failure.to_string());
        if let Some(hint) = failure.hint_text() {
            self.hint(hint);
        }
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
            self.show(command);
        }
    }

    /// A command, or several lines of sh, to be pasted into a shell.
    pub fn show(&self, command: &impl std::fmt::Display) {
        write_text(&format!("{}\n", printable_lines(&command.to_string())));
    }

    /// Draws a line on the terminal over the one that was drawn before.
    pub fn draw(&self, line: &str) {
        write_text(&format!("\r{}\x1b[K", printable(line)));
    }

    /// Takes away the line that was drawn.
    pub fn erase(&self) {
        write_text("\r\x1b[K");
    }

    fn line(&self, message: &str) {
        write_text(&format!("{}: {}\n", self.program, printable(message)));
    }
}

/// The one place that writes to standard error.
fn write_text(text: &str) {
    let mut stderr = io::stderr().lock();
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}

/// `text` with every character escaped that a terminal obeys instead of showing: C0 and C1 control characters (the line
/// feed too), DEL, and the marks that change the direction of writing (Unicode Standard Annex 9), which can make one file
/// name look like another.
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unprintable) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_unprintable(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// As [`printable`], of a text of several lines.
#[must_use]
pub fn printable_lines(text: &str) -> String {
    text.split('\n').map(printable).collect::<Vec<_>>().join("\n")
}

/// JSON of which a terminal shows every character: those that it would obey can only stand in strings, which have escapes
/// for them (RFC 8259, section 7).
#[must_use]
pub fn printable_json(json: &str) -> Cow<'_, str> {
    // JSON's own blanks are as they are.
    let is_escaped = |c: char| c != '\n' && is_unprintable(c);
    if !json.contains(is_escaped) {
        return Cow::Borrowed(json);
    }
    let mut shown = String::with_capacity(json.len() + 8);
    for c in json.chars() {
        if is_escaped(c) {
            // None of them is beyond 16 bits.
            let _ = write!(shown, "\\u{:04x}", u32::from(c));
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// Whether a terminal obeys `c` instead of showing it.
pub(crate) fn is_unprintable(c: char) -> bool {
    let is_bidirectional = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    // Line and paragraph separators break a line in some terminals and log viewers.
    c.is_control() || is_bidirectional || matches!(c, '\u{2028}' | '\u{2029}')
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

/// `1 file`, `2 files`, `2 entries`.
#[must_use]
pub fn count(number: u64, noun: &str) -> String {
    match noun.strip_suffix("ry") {
        _ if number == 1 => format!("1 {noun}"),
        Some(stem) => format!("{number} {stem}ries"),
        None => format!("{number} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_is_told_nothing() {
        assert_eq!(printable("déjà vu\u{2014}ok 'a\\b'"), "déjà vu\u{2014}ok 'a\\b'");
        assert_eq!(printable("\x1b]0;title\x07"), "\\u{1b}]0;title\\u{7}");
        assert_eq!(printable("a\nb\tc\r\x7f\u{9b}1m"), "a\\nb\\tc\\r\\u{7f}\\u{9b}1m");
        assert_eq!(printable("gpj.\u{202e}exe"), "gpj.\\u{202e}exe");
    }

    #[test]
    fn json_stays_json() {
        let odd = "\x1b\x7f\u{9b}\u{202e}é\n\"";
        let json = serde_json::to_string_pretty(&[odd]).unwrap();
        let shown = printable_json(&json);
        assert!(shown.lines().all(|line| !line.contains(is_unprintable)), "{shown}");
        assert_eq!(serde_json::from_str::<[String; 1]>(&shown).unwrap(), [odd]);
    }

    #[test]
    fn bytes_for_people() {
        assert_eq!(human_bytes(0), "0 bytes");
        assert_eq!(human_bytes(999), "999 bytes");
        assert_eq!(human_bytes(1_550), "1.5 kB");
        assert_eq!(human_bytes(4_200_000_000), "4.2 GB");
        assert_eq!(count(1, "file"), "1 file");
        assert_eq!(count(0, "file"), "0 files");
        assert_eq!(count(2, "entry"), "2 entries");
    }
}
