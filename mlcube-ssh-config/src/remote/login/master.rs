//! The shared master, opened once by the first step that needs it.

use std::fs;
use std::fs::{File, TryLockError};
use std::panic::resume_unwind;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};

use crate::pipe::failure::{Failure, FailureKind, Outcome, hinted};
use crate::process::command::Command;
use crate::process::script::Script;
use crate::remote::connection::Connection;
use crate::remote::login::diagnosis::LoginEnd;
use crate::remote::login::identity_file::KeyProblem;
use crate::remote::login::ssh_config::SshConfig;
use crate::remote::login::ssh_messages::SshMessages;
use crate::remote::login::{cipher, diagnosis, identity_file, options, ssh_version};
use crate::remote::{problem, rsync_version};
use crate::text::quote::shell_word;

/// A keep-alive is sent after 5 seconds of silence, and 3 may stay unanswered: a dead link is noticed within 15
/// seconds.
const KEEP_ALIVE: [&str; 2] = ["ServerAliveInterval=5", "ServerAliveCountMax=3"];

/// Seconds between attempts to log in on a host that closes the connection at once.
const LOGIN_PAUSES: [u64; 3] = [1, 2, 4];

/// How long a user may take to type a password.
const PATIENCE: Duration = Duration::from_secs(600);

/// The first OpenSSH that knows `SSH_ASKPASS_REQUIRE` (its release notes).
const ASKPASS_REQUIRE_SINCE: (u32, u32) = (8, 4);

/// How long a master may take to reply to a check.
const CHECK: Duration = Duration::from_secs(2);

/// Idle seconds for `persist: 0` and for a second login: enough for the next step of a pipeline. ssh takes 0 for "for
/// ever".
const SHORTEST: u32 = 5;

/// The result of closing the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Closed {
    /// No connection was open.
    None,
    /// The connection of mlcube-ssh is closed.
    Ours,
    /// The connection belongs to the user's own ssh, and stays open.
    UsersOwn,
}

/// What ssh is asked before a login.
struct LoginOptions<'a> {
    /// The configuration that ssh has for it.
    configuration: &'a SshConfig,
    /// The option that prefers a fast cipher.
    cipher: Option<String>,
}

/// Whether a master existed already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Master {
    /// A master exists; whether it replies isn't known.
    Found,
    /// The master was just opened, so the host replies.
    Opened,
}

impl Connection {
    /// Opens the shared connection unless its master replies; returns whether this was a login. Whether the host serves an
    /// existing connection is seen in its next session.
    ///
    /// # Errors
    /// When the host can't be reached, or refuses the login.
    pub fn open(&self) -> Outcome<bool> {
        if self.find_or_open_master()? == Master::Opened {
            return Ok(true);
        }
        if self.is_open()? {
            return Ok(false);
        }
        // What is left of a connection that has ended.
        Ok(self.open_master(false)? == Master::Opened)
    }

    /// Makes sure that there is a master to try.
    pub(crate) fn find_or_open_master(&self) -> Outcome<Master> {
        // It tells the socket's name.
        self.configuration();
        if self.socket().exists() { Ok(Master::Found) } else { self.open_master(false) }
    }

