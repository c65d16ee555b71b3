//! The shared master: opened once, by whoever comes first.

use std::fs::{self, File};
use std::path::Path;
use std::time::Duration;

use anyhow::Context;

use super::configuration::Configuration;
use super::{Connection, cause, cipher};
use crate::command::Command;
use crate::failure::{Failure, Outcome};

/// Seconds without an answer before a keep-alive is sent, and how many may stay unanswered: a link that died is
/// noticed within 15 seconds.
const KEEP_ALIVE: [&str; 2] = ["ServerAliveInterval=5", "ServerAliveCountMax=3"];

/// How long a master may take to say that it is there.
const CHECK: Duration = Duration::from_secs(2);

/// Idle seconds for `persist: 0`: enough for the next step of a pipeline, and ssh takes 0 for "for ever".
const SHORTEST: u32 = 5;

/// Whether a master was there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Master {
    /// Nobody knows whether it answers.
    Found,
    /// It has just been opened: the host answers.
    Opened,
}

impl Connection {
    /// Makes sure that there is a master to try.
    pub(super) fn find_or_open_master(&self) -> Outcome<Master> {
        if self.socket.exists() { Ok(Master::Found) } else { self.open_master(false) }
    }

    /// Opens the master unless another process has done so meanwhile. A `wedged` one, which takes clients and doesn't
    /// serve them, is left to itself.
    pub(super) fn open_master(&self, wedged: bool) -> Outcome<Master> {
        let _lock = self.lock()?;
        // A link to a master of the user's own stays behind when that master ends.
        if fs::symlink_metadata(&self.socket).is_ok() {
            if !wedged && self.answers(&self.socket)? {
                return Ok(Master::Found);
            }
            fs::remove_file(&self.socket)
                .context("can't remove the socket of a dead connection")?;
        }
        let configuration = self.configuration();
        if let Some(socket) = self.users_own_master(&configuration)? {
            std::os::unix::fs::symlink(socket, &self.socket)
                .context("can't link to your own shared connection")?;
            return Ok(Master::Found);
        }
        self.log_in(&configuration)?;
        Ok(Master::Opened)
    }

    /// The command that logs in and stays in the background with the socket.
    fn master_command(&self, configuration: &Configuration, prompts: bool) -> Command {
        let mut options = vec![
            format!("ControlPath={}", self.socket.display()),
            "ControlMaster=yes".to_owned(),
            format!("ControlPersist={}", self.persist.max(SHORTEST)),
            format!("ConnectTimeout={}", self.connect_timeout),
        ];
        options.extend(KEEP_ALIVE.map(str::to_owned));
        options.extend(cipher::option(configuration));
        if !prompts {
            options.push("BatchMode=yes".to_owned());
        }
        let options = options.into_iter().flat_map(|option| ["-o".to_owned(), option]);
        // -f: it goes to the background after the login, and lets go of our descriptors; -N: no command.
        let command = Command::new("ssh").args(self.login_words()).args(options).args(["-f", "-N"]);
        command.arg("--").arg(self.login.host.as_str())
    }

    /// The master's command with what lets this process ask for a password, or keeps it from asking.
    pub(super) fn login_command(&self, configuration: &Configuration) -> Command {
        let prompts = Prompts::of_this_process();
        let command = self.master_command(configuration, prompts != Prompts::None);
        match prompts {
            // Without a terminal ssh asks a program only when told to (ssh(1), SSH_ASKPASS_REQUIRE).
            Prompts::Askpass => command.variable("SSH_ASKPASS_REQUIRE", "force"),
            Prompts::Terminal | Prompts::None => command,
        }
    }

    fn log_in(&self, configuration: &Configuration) -> Outcome<()> {
        let prompts = Prompts::of_this_process();
        let command = self.login_command(configuration);
        self.report.command(&command);
        // Somebody who is asked may take their time; a host that doesn't answer may not.
        let limit = (prompts == Prompts::None)
            .then(|| Duration::from_secs(u64::from(self.connect_timeout) * 3));
        match command.run_within(limit)? {
            Some(finished) if finished.status == 0 => Ok(()),
            Some(finished) => Err(cause::of_login(&self.login, &finished.errors)),
            None => Err(Failure::connection(format!(
                "host '{}' doesn't answer the login",
                self.login.host
            ))),
        }
    }

    /// The socket of a live master that the user's own configuration has for this login.
    fn users_own_master<'a>(&self, configuration: &'a Configuration) -> Outcome<Option<&'a str>> {
        let Some(socket) = configuration.get("controlpath") else { return Ok(None) };
        let live =
            socket != "none" && Path::new(socket).exists() && self.answers(Path::new(socket))?;
        if live && self.forwards_agent() {
            self.report.detail("your own shared connection forwards your agent, so it isn't used");
            return Ok(None);
        }
        Ok(live.then_some(socket))
    }

    /// Whether the master behind `socket` answers.
    fn answers(&self, socket: &Path) -> Outcome<bool> {
        let path = format!("ControlPath={}", socket.display());
        let command =
            Command::new("ssh").args(self.login_words()).args(["-o", &path, "-O", "check", "--"]);
        let command = command.arg(self.login.host.as_str());
        Ok(command.run_within(Some(CHECK))?.is_some_and(|finished| finished.status == 0))
    }

    /// Waits until no other process opens the same connection. The lock goes with the file.
    fn lock(&self) -> Outcome<File> {
        let path = self.socket.with_extension("lock");
        let lock = || {
            let file = File::create(&path)?;
            file.lock()?;
            Ok::<_, std::io::Error>(file)
        };
        Ok(lock().with_context(|| format!("can't lock {}", path.display()))?)
    }
}

/// Who can be asked for a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Prompts {
    /// Whoever sits at the terminal.
    Terminal,
    /// A program that the user set.
    Askpass,
    /// Nobody: nothing prompts.
    None,
}

impl Prompts {
    fn of_this_process() -> Self {
        // ssh asks on the controlling terminal, whatever the standard descriptors are.
        if File::open("/dev/tty").is_ok() {
            Self::Terminal
        } else if std::env::var_os("SSH_ASKPASS").is_some_and(|program| !program.is_empty()) {
            Self::Askpass
        } else {
            Self::None
        }
    }
}
