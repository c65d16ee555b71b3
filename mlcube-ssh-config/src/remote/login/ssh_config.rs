//! What ssh makes of its configuration files for a login, as `ssh -G` tells it without contacting anybody.

use std::env;
use std::path::PathBuf;
use std::time::Duration;

use crate::cube::paths::home;
use crate::cube::paths::home_expanded;
use crate::process::command::Command;
use crate::remote::login::options;

/// How long ssh may take to read its files; a `Match exec` of the user's runs meanwhile.
const LIMIT: Duration = Duration::from_secs(2);

/// The lines of `ssh -G`, each a keyword in lower case and its value; none when ssh doesn't tell.
#[derive(Clone, Debug, Default)]
pub(crate) struct SshConfig(String);

impl SshConfig {
    /// What ssh does when no file tells it anything.
    pub(crate) fn built_in() -> Self {
        // ssh wants a name, and without files none means more than another.
        let question = Command::new("ssh").args(["-F", "none"]).args(options::always());
        Self::told_by(&question.args(["-G", "--", "localhost"]))
    }

    /// An ssh that can't tell can still log in, or say better why it can't.
    pub(crate) fn told_by(question: &Command) -> Self {
        match question.run_within(Some(LIMIT)) {
            Ok(Some(answer)) if answer.status == 0 => answer.output.into(),
            _ => Self::default(),
        }
    }

    /// The value of a keyword.
    pub(crate) fn get(&self, keyword: &str) -> Option<&str> {
        self.0.lines().find_map(|line| line.strip_prefix(keyword)?.strip_prefix(' '))
    }

    /// All values of a keyword that may have several.
    pub(crate) fn all<'a>(&'a self, keyword: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.lines().filter_map(move |line| line.strip_prefix(keyword)?.strip_prefix(' '))
    }

    /// The file that a value names. `ssh -G` prints it as it is written, with what ssh expands when it opens the file
    /// (`ssh_config(5)`, TOKENS and ENVIRONMENT VARIABLES).
    pub(crate) fn path(&self, value: &str) -> PathBuf {
        let mut path = String::new();
        let mut rest = value;
        while let Some(at) = rest.find(['%', '$']) {
            let (before, token) = rest.split_at(at);
            path.push_str(before);
            let variable = token.strip_prefix("${").and_then(|token| token.split_once('}'));
            rest = if let Some((name, behind)) = variable {
                path.push_str(&env::var(name).unwrap_or_default());
                behind
            } else {
                let length = token.chars().take(2).map(char::len_utf8).sum();
                let (token, behind) = token.split_at(length);
                path.push_str(&self.expanded(token));
                behind
            };
        }
        path.push_str(rest);
        home_expanded(&path)
    }

    /// What stands for a token; the token itself where nobody knows.
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

impl From<Vec<u8>> for SshConfig {
    fn from(output: Vec<u8>) -> Self {
        Self(String::from_utf8_lossy(&output).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn an_ssh_that_fails_tells_nothing() {
        let failing = Command::new("sh").args(["-c", "echo ciphers a; exit 1"]);
        assert_eq!(SshConfig::told_by(&failing).get("ciphers"), None);
        assert_eq!(SshConfig::told_by(&Command::new("no-such-ssh")).get("ciphers"), None);
    }
}
