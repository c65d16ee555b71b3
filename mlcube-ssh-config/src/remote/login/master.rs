//! The shared master: opened once, by whoever comes first.

use std::fs;
use std::fs::{File, TryLockError};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;

use crate::pipe::failure::{Failure, FailureKind, Outcome};
use crate::process::command::Command;
use crate::process::rsync_version;
use crate::remote::connection::Connection;
use crate::remote::login::diagnosis::LoginEnd;
use crate::remote::login::identity_file::KeyProblem;
use crate::remote::login::ssh_config::SshConfig;
use crate::remote::login::ssh_messages::SshMessages;
use crate::remote::login::{cipher, diagnosis, identity_file, options};
use crate::text::quote::shell_word;

/// Seconds without an answer before a keep-alive is sent, and how many may stay unanswered: a link that died is
/// noticed within 15 seconds.
const KEEP_ALIVE: [&str; 2] = ["ServerAliveInterval=5", "ServerAliveCountMax=3"];

/// Seconds between attempts to log in on a host that closes the connection at once.
const LOGIN_PAUSES: [u64; 3] = [1, 2, 4];

/// How long somebody may take who is asked for a password.
const PATIENCE: Duration = Duration::from_secs(600);

/// How long a master may take to say that it is there.
const CHECK: Duration = Duration::from_secs(2);

/// Idle seconds for `persist: 0`: enough for the next step of a pipeline, and ssh takes 0 for "for ever".
const SHORTEST: u32 = 5;

/// What closing the connection did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Closed {
    /// None was open.
    None,
    /// Ours is closed.
    Ours,
    /// It is one that the user's own ssh opened, which stays.
    UsersOwn,
}

/// Whether a master was there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Master {
    /// Nobody knows whether it answers.
    Found,
    /// It has just been opened: the host answers.
    Opened,
}

impl Connection {
    /// Makes sure that there is a master to try.
    pub(crate) fn find_or_open_master(&self) -> Outcome<Master> {
        if self.socket.exists() { Ok(Master::Found) } else { self.open_master(false) }
    }

    /// Opens the master unless another process has done so meanwhile. A `wedged` one, which takes clients and doesn't
    /// serve them, is left to itself, and so is one of the user's own: it still says that it is there when its network has
    /// gone.
    pub(crate) fn open_master(&self, wedged: bool) -> Outcome<Master> {
        let _lock = self.lock()?;
        // A link to a master of the user's own stays behind when that master ends.
        if fs::symlink_metadata(&self.socket).is_ok() {
            if !wedged && self.answers(&self.socket)? {
                return Ok(Master::Found);
            }
            if wedged && !self.socket.is_symlink() {
                // Its sessions go on. At its end, when it notices that nobody answers, it would remove the socket of
                // the one that follows it.
                let stop = self.control_command(&self.socket, "stop");
                self.report.command(&stop);
                let _ = stop.run_within(Some(CHECK))?;
            }
            if fs::symlink_metadata(&self.socket).is_ok() {
                fs::remove_file(&self.socket)
                    .context("can't remove the socket of a dead connection")?;
            }
        }
        let configuration = self.configuration();
        let users_own = if wedged { None } else { self.users_own_master(&configuration)? };
        if let Some(socket) = users_own {
            std::os::unix::fs::symlink(socket, &self.socket)
                .context("can't link to your own shared connection")?;
            return Ok(Master::Found);
        }
        if self.transfers && !self.was_open() {
            rsync_version::check()?;
        }
        if let Some(file) = &self.login.identity_file {
            identity_file::check(file, &configuration)?;
        }
        self.log_in(&configuration)?;
        self.was_open.store(true, Ordering::Relaxed);
        self.asked_again.store(false, Ordering::Relaxed);
        Ok(Master::Opened)
    }

