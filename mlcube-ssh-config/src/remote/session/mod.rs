//! A session over the master: runs a remote script and reads its reply.

pub(crate) mod deadline;
pub(crate) mod greeting;
pub(crate) mod input;
pub(crate) mod kept;
pub(crate) mod reply;

pub use input::Input;
pub use kept::KeptSession;
pub use reply::{Reply, is_absolute};

use std::io;
use std::io::Read;
use std::mem;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::pipe::failure::{Failure, FailureKind, Outcome};
use crate::pipe::limits;
use crate::pipe::limits::Exceeded;
use crate::process::command::{Command, Finished, Running};
use crate::process::script::{BEGUN, NOT_WHOLE, READY, Script, WATCH};
use crate::remote::connection::Connection;
use crate::remote::login::diagnosis::{SessionEnd, of_lost_transfer};
use crate::remote::login::master::{Master, answers};
use crate::remote::login::ssh_messages::{NO_PORT, OPEN_REFUSED, SshMessages};
use crate::remote::login::{Login, diagnosis};
use crate::remote::session::deadline::Deadline;
use crate::remote::session::reply::Output;
use crate::text::quote::one_line;
use crate::ui::activity::Activity;
use crate::ui::report::Report;

/// Pauses between attempts when the host takes no more sessions, in milliseconds.
pub const PAUSES: [u64; 9] = [100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000];

/// The number of these pauses after which a second login is tried: a short session of another program has ended by
/// then.
const PAUSES_BEFORE_OVERFLOW: usize = 5;

/// Factors of `connect_timeout`: how long a host may take from the login, and how long for the first word of a session
/// over an existing master. Start-up files are slow on a busy host.
const START_UP: [u64; 2] = [6, 3];

/// A remote script that has reported that it runs.
#[derive(Debug)]
pub struct Session {
    running: Running,
    output: Receiver<Vec<u8>>,
    ahead: Vec<u8>,
    deadline: Deadline,
    /// How long the user's `setup` line may run.
    setup_limit: Duration,
    login: Login,
    own_words: SshMessages,
    /// The command that checks whether the shared connection is open.
    check: Command,
    /// What the account's start-up files printed before the script.
    greeting: String,
    /// Whether the host unpacks scripts.
    packs: bool,
    report: Report,
}

/// What happened on the remote.
#[derive(Debug)]
pub enum Event {
    /// Bytes that the script wrote.
    Bytes(Vec<u8>),
    /// No output for the given time.
    Silence,
    /// The session has ended.
    End,
}

/// Why a script didn't report that it runs.
enum NotReady {
    /// The host allows no more sessions at the moment.
    Busy,
    /// The script didn't arrive whole, or the host can't unpack it; with the session's standard error.
    NotWhole(String),
    /// The connection is lost, with ssh's own messages.
    LinkEnded(String),
    /// Nothing came in time, except for this text.
    Silent(String),
}

impl Connection {
    /// Runs `script` to its end and returns its reply.
    ///
    /// # Errors
    /// When the host can't be reached or the connection is lost.
    pub fn run(&self, script: &Script) -> Outcome<Reply> {
        self.open_session(script)?.reply()
    }

    /// As [`Connection::run`], for a script that is followed by another: also returns the session for the next script,
    /// unless this one failed.
    ///
    /// # Errors
    /// When the host can't be reached or the connection is lost.
    pub fn run_and_keep(&self, script: &Script) -> Outcome<(Reply, Option<Session>)> {
        self.open_session(script)?.reply_and_keep()
    }

    /// Starts `script`, in `session` if there is one.
    ///
    /// # Errors
    /// When the host can't be reached or the connection is lost.
    pub fn run_in(&self, session: Option<Session>, script: &Script) -> Outcome<Session> {
        match session {
            Some(session) => session.follow(script),
            None => self.open_session(script),
        }
    }

