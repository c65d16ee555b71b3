//! Why a login or a session failed, in one line, and what to do next.
//!
//! The kind of failure is found from ssh's own messages ([`crate::remote::login::ssh_messages`]): the first known one
//! decides. What the host says, and what ssh repeats of it, is only quoted.

use std::time::Duration;

use crate::pipe::failure::Failure;
use crate::pipe::limits::Exceeded;
use crate::remote::login::Login;
use crate::remote::login::identity_file::KeyProblem;
use crate::remote::login::ssh_messages::{
    DISCONNECT, NO_PORT, PERMISSION_DENIED, divide, last_line,
};
use crate::text::quote::{one_line, shell_word};

/// The files that a login shell runs before a command, for hints.
const START_UP_FILES: &str = "the account's start-up files (~/.bashrc, ~/.profile, ~/.zshenv, ~/.cshrc, ~/.config/fish/config.fish and those in /etc)";

/// Why a login ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LoginEnd {
    /// The host's key differs from the one in `known_hosts`.
    HostKeyChanged,
    /// The host's key is revoked (`@revoked` in `known_hosts`, or the file of `RevokedHostKeys`).
    HostKeyRevoked,
    /// The host's key is unknown, and nobody vouches for it.
    HostKeyUnknown,
    /// The name doesn't exist.
    NoSuchName,
    /// Names can't be resolved at the moment.
    NoNameService,
    /// Nothing listens on the port.
    ConnectionRefused,
    /// The host doesn't reply.
    NoAnswer,
    /// The host closed the connection before it identified itself: it accepts no more logins now, or none from the
    /// local machine.
    ClosedAtOnce,
    /// The key, password or account was refused.
    Refused,
    /// The host closed the connection during the login, as it does when its PAM refuses the account.
    ClosedInLogin,
    /// Another reason, given in ssh's last line.
    Other,
}

/// ssh's own messages for each end. Versions differ: OpenSSH before 8.0 says `ssh_exchange_identification`.
const KNOWN: [(&str, LoginEnd); 19] = [
    ("REVOKED HOST KEY DETECTED", LoginEnd::HostKeyRevoked),
    (" revoked by file ", LoginEnd::HostKeyRevoked),
    ("REMOTE HOST IDENTIFICATION HAS CHANGED", LoginEnd::HostKeyChanged),
    ("Host key verification failed", LoginEnd::HostKeyUnknown),
    ("host key is known for", LoginEnd::HostKeyUnknown),
    ("Temporary failure in name resolution", LoginEnd::NoNameService),
    ("Could not resolve hostname", LoginEnd::NoSuchName),
    ("Connection refused", LoginEnd::ConnectionRefused),
    ("timed out", LoginEnd::NoAnswer),
    ("No route to host", LoginEnd::NoAnswer),
    ("Network is unreachable", LoginEnd::NoAnswer),
    ("Host is down", LoginEnd::NoAnswer),
    ("exchange_identification: ", LoginEnd::ClosedAtOnce),
    (PERMISSION_DENIED, LoginEnd::Refused),
    ("maximum authentication attempts exceeded", LoginEnd::Refused),
    ("No more authentication methods", LoginEnd::Refused),
    ("Connection closed by authenticating user", LoginEnd::Refused),
    ("Unable to negotiate with", LoginEnd::Other),
    ("Connection closed by ", LoginEnd::ClosedInLogin),
];

impl LoginEnd {
    /// Finds the end from ssh's messages.
    pub(crate) fn read_from(words: &str) -> Self {
        if offers_too_many_keys(words) {
            return Self::Refused;
        }
        let (own_words, _) = divide(words);
        let known =
            |line: &str| KNOWN.iter().find_map(|(known, end)| line.contains(known).then_some(*end));
        match own_words.lines().find_map(known).unwrap_or(Self::Other) {
            // ssh says the same of a proxy that ends.
            Self::ClosedAtOnce | Self::ClosedInLogin if own_words.contains(NO_PORT) => Self::Other,
            end => end,
        }
    }
}

/// Returns whether sshd ended the login because of too many attempts. Only the peer's text says so; a peer that lies
/// gains only that the user looks at their keys.
fn offers_too_many_keys(words: &str) -> bool {
    let (own_words, quoted) = divide(words);
    let line = quoted.lines().next().unwrap_or_default();
    let reason = line.split_once(DISCONNECT_PROTOCOL_ERROR).map(|(_, text)| text);
    own_words.ends_with(DISCONNECT)
        && reason.is_some_and(|text| text.starts_with("Too many authentication failures"))
}

