//! A session over the master: a script there, its answer here.

use std::io::{self, PipeWriter, Read};
use std::mem;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use super::answer::{Answer, Output};
use super::master::Master;
use super::silence::Silence;
use super::{Connection, Login, cause};
use crate::command::Running;
use crate::failure::{Failure, Kind, Outcome};
use crate::limits::{self, Exceeded};
use crate::report::Report;
use crate::rsync::lost_during_transfer;
use crate::script::{READY, Script, WATCH};

/// Pauses between attempts when the host takes no more sessions, in milliseconds.
const PAUSES: [u64; 9] = [100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000];

/// A script that runs on the remote, and has said so.
#[derive(Debug)]
pub struct Session {
    running: Running,
    output: Receiver<Vec<u8>>,
    ahead: Vec<u8>,
    silence: Silence,
    login: Login,
    report: Report,
}

/// What came from the remote.
#[derive(Debug)]
pub enum Event {
    /// Bytes that the script wrote.
    Bytes(Vec<u8>),
    /// Nothing, for the time that was given.
    Silence,
    /// The session is over.
    End,
}

/// Why a script didn't say that it runs.
enum NotReady {
    /// The session ended; ssh's standard error.
    Ended(String),
    /// Nothing came in time.
    Silent,
}

impl Connection {
    /// Starts `script` on the remote; returns when it runs.
    ///
    /// # Errors
    /// When the host can't be reached.
    pub fn open_session(&self, script: &Script) -> Outcome<Session> {
        let mut master = self.find_or_open_master()?;
        self.was_open.store(true, Ordering::Relaxed);
        let mut pauses = PAUSES.iter();
        loop {
            let errors = match self.try_session(script, master)? {
                Ok(session) => return Ok(session),
                Err(NotReady::Ended(errors)) => errors,
                Err(NotReady::Silent) => {
                    self.report.detail("the shared connection doesn't answer; opening another one");
                    master = self.open_master(true)?;
                    continue;
                }
            };
            if errors.contains("open refused") {
                let Some(pause) = pauses.next() else {
                    return Err(cause::of_session(&self.login, &errors));
                };
                thread::sleep(Duration::from_millis(*pause));
            } else if master == Master::Opened {
                return Err(cause::of_session(&self.login, &errors));
            } else {
                // The master that was found is gone: one more try, with one of our own.
                self.open_master(false)?;
                master = Master::Opened;
            }
        }
    }

    fn try_session(&self, script: &Script, master: Master) -> Outcome<Result<Session, NotReady>> {
        let command = self.session_command(script);
        self.report.command(&command);
        let (running, output) = command.start()?;
        let mut session = Session {
            running,
            output: read_ahead(output),
            ahead: Vec::new(),
            silence: Silence::new(self.answer_timeout),
            login: self.login.clone(),
            report: self.report,
        };
        // A login that has just succeeded is as live as can be; then a slow shell there has the time that it takes.
        let limit = match master {
            Master::Found => Some(Duration::from_secs(u64::from(self.connect_timeout))),
            Master::Opened => None,
        };
        match session.wait_until_ready(script, limit) {
            Ready::Yes { greeted } => {
                self.greets.fetch_or(greeted, Ordering::Relaxed);
                Ok(Ok(session))
            }
            Ready::Ended => Ok(Err(NotReady::Ended(session.running.finish()?.errors))),
            Ready::Silent => {
                session.running.kill();
                Ok(Err(NotReady::Silent))
            }
            Ready::Exceeded => Err(session.end_for(Exceeded::Greeting)),
        }
    }
}

/// Whether the script has said that it runs.
enum Ready {
    Yes {
        greeted: bool,
    },
    Ended,
    Silent,
    /// The greeting is too long.
    Exceeded,
}