    /// Opens the master unless another process has done so meanwhile. A `wedged` master, which accepts clients without
    /// serving them, is abandoned, and so is the user's own: it still replies to checks after its network is gone.
    pub(crate) fn open_master(&self, wedged: bool) -> Outcome<Master> {
        if self.is_old_configuration() {
            self.refresh_configuration();
        }
        let _lock = self.lock()?;
        let socket = self.socket();
        let socket = socket.as_path();
        // A link to the user's own master remains when that master ends.
        if fs::symlink_metadata(socket).is_ok() {
            if !wedged && self.answers(socket)? {
                return Ok(Master::Found);
            }
            if wedged && !socket.is_symlink() {
                // `stop` leaves its sessions running. Without it, the old master would remove the socket of its
                // successor when it notices that the host is gone.
                let stop = self.control_command(socket, "stop");
                self.report.command(&stop);
                let _ = stop.run_within(Some(CHECK))?;
            }
            if fs::symlink_metadata(socket).is_ok() {
                fs::remove_file(socket).context("can't remove the socket of a dead connection")?;
            }
        }
        let configuration = self.configuration();
        let users_own = if wedged || self.is_overflowing() {
            None
        } else {
            self.users_own_master(&configuration)?
        };
        if let Some(users_own) = users_own {
            std::os::unix::fs::symlink(users_own, socket)
                .context("can't link to your own shared connection")?;
            self.note_open(true);
            return Ok(Master::Found);
        }
        self.check_may_log_in()?;
        let checks_rsync = self.transfers && !self.was_open();
        // Each of the two starts a program.
        let (checked, cipher) = thread::scope(|scope| {
            let checked =
                scope.spawn(|| if checks_rsync { rsync_version::check() } else { Ok(()) });
            let cipher = cipher::option(&configuration);
            (checked.join().unwrap_or_else(|panic| resume_unwind(panic)), cipher)
        });
        checked?;
        if let Some(file) = &self.login.identity_file {
            identity_file::check(file, &configuration)?;
        }
        self.log_in(&LoginOptions { configuration: &configuration, cipher })?;
        self.note_use();
        self.note_open(false);
        self.has_logged_in.store(true, Ordering::Relaxed);
        self.asked_again.store(false, Ordering::Relaxed);
        Ok(Master::Opened)
    }

    /// Opens the shared connection for later steps, unless the host serves an existing one; returns whether this was a
    /// login.
    ///
    /// # Errors
    /// When the login fails, or the host runs nothing.
    pub fn open_for_later(&self) -> Outcome<bool> {
        if self.persist == 0 {
            return Err(hinted(
                "persist: 0 keeps no connection open for later steps",
                "set persist in the platform's section to a time like 8h",
            )
            .into());
        }
        // Without the user's `setup` line, whose failure isn't one of the login.
        let Some(reply) = self.run_unless_busy(&Script::new(":"))? else {
            // The host refuses another session on the connection, so it is open.
            return Ok(self.has_logged_in.load(Ordering::Relaxed));
        };
        match reply.status {
            0 => Ok(self.has_logged_in.load(Ordering::Relaxed)),
            status => Err(Failure::ours(anyhow!(
                "'{}' can't run a script: it ended with status {status} ({})",
                self.login.host,
                problem::reason(None, &reply.last_error())
            ))),
        }
    }

    /// Returns whether the connection in use is one that the user's own ssh has opened.
    #[must_use]
    pub fn is_users_own(&self) -> bool {
        self.socket().is_symlink()
    }

    /// Seconds without a session after which the connection closes.
    pub(crate) fn idle_limit(&self) -> u32 {
        let persist = if self.is_overflowing() { 0 } else { self.persist };
        persist.max(SHORTEST)
    }

    /// Closes the shared connection to the host, whoever uses it. The user's own connection is only unlinked.
    ///
    /// # Errors
    /// When it is open and doesn't close.
    pub fn close(&self) -> Outcome<Closed> {
        self.configuration();
        let _lock = self.lock()?;
        let mut closed = Closed::None;
        for socket in &self.sockets() {
            let Ok(metadata) = fs::symlink_metadata(socket) else { continue };
            if metadata.is_symlink() {
                closed =
                    if self.is_serving(socket)? == Some(false) { closed } else { Closed::UsersOwn };
            } else if self.is_serving(socket)? != Some(false) {
                let exit = self.control_command(socket, "exit");
                self.report.command(&exit);
                let _ = exit.run_within(Some(CHECK))?;
                // The master replies before it ends.
                let end = Instant::now() + CHECK;
                while self.is_serving(socket)? != Some(false) {
                    if Instant::now() > end {
                        let message =
                            format!("the connection to '{}' doesn't close", self.login.host);
                        let socket = shell_word(&socket.display().to_string());
                        return Err(Failure::connection(message)
                            .hint(format!("`pkill -f {socket}` ends the ssh that holds it")));
                    }
                    thread::sleep(Duration::from_millis(20));
                }
                closed = Closed::Ours;
            }
            // A link, or the socket of a dead master.
            if fs::symlink_metadata(socket).is_ok() {
                fs::remove_file(socket)
                    .context("can't remove the socket of a closed connection")?;
            }
        }
        Ok(closed)
    }

