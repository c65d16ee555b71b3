//! The connection to the remote: one login per pipeline, whatever the number of steps.
//!
//! The first step opens a shared master (`ControlMaster`), under a lock and in the foreground, so that a password can
//! be asked for; the other steps use it. A client of the master never logs in by itself: it uses the master or fails at
//! once, and then the master is opened again. If the host accepts no more sessions on the master (sshd's
//! `MaxSessions`), one more login, which prompts nobody, serves sessions that can't wait.

use crate::remote::login::control_socket::Purpose;
use crate::remote::login::{Login, control_socket, diagnosis, identity_file, kept_config, options};
use crate::remote::session::greeting;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::cube::Cube;
use crate::cube::paths::home_expanded;
use crate::pipe::document::Document;
use crate::pipe::failure::{Failure, Outcome};
use crate::pipe::limits::Exceeded;
use crate::process::command::Command;
use crate::process::script::{LOADER, Script};
use crate::settings::names::Host;
use crate::settings::runner::login_policy::LoginPolicy;
use crate::text::quote::rsync_rsh_word;
use crate::ui::report::Report;

use crate::remote::login::login_keys::LoginKeys;
use crate::remote::login::ssh_config::{SshConfig, possible_agents, possible_keys};

/// How long the user's `setup` line may run, if the host may be silent for that long.
const SETUP: Duration = Duration::from_secs(600);

/// The connection that every step uses.
#[derive(Debug)]
pub struct Connection {
    pub(crate) login: Login,
    /// The folder of the masters' sockets.
    sockets: PathBuf,
    /// The configuration that ssh has for this login; `None` before ssh was asked.
    configuration: Mutex<Option<SshConfig>>,
    /// Whether an earlier step of the command line was told it, and not this one.
    is_kept_configuration: AtomicBool,
    is_overflowing: AtomicBool,
    pub(crate) connect_timeout: u32,
    pub(crate) answer_timeout: Duration,
    /// How long the user's `setup` line may run.
    pub(crate) setup_timeout: Duration,
    pub(crate) persist: u32,
    /// When a step may log in, and whether somebody has asked for it now.
    pub(crate) policy: LoginPolicy,
    pub(crate) is_requested: bool,
    /// The section of the settings file, and the command that logs in on request.
    pub(crate) platform: String,
    pub(crate) login_on_request: String,
    variables: Vec<(String, String)>,
    setup: String,
    shared: bool,
    pub(crate) greets: AtomicBool,
    pub(crate) was_open: AtomicBool,
    pub(crate) asked_again: AtomicBool,
    pub(crate) has_logged_in: AtomicBool,
    pub(crate) transfers: bool,
    /// Whether scripts are sent packed.
    pub(crate) packs: AtomicBool,
    pub(crate) report: Report,
}

impl Connection {
    /// Makes the connection to the remote of a cube. It takes a `Cube`, because an unchecked document mustn't cause a
    /// login. Contacts nobody.
    ///
    /// # Errors
    /// When there is no safe folder for the socket.
    pub fn new(cube: &Cube, document: &Document, report: Report) -> Outcome<Self> {
        let (runner, remote) = (&cube.runner, &document.remote);
        // ssh takes `~` of a key for the account's own home, whatever HOME says, and doesn't expand it in `-F ~/x`.
        let expanded = |path: &String| home_expanded(path).to_string_lossy().into_owned();
        let login = Login {
            host: remote.host.clone(),
            user: remote.user.clone(),
            identity_file: runner.authentication.identity_file.as_ref().map(expanded),
            ssh_config: runner.ssh_config.as_ref().map(expanded),
        };
        Ok(Self {
            sockets: control_socket::private_folder()?,
            configuration: Mutex::default(),
            is_kept_configuration: AtomicBool::new(false),
            is_overflowing: AtomicBool::new(false),
            login,
            connect_timeout: runner.connect_timeout.get(),
            answer_timeout: Duration::from_secs(u64::from(runner.answer_timeout.get())),
            setup_timeout: SETUP.min(Duration::from_secs(u64::from(runner.answer_timeout.get()))),
            persist: runner.persist.get(),
            policy: runner.login,
            is_requested: false,
            platform: document.run.platform.clone(),
            login_on_request: document.login_command(),
            variables: runner.environment.clone(),
            setup: runner.setup.clone(),
            shared: runner.shared,
            greets: AtomicBool::new(false),
            was_open: AtomicBool::new(false),
            asked_again: AtomicBool::new(false),
            has_logged_in: AtomicBool::new(false),
            transfers: false,
            packs: AtomicBool::new(true),
            report,
        })
    }