    /// As [`Connection::run`], but reports what the script says (`say …`) at once, and shows on a terminal what it does
    /// (`does …`), and for how long.
    ///
    /// # Errors
    /// When the host can't be reached or the connection is lost.
    pub fn run_reporting(&self, script: &Script) -> Outcome<Reply> {
        let report = self.report;
        let session = self.open_session(script)?;
        let activity = Activity::begin(report);
        session.reply_reporting(|line| {
            if let Some(said) = line.strip_prefix("say ") {
                activity.below(|| report.say(&one_line(said)));
            } else if let Some(done) = line.strip_prefix("does ") {
                activity.does(&one_line(done));
            }
        })
    }

    /// Starts `script` on the remote; returns when it runs.
    ///
    /// # Errors
    /// When the host can't be reached or runs no script.
    pub fn open_session(&self, script: &Script) -> Outcome<Session> {
        let (first, rest) = PAUSES.split_at(PAUSES_BEFORE_OVERFLOW);
        if let Some(session) = self.open_session_within(script, first)? {
            return Ok(session);
        }
        if !self.is_overflowing() && self.may_log_in_again() {
            self.log_in_once_more();
        }
        let opened = self.open_session_within(script, rest)?;
        opened.ok_or_else(|| diagnosis::of_busy_host(&self.login))
    }

    /// Moves to a second login, because the host takes no more sessions on the first. If that fails, as where somebody
    /// would have to type a password, the first one stays in use.
    fn log_in_once_more(&self) {
        self.report.say(&format!(
            "'{}' takes no more sessions on the shared connection (sshd's MaxSessions); logging in once more",
            self.login.host
        ));
        self.overflow(true);
        if let Err(failure) = self.find_or_open_master() {
            self.overflow(false);
            self.report.say(&format!("{failure}; waiting for a session"));
        }
    }

    /// Runs `script` to its end and returns its reply; `None` if the host allows no more sessions at the moment.
    ///
    /// # Errors
    /// When the host can't be reached, or the connection is lost.
    pub fn run_unless_busy(&self, script: &Script) -> Outcome<Option<Reply>> {
        let opened = self.open_session_within(script, &[])?;
        opened.map(Session::reply).transpose()
    }

    fn open_session_within(&self, script: &Script, pauses: &[u64]) -> Outcome<Option<Session>> {
        let mut master = self.find_or_open_master()?;
        let mut pauses = pauses.iter();
        loop {
            match self.try_session(script, master)? {
                Ok(session) => return Ok(Some(session)),
                Err(NotReady::Busy) => {
                    let Some(pause) = pauses.next() else { return Ok(None) };
                    thread::sleep(Duration::from_millis(*pause));
                }
                // Nothing of it ran. A host without gzip takes a script that isn't packed.
                Err(NotReady::NotWhole(errors)) => {
                    if !self.packs.swap(false, Ordering::Relaxed) {
                        return Err(diagnosis::of_eaten_script(&self.login, &errors));
                    }
                }
                Err(NotReady::Silent(printed)) if master == Master::Opened => {
                    let seconds = self.start_up_limit(master).as_secs();
                    return Err(diagnosis::of_silent_shell(&self.login, seconds, &printed));
                }
                Err(NotReady::Silent(_)) => {
                    // A connection that can't be replaced isn't abandoned: its host may only be slow.
                    self.check_may_log_in()?;
                    self.warn_of_wedged_master();
                    master = self.open_master(true)?;
                }
                Err(NotReady::LinkEnded(own_words)) if master == Master::Opened => {
                    // That the master is gone is the consequence.
                    let reason = if found_no_master(&own_words) { "" } else { &own_words };
                    return Err(diagnosis::of_end_after_login(&self.login, reason));
                }
                // The existing master is gone: try once more with a new one.
                Err(NotReady::LinkEnded(_)) => {
                    self.open_master(false)?;
                    master = Master::Opened;
                }
            }
        }
    }

