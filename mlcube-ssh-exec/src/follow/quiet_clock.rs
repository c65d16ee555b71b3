//! For how long nothing has been heard of a job.

use std::time::{Duration, Instant};

use mlcube_ssh::text::units::clock;

/// After this time a line says so: a log that comes in pieces shouldn't flicker.
const LONG: Duration = Duration::from_secs(3);

/// How long a job has run, and how long it has been silent.
#[derive(Debug)]
pub(crate) struct QuietClock {
    /// When the job began, or this program began to follow it.
    began: Instant,
    heard: Instant,
    /// The seconds that were last shown.
    shown: u64,
    /// Whether the last output has ended its line, so that another one can be drawn below it.
    is_below_a_line: bool,
    is_explained: bool,
}

impl QuietClock {
    pub(crate) fn begin() -> Self {
        let now = Instant::now();
        Self { began: now, heard: now, shown: 0, is_below_a_line: true, is_explained: false }
    }

    /// Notes whether the job's output ends its line.
    pub(crate) fn note_output(&mut self, bytes: &[u8]) {
        self.is_below_a_line = bytes.last().is_none_or(|byte| *byte == b'\n');
    }

    /// Notes that something was heard. A job that waited begins with it.
    pub(crate) fn note_sign_of_life(&mut self) {
        self.heard = Instant::now();
        if std::mem::take(&mut self.is_explained) {
            self.began = self.heard;
        }
    }

    /// Notes that another line says why the job is silent.
    pub(crate) fn mark_explained(&mut self) {
        self.is_explained = true;
    }

    /// How long the job has run, for a person.
    pub(crate) fn running(&self) -> String {
        clock(self.began.elapsed())
    }

    /// Returns whether another second of silence has passed, once for each.
    pub(crate) fn take_new_second(&mut self) -> bool {
        let silent = self.heard.elapsed().as_secs();
        std::mem::replace(&mut self.shown, silent) != silent
    }

    /// The text for a new second of a long silence. A job that was started before has run for longer than this program.
    pub(crate) fn text(&mut self, is_started_now: bool) -> Option<String> {
        let silent = self.heard.elapsed();
        if silent < LONG || self.is_explained || !self.is_below_a_line {
            return None;
        }
        if !self.take_new_second() {
            return None;
        }
        let silent = format!("no output for {}", clock(silent));
        let running = format!("{} since the start, ", self.running());
        Some(if is_started_now { format!("{running}{silent}") } else { silent })
    }
}