    /// Makes the command that sends `act` to the master behind a socket (ssh(1), `-O`).
    fn control_command(&self, socket: &Path, act: &str) -> Command {
        let path = format!("ControlPath={}", socket.display());
        let command = Command::new("ssh").args(self.login_words());
        let command = command.args(["-o", &path, "-O", act, "--"]);
        command.arg(self.login.host.as_str()).own_group()
    }

    /// The commands that close the connection, for a dry run.
    #[must_use]
    pub fn close_commands(&self) -> [Command; 3] {
        self.sockets().map(|socket| self.control_command(&socket, "exit"))
    }

    /// The command that closes the user's own connection by hand.
    #[must_use]
    pub fn close_by_hand(&self) -> String {
        self.login.by_hand().replacen("ssh ", "ssh -O exit ", 1)
    }

    /// Returns whether the shared connection is open.
    pub(crate) fn is_open(&self) -> Outcome<bool> {
        self.answers(&self.socket())
    }

    /// Makes the command that logs in and stays in the background with the socket.
    fn master_command(&self, cipher: Option<&String>, prompts: Prompts) -> Command {
        let mut options = vec![
            format!("ControlPath={}", self.socket().display()),
            "ControlMaster=yes".to_owned(),
            format!("ControlPersist={}", self.idle_limit()),
            format!("ConnectTimeout={}", self.connect_timeout),
        ];
        options.extend(KEEP_ALIVE.map(str::to_owned));
        options.extend(options::LOGIN.map(str::to_owned));
        options.extend(cipher.cloned());
        options.extend(match prompts {
            Prompts::Terminal => None,
            // A program gives the same answer each time, and three wrong ones lock some accounts.
            Prompts::Askpass | Prompts::Once => Some("NumberOfPasswordPrompts=1".to_owned()),
            Prompts::None => Some("BatchMode=yes".to_owned()),
        });
        let options = options.into_iter().flat_map(|option| ["-o".to_owned(), option]);
        // -f: go to the background after the login, and close the standard descriptors; -N: no command.
        let command = Command::new("ssh").args(self.login_words()).args(options).args(["-f", "-N"]);
        let command = command.arg("--").arg(self.login.host.as_str());
        if prompts.uses_a_program() {
            // Without a terminal ssh asks a program only when told to (ssh(1), SSH_ASKPASS_REQUIRE).
            return command.variable("SSH_ASKPASS_REQUIRE", "force");
        }
        if prompts == Prompts::None && (self.was_open() || self.is_overflowing()) {
            // BatchMode doesn't reach the ssh of a ProxyJump, which would pass a program's answer at every attempt;
            // OpenSSH before 8.4 doesn't know SSH_ASKPASS_REQUIRE.
            return command
                .variable("SSH_ASKPASS_REQUIRE", "never")
                .variable("SSH_ASKPASS", "/bin/false");
        }
        command
    }

    /// The master's command as this process would run it first, for a dry run.
    pub(crate) fn login_command(&self) -> Command {
        self.master_command(None, Prompts::of_this_process())
    }

    /// Logs in. After a lost connection the user may have left: the first attempt doesn't prompt, and if it is refused
    /// the second prompts once.
    fn log_in(&self, options: &LoginOptions) -> Outcome<()> {
        if self.is_overflowing() {
            return self.try_to_log_in(options, Prompts::None);
        }
        let possible = Prompts::of_this_process();
        if !self.was_open() {
            return self.try_to_log_in(options, possible);
        }
        let failure = match self.try_to_log_in(options, Prompts::None) {
            Err(failure) if failure.kind == FailureKind::Connection && failure.is_final() => {
                failure
            }
            ended => return ended,
        };
        if possible == Prompts::None || self.asked_again.swap(true, Ordering::Relaxed) {
            return Err(failure);
        }
        self.report.say(&format!("{failure}; asking once"));
        self.try_to_log_in(options, Prompts::Once)
    }