    /// Requires that the local rsync is checked before the login.
    #[must_use]
    pub fn for_transfers(mut self) -> Self {
        self.transfers = true;
        self
    }

    /// Logs in whatever the settings say, because somebody has asked for it.
    #[must_use]
    pub fn on_request(mut self) -> Self {
        self.is_requested = true;
        self
    }

    /// Uses an open connection or none, if the user says so.
    #[must_use]
    pub fn without_login(mut self, no_login: bool) -> Self {
        if no_login {
            self.policy = LoginPolicy::Never;
        }
        self
    }

    /// Waits for no longer than this for the host's replies, whatever the settings allow; the user's `setup` line keeps
    /// its time.
    #[must_use]
    pub fn with_replies_within(mut self, limit: Duration) -> Self {
        self.answer_timeout = self.answer_timeout.min(limit);
        self
    }

    /// The command that tries the same login by hand.
    #[must_use]
    pub fn by_hand(&self) -> String {
        self.login.by_hand()
    }

    /// The folder of the connection's socket.
    #[must_use]
    pub fn socket_folder(&self) -> &Path {
        &self.sockets
    }

    /// Returns why the folder of the socket isn't the usual one, if somebody or something else is in its place.
    ///
    /// # Errors
    /// When there is no safe folder for the socket.
    pub fn taken_socket_folder() -> anyhow::Result<Option<anyhow::Error>> {
        Ok(control_socket::find_private_folder()?.1)
    }

    /// Checks the key that the settings name, as it is checked before a login; returns its file.
    ///
    /// # Errors
    /// When ssh can't use it.
    pub fn check_identity(&self) -> anyhow::Result<Option<&str>> {
        let file = self.login.identity_file.as_deref();
        if let Some(file) = file {
            identity_file::check(file, &self.configuration())?;
        }
        Ok(file)
    }

    /// The socket of the login in use.
    pub(crate) fn socket(&self) -> PathBuf {
        // `persist: 0` requires a login of its own, and doesn't use a connection that another setting left open.
        let main = if self.persist == 0 { Purpose::OneCommand } else { Purpose::Shared };
        self.socket_for(if self.is_overflowing() { Purpose::Overflow } else { main })
    }

    /// The sockets of every login that a pipeline with this user and host may have left open.
    pub(crate) fn sockets(&self) -> [PathBuf; 3] {
        [Purpose::Shared, Purpose::OneCommand, Purpose::Overflow]
            .map(|purpose| self.socket_for(purpose))
    }

    pub(crate) fn socket_for(&self, purpose: Purpose) -> PathBuf {
        let configuration = self.known_configuration().clone().unwrap_or_default();
        self.sockets.join(control_socket::name(&self.login, &configuration, purpose))
    }

    /// Returns whether the second login is in use.
    pub(crate) fn is_overflowing(&self) -> bool {
        self.is_overflowing.load(Ordering::Relaxed)
    }

    /// Chooses between the first and the second login, for everything from now on.
    pub(crate) fn overflow(&self, is_overflowing: bool) {
        self.is_overflowing.store(is_overflowing, Ordering::Relaxed);
    }

