//! The login: the shared master that all steps use, and the diagnosis of its failures.

pub(crate) mod cipher;
pub(crate) mod control_socket;
pub(crate) mod diagnosis;
pub(crate) mod identity_file;
pub(crate) mod kept_config;
pub mod login_keys;
pub mod master;
pub mod open_connections;
pub(crate) mod options;
pub(crate) mod permission;
pub(crate) mod ssh_config;
pub(crate) mod ssh_messages;
pub mod ssh_version;

use crate::settings::names::{Host, User};
use crate::text::quote::shell_word;

/// A login on a host: user, host, key and ssh configuration.
#[derive(Clone, Debug)]
pub(crate) struct Login {
    pub(crate) host: Host,
    pub(crate) user: Option<User>,
    pub(crate) identity_file: Option<String>,
    pub(crate) ssh_config: Option<String>,
}

impl Login {
    /// The command that tries the same login by hand.
    pub(crate) fn by_hand(&self) -> String {
        let words = std::iter::once("ssh".to_owned()).chain(self.words());
        let words: Vec<String> = words.map(|word| shell_word(&word)).collect();
        format!("{} {}", words.join(" "), shell_word(self.host.as_str()))
    }

    /// The options that tell ssh who logs in.
    pub(crate) fn words(&self) -> Vec<String> {
        let mut words = Vec::new();
        if let Some(file) = &self.ssh_config {
            words.extend(["-F".to_owned(), file.clone()]);
        }
        if let Some(file) = &self.identity_file {
            words.extend(["-i".to_owned(), file.clone()]);
            // Otherwise keys of an agent and of other files would be offered first, and a host accepts at most six
            // attempts (sshd's MaxAuthTries).
            words.extend(["-o".to_owned(), "IdentitiesOnly=yes".to_owned()]);
        }
        if let Some(user) = &self.user {
            words.extend(["-l".to_owned(), user.to_string()]);
        }
        words
    }
}