    /// Reports that the shared connection doesn't serve its clients.
    fn warn_of_wedged_master(&self) {
        if self.socket().is_symlink() {
            self.warn_of_users_own("doesn't reply");
        } else {
            let host = &self.login.host;
            self.report.detail(&format!(
                "the shared connection to '{host}' doesn't reply; opening a new one"
            ));
        }
    }

    /// Warns why a connection that the user opened isn't used. Only the user may close it.
    pub(crate) fn warn_of_users_own(&self, reason: &str) {
        self.report.warn(&format!(
            "your own shared connection to '{}' {reason}, so a new one is opened; `{}` closes it",
            self.login.host,
            self.close_by_hand()
        ));
    }

    /// How long a session over this master may take until its first word.
    pub(crate) fn start_up_limit(&self, master: Master) -> Duration {
        let [opened, found] = START_UP;
        let times = if master == Master::Opened { opened } else { found };
        Duration::from_secs(u64::from(self.connect_timeout) * times)
    }

    fn try_session(&self, script: &Script, master: Master) -> Outcome<Result<Session, NotReady>> {
        let own_words = SshMessages::beside(&self.socket())?;
        let command = self.session_command(script).logs_to(own_words.file());
        self.report.command(&command);
        let (running, output) = command.start()?;
        let mut session = Session {
            running,
            output: read_ahead(output),
            ahead: Vec::new(),
            deadline: Deadline::new(self.answer_timeout),
            setup_limit: self.setup_timeout,
            login: self.login.clone(),
            own_words,
            check: self.check_command(&self.socket()),
            greeting: String::new(),
            packs: self.packs.load(Ordering::Relaxed),
            report: self.report,
        };
        match session.wait_until_ready(script, self.start_up_limit(master)) {
            Ready::Yes { greeting, setup_words } => {
                if !setup_words.is_empty() {
                    let words = diagnosis::setup_words(&session.login, &setup_words);
                    // Once for a login: the line runs in every session.
                    if master == Master::Opened {
                        session.report.warn(&words);
                    } else {
                        session.report.detail(&words);
                    }
                }
                self.note_use();
                self.greets.fetch_or(!greeting.is_empty(), Ordering::Relaxed);
                session.greeting = greeting;
                Ok(Ok(session))
            }
            Ready::Silent(printed) => {
                session.running.kill();
                Ok(Err(NotReady::Silent(printed)))
            }
            Ready::EndlessSetup(words) => {
                let limit = session.setup_limit;
                let printed = session.running.kill_for_errors();
                let words = [printed, words].join("\n");
                Err(diagnosis::of_endless_setup(&session.login, limit, &words))
            }
            Ready::Ended { begun, printed } => session.why_not_ready(begun, &printed).map(Err),
            Ready::Exceeded => Err(session.end_for(Exceeded::Greeting)),
        }
    }
}

/// Whether the script has reported that it runs.
enum Ready {
    Yes {
        /// What the account's start-up files printed.
        greeting: String,
        /// What the user's `setup` line wrote to its standard error.
        setup_words: String,
    },
    /// The session ended before or after the script's first word.
    Ended { begun: bool, printed: String },
    /// Nothing came in time, except for this text.
    Silent(String),
    /// The user's `setup` line doesn't end, and wrote this to its standard error.
    EndlessSetup(String),
    /// More output than any start-up file prints.
    Exceeded,
}

/// How a session ended.
struct End {
    finished: Finished,
    own_words: String,
    /// Whether the connection ended, and not only the session.
    is_lost: bool,
}

