//! The effective configuration of ssh for a login, as printed by `ssh -G`, which contacts nobody.

use std::collections::BTreeSet;
use std::env;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cube::paths::home;
use crate::cube::paths::home_expanded;
use crate::process::command::Command;
use crate::remote::login::options;

/// How long ssh may take to read its files; a `Match exec` of the user runs meanwhile.
/// Such a program may try whether a host answers.
const LIMIT: Duration = Duration::from_secs(10);

/// The lines of `ssh -G`, each a keyword in lower case and its value; empty if ssh fails.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SshConfig(String);

impl SshConfig {
    /// The configuration without any file, but with an option.
    pub(crate) fn built_in_with(option: &str) -> Self {
        // ssh requires a name; without files all names are equal.
        let question =
            Command::new("ssh").args(["-F", "none", "-o", option]).args(options::always());
        Self::read_from(&question.args(["-G", "--", "localhost"]))
    }

    /// Reads the output of a `ssh -G` command. If it fails, the result is empty: the login may still succeed, or
    /// explain the failure better.
    pub(crate) fn read_from(question: &Command) -> Self {
        match question.run_within(Some(LIMIT)) {
            Ok(Some(reply)) if reply.status == 0 => reply.output.into(),
            _ => Self::default(),
        }
    }

    /// The lines as ssh printed them.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// The value of a keyword.
    pub(crate) fn get(&self, keyword: &str) -> Option<&str> {
        self.0.lines().find_map(|line| line.strip_prefix(keyword)?.strip_prefix(' '))
    }

    /// The values of a keyword that may occur several times.
    pub(crate) fn all<'a>(&'a self, keyword: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.lines().filter_map(move |line| line.strip_prefix(keyword)?.strip_prefix(' '))
    }

    /// The socket of the agent that ssh would use, if it would use one.
    pub(crate) fn agent(&self) -> Option<PathBuf> {
        self.get("identityagent")
            .map_or_else(|| socket_of("SSH_AUTH_SOCK"), |value| self.socket(value))
    }

    /// The socket that a value of `IdentityAgent` names (`ssh_config(5)`).
    fn socket(&self, value: &str) -> Option<PathBuf> {
        match value.strip_prefix('$').filter(|name| !name.starts_with('{')) {
            Some(variable) => socket_of(variable),
            None if value == "none" => None,
            None if value == "SSH_AUTH_SOCK" => socket_of(value),
            None => Some(self.path(value)),
        }
    }

    /// The path of the file that a value names. `ssh -G` prints the value unexpanded; ssh expands it when it opens the
    /// file (`ssh_config(5)`, TOKENS and ENVIRONMENT VARIABLES).
    pub(crate) fn path(&self, value: &str) -> PathBuf {
        let mut path = String::new();
        let mut rest = value;
        while let Some(at) = rest.find(['%', '$']) {
            let (before, token) = rest.split_at(at);
            path.push_str(before);
            let variable = token.strip_prefix("${").and_then(|token| token.split_once('}'));
            rest = if let Some((name, after)) = variable {
                path.push_str(&env::var(name).unwrap_or_default());
                after
            } else {
                let length = token.chars().take(2).map(char::len_utf8).sum();
                let (token, after) = token.split_at(length);
                path.push_str(&self.expanded(token));
                after
            };
        }
        path.push_str(rest);
        home_expanded(&path)
    }

    /// The value of a token; the token itself if it is unknown.
    fn expanded(&self, token: &str) -> String {
        let of_user = || env::var("LOGNAME").or_else(|_| env::var("USER")).ok();
        let known = match token {
            "%%" => Some("%".to_owned()),
            "%d" => home().map(|home| home.to_string_lossy().into_owned()),
            "%h" => self.get("hostname").map(str::to_owned),
            "%r" => self.get("user").map(str::to_owned),
            "%u" => of_user(),
            _ => None,
        };
        known.unwrap_or_else(|| token.to_owned())
    }
}

/// The private keys that a login may use, found without ssh: those in `~/.ssh`, and those that the configuration files
/// name for any host. `ssh -G` may fail, and a dry run doesn't ask it.
pub(crate) fn possible_keys(config: Option<&str>) -> Vec<PathBuf> {
    let folder = home().map(|home| home.join(".ssh"));
    let named = values_in_files(config, "identityfile");
    let named = named.iter().map(|value| SshConfig::default().path(value));
    let entries = folder.iter().filter_map(|ssh| fs::read_dir(ssh).ok()).flatten().flatten();
    let own = entries.map(|entry| entry.path()).filter(|path| is_private_key(path));
    own.chain(named).collect()
}

