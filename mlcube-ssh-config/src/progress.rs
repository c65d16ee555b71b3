//! How far a transfer is: one line that is drawn again on a terminal, a plain line now and then anywhere else.

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use crate::report::{Report, Verbosity};

/// Between two drawings on a terminal: fast enough to look alive.
const REDRAW: Duration = Duration::from_millis(100);
/// Before the first plain line: what is done sooner needs none.
const FIRST_LINE: Duration = Duration::from_secs(3);
/// Between two plain lines.
const NEXT_LINE: Duration = Duration::from_secs(10);
/// What fits on the narrowest terminal that people use.
const WIDTH: usize = 79;

/// The progress of one transfer.
#[derive(Debug)]
pub struct Progress {
    report: Report,
    on_terminal: bool,
    due: Instant,
    file: String,
    is_drawn: bool,
}

impl Progress {
    /// The progress that `report` wants to be shown; none with `-q`.
    #[must_use]
    pub fn of(report: &Report) -> Option<Self> {
        let on_terminal = io::stderr().is_terminal();
        let wait = if on_terminal { REDRAW } else { FIRST_LINE };
        (report.verbosity() > Verbosity::Quiet).then(|| Self {
            report: *report,
            on_terminal,
            due: Instant::now() + wait,
            file: String::new(),
            is_drawn: false,
        })
    }

    /// Takes note of the file that is on its way.
    pub fn file(&mut self, name: &str) {
        name.clone_into(&mut self.file);
    }

    /// Shows how far rsync is, when it is time to: `line` is one of its `--info=progress2`.
    pub fn show(&mut self, line: &str) {
        let now = Instant::now();
        if now < self.due {
            return;
        }
        let Some(text) = reading(line) else { return };
        if !self.on_terminal {
            self.due = now + NEXT_LINE;
            return self.report.say(&text);
        }
        self.due = now + REDRAW;
        self.is_drawn = true;
        let with_file = if self.report.verbosity() == Verbosity::Verbose {
            format!("{text}  {}", self.file)
        } else {
            text
        };
        let drawn: String = with_file.chars().take(WIDTH).collect();
        self.report.raw(format!("\r{drawn}\x1b[K").as_bytes());
    }

    /// Takes the line away from the terminal.
    pub fn end(&self) {
        if self.is_drawn {
            self.report.raw(b"\r\x1b[K");
        }
    }
}

/// `42 %, 12.30MB/s, 0:01:23 left` of rsync's `1,234  42%  12.30MB/s    0:01:23 (xfr#…)`; none for another line. Behind
/// the end of a file rsync writes the time that it took, not what is left.
fn reading(line: &str) -> Option<String> {
    let mut words = line.split_whitespace();
    let bytes = words.next()?;
    let per_cent = words.next()?.strip_suffix('%')?;
    let (rate, time) = (words.next()?, words.next()?);
    let is_reading = bytes.bytes().all(|byte| byte.is_ascii_digit() || byte == b',')
        && per_cent.bytes().all(|byte| byte.is_ascii_digit())
        && rate.ends_with("/s");
    let left = if words.next().is_none() { format!(", {time} left") } else { String::new() };
    is_reading.then(|| format!("{per_cent} %, {rate}{left}"))
}

/// Whether a line is one of `--info=progress2`.
pub(crate) fn is_reading(line: &str) -> bool {
    reading(line).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readings() {
        let going = "     12,345,678  42%   12.30MB/s    0:01:23";
        assert_eq!(reading(going), Some("42 %, 12.30MB/s, 0:01:23 left".to_owned()));
        let file = "       12345678 100%   12.30MB/s    0:00:01 (xfr#1, to-chk=0/2)";
        assert_eq!(reading(file), Some("100 %, 12.30MB/s".to_owned()));
        assert_eq!(reading(">f+++++++++ 100% of it/s now"), None);
        assert_eq!(reading("Number of files: 3"), None);
    }
}
