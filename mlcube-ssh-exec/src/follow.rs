//! Following a job: its log here as it is written there, through lost connections and Ctrl-C, to its end.

use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

use mlcube_ssh_config::connection::{Connection, Event, Session};
use mlcube_ssh_config::failure::{Failure, Kind, Outcome};
use mlcube_ssh_config::quote::one_line;
use mlcube_ssh_config::report::Report;

use crate::frames::{Frame, Frames};
use crate::interrupt::Interrupts;
use crate::job::Job;
use crate::outcome::{self, End};

/// How often signals are looked for.
const TICK: Duration = Duration::from_millis(50);

/// The longest pause between attempts to connect again.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Follows one job.
pub(crate) struct Follower<'a> {
    connection: &'a Connection,
    job: &'a Job,
    report: Report,
    interrupts: Interrupts,
    reconnect_timeout: Duration,
    log: Box<dyn Write + 'a>,
    offset: u64,
    end: End,
    tail: Tail,
}

/// What a session ended with.
enum Ended {
    /// The job is over.
    Job,
    /// The connection is.
    Connection,
}

impl<'a> Follower<'a> {
    pub(crate) fn new(
        connection: &'a Connection,
        job: &'a Job,
        report: Report,
        reconnect_timeout: u64,
        log: Box<dyn Write + 'a>,
    ) -> Outcome<Self> {
        Ok(Self {
            connection,
            job,
            report,
            interrupts: Interrupts::watch()?,
            reconnect_timeout: Duration::from_secs(reconnect_timeout),
            log,
            offset: 0,
            end: End::default(),
            tail: Tail::default(),
        })
    }

    /// Starts the job and follows it to its end.
    pub(crate) fn run(mut self) -> Outcome<End> {
        let mut session = self.connection.open_session(self.job.start())?;
        loop {
            match self.follow(session)? {
                Ended::Job => {
                    self.end.last_line = self.tail.last_line();
                    return Ok(self.end);
                }
                Ended::Connection => session = self.reconnect()?,
            }
        }
    }

    /// Reads one session to its end; a signal ends the job through another one meanwhile.
    fn follow(&mut self, mut session: Session) -> Outcome<Ended> {
        let (connection, job) = (self.connection, self.job);
        let mut frames = Frames::default();
        thread::scope(|scope| {
            let mut stopping = None;
            loop {
                if let Some(signal) = self.interrupts.take() {
                    if self.end.interrupted.replace(signal).is_some() {
                        session.hang_up();
                        return Err(self.left_alone(signal));
                    }
                    self.report.say(&format!("ending job {} on {}", job.id, connection.host()));
                    stopping = Some(scope.spawn(|| connection.ask(job.stop())));
                }
                match session.next(TICK) {
                    Event::Bytes(bytes) => frames.add(&bytes),
                    Event::Silence => {}
                    Event::End => return Ok(Ended::Connection),
                }
                if self.take(&mut frames)? {
                    // What the stop found is told before we go: nothing is left running unsaid.
                    self.end.left =
                        stopping.and_then(|stopping| stopping.join().ok()?.ok()?.field("left"));
                    return Ok(Ended::Job);
                }
            }
        })
    }

    /// Takes what has come; true when the job is over.
    fn take(&mut self, frames: &mut Frames) -> Outcome<bool> {
        while let Some(frame) = frames.next() {
            match frame {
                Frame::Log(bytes) => {
                    self.offset += bytes.len() as u64;
                    self.tail.add(&bytes);
                    // A reader of the log that is gone is no reason to end a job.
                    let _ = self.log.write_all(&bytes).and_then(|()| self.log.flush());
                }
                Frame::BeforeTheTask(cause) => {
                    self.end.before_the_task = true;
                    self.end.cause = cause;
                }
                Frame::Status(status) => {
                    self.end.status = Some(status);
                    return Ok(true);
                }
                Frame::Lost => return Ok(true),
                Frame::Problem(kind, subject) => {
                    return Err(outcome::problem(self.connection, &kind, &subject));
                }
            }
        }
        Ok(false)
    }

    /// Connects again, with growing pauses, and takes the log up at the byte where it stopped.
    fn reconnect(&mut self) -> Outcome<Session> {
        self.report.say(&format!(
            "the connection to {} was lost; the job goes on there, connecting again",
            self.connection.host()
        ));
        let start = Instant::now();
        let mut pause = Duration::from_millis(500);
        loop {
            // A job whose start was lost isn't there: then this starts it, and else it follows it.
            let script = if self.offset == 0 {
                self.job.start().clone()
            } else {
                self.job.attach(self.offset)
            };
            match self.connection.open_session(&script) {
                Ok(session) => return Ok(session),
                Err(failure)
                    if failure.kind != Kind::Connection
                        || start.elapsed() > self.reconnect_timeout =>
                {
                    return Err(failure);
                }
                Err(_) => self.sleep(pause)?,
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Sleeps, unless a signal comes: without a connection it can only leave the job alone.
    fn sleep(&mut self, pause: Duration) -> Outcome<()> {
        let end = Instant::now() + pause;
        while Instant::now() < end {
            if let Some(signal) = self.interrupts.take() {
                return Err(self.left_alone(signal));
            }
            thread::sleep(TICK);
        }
        Ok(())
    }

    fn left_alone(&self, signal: u8) -> Failure {
        Failure::signal(
            signal,
            format!(
                "left job {} on '{}', which may go on there",
                self.job.id,
                self.connection.host()
            ),
        )
    }
}

/// The end of a log, for the line that tells why it ended.
#[derive(Debug, Default)]
struct Tail(Vec<u8>);

impl Tail {
    const LONGEST: usize = 4096;

    fn add(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
        let surplus = self.0.len().saturating_sub(Self::LONGEST);
        self.0.drain(..surplus);
    }

    fn last_line(&self) -> String {
        let text = String::from_utf8_lossy(&self.0);
        one_line(text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or(""))
    }
}