/// The reason code that sshd sends for it, as ssh writes it (RFC 4253, 11.1).
const DISCONNECT_PROTOCOL_ERROR: &str = ":2: ";

/// Returns whether ssh's messages say that its proxy, or the ssh of a jump host, ended before the host identified
/// itself.
pub(crate) fn is_of_proxy(words: &str) -> bool {
    last_own_line(words).contains(NO_PORT)
}

/// Messages that a further attempt doesn't change.
const FINAL: [&str; 4] = [
    "Unable to negotiate with",
    DISCONNECT,
    "Bad configuration option",
    "Bad owner or permissions on",
];

/// Makes the failure of a login from ssh's messages (`words`) and the rest of standard error (a banner, a proxy's
/// messages). `key` is the problem that was found with a key of a refused login.
pub(crate) fn of_login(
    login: &Login,
    words: &str,
    other_text: &str,
    key: Option<&KeyProblem>,
) -> Failure {
    let host = &login.host;
    let (own_words, _) = divide(words);
    let last = last_own_line(words);
    let attempt = login.by_hand();
    match LoginEnd::read_from(words) {
        LoginEnd::HostKeyChanged => changed_host_key(login, own_words),
        LoginEnd::HostKeyRevoked => {
            let line = own_words.lines().rfind(|line| line.contains(" revoked")).unwrap_or_default();
            Failure::connection(format!("the host key of '{host}' is revoked ({})", one_line(line.trim())))
                .hint("don't trust it: a stolen key lets another machine pose as the host; ask who runs the host for its new key")
                .for_good()
        }
        LoginEnd::HostKeyUnknown => {
            Failure::connection(format!("the host key of '{host}' isn't known ({last})"))
                .hint(format!("connect once with `{attempt}` and compare the key, or add it to known_hosts"))
                .for_good()
        }
        LoginEnd::NoSuchName => Failure::connection(format!("host '{host}' can't be resolved ({last})"))
            .hint(format!("check the platform's 'host', and {}", login.ssh_config.as_deref().unwrap_or("~/.ssh/config")))
            .for_good(),
        LoginEnd::NoNameService => {
            Failure::connection(format!("host '{host}' can't be resolved now ({last})"))
                .hint("check the local network connection")
        }
        LoginEnd::ConnectionRefused => {
            Failure::connection(format!("host '{host}' refused the connection ({last})"))
                .hint("check that sshd runs on the host, and that the port is right")
        }
        LoginEnd::NoAnswer => Failure::connection(format!("host '{host}' doesn't reply ({last})"))
            .hint("check that the host is up, and the network"),
        LoginEnd::ClosedAtOnce => Failure::connection(format!(
            "host '{host}' closes the connection before the login ({last})"
        ))
        .hint("it accepts no more logins at the moment (sshd's MaxStartups), or none from the local address (a firewall, fail2ban); try again later"),
        LoginEnd::Refused => refused(login, words, other_text, key),
        // A further attempt may succeed: a host that reboots refuses every account (pam_nologin(8)).
        LoginEnd::ClosedInLogin => Failure::connection(format!(
            "'{host}' closed the connection during the login ({last}){}",
            quoted(other_text)
        ))
        .hint(format!(
            "try `{attempt}`; the account may have expired, or the host may let nobody in at the moment"
        )),
        LoginEnd::Other => other_end(login, words, other_text),
    }
}

/// Makes the failure of a login to a host that has another key than before. ssh names the line of the old one.
fn changed_host_key(login: &Login, own_words: &str) -> Failure {
    let place = own_words.lines().find_map(|line| {
        line.split_once("Offending ")?.1.split_once("key in ").map(|(_, place)| place)
    });
    let old = match place {
        Some(place) => format!("the line {}", one_line(place.trim())),
        None => "the old key in known_hosts".to_owned(),
    };
    Failure::connection(format!(
        "the host key of '{}' has changed, and {old} has another one",
        login.host
    ))
    .hint(format!(
        "ask who runs the host; if the change is right, remove {old}, then connect once with `{}`",
        login.by_hand()
    ))
    .for_good()
}