impl Session {
    /// Why a session ended that wasn't ready; `begun` says whether the script began, and `printed` is what it printed.
    ///
    /// # Errors
    /// When no further attempt can help.
    fn why_not_ready(self, begun: bool, printed: &str) -> Outcome<NotReady> {
        let login = self.login.clone();
        let how = self.how_it_ended()?;
        if how.own_words.contains(OPEN_REFUSED) {
            return Ok(NotReady::Busy);
        }
        if how.is_lost {
            return Ok(NotReady::LinkEnded(how.own_words));
        }
        let (status, errors) = (how.finished.status, how.finished.errors.as_str());
        if begun {
            // The words of the `setup` line itself came on standard output.
            let end = SessionEnd { status, printed: errors, errors: printed };
            return Err(diagnosis::of_setup(&login, &end));
        }
        if printed.trim_end().ends_with(NOT_WHOLE) {
            return Ok(NotReady::NotWhole(how.finished.errors));
        }
        Err(diagnosis::of_no_shell(&login, &SessionEnd { status, printed, errors }))
    }

    /// Reads up to the line that the script prints when it is ready; what a login shell printed before is dropped.
    fn wait_until_ready(&mut self, script: &Script, limit: Duration) -> Ready {
        let greeting = match self.wait_for_word(BEGUN, limit) {
            Word::Came { before } => before,
            Word::Ended(printed) => return Ready::Ended { begun: false, printed },
            Word::Late(printed) => return Ready::Silent(printed),
            Word::Exceeded => return Ready::Exceeded,
        };
        match self.wait_for_word(READY, self.setup_limit) {
            Word::Came { before } => {
                self.deadline.restart();
                // Another script follows instead of `watch`.
                if !script.is_followed() {
                    self.running.tell(WATCH);
                }
                Ready::Yes { greeting, setup_words: before }
            }
            Word::Ended(printed) => Ready::Ended { begun: true, printed },
            Word::Late(words) => Ready::EndlessSetup(words),
            Word::Exceeded => Ready::Exceeded,
        }
    }

    /// Reads up to and including a line. The time starts again while the remote takes more of a long script.
    fn wait_for_word(&mut self, word: &str, limit: Duration) -> Word {
        let line = format!("{word}\n");
        let mut deadline = Instant::now() + limit;
        // The first piece fits into the pipe, even if nobody reads.
        let mut progress = 1;
        let mut searched = 0;
        loop {
            if let Some(at) = find(&self.ahead[searched..], line.as_bytes()) {
                let before = String::from_utf8_lossy(&self.ahead[..searched + at]).into_owned();
                self.ahead.drain(..searched + at + line.len());
                return Word::Came { before };
            }
            if self.ahead.len() > limits::GREETING {
                return Word::Exceeded;
            }
            // The line may have started.
            searched = self.ahead.len().saturating_sub(line.len() - 1);
            let wait = deadline.saturating_duration_since(Instant::now());
            let printed = || String::from_utf8_lossy(&self.ahead).into_owned();
            match self.output.recv_timeout(wait) {
                Ok(bytes) => self.ahead.extend(bytes),
                Err(RecvTimeoutError::Timeout) if self.running.progress() > progress => {
                    progress = self.running.progress();
                    deadline = Instant::now() + limit;
                }
                Err(RecvTimeoutError::Timeout) => return Word::Late(printed()),
                Err(RecvTimeoutError::Disconnected) => return Word::Ended(printed()),
            }
        }
    }

    /// Waits for the end of ssh, and finds out whether the connection ended with it.
    fn how_it_ended(self) -> Outcome<End> {
        let finished = self.running.finish().map_err(|failure| match failure.exceeded() {
            Some(exceeded) => diagnosis::of_excess(&self.login, exceeded),
            None => failure,
        })?;
        let own_words = self.own_words.text();
        // ssh also exits with 255 for a script that a signal ended: then the connection is still open.
        let is_lost =
            finished.status == 255 && !own_words.contains(OPEN_REFUSED) && !answers(&self.check)?;
        Ok(End { finished, own_words, is_lost })
    }

    /// Finds out why a session ended too early.
    ///
    /// # Errors
    /// When the system can't tell how it ended.
    pub fn why_it_ended(mut self) -> Outcome<Failure> {
        let printed = String::from_utf8_lossy(&mem::take(&mut self.ahead)).into_owned();
        let login = self.login.clone();
        let End { finished, own_words, is_lost } = self.how_it_ended()?;
        if is_lost {
            return Ok(diagnosis::of_lost_link(&login, &own_words));
        }
        let (status, errors) = (finished.status, finished.errors.as_str());
        Ok(diagnosis::of_script(&login, &SessionEnd { status, printed: &printed, errors }))
    }