    /// The host, for messages.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.login.host
    }

    /// The private keys that may log in, as far as they are found without running ssh.
    #[must_use]
    pub fn possible_login_keys(&self) -> LoginKeys {
        LoginKeys::new(self.possible_identity_files(), self.possible_agents())
    }

    /// The private keys that ssh would use according to its configuration, and those that it may use.
    #[must_use]
    pub fn login_keys(&self) -> LoginKeys {
        let configuration = self.configuration();
        let configured = configuration.all("identityfile").map(|file| configuration.path(file));
        let files = self.possible_identity_files().into_iter().chain(configured).collect();
        LoginKeys::new(
            files,
            self.possible_agents().into_iter().chain(configuration.agent()).collect(),
        )
    }

    fn possible_identity_files(&self) -> Vec<PathBuf> {
        let own = self.login.identity_file.iter().map(PathBuf::from);
        own.chain(possible_keys(self.login.ssh_config.as_deref())).collect()
    }

    fn possible_agents(&self) -> BTreeSet<PathBuf> {
        possible_agents(self.login.ssh_config.as_deref())
    }

    /// Returns whether the connection was open once, so that earlier requests may have been carried out.
    #[must_use]
    pub fn was_open(&self) -> bool {
        self.was_open.load(Ordering::Relaxed)
    }

    /// The failure of a host that sends more than it may.
    #[must_use]
    pub fn refuse(&self, exceeded: Exceeded) -> Failure {
        diagnosis::of_excess(&self.login, exceeded)
    }

    /// How long the remote may be silent, or take no input.
    pub(crate) fn answer_timeout(&self) -> Duration {
        self.answer_timeout
    }

    /// The failure of a remote that kept a transfer waiting for too long.
    #[must_use]
    pub fn silent_transfer(&self) -> Failure {
        diagnosis::of_silence(&self.login, "took or sent next to nothing", self.answer_timeout)
    }

    /// The failure of a connection that was lost during a transfer.
    #[must_use]
    pub fn lost_during_transfer(&self) -> Failure {
        diagnosis::of_lost_transfer(self.login.host.as_str())
    }

    /// Where the users of the connection report.
    #[must_use]
    pub fn report(&self) -> Report {
        self.report
    }

    /// Returns whether the members of a group share the remote tree.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.shared
    }

    /// Makes a script that has the variables and the setup line of the settings.
    #[must_use]
    pub fn script(&self, program: &'static str) -> Script {
        let script = Script::new(program).variables(&self.variables).setup(&self.setup);
        script.flag("shared", self.shared)
    }

    /// The commands that run `script`, for a dry run: the login, then the session.
    ///
    /// The preferred cipher is missing, and the name of the socket doesn't depend on where the host's name leads,
    /// because only `ssh -G` knows both: a dry run doesn't start ssh, whose configuration may run programs (`Match
    /// exec`).
    #[must_use]
    pub fn shown(&self, script: &Script) -> [Command; 2] {
        [self.login_command(), self.session_command(script)]
    }

    /// The options with which rsync uses this connection.
    #[must_use]
    pub fn rsync_options(&self) -> Vec<String> {
        let ssh: Vec<String> =
            std::iter::once("ssh".to_owned()).chain(self.client_words(&self.socket())).collect();
        let greets = self.greets.load(Ordering::Relaxed);
        // Folders that rsync makes by itself, those for backups, must be open to the group, too. Every login shell has
        // `umask`.
        let before = if self.shared { "umask 007; " } else { "" };
        let path = if greets {
            Some(format!("--rsync-path={before}{}", greeting::BECOME_RSYNC))
        } else {
            self.shared.then(|| format!("--rsync-path={before}exec rsync"))
        };
        let words = if greets { greeting::filtered(ssh) } else { ssh };
        let rsh = words.iter().map(|word| rsync_rsh_word(word)).collect::<Vec<_>>().join(" ");
        std::iter::once(format!("--rsh={rsh}")).chain(path).collect()
    }

    /// `host:path` as rsync parses it; an IPv6 address is put in brackets.
    #[must_use]
    pub fn rsync_path(&self, path: &str) -> String {
        let host = self.login.host.as_str();
        let path = without_wildcards(path);
        if host.contains(':') { format!("[{host}]:{path}") } else { format!("{host}:{path}") }
    }

    pub(crate) fn session_command(&self, script: &Script) -> Command {
        let command = Command::new("ssh")
            .args(self.client_words(&self.socket()))
            .arg("--")
            .arg(self.login.host.as_str());
        // Ctrl-C at the terminal must not reach this ssh: the program itself ends what runs on the remote, in order.
        let script = script.clone().packed(self.packs.load(Ordering::Relaxed));
        command.arg(LOADER).script(script).own_group()
    }

    /// The options of an ssh that uses the master behind `socket` or fails at once.
    pub(crate) fn client_words(&self, socket: &Path) -> Vec<String> {
        let mut words = self.login_words();
        let socket = format!("ControlPath={}", socket.display());
        // With the proxy `false`, a client that finds no master can't log in by itself.
        let master = ["BatchMode=yes", "ControlMaster=no", &socket, "ProxyCommand=false"];
        for option in options::SESSION.iter().chain(&master) {
            words.extend(["-o".to_owned(), (*option).to_owned()]);
        }
        words
    }

    /// The options that tell ssh who logs in, and those of every ssh.
    pub(crate) fn login_words(&self) -> Vec<String> {
        self.login.words().into_iter().chain(options::always()).collect()
    }

    /// The configuration that ssh has for this login. ssh is asked once: a step, and the wrapper's command line, stays with
    /// the host with which it began.
    pub(crate) fn configuration(&self) -> SshConfig {
        let told = || {
            let kept = kept_config::of(&self.question());
            self.is_kept_configuration.store(kept.is_some(), Ordering::Relaxed);
            kept.unwrap_or_else(|| self.ask_ssh())
        };
        self.known_configuration().get_or_insert_with(told).clone()
    }

    /// Returns whether ssh may tell another configuration by now. For a connection that is open that doesn't matter.
    pub(crate) fn is_old_configuration(&self) -> bool {
        self.was_open() || self.is_kept_configuration.load(Ordering::Relaxed)
    }

    /// Asks ssh again, for a new login.
    pub(crate) fn refresh_configuration(&self) {
        let now = self.ask_ssh();
        // If ssh fails this time, its earlier configuration is the best guess.
        if now != SshConfig::default() {
            *self.known_configuration() = Some(now);
            self.is_kept_configuration.store(false, Ordering::Relaxed);
        }
    }

    fn known_configuration(&self) -> MutexGuard<'_, Option<SshConfig>> {
        self.configuration.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The words for ssh that ask for the configuration.
    fn question(&self) -> Vec<String> {
        self.question_with(self.login_words())
    }

    fn question_with(&self, words: Vec<String>) -> Vec<String> {
        let host = self.login.host.to_string();
        words.into_iter().chain(["-G".to_owned(), "--".to_owned(), host]).collect()
    }

    fn ask_ssh(&self) -> SshConfig {
        let question = self.question();
        let told = Self::ask_ssh_with(&question);
        if told != SshConfig::default() {
            kept_config::keep(&question, &told);
        }
        told
    }

    /// The configuration that ssh tells; what a `Match exec` of it starts ends with the question.
    fn ask_ssh_with(question: &[String]) -> SshConfig {
        SshConfig::read_from(&Command::new("ssh").args(question).own_group())
    }

    /// Returns whether the user's own sessions on the host forward the agent or Kerberos tickets, or open a tunnel.
    /// Every session of the same connection then has them.
    pub(crate) fn shares_more(&self) -> bool {
        let effective = Self::ask_ssh_with(&self.question_with(self.login.words()));
        // An ssh that was built without Kerberos doesn't print the second.
        effective.get("forwardagent") != Some("no")
            || effective.get("gssapidelegatecredentials").is_some_and(|value| value != "no")
            || effective.get("tunnel").is_some_and(|value| value != "false")
    }
}

/// Quotes the wildcards of a remote path: with `-s`, too, the remote rsync expands them, and would find `run1` for
/// `run[1]`. It takes a backslash for a quote only in a part of the path that has wildcards.
fn without_wildcards(path: &str) -> String {
    let part = |part: &str| {
        let is_active = |c: char| matches!(c, '\\' | '*' | '?' | '[' | ']');
        if part.contains(['*', '?', '[']) {
            part.chars().flat_map(|c| is_active(c).then_some('\\').into_iter().chain([c])).collect()
        } else {
            part.to_owned()
        }
    };
    path.split('/').map(part).collect::<Vec<String>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_of_a_remote_path_are_quoted_where_rsync_reads_them() {
        for (path, quoted) in [
            ("/data/plain path/\\x", "/data/plain path/\\x"),
            ("/a\\b/run[1]/", "/a\\b/run\\[1\\]/"),
            ("/x\\*y/q?/]", "/x\\\\\\*y/q\\?/]"),
        ] {
            assert_eq!(without_wildcards(path), quoted);
        }
    }
}
