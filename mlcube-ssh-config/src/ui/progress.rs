//! The progress of a transfer: a line that is redrawn on a terminal, a plain line from time to time elsewhere.

use std::collections::VecDeque;
use std::io;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use rustix::termios::tcgetwinsize;

use crate::text::printable::printable;
use crate::text::units::human_bytes;
use crate::ui::report::{Report, Verbosity};

/// Time between two drawings on a terminal: short enough to look alive.
const REDRAW: Duration = Duration::from_millis(100);
/// Time before the first plain line: shorter transfers need none.
const FIRST_LINE: Duration = Duration::from_secs(3);
/// Time between two plain lines.
const NEXT_LINE: Duration = Duration::from_secs(10);
/// Time between two readings for the rate, and how many are kept: the rate is that of the last seconds, not of the
/// whole time.
const READING: Duration = Duration::from_millis(500);
const READINGS: usize = 10;
/// The longest line: longer ones are hard to read.
const WIDTH: usize = 79;

/// The progress of transfers that run one after another.
#[derive(Debug)]
pub struct Progress {
    report: Report,
    on_terminal: bool,
    due: Instant,
    total: u64,
    /// The bytes of the transfers that have ended, and of the one that runs.
    before: u64,
    running: u64,
    readings: VecDeque<(Instant, u64)>,
    file: String,
    is_drawn: bool,
}

impl Progress {
    /// Starts the progress of a transfer of `total` bytes.
    #[must_use]
    pub fn new(report: Report, total: u64) -> Self {
        let on_terminal = io::stderr().is_terminal();
        let now = Instant::now();
        Self {
            report,
            on_terminal,
            due: now + if on_terminal { REDRAW } else { FIRST_LINE },
            total,
            before: 0,
            running: 0,
            readings: VecDeque::from([(now, 0)]),
            file: String::new(),
            is_drawn: false,
        }
    }

    /// Sets the name of the current file.
    pub fn file(&mut self, name: &str) {
        name.clone_into(&mut self.file);
    }

    /// Sets how many bytes the running transfer has done, and shows the progress when it is due.
    pub fn reached(&mut self, bytes: u64) {
        self.running = bytes;
        self.show(Instant::now());
    }

    /// Notes that the running transfer has ended: the next one begins at no byte.
    pub fn ended(&mut self) {
        self.before = self.before.saturating_add(std::mem::take(&mut self.running));
    }

    /// Erases the line on the terminal: at the end, and before another line.
    pub fn clear(&mut self) {
        if std::mem::take(&mut self.is_drawn) {
            self.report.erase();
        }
    }

    fn show(&mut self, now: Instant) {
        let done = self.before.saturating_add(self.running);
        if self.readings.back().is_none_or(|(at, _)| now - *at >= READING) {
            self.readings.push_back((now, done));
            self.readings.drain(..self.readings.len().saturating_sub(READINGS));
        }
        if now < self.due || self.report.verbosity() == Verbosity::Quiet || self.total == 0 {
            return;
        }
        let Some((since, before)) = self.readings.front() else { return };
        let text = text(done, self.total, done.saturating_sub(*before), now - *since);
        if self.on_terminal {
            self.due = now + REDRAW;
            self.draw(&text);
        } else {
            self.due = now + NEXT_LINE;
            self.report.say(&text);
        }
    }

    fn draw(&mut self, text: &str) {
        self.is_drawn = true;
        let with_file = if self.report.verbosity() == Verbosity::Verbose {
            // Escaped before it is cut: an escape is longer than one character.
            format!("{text}  {}", printable(&self.file))
        } else {
            text.to_owned()
        };
        // A line that wraps isn't erased as a whole. Asked each time: the window's size changes.
        let columns = tcgetwinsize(io::stderr()).map_or(0, |size| usize::from(size.ws_col));
        let width = if columns > 1 { WIDTH.min(columns - 1) } else { WIDTH };
        let drawn: String = with_file.chars().take(width).collect();
        self.report.draw(&drawn);
    }
}

/// Formats `42 %, 12.3 MB/s, 0:01:23 left`; `bytes` were done in the last `time`. Bytes that are sent twice, or files
/// that grow, don't exceed the total.
fn text(done: u64, total: u64, bytes: u64, time: Duration) -> String {
    let done = done.min(total);
    let per_second = u128::from(bytes) * 1000 / time.as_millis().max(1);
    let per_second = u64::try_from(per_second).unwrap_or(u64::MAX);
    let per_cent = u128::from(done) * 100 / u128::from(total.max(1));
    let left = match (total - done).checked_div(per_second) {
        Some(seconds) if done < total => {
            format!(", {}:{:02}:{:02} left", seconds / 3600, seconds / 60 % 60, seconds % 60)
        }
        _ => String::new(),
    };
    format!("{per_cent} %, {}/s{left}", human_bytes(per_second))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts() {
        let second = Duration::from_secs(1);
        assert_eq!(text(42, 100, 2, second), "42 %, 2 bytes/s, 0:00:29 left");
        assert_eq!(
            text(4_000_000_000, 40_000_000_000, 5_000_000, second),
            "10 %, 5.0 MB/s, 2:00:00 left"
        );
        assert_eq!(text(100, 100, 50, second / 2), "100 %, 100 bytes/s");
        assert_eq!(
            text(200, 100, 0, Duration::ZERO),
            "100 %, 0 bytes/s",
            "more came than was known"
        );
    }
}