    /// Logs in, with pauses while the host accepts no more logins: sshd drops some at random when many come at once.
    fn try_to_log_in(&self, options: &LoginOptions, prompts: Prompts) -> Outcome<()> {
        let mut pauses = LOGIN_PAUSES.iter();
        loop {
            let (end, failure) = match self.log_in_once(options, prompts)? {
                Ok(()) => return Ok(()),
                Err(failed) => failed,
            };
            let Some(pause) = pauses.next().filter(|_| end == LoginEnd::ClosedAtOnce) else {
                return Err(failure);
            };
            self.report.say(&format!("{failure}; trying again in {pause} s"));
            thread::sleep(Duration::from_secs(*pause));
        }
    }

    fn log_in_once(
        &self,
        options: &LoginOptions,
        prompts: Prompts,
    ) -> Outcome<Result<(), (LoginEnd, Failure)>> {
        SshMessages::sweep_beside(&self.socket());
        let own_words = SshMessages::beside(&self.socket())?;
        let command =
            self.master_command(options.cipher.as_ref(), prompts).logs_to(own_words.file());
        self.report.command(&command);
        // A user at a prompt may take as long as sshd's LoginGraceTime allows; a host that doesn't reply may not.
        let limit = if prompts == Prompts::None {
            Duration::from_secs(u64::from(self.connect_timeout) * 3)
        } else {
            PATIENCE
        };
        let Some(finished) = command.run_within(Some(limit))? else {
            return Ok(Err((LoginEnd::NoAnswer, diagnosis::of_silent_login(&self.login))));
        };
        if finished.status == 0 {
            return Ok(Ok(()));
        }
        let words = own_words.text();
        let end = LoginEnd::read_from(&words);
        let key = (end == LoginEnd::Refused)
            .then(|| self.key_problem(options.configuration, prompts))
            .flatten();
        let of_proxy = diagnosis::is_of_proxy(&words).then(|| self.words_of_proxy());
        let others = of_proxy.unwrap_or(finished.errors);
        let failure = diagnosis::of_login(&self.login, &words, &others, key.as_ref());
        Ok(Err((end, failure)))
    }

    /// What the proxy or the ssh of a jump host says. ssh hides it when it opens a master that stays in the background,
    /// so the login is tried once more without one, and nobody is asked.
    fn words_of_proxy(&self) -> String {
        // It is a second login, which may push a second factor. BatchMode doesn't reach the ssh of a ProxyJump, and an
        // older one would ask at the terminal.
        if !self.may_log_in_again()
            || ssh_version::version().is_none_or(|version| version < ASKPASS_REQUIRE_SINCE)
        {
            return String::new();
        }
        let timeout = format!("ConnectTimeout={}", self.connect_timeout);
        let options = ["BatchMode=yes", "ControlMaster=no", "ControlPath=none", &timeout];
        let Ok(own_words) = SshMessages::beside(&self.socket()) else { return String::new() };
        let command = Command::new("ssh")
            .args(self.login_words())
            .args(options.into_iter().flat_map(|option| ["-o", option]))
            .args(["--", self.login.host.as_str(), "exit"])
            .variable("SSH_ASKPASS_REQUIRE", "force")
            .variable("SSH_ASKPASS", "/bin/false")
            .logs_to(own_words.file());
        self.report.command(&command);
        let limit = Duration::from_secs(u64::from(self.connect_timeout) * 3);
        match command.run_within(Some(limit)) {
            Ok(Some(finished)) if finished.status != 0 => finished.errors,
            _ => String::new(),
        }
    }

    /// What is wrong with a key of a refused login.
    fn key_problem(&self, configuration: &SshConfig, prompts: Prompts) -> Option<KeyProblem> {
        let own = self.login.identity_file.as_deref();
        let files = own.into_iter().chain(configuration.all("identityfile"));
        identity_file::first_problem(files, configuration, prompts != Prompts::None)
    }