impl Session {
    /// Reads up to the line that the script prints first; what a login shell printed before it is dropped.
    fn wait_until_ready(&mut self, script: &Script, limit: Option<Duration>) -> Ready {
        let line = format!("{READY}\n");
        let mut searched = 0;
        let deadline = limit.map(|limit| Instant::now() + limit);
        loop {
            let wait = deadline.map_or(Duration::from_secs(3600), |deadline| {
                deadline.saturating_duration_since(Instant::now())
            });
            match self.output.recv_timeout(wait) {
                Ok(bytes) => self.ahead.extend(bytes),
                Err(RecvTimeoutError::Timeout) if deadline.is_some() => return Ready::Silent,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ready::Ended,
            }
            if let Some(at) = find(&self.ahead[searched..], line.as_bytes()) {
                let at = searched + at;
                self.ahead.drain(..at + line.len());
                self.silence.begin();
                // What follows a script is another one.
                if !script.is_followed() {
                    self.running.tell(WATCH);
                }
                return Ready::Yes { greeted: at > 0 };
            }
            if self.ahead.len() > limits::GREETING {
                return Ready::Exceeded;
            }
            // The line may have begun.
            searched = self.ahead.len().saturating_sub(line.len());
        }
    }

    /// What the script reads on descriptor 3, behind a line `watch`; it ends when what is returned is dropped.
    pub fn take_input(&mut self) -> Option<PipeWriter> {
        self.running.take_input()
    }

    /// What comes next from the remote, within `wait`.
    pub fn next(&mut self, wait: Duration) -> Event {
        if !self.ahead.is_empty() {
            return Event::Bytes(mem::take(&mut self.ahead));
        }
        match self.output.recv_timeout(wait) {
            Ok(bytes) => Event::Bytes(bytes),
            Err(RecvTimeoutError::Timeout) => Event::Silence,
            Err(RecvTimeoutError::Disconnected) => Event::End,
        }
    }

    /// Starts another script behind one that is followed and has answered.
    ///
    /// # Errors
    /// When the connection was lost.
    pub fn follow(mut self, script: &Script) -> Outcome<Self> {
        let text = script.text_behind_another();
        self.report.command(&format!("# in the same session:\n{text}"));
        self.running.tell(&text);
        match self.wait_until_ready(script, None) {
            Ready::Yes { .. } => Ok(self),
            Ready::Ended | Ready::Silent => {
                Err(cause::of_session(&self.login, &self.running.finish()?.errors))
            }
            Ready::Exceeded => Err(self.end_for(Exceeded::Greeting)),
        }
    }

    /// Reads what a script answers that is followed; the session is there for the next one, unless this one failed.
    ///
    /// # Errors
    /// When the connection is lost before the script ends.
    pub fn answer_and_go_on(self) -> Outcome<(Answer, Option<Self>)> {
        let (output, session) = self.read_answer(&mut |_| ())?;
        if output.goes_on() {
            return Ok((Answer::new(0, output, String::new()), Some(session)));
        }
        Ok((session.end_of(output)?, None))
    }

    /// Ends a session behind a script that is followed by nothing, and waits until it has ended.
    ///
    /// # Errors
    /// When the system can't say how it ended.
    pub fn end(mut self) -> Outcome<()> {
        drop(self.running.take_input());
        let mut left = limits::LINES;
        loop {
            match self.receive() {
                Ok(Some(bytes)) if bytes.len() <= left => left -= bytes.len(),
                Ok(Some(_)) => return Err(self.end_for(Exceeded::Lines)),
                Ok(None) => return self.running.finish().map(drop),
                Err(silent) => {
                    self.hang_up();
                    return Err(silent);
                }
            }
        }
    }

    /// Reads to the end.
    ///
    /// # Errors
    /// When the connection is lost before the script ends.
    pub fn answer(self) -> Outcome<Answer> {
        self.answer_aloud(|_| ())
    }

    /// As [`Session::answer`], of a script that transfers; what it has done so far isn't lost with the connection.
    ///
    /// # Errors
    /// When the connection is lost before the script ends.
    pub fn answer_of_transfer(self) -> Outcome<Answer> {
        let host = self.login.host.clone();
        // One that is only silent says so.
        let (output, session) = self.read_answer(&mut |_| ())?;
        session.end_of(output).map_err(|failure| match failure.kind {
            Kind::Connection => lost_during_transfer(host.as_str()),
            _ => failure,
        })
    }

    /// Reads to the end, and hands over every line as it comes, up to a list of files.
    ///
    /// # Errors
    /// When the connection is lost before the script ends.
    pub fn answer_aloud(self, mut hear: impl FnMut(&str)) -> Outcome<Answer> {
        let (output, session) = self.read_answer(&mut hear)?;
        session.end_of(output)
    }