/// Makes the failure of a login that ended for a reason without a name here: that of a proxy, or ssh's last line.
fn other_end(login: &Login, words: &str, other_text: &str) -> Failure {
    let (own_words, _) = divide(words);
    let (last, attempt) = (last_own_line(words), login.by_hand());
    let is_refused = other_text.contains(PERMISSION_DENIED);
    let said = telling_lines(other_text);
    let why = match (is_of_proxy(words), last.is_empty()) {
        (true, _) if said.is_empty() => ": its proxy or jump host gives no connection".to_owned(),
        (true, _) => format!(": its proxy or jump host gives no connection and says: {said}"),
        (_, true) => quoted(other_text),
        (_, false) => format!(": {last}{}", quoted(other_text)),
    };
    let hint = match &login.identity_file {
        Some(file) if is_of_proxy(words) && is_refused => format!(
            "ssh doesn't use the key {} for a jump host: name it as IdentityFile in the jump host's section of ~/.ssh/config; `{attempt}` may show more",
            shell_word(file)
        ),
        _ => format!("`{attempt}` may show more"),
    };
    let failure = Failure::connection(format!("can't log in to '{}'{why}", login.host)).hint(hint);
    if FINAL.iter().any(|known| own_words.contains(known)) { failure.for_good() } else { failure }
}

/// Makes the failure of a refused login: ssh's line, what is known of the key, what the host says.
fn refused(login: &Login, words: &str, other_text: &str, key: Option<&KeyProblem>) -> Failure {
    let (own_words, _) = divide(words);
    // ssh's line is a sentence: `Permission denied (publickey).`
    let mut why = last_own_line(words).trim_end_matches('.').to_owned();
    // For ten kinds of broken keys ssh says only "error in libcrypto".
    let reason = key.map(|key| key.what.clone()).or_else(|| key_problem(login, own_words));
    if let Some(reason) = reason {
        why = format!("{why}; {reason}");
    }
    let what_to_do = if let Some(KeyProblem { remedy, .. }) = key {
        remedy.clone()
    } else if offers_too_many_keys(words) {
        "ssh offered more keys than the host accepts; name the right one in the platform's authentication.identity_file".to_owned()
    } else {
        format!("check the platform's 'authentication', and try `{}`", login.by_hand())
    };
    Failure::connection(format!(
        "the login on '{}' was refused ({why}){}",
        login.host,
        quoted(other_text)
    ))
    .hint(what_to_do)
    .for_good()
}

/// What ssh says about a key that it couldn't use: the key of the settings if it is among them, else the first.
fn key_problem(login: &Login, own_words: &str) -> Option<String> {
    let tells = |line: &&str| {
        ["Load key ", "Permissions 0", "sign_and_send_pubkey: ", "Unable to use key "]
            .iter()
            .any(|start| line.starts_with(start))
            || line.contains("no such identity: ")
            || line.contains("Identity file ")
    };
    // ssh writes the path that it opens.
    let own =
        |line: &&str| login.identity_file.as_ref().is_some_and(|file| line.contains(file.as_str()));
    let mut lines = own_words.lines().filter(tells);
    lines.clone().find(own).or_else(|| lines.next()).map(|line| one_line(line.trim()))
}

/// How many lines of a host are quoted.
const QUOTED_LINES: usize = 3;

/// The host's last lines, marked as such.
fn quoted(text: &str) -> String {
    let line = telling_lines(text);
    if line.is_empty() { String::new() } else { format!("; the host says: {line}") }
}

/// The failure of a host that keeps a step waiting for too long; `act` says what it did.
pub(crate) fn of_silence(login: &Login, act: &str, limit: Duration) -> Failure {
    let (host, seconds) = (&login.host, limit.as_secs());
    let silent = Failure::connection(format!("'{host}' {act} for {seconds} seconds")).hint(format!(
        "check what it does with `{}`; if it only needs longer, raise answer_timeout in the platform's section",
        login.by_hand()
    ));
    silent.of_silence()
}

/// The failure of a login that took too long.
pub(crate) fn of_silent_login(login: &Login) -> Failure {
    let Login { host, .. } = login;
    Failure::connection(format!("host '{host}' doesn't reply the login"))
        .hint(format!("try `{}`", login.by_hand()))
}