    /// The socket of a live master that the user's own configuration names for this login.
    fn users_own_master<'a>(&self, configuration: &'a SshConfig) -> Outcome<Option<&'a str>> {
        // `persist: 0` asks for a new login: the user's groups on the remote may have changed.
        if self.persist == 0 {
            return Ok(None);
        }
        let Some(socket) = configuration.get("controlpath") else { return Ok(None) };
        if socket == "none" || !Path::new(socket).exists() || !self.answers(Path::new(socket))? {
            return Ok(None);
        }
        if let Some(reason) = self.reason_against(Path::new(socket))? {
            self.check_may_log_in()?;
            self.warn_of_users_own(reason);
            return Ok(None);
        }
        Ok(Some(socket))
    }

    /// Why the user's own master behind `socket` isn't used, if it isn't. After `ssh -A`, which no configuration shows,
    /// sshd has one agent for all sessions of the connection, and names it in the environment of each.
    fn reason_against(&self, socket: &Path) -> Outcome<Option<&'static str>> {
        if self.shares_more() {
            return Ok(Some("hands your agent, your tickets or a tunnel to the host"));
        }
        let command = Command::new("ssh").args(self.client_words(socket)).arg("--");
        // Every login shell reads these words alike.
        let command = command.arg(self.login.host.as_str()).arg("exec env");
        self.report.command(&command);
        let output = command.run_within(Some(self.start_up_limit(Master::Found)))?;
        Ok(match output {
            None => Some("doesn't reply"),
            // A failed check proves nothing, so the master isn't used.
            Some(output) if output.status != 0 => Some("takes no command"),
            Some(output) => {
                let output = String::from_utf8_lossy(&output.output);
                output.lines().any(names_an_agent_of_sshd).then_some("forwards your agent")
            }
        })
    }

    /// Returns whether there is a master behind `socket`; `None` if it doesn't reply in time.
    fn is_serving(&self, socket: &Path) -> Outcome<Option<bool>> {
        let asked = self.check_command(socket).run_within(Some(CHECK))?;
        Ok(asked.map(|finished| finished.status == 0))
    }

    /// Returns whether the master behind `socket` replies.
    fn answers(&self, socket: &Path) -> Outcome<bool> {
        answers(&self.check_command(socket))
    }

    /// Makes the command that checks the master behind `socket`.
    pub(crate) fn check_command(&self, socket: &Path) -> Command {
        self.control_command(socket, "check")
    }

    /// Waits until no other process opens the same connection. The lock ends with the returned file.
    fn lock(&self) -> Outcome<File> {
        let path = self.socket().with_extension("lock");
        let lock = || {
            let file = File::create(&path)?;
            match file.try_lock() {
                // Without file locks two processes may log in at once, each for itself.
                Ok(()) | Err(TryLockError::Error(_)) => {}
                // A user may be at the other process's password prompt.
                Err(TryLockError::WouldBlock) => {
                    let host = &self.login.host;
                    self.report.say(&format!("waiting for another login on '{host}'"));
                    file.lock()?;
                }
            }
            Ok::<_, std::io::Error>(file)
        };
        Ok(lock().with_context(|| format!("can't lock {}", path.display()))?)
    }
}

/// Returns whether a line of an environment names an agent that sshd has made: in `/tmp`, since OpenSSH 10.1 in the
/// account's `.ssh`.
fn names_an_agent_of_sshd(line: &str) -> bool {
    line.strip_prefix("SSH_AUTH_SOCK=").is_some_and(|path| {
        (path.contains("/ssh-") && path.contains("/agent."))
            || (path.contains("/.ssh/agent/") && path.contains(".sshd."))
    })
}

/// Runs a command of [`Connection::check_command`]; returns whether the master replies.
pub(crate) fn answers(check: &Command) -> Outcome<bool> {
    Ok(check.run_within(Some(CHECK))?.is_some_and(|finished| finished.status == 0))
}

/// Who can be asked for a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Prompts {
    /// The user at the terminal.
    Terminal,
    /// A program that the user set.
    Askpass,
    /// Either, once.
    Once,
    /// Nobody.
    None,
}

impl Prompts {
    /// Returns whether a program asks, because there is no terminal.
    fn uses_a_program(self) -> bool {
        self == Self::Askpass || (self == Self::Once && !has_terminal())
    }

    fn of_this_process() -> Self {
        if has_terminal() {
            Self::Terminal
        } else if std::env::var_os("SSH_ASKPASS").is_some_and(|program| !program.is_empty()) {
            Self::Askpass
        } else {
            Self::None
        }
    }
}

/// Returns whether ssh can ask at the controlling terminal, whatever the standard descriptors are.
fn has_terminal() -> bool {
    File::open("/dev/tty").is_ok()
}
