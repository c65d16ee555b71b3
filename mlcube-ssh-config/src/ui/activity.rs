//! A line on a terminal about work that says little: what it does now, and for how long.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::thread::Thread;
use std::time::{Duration, Instant};

use crate::text::units::clock;
use crate::ui::report::Report;
use crate::ui::status_line::StatusLine;

/// The time between two drawings: that of the smallest unit.
const TICK: Duration = Duration::from_secs(1);

/// A line that is drawn again every second while the work goes on. Elsewhere than on a terminal, and with `-q`, nothing is
/// drawn.
#[derive(Debug)]
pub struct Activity {
    line: Arc<Mutex<Line>>,
    ticker: Option<Thread>,
}

#[derive(Debug)]
struct Line {
    drawn: StatusLine,
    /// What is done now; empty before anything is known.
    text: String,
    began: Instant,
    has_ended: bool,
}

impl Line {
    fn draw(&mut self) {
        if !self.text.is_empty() && !self.has_ended {
            self.drawn.show(&format!("{}, {}", self.text, clock(self.began.elapsed())));
        }
    }
}

impl Activity {
    /// Begins to count the time.
    #[must_use]
    pub fn begin(report: Report) -> Self {
        let drawn = StatusLine::new(report);
        let is_drawn = drawn.is_drawn_again();
        let (text, began, has_ended) = (String::new(), Instant::now(), false);
        let line = Arc::new(Mutex::new(Line { drawn, text, began, has_ended }));
        let ticker = is_drawn.then(|| {
            let line = Arc::clone(&line);
            let draw = move || {
                while !lock(&line).has_ended {
                    thread::park_timeout(TICK);
                    lock(&line).draw();
                }
            };
            thread::spawn(draw).thread().clone()
        });
        Self { line, ticker }
    }

    /// Says what is done now.
    pub fn does(&self, text: &str) {
        let mut line = lock(&self.line);
        text.clone_into(&mut line.text);
        if self.ticker.is_some() {
            line.draw();
        }
    }

    /// Lets something else be printed: the line isn't in its way.
    pub fn aside(&self, print: impl FnOnce()) {
        let mut line = lock(&self.line);
        line.drawn.clear();
        print();
    }
}

impl Drop for Activity {
    fn drop(&mut self) {
        let mut line = lock(&self.line);
        line.has_ended = true;
        line.drawn.clear();
        drop(line);
        self.ticker.iter().for_each(Thread::unpark);
    }
}

fn lock(line: &Mutex<Line>) -> MutexGuard<'_, Line> {
    line.lock().unwrap_or_else(PoisonError::into_inner)
}