    /// Reads to the end, or to where the session goes on. It ends here when the remote says too much, or nothing for too
    /// long.
    fn read_answer(mut self, hear: &mut impl FnMut(&str)) -> Outcome<(Output, Self)> {
        let mut output = Output::default();
        let mut remarks = 0;
        let mut piece = Some(mem::take(&mut self.ahead));
        while let Some(bytes) = piece {
            let mut told = 0_usize;
            let taken = output.take(&bytes, &mut |line| {
                told += usize::from(line.starts_with("say "));
                if remarks + told <= limits::REMARKS {
                    hear(line);
                }
            });
            if let Err(exceeded) = taken {
                return Err(self.end_for(exceeded));
            }
            if told > 0 {
                remarks += told;
                self.silence.begin();
            }
            if remarks > limits::REMARKS {
                return Err(self.end_for(Exceeded::Remarks));
            }
            if output.goes_on() {
                break;
            }
            piece = match self.receive() {
                Ok(piece) => piece,
                Err(silent) => {
                    self.hang_up();
                    return Err(silent);
                }
            };
        }
        Ok((output, self))
    }

    /// What comes next from the remote; none at its end.
    fn receive(&mut self) -> Outcome<Option<Vec<u8>>> {
        match self.output.recv_timeout(self.silence.left()) {
            Ok(bytes) => {
                self.silence.hear(bytes.len());
                Ok(Some(bytes))
            }
            Err(RecvTimeoutError::Disconnected) => Ok(None),
            Err(RecvTimeoutError::Timeout) => Err(self.is_silent()),
        }
    }

    /// The failure of a remote that has said nothing for longer than it may.
    #[must_use]
    pub fn silence(&self) -> Option<Failure> {
        self.silence.left().is_zero().then(|| self.is_silent())
    }

    fn is_silent(&self) -> Failure {
        let seconds = self.silence.limit().as_secs();
        let host = &self.login.host;
        Failure::connection(format!("'{host}' sent next to nothing for {seconds} seconds")).hint(
            format!(
                "look at what it does with `{}`; if it only needs longer, raise answer_timeout in the platform's section",
                self.login.command()
            ),
        )
    }

    /// Ends the session of a host that sends too much.
    fn end_for(self, exceeded: Exceeded) -> Failure {
        let failure = cause::of_excess(&self.login, exceeded);
        self.hang_up();
        failure
    }

    /// The answer of a session that has ended.
    fn end_of(self, output: Output) -> Outcome<Answer> {
        let finished = self.running.finish().map_err(|failure| match failure.exceeded() {
            Some(exceeded) => cause::of_excess(&self.login, exceeded),
            None => failure,
        })?;
        // Our scripts never end with 255 themselves: it is ssh's.
        if finished.status == 255 {
            return Err(cause::of_session(&self.login, &finished.errors));
        }
        Ok(Answer::new(finished.status, output, finished.errors))
    }

    /// Looks at why a session ended that was followed to its end.
    ///
    /// # Errors
    /// When it was ended here, because the remote sent more than it may; not when the connection was lost.
    pub fn over(self) -> Outcome<()> {
        match self.running.finish() {
            Err(failure) => match failure.exceeded() {
                Some(exceeded) => Err(cause::of_excess(&self.login, exceeded)),
                None => Ok(()),
            },
            Ok(_) => Ok(()),
        }
    }

    /// Ends the session here; a script that watches for that ends too.
    pub fn hang_up(self) {
        self.running.kill();
    }
}

impl Read for Session {
    /// What comes next from the remote; its end is that of the script.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.ahead.is_empty() {
            let next = self.receive().map_err(|silent| io::Error::other(silent.to_string()))?;
            self.ahead = next.unwrap_or_default();
        }
        let length = self.ahead.len().min(buffer.len());
        buffer[..length].copy_from_slice(&self.ahead[..length]);
        self.ahead.drain(..length);
        Ok(length)
    }
}

/// Reads in a thread, so that the reader can be waited for with a limit.
fn read_ahead(mut output: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    // A few buffers ahead of the reader, not a whole log.
    let (sender, receiver) = sync_channel(16);
    thread::spawn(move || {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = output.read(&mut buffer) {
            if sender.send(buffer[..length].to_vec()).is_err() {
                break;
            }
        }
    });
    receiver
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}