    /// Closes the shared connection to the host, whatever uses it. One of the user's own is only let go.
    ///
    /// # Errors
    /// When it is there and doesn't close.
    pub fn close(&self) -> Outcome<Closed> {
        let _lock = self.lock()?;
        let mut closed = Closed::None;
        for socket in [&self.socket, &self.other_socket] {
            let Ok(metadata) = fs::symlink_metadata(socket) else { continue };
            if metadata.is_symlink() {
                closed =
                    if self.is_there(socket)? == Some(false) { closed } else { Closed::UsersOwn };
            } else if self.is_there(socket)? != Some(false) {
                let exit = self.control_command(socket, "exit");
                self.report.command(&exit);
                let _ = exit.run_within(Some(CHECK))?;
                // It answers before it goes.
                let end = Instant::now() + CHECK;
                while self.is_there(socket)? != Some(false) {
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
            // A link, or what a dead master left.
            if fs::symlink_metadata(socket).is_ok() {
                fs::remove_file(socket)
                    .context("can't remove the socket of a closed connection")?;
            }
        }
        Ok(closed)
    }

    /// The command that tells the master behind a socket to do this (ssh(1), `-O`).
    fn control_command(&self, socket: &Path, act: &str) -> Command {
        let path = format!("ControlPath={}", socket.display());
        let command = Command::new("ssh").args(self.login_words());
        command.args(["-o", &path, "-O", act, "--"]).arg(self.login.host.as_str())
    }

    /// The commands that close the connection, for a dry run.
    #[must_use]
    pub fn close_commands(&self) -> [Command; 2] {
        [&self.socket, &self.other_socket].map(|socket| self.control_command(socket, "exit"))
    }

    /// What a person types to close a connection of their own.
    #[must_use]
    pub fn close_by_hand(&self) -> String {
        self.login.by_hand().replacen("ssh ", "ssh -O exit ", 1)
    }

    /// Whether the shared connection is there.
    pub(crate) fn is_open(&self) -> Outcome<bool> {
        self.answers(&self.socket)
    }

    /// The command that logs in and stays in the background with the socket.
    fn master_command(&self, configuration: &SshConfig, prompts: Prompts) -> Command {
        let mut options = vec![
            format!("ControlPath={}", self.socket.display()),
            "ControlMaster=yes".to_owned(),
            format!("ControlPersist={}", self.persist.max(SHORTEST)),
            format!("ConnectTimeout={}", self.connect_timeout),
        ];
        options.extend(KEEP_ALIVE.map(str::to_owned));
        options.extend(options::LOGIN.map(str::to_owned));
        options.extend(cipher::option(configuration));
        options.extend(match prompts {
            Prompts::Terminal => None,
            // A program gives the same answer each time, and a wrong one three times locks some accounts.
            Prompts::Askpass | Prompts::Once => Some("NumberOfPasswordPrompts=1".to_owned()),
            Prompts::None => Some("BatchMode=yes".to_owned()),
        });
        let options = options.into_iter().flat_map(|option| ["-o".to_owned(), option]);
        // -f: it goes to the background after the login, and lets go of our descriptors; -N: no command.
        let command = Command::new("ssh").args(self.login_words()).args(options).args(["-f", "-N"]);
        let command = command.arg("--").arg(self.login.host.as_str());
        if prompts.uses_a_program() {
            // Without a terminal ssh asks a program only when told to (ssh(1), SSH_ASKPASS_REQUIRE).
            return command.variable("SSH_ASKPASS_REQUIRE", "force");
        }
        if prompts == Prompts::None && self.was_open() {
            // BatchMode doesn't reach the ssh of a ProxyJump, which would give a program's answer at every attempt; before
            // OpenSSH 8.4 it doesn't know the first of these.
            return command
                .variable("SSH_ASKPASS_REQUIRE", "never")
                .variable("SSH_ASKPASS", "/bin/false");
        }
        command
    }

    /// The master's command as this process would run it first.
    pub(crate) fn login_command(&self, configuration: &SshConfig) -> Command {
        self.master_command(configuration, Prompts::of_this_process())
    }

    /// Logs in. After a connection that was lost nobody may sit there any more: nothing prompts then at first, and what
    /// would have to prompt does so once.
    fn log_in(&self, configuration: &SshConfig) -> Outcome<()> {
        let possible = Prompts::of_this_process();
        if !self.was_open() {
            return self.try_to_log_in(configuration, possible);
        }
        let failure = match self.try_to_log_in(configuration, Prompts::None) {
            Err(failure) if failure.kind == FailureKind::Connection && failure.is_final() => {
                failure
            }
            ended => return ended,
        };
        if possible == Prompts::None || self.asked_again.swap(true, Ordering::Relaxed) {
            return Err(failure);
        }
        self.report.say(&format!("{failure}; asking once"));
        self.try_to_log_in(configuration, Prompts::Once)
    }

    /// Logs in, again after a while where the host takes no more logins: sshd drops them at random when many come at once.
    fn try_to_log_in(&self, configuration: &SshConfig, prompts: Prompts) -> Outcome<()> {
        let mut pauses = LOGIN_PAUSES.iter();
        loop {
            let (end, failure) = match self.log_in_once(configuration, prompts)? {
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
        configuration: &SshConfig,
        prompts: Prompts,
    ) -> Outcome<Result<(), (LoginEnd, Failure)>> {
        let own_words = SshMessages::beside(&self.socket)?;
        let command = self.master_command(configuration, prompts).logs_to(own_words.file());
        self.report.command(&command);
        // Somebody who is asked may take their time, as far as sshd's LoginGraceTime lets them; a host that doesn't
        // answer may not.
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
        let end = LoginEnd::told_by(&words);
        let key =
            (end == LoginEnd::Refused).then(|| self.key_problem(configuration, prompts)).flatten();
        let failure = diagnosis::of_login(&self.login, &words, &finished.errors, key.as_ref());
        Ok(Err((end, failure)))
    }

    /// What is wrong with a key of a login that was refused.
    fn key_problem(&self, configuration: &SshConfig, prompts: Prompts) -> Option<KeyProblem> {
        let own = self.login.identity_file.as_deref();
        let files = own.into_iter().chain(configuration.all("identityfile"));
        identity_file::first_problem(files, configuration, prompts != Prompts::None)
    }

    /// The socket of a live master that the user's own configuration has for this login.
    fn users_own_master<'a>(&self, configuration: &'a SshConfig) -> Outcome<Option<&'a str>> {
        // With `persist: 0` a new login is asked for: the user's groups there may have changed.
        if self.persist == 0 {
            return Ok(None);
        }
        let Some(socket) = configuration.get("controlpath") else { return Ok(None) };
        if socket == "none" || !Path::new(socket).exists() || !self.answers(Path::new(socket))? {
            return Ok(None);
        }
        if let Some(reason) = self.reason_against(Path::new(socket))? {
            self.warn_of_users_own(reason);
            return Ok(None);
        }
        Ok(Some(socket))
    }

    /// Why the user's own master behind `socket` isn't used, if it isn't. After `ssh -A`, of which no configuration tells, sshd
    /// has one agent for all sessions of the connection, and names it in the environment of each.
    fn reason_against(&self, socket: &Path) -> Outcome<Option<&'static str>> {
        if self.shares_more() {
            return Ok(Some("hands your agent, your tickets or a tunnel to the host"));
        }
        let command = Command::new("ssh").args(self.client_words(socket)).arg("--");
        // Words that every login shell reads alike.
        let command = command.arg(self.login.host.as_str()).arg("exec env");
        self.report.command(&command);
        let told = command.run_within(Some(self.start_up_limit(Master::Found)))?;
        Ok(match told {
            None => Some("doesn't answer"),
            // A look that failed is no answer.
            Some(told) if told.status != 0 => Some("takes no command"),
            Some(told) => {
                let told = String::from_utf8_lossy(&told.output);
                told.lines().any(names_an_agent_of_sshd).then_some("forwards your agent")
            }
        })
    }

    /// Whether there is a master behind `socket`; none where one is, and doesn't say so in time.
    fn is_there(&self, socket: &Path) -> Outcome<Option<bool>> {
        let asked = self.check_command(socket).run_within(Some(CHECK))?;
        Ok(asked.map(|finished| finished.status == 0))
    }

    /// Whether the master behind `socket` answers.
    fn answers(&self, socket: &Path) -> Outcome<bool> {
        answers(&self.check_command(socket))
    }

    /// The command that asks the master behind `socket` whether it is there.
    pub(crate) fn check_command(&self, socket: &Path) -> Command {
        let path = format!("ControlPath={}", socket.display());
        let command =
            Command::new("ssh").args(self.login_words()).args(["-o", &path, "-O", "check", "--"]);
        command.arg(self.login.host.as_str())
    }

    /// Waits until no other process opens the same connection. The lock goes with the file.
    fn lock(&self) -> Outcome<File> {
        let path = self.socket.with_extension("lock");
        let lock = || {
            let file = File::create(&path)?;
            match file.try_lock() {
                // Without locks two processes may log in at once, each for itself.
                Ok(()) | Err(TryLockError::Error(_)) => {}
                // Somebody may sit at its prompt for a password.
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

/// Whether a line of an environment names an agent that sshd has made: in `/tmp`, since OpenSSH 10.1 in the account's `.ssh`.
fn names_an_agent_of_sshd(line: &str) -> bool {
    line.strip_prefix("SSH_AUTH_SOCK=").is_some_and(|path| {
        (path.contains("/ssh-") && path.contains("/agent."))
            || (path.contains("/.ssh/agent/") && path.contains(".sshd."))
    })
}

/// Whether a master answers that is asked by [`Connection::check_command`].
pub(crate) fn answers(check: &Command) -> Outcome<bool> {
    Ok(check.run_within(Some(CHECK))?.is_some_and(|finished| finished.status == 0))
}

/// Who can be asked for a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Prompts {
    /// Whoever sits at the terminal.
    Terminal,
    /// A program that the user set.
    Askpass,
    /// Either of them, for one answer.
    Once,
    /// Nobody: nothing prompts.
    None,
}

impl Prompts {
    /// Whether a program asks, there being no terminal.
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

/// Whether ssh can ask at the controlling terminal, whatever the standard descriptors are.
fn has_terminal() -> bool {
    File::open("/dev/tty").is_ok()
}