/// The sockets of the agents that a login may use, found without ssh: that of the environment, and those that the
/// configuration files name for any host.
pub(crate) fn possible_agents(config: Option<&str>) -> BTreeSet<PathBuf> {
    let named = values_in_files(config, "identityagent");
    let named = named.iter().filter_map(|value| SshConfig::default().socket(value));
    socket_of("SSH_AUTH_SOCK").into_iter().chain(named).collect()
}

/// The socket that a variable of the environment names.
fn socket_of(variable: &str) -> Option<PathBuf> {
    env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// The values of a keyword in the user's configuration files, for any host.
fn values_in_files(config: Option<&str>, keyword: &str) -> Vec<String> {
    let of_user = home().map(|home| home.join(".ssh/config"));
    let usual = || of_user.into_iter().chain(["/etc/ssh/ssh_config".into()]).collect();
    let files = config.map_or_else(usual, |file| vec![PathBuf::from(file)]);
    let texts = files.iter().filter_map(|file| fs::read_to_string(file).ok());
    texts.flat_map(|text| values_in(&text, keyword)).collect()
}

/// The values of a keyword in a configuration file (`ssh_config(5)`): the keyword may have any case, a `=` after it,
/// and a value in quotes.
fn values_in(text: &str, wanted: &str) -> Vec<String> {
    let value = |line: &str| {
        let line = line.trim();
        let (keyword, value) = line.split_once(|c: char| c.is_whitespace() || c == '=')?;
        let value = value.trim_start_matches(|c: char| c.is_whitespace() || c == '=');
        let is_named = keyword.eq_ignore_ascii_case(wanted);
        is_named.then(|| value.trim_matches('"').to_owned())
    };
    text.lines().filter_map(value).collect()
}

/// Returns whether a file begins as ssh's private keys do.
fn is_private_key(path: &Path) -> bool {
    let mut begin = Vec::new();
    let read = |file: File| file.take(100).read_to_end(&mut begin);
    // A pipe would be waited for.
    let is_file = fs::metadata(path).is_ok_and(|found| found.is_file());
    is_file
        && File::open(path).and_then(read).is_ok()
        && String::from_utf8_lossy(&begin).contains("PRIVATE KEY-----")
}

impl From<Vec<u8>> for SshConfig {
    fn from(output: Vec<u8>) -> Self {
        Self(String::from_utf8_lossy(&output).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_that_a_file_names_are_found() {
        let text = "Host a\n  IdentityFile /a\nidentityfile=\"/b c\"\n\tIDENTITYFILE = /d\n# IdentityFile /e\nIdentityFiles /f\n";
        assert_eq!(values_in(text, "identityfile"), ["/a", "/b c", "/d"]);
    }

    #[test]
    fn a_keyword_is_a_whole_word() {
        let told = SshConfig("controlpersist no\ncontrolpath /run/a b\nciphers \n".to_owned());
        assert_eq!(told.get("controlpath"), Some("/run/a b"));
        assert_eq!(told.get("ciphers"), Some(""));
        assert_eq!(told.get("control"), None);
    }

    #[test]
    fn an_identity_file_is_found_as_ssh_finds_it() {
        let told = SshConfig("hostname box.lab\nuser me\n".to_owned());
        let home = home().unwrap();
        for value in ["%d/key", "~/key", "${HOME}/key"] {
            assert_eq!(told.path(value), home.join("key"), "{value}");
        }
        assert_eq!(told.path("/k/%r@%h"), PathBuf::from("/k/me@box.lab"));
        assert_eq!(told.path("/k/100%%/%q$x%"), PathBuf::from("/k/100%/%q$x%"));
        assert_eq!(told.path("/k/a b"), PathBuf::from("/k/a b"));
    }

    #[test]
    fn an_agent_is_found_as_ssh_finds_it() {
        let of = |line: &str| SshConfig(line.to_owned()).agent();
        let home = home().unwrap();
        assert_eq!(of("identityagent ~/agent\n"), Some(home.join("agent")));
        assert_eq!(of("identityagent %d/a b\n"), Some(home.join("a b")));
        assert_eq!(of("identityagent $HOME\n"), Some(home.clone()));
        assert_eq!(of("identityagent ${HOME}/agent\n"), Some(home.join("agent")));
        assert_eq!(of("identityagent $NO_SUCH_VARIABLE_OF_OURS\n"), None);
        assert_eq!(of("identityagent none\n"), None);
        assert_eq!(of("user me\n"), of("identityagent SSH_AUTH_SOCK\n"));
    }

    #[test]
    fn an_ssh_that_fails_tells_nothing() {
        let failing = Command::new("sh").args(["-c", "echo ciphers a; exit 1"]);
        assert_eq!(SshConfig::read_from(&failing).get("ciphers"), None);
        assert_eq!(SshConfig::read_from(&Command::new("no-such-ssh")).get("ciphers"), None);
    }
}
