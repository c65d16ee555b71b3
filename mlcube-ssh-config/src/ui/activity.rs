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
    /// What is done now; empty if the line above says it.
    text: String,
    /// Whether anything is known to be done: what ends at once needs no line.
    has_begun: bool,
    began: Instant,
    has_ended: bool,
}

impl Line {
    fn draw(&mut self) {
        if self.has_begun && !self.has_ended {
            // The time comes first, because a long text is cut.
            let shown = format!("{}  {}", clock(self.began.elapsed()), self.text);
            self.drawn.show(shown.trim_end());
        }
    }
}

impl Activity {
    /// Begins to count the time.
    #[must_use]
    pub fn begin(report: Report) -> Self {
        let drawn = StatusLine::new(report);
        let is_drawn = drawn.is_drawn_again();
        let line = Line {
            drawn,
            text: String::new(),
            has_begun: false,
            began: Instant::now(),
            has_ended: false,
        };
        let line = Arc::new(Mutex::new(line));
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

    /// Shows what is done now.
    pub fn does(&self, text: &str) {
        let mut line = lock(&self.line);
        text.clone_into(&mut line.text);
        line.has_begun = true;
        if self.ticker.is_some() {
            line.draw();
        }
    }

    /// Lets a line be printed that says what is done now; from then on the time alone is drawn below it.
    pub fn below(&self, print: impl FnOnce()) {
        let mut line = lock(&self.line);
        line.drawn.clear();
        print();
        line.text.clear();
        line.has_begun = true;
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