/// The failure of a step that may use an open connection only.
pub(crate) fn of_forbidden_login(login: &Login, command: &str) -> Failure {
    Failure::connection(format!(
        "no connection to '{}' is open that can be used, and this step may not log in",
        login.host
    ))
    .hint(format!("open one with `{command}`"))
}

/// The failure of a step of a command line that has used a connection which doesn't serve any more, and may not open
/// another one.
pub(crate) fn of_second_login(login: &Login, command: &str) -> Failure {
    Failure::connection(format!(
        "no connection to '{}' replies any more, and 'login: once' allows no second login",
        login.host
    ))
    .hint(format!("log in with `{command}`"))
}

/// The failure of a host that allows no more sessions, however long the client waits.
pub(crate) fn of_busy_host(login: &Login) -> Failure {
    Failure::connection(format!("'{}' takes no more sessions (sshd's MaxSessions)", login.host))
        .hint("end another session on it: `pgrep -ax mlcube-ssh-exec` lists the local programs that follow jobs, and `kill -HUP PID` ends one and leaves its job running")
}

/// The failure of a connection that ends between the login and the first word of a session: ssh's own messages, which
/// may be empty, don't say which side ended it.
pub(crate) fn of_end_after_login(login: &Login, own_words: &str) -> Failure {
    let why = in_brackets(own_words);
    Failure::connection(format!(
        "the connection to '{}' ended right after the login{why}",
        login.host
    ))
    .hint(format!(
        "try `{}`; the log of its sshd has the reason, such as a session that PAM refuses",
        login.by_hand()
    ))
}

/// The failure of a lost connection; ssh's own messages may say why.
pub(crate) fn of_lost_link(login: &Login, own_words: &str) -> Failure {
    let why = in_brackets(own_words);
    Failure::connection(format!("the connection to '{}' was lost{why}", login.host))
        .hint("run the same command again")
}

/// ssh's last message in brackets; nothing if there is none.
fn in_brackets(own_words: &str) -> String {
    let last = last_line(own_words);
    if last.is_empty() { String::new() } else { format!(" ({last})") }
}

/// How a session ended while its connection stayed open.
#[derive(Clone, Debug)]
pub(crate) struct SessionEnd<'a> {
    /// The exit status.
    pub(crate) status: i32,
    /// The standard output.
    pub(crate) printed: &'a str,
    /// The standard error.
    pub(crate) errors: &'a str,
}

impl SessionEnd<'_> {
    /// The most informative line of its output.
    fn words(&self) -> String {
        let words = [self.errors, self.printed].map(telling_lines);
        match words.into_iter().find(|line| !line.is_empty()) {
            Some(line) => format!(": {line}"),
            None => " and said nothing".to_owned(),
        }
    }

    /// The hint for an end that its output explains: dash, bash and busybox report the account's process limit.
    fn hint(&self) -> Option<&'static str> {
        let text = [self.errors, self.printed].concat();
        ["Cannot fork", "can't fork", "fork: "].iter().any(|words| text.contains(words)).then_some(
            "the account may start no more processes on the host (`ulimit -u`); end some, or ask the host's administrator for more",
        )
    }

    /// The hint for a failed `setup` line.
    fn setup_hint(&self) -> &'static str {
        let is_missing = |name: &str| {
            self.errors.lines().any(|line| line.contains(name) && line.contains("not found"))
        };
        if is_missing("source:") {
            "sh has no `source`: write `. FILE`"
        } else if is_missing("module:") || is_missing("ml:") {
            "no Environment Modules or Lmod were found where they usually are: let 'setup' read their init file first, `. FOLDER/init/sh`"
        } else {
            "try the line on the remote in `sh`: it must succeed, and must not end the shell"
        }
    }

    /// `with status 3`, or `by a signal`: for a session that a signal ended, ssh exits with 255.
    fn how(&self) -> String {
        match self.status {
            255 => "by a signal".to_owned(),
            status => format!("with status {status}"),
        }
    }
}

/// The failure of a login after which no script ran: another program did, or a shell that refuses.
pub(crate) fn of_no_shell(login: &Login, end: &SessionEnd) -> Failure {
    let (host, by_hand) = (&login.host, login.by_hand());
    Failure::connection(format!(
        "'{host}' ran no script after the login; the session ended {}{}",
        end.how(),
        end.words()
    ))
    .hint(end.hint().map_or_else(
        || {
            format!(
                "`{by_hand} true` must work; `{by_hand}` may ask for something first, as for a new password; see the account's login shell, {START_UP_FILES}, and a forced command in authorized_keys or sshd_config; after a change there, `mlcube-ssh logout` closes the connection that doesn't know it yet"
            )
        },
        str::to_owned,
    ))
    .for_good()
}

