//! A line about something that is waited for: redrawn on a terminal when it changes, a plain line elsewhere.

use std::io;
use std::io::IsTerminal;
use std::mem;

use crate::text::printable::printable;
use crate::ui::report::{Report, Verbosity};

/// Fits on the narrowest terminals in use: a line that wraps can't be redrawn.
const WIDTH: usize = 79;

/// A line about something that is waited for. It is erased on drop.
#[derive(Debug)]
pub struct StatusLine {
    report: Report,
    on_terminal: bool,
    shown: String,
    is_drawn: bool,
}

impl StatusLine {
    /// Makes an empty line.
    #[must_use]
    pub fn new(report: Report) -> Self {
        let on_terminal = io::stderr().is_terminal();
        Self { report, on_terminal, shown: String::new(), is_drawn: false }
    }

    /// Returns whether the line is drawn again and again: on a terminal, without `-q`.
    #[must_use]
    pub fn is_drawn_again(&self) -> bool {
        self.on_terminal && self.report.verbosity() != Verbosity::Quiet
    }

    /// Shows this text, unless it is shown already.
    pub fn show(&mut self, text: &str) {
        if self.report.verbosity() == Verbosity::Quiet || (self.shown == text && !self.on_terminal)
        {
            return;
        }
        text.clone_into(&mut self.shown);
        if self.on_terminal {
            self.is_drawn = true;
            let drawn: String = printable(text).chars().take(WIDTH).collect();
            self.report.draw(&drawn);
        } else {
            self.report.say(text);
        }
    }

    /// Erases the line on the terminal: at the end, and before another line.
    pub fn clear(&mut self) {
        if mem::take(&mut self.is_drawn) {
            self.report.erase();
        }
    }
}

impl Drop for StatusLine {
    fn drop(&mut self) {
        self.clear();
    }
}