    /// What the account's start-up files printed before the script began.
    #[must_use]
    pub fn greeting(&self) -> &str {
        &self.greeting
    }

    /// Returns the input that the script reads on descriptor 3 after the line `watch`; it ends when the returned value
    /// is dropped.
    ///
    /// # Errors
    /// When the system can't wait for a pipe, or the remote doesn't take the script.
    pub fn take_input(&mut self) -> io::Result<Option<Input>> {
        let limit = self.deadline.limit();
        self.running.take_input(limit)?.map(|pipe| Input::new(pipe, limit)).transpose()
    }

    /// Returns the next event on the remote, or silence after `wait`.
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

    /// Starts another script after one that is followed and has replied.
    ///
    /// # Errors
    /// When the connection is lost.
    pub fn follow(mut self, script: &Script) -> Outcome<Self> {
        let next_script = script.after_another().packed(self.packs);
        self.report.command(&format!("# in the same session:\n: {next_script}"));
        self.running.tell(next_script.sent());
        match self.wait_until_ready(script, self.deadline.limit()) {
            Ready::Yes { .. } => Ok(self),
            Ready::Ended { .. } => Err(self.why_it_ended()?),
            Ready::Silent(_) | Ready::EndlessSetup(_) => {
                let failure = self.silence_failure();
                self.running.kill();
                Err(failure)
            }
            Ready::Exceeded => Err(self.end_for(Exceeded::Greeting)),
        }
    }

    /// Reads the reply of a script that is followed; also returns the session for the next script, unless this one
    /// failed.
    ///
    /// # Errors
    /// When the connection is lost before the script ends.
    pub fn reply_and_keep(self) -> Outcome<(Reply, Option<Self>)> {
        let (output, session) = self.read_reply(&mut |_| ())?;
        if output.stays_open() {
            return Ok((Reply::new(0, output, String::new()), Some(session)));
        }
        Ok((session.end_of(output)?, None))
    }