/// The failure of a login after which nothing came in time.
pub(crate) fn of_silent_shell(login: &Login, seconds: u64, printed: &str) -> Failure {
    let line = telling_lines(printed);
    let last = if line.is_empty() { line } else { format!("; it printed: {line}") };
    Failure::connection(format!(
        "logged in on '{}', but no script began to run within {seconds} s{last}",
        login.host
    ))
    .hint(format!(
        "a command in {START_UP_FILES} doesn't end, or reads its input; let it do so in interactive shells only, or raise the platform's connect_timeout"
    ))
    .for_good()
}

/// The failure if a start-up file read the beginning of the script, or the shell couldn't start what reads it; `errors`
/// is the session's standard error.
pub(crate) fn of_eaten_script(login: &Login, errors: &str) -> Failure {
    let end = SessionEnd { status: 1, printed: "", errors };
    if end.hint().is_some() {
        return of_no_shell(login, &end);
    }
    Failure::connection(format!(
        "a program on '{}' reads the script that was sent, so it didn't run",
        login.host
    ))
    .hint(format!("the program is started in {START_UP_FILES}; let it read its input in interactive shells only"))
    .for_good()
}

/// The failure if the user's `setup` line failed or ended the shell.
pub(crate) fn of_setup(login: &Login, end: &SessionEnd) -> Failure {
    if end.status == 0 {
        let host = &login.host;
        return Failure::ours(anyhow::anyhow!("the platform's 'setup' ended the shell on '{host}'"))
            .hint("remove what ends it, such as `exit` or `exec`: the commands that follow run in the same shell");
    }
    // Some programs write the reason to their standard output.
    let printed = telling_lines(end.printed);
    let both = !printed.is_empty() && !telling_lines(end.errors).is_empty();
    Failure::ours(anyhow::anyhow!(
        "the platform's 'setup' failed on '{}' {}{}{}",
        login.host,
        end.how(),
        end.words(),
        if both { format!("; it printed: {printed}") } else { String::new() }
    ))
    .hint(end.setup_hint())
}

/// The warning of what the user's `setup` line wrote to its standard error although it succeeded: `module load` may say
/// there that it knows no such module.
pub(crate) fn setup_words(login: &Login, words: &str) -> String {
    format!("the platform's 'setup' says on '{}': {}", login.host, telling_lines(words))
}

/// The failure if the user's `setup` line ran for too long; `printed` is what it printed.
pub(crate) fn of_endless_setup(login: &Login, limit: Duration, printed: &str) -> Failure {
    let line = telling_lines(printed);
    let last = if line.is_empty() { line } else { format!("; its last words: {line}") };
    Failure::ours(anyhow::anyhow!(
        "the platform's 'setup' hasn't ended on '{}' within {} seconds{last}",
        login.host,
        limit.as_secs()
    ))
    .hint("it may still run; try it on the remote in `sh`, and start in it only what ends soon")
}

/// The failure of a script that ended before its reply was complete.
pub(crate) fn of_script(login: &Login, end: &SessionEnd) -> Failure {
    let failure = Failure::ours(anyhow::anyhow!(
        "the script on '{}' ended {} before it was done{}",
        login.host,
        end.how(),
        end.words()
    ));
    match end.hint() {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// The failure of a host that sends more than it may.
pub(crate) fn of_excess(login: &Login, exceeded: Exceeded) -> Failure {
    let host = &login.host;
    let hint = match exceeded {
        Exceeded::Entries | Exceeded::Names | Exceeded::Path => {
            "keep files that no task needs outside the remote workspace".to_owned()
        }
        _ => format!(
            "no step needs that much; check the start-up files and programs of the remote with `{}`",
            login.by_hand()
        ),
    };
    Failure::ours(anyhow::anyhow!("'{host}' {exceeded}")).hint(hint)
}

/// The last line of ssh's own messages, including what it quotes of the peer.
fn last_own_line(words: &str) -> String {
    let (own_words, quoted) = divide(words);
    last_line(&format!("{own_words}{}", quoted.lines().next().unwrap_or_default()))
}

/// The most informative of the lines with words in them (a frame of stars has none); a notice of maintenance takes a
/// few. These are the last ones, but advice may follow a line with `error:`.
fn telling_lines(text: &str) -> String {
    let lines = text.lines().map(str::trim).filter(|line| line.contains(char::is_alphanumeric));
    let lines: Vec<&str> = lines.collect();
    let last = lines.len().saturating_sub(QUOTED_LINES);
    let error = lines.iter().rposition(|line| line.to_ascii_lowercase().contains("error:"));
    let first = error.map_or(last, |error| error.min(last));
    let shown = lines.iter().skip(first).take(QUOTED_LINES);
    one_line(&shown.copied().collect::<Vec<_>>().join(" / "))
}

/// The failure of a connection that was lost during a transfer.
pub(crate) fn of_lost_transfer(host: &str) -> Failure {
    Failure::connection(format!("the connection to '{host}' was lost during the transfer"))
        .hint("run this step again; it resumes where it stopped")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_known_words_decide() {
        for (own_words, end) in [
            ("ssh: connect to host h port 22: Connection refused\r\n", LoginEnd::ConnectionRefused),
            (
                "ssh: Could not resolve hostname h: Name or service not known\r\n",
                LoginEnd::NoSuchName,
            ),
            (
                "ssh: Could not resolve hostname h: Temporary failure in name resolution\r\n",
                LoginEnd::NoNameService,
            ),
            (
                "kex_exchange_identification: Connection closed by remote host\r\nConnection closed by 127.0.0.1 port 22\r\n",
                LoginEnd::ClosedAtOnce,
            ),
            (
                "ssh_exchange_identification: Connection closed by remote host\r\n",
                LoginEnd::ClosedAtOnce,
            ),
            (
                "kex_exchange_identification: Connection closed by remote host\r\nConnection closed by UNKNOWN port 65535\r\n",
                LoginEnd::Other,
            ),
            ("me@h: Permission denied (publickey).\r\n", LoginEnd::Refused),
            ("Connection closed by 127.0.0.1 port 22\r\n", LoginEnd::ClosedInLogin),
            ("Connection closed by UNKNOWN port 65535\r\n", LoginEnd::Other),
            // The host's text comes after its refusal.
            (
                "Received disconnect from 127.0.0.1 port 22:2: Too many authentication failures\r\nREMOTE HOST IDENTIFICATION HAS CHANGED\r\n",
                LoginEnd::Refused,
            ),
            (
                "Unable to negotiate with 127.0.0.1 port 22: no matching host key type found. Their offer: ssh-rsa\r\n",
                LoginEnd::Other,
            ),
            (
                "Received disconnect from ::1 port 22:2: Too many authentication failures",
                LoginEnd::Refused,
            ),
            // The peer's text follows in the same line as ssh's own words, and after it.
            (
                "Received disconnect from 127.0.0.1 port 22:2: REMOTE HOST IDENTIFICATION HAS CHANGED\nOffending ED25519 key in /home/ann/.ssh/known_hosts:3\r\nDisconnected from 127.0.0.1 port 22\r\n",
                LoginEnd::Other,
            ),
            (
                "Received disconnect from 127.0.0.1 port 22:11: \nToo many authentication failures\r\n",
                LoginEnd::Other,
            ),
            (
                "Unable to negotiate with 127.0.0.1 port 22: no matching host key type found. Their offer: x\nConnection refused\r\n",
                LoginEnd::Other,
            ),
            ("", LoginEnd::Other),
        ] {
            assert_eq!(LoginEnd::read_from(own_words), end, "{own_words}");
        }
    }

    #[test]
    fn a_frame_is_no_line() {
        assert_eq!(telling_lines("****\n* No entry *\n****\n"), "* No entry *");
        assert_eq!(telling_lines("\n --- \n"), "");
        assert_eq!(telling_lines("a\nb\n\nc\n--\nd\n"), "b / c / d");
    }

    #[test]
    fn advice_behind_an_error_is_not_the_error() {
        let text = "loading\nThe following error: no module\nx\ntry this\nor that\nor those\n";
        assert_eq!(telling_lines(text), "The following error: no module / x / try this");
        assert_eq!(telling_lines("a\nError: b\n"), "a / Error: b");
    }
}