    /// Ends a session after its last script, and waits for its end.
    ///
    /// # Errors
    /// When the system can't tell how it ended.
    pub fn end(mut self) -> Outcome<()> {
        self.running.close_input();
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

    /// Reads the reply to its end.
    ///
    /// # Errors
    /// When the connection is lost before the script ends.
    pub fn reply(self) -> Outcome<Reply> {
        self.reply_reporting(|_| ())
    }

    /// As [`Session::reply`], for a script that transfers; the failure says that the transfer resumes where it
    /// stopped.
    ///
    /// # Errors
    /// When the connection is lost before the script ends.
    pub fn reply_of_transfer(mut self) -> Outcome<Reply> {
        let host = self.login.host.clone();
        // It had nothing to say while it received input.
        self.deadline.restart();
        // A silent remote has a failure of its own, which is returned as it is.
        let (output, session) = self.read_reply(&mut |_| ())?;
        session.end_of(output).map_err(|failure| match failure.kind {
            FailureKind::Connection => of_lost_transfer(host.as_str()),
            _ => failure,
        })
    }

    /// Reads the reply to its end, and passes every line before a listing to `hear` as it comes.
    ///
    /// # Errors
    /// When the connection is lost before the script ends.
    pub fn reply_reporting(self, mut hear: impl FnMut(&str)) -> Outcome<Reply> {
        let (output, session) = self.read_reply(&mut hear)?;
        session.end_of(output)
    }

    /// Reads the reply to its end, or to the line after which the session stays open. Ends the session when the remote
    /// sends too much, or nothing for too long.
    fn read_reply(mut self, hear: &mut impl FnMut(&str)) -> Outcome<(Output, Self)> {
        let mut output = Output::default();
        let mut remarks = 0;
        let mut piece = Some(mem::take(&mut self.ahead));
        while let Some(bytes) = piece {
            let mut remarks_in_piece = 0_usize;
            let taken = output.take(&bytes, &mut |line| {
                remarks_in_piece += usize::from(line.starts_with("say "));
                if remarks + remarks_in_piece <= limits::REMARKS {
                    hear(line);
                }
            });
            if let Err(exceeded) = taken {
                return Err(self.end_for(exceeded));
            }
            if remarks_in_piece > 0 {
                remarks += remarks_in_piece;
                self.deadline.restart();
            }
            if remarks > limits::REMARKS {
                return Err(self.end_for(Exceeded::Remarks));
            }
            if output.stays_open() {
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

    /// Returns the next bytes from the remote; `None` at its end.
    fn receive(&mut self) -> Outcome<Option<Vec<u8>>> {
        match self.output.recv_timeout(self.deadline.left()) {
            Ok(bytes) => {
                self.deadline.count(bytes.len());
                Ok(Some(bytes))
            }
            Err(RecvTimeoutError::Disconnected) => Ok(None),
            Err(RecvTimeoutError::Timeout) => Err(self.silence_failure()),
        }
    }

    /// The failure of a remote that has been silent for too long.
    #[must_use]
    pub fn failure_if_silent(&self) -> Option<Failure> {
        self.deadline.left().is_zero().then(|| self.silence_failure())
    }

    fn silence_failure(&self) -> Failure {
        diagnosis::of_silence(&self.login, "sent next to nothing", self.deadline.limit())
    }

    /// Ends the session of a host that sends too much.
    fn end_for(self, exceeded: Exceeded) -> Failure {
        let failure = diagnosis::of_excess(&self.login, exceeded);
        self.hang_up();
        failure
    }

    /// The reply of a session that has ended.
    fn end_of(self, output: Output) -> Outcome<Reply> {
        let login = self.login.clone();
        let End { finished, own_words, is_lost } = self.how_it_ended()?;
        if is_lost {
            return Err(diagnosis::of_lost_link(&login, &own_words));
        }
        // The scripts never exit with 255: a signal ended this one.
        if finished.status == 255 {
            let (printed, errors) = (output.text(), finished.errors.as_str());
            let end = SessionEnd { status: 255, printed: &printed, errors };
            return Err(diagnosis::of_script(&login, &end));
        }
        Ok(Reply::new(finished.status, output, finished.errors))
    }

    /// Ends the session locally; a script that watches its input ends, too.
    pub fn hang_up(self) {
        self.running.kill();
    }
}

impl Read for Session {
    /// Reads the next bytes from the remote, to the end of the script. A silent remote returns `TimedOut`.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.ahead.is_empty() {
            let next = self.receive().map_err(|_silent| io::ErrorKind::TimedOut)?;
            self.ahead = next.unwrap_or_default();
        }
        let length = self.ahead.len().min(buffer.len());
        buffer[..length].copy_from_slice(&self.ahead[..length]);
        self.ahead.drain(..length);
        Ok(length)
    }
}

/// ssh's messages of a client without a master. The first two: it would log in through the proxy `false`. The last:
/// the master ended while the client asked for a session, in any of the functions that ask (ssh's mux.c).
const NO_MASTER: [&str; 3] = ["kex_exchange_identification", NO_PORT, "mux_client_"];

/// Returns whether ssh's messages are those of a client without a master.
fn found_no_master(own_words: &str) -> bool {
    NO_MASTER.iter().any(|words| own_words.contains(words))
}

/// Reads in a thread, so that waiting for the output can have a limit.
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

/// The result of waiting for a word.
enum Word {
    /// The word came, after this text.
    Came { before: String },
    /// The session ended, after this text.
    Ended(String),
    /// Nothing came in time, except for this text.
    Late(String),
    /// Too much other text came.
    Exceeded,
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}
