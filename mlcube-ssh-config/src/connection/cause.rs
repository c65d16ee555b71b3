//! What ssh's own words mean: one line for a person, with the next thing to do.

use super::Login;
use crate::failure::Failure;
use crate::limits::Exceeded;
use crate::quote::one_line;

/// Why a login failed, from what ssh wrote on standard error.
pub(super) fn of_login(login: &Login, errors: &str) -> Failure {
    let host = &login.host;
    let last = last_line(errors);
    let message = if errors.contains("REMOTE HOST IDENTIFICATION HAS CHANGED") {
        let place = errors
            .lines()
            .find_map(|line| line.split_once("key in "))
            .map_or("known_hosts", |(_, place)| place);
        format!(
            "the host key of '{host}' has changed ({place}); if that is right, remove the old one with ssh-keygen -R, then connect once with ssh"
        )
    } else if errors.contains("Host key verification failed") {
        format!(
            "the host key of '{host}' isn't known; connect once with `ssh {host}` and compare it, or add it to known_hosts"
        )
    } else if errors.contains("Could not resolve hostname") {
        format!(
            "host '{host}' can't be resolved; look at the platform's 'host' and at ~/.ssh/config"
        )
    } else if errors.contains("Connection refused") {
        format!(
            "host '{host}' refused the connection ({last}); is sshd running there, and is the port right?"
        )
    } else if errors.contains("timed out") {
        format!("host '{host}' doesn't answer ({last}); is it up, and is the network?")
    } else if errors.contains("Permission denied")
        || errors.contains("Too many authentication failures")
    {
        format!(
            "the login on '{host}' was refused ({last}); look at the platform's 'authentication', and try `ssh {host}`"
        )
    } else if last.is_empty() {
        format!("can't connect to '{host}'; try `ssh {host}`")
    } else {
        format!("can't connect to '{host}': {last}")
    };
    Failure::connection(message)
}

/// Why a session over the master ended before its script did.
pub(super) fn of_session(login: &Login, errors: &str) -> Failure {
    let host = &login.host;
    if errors.contains("open refused") || errors.contains("Session open refused") {
        return Failure::connection(format!(
            "'{host}' takes no more sessions (sshd's MaxSessions); try again when less runs"
        ));
    }
    let last = last_line(errors);
    let why = if last.is_empty() { String::new() } else { format!(" ({last})") };
    Failure::connection(format!(
        "the connection to '{host}' was lost{why}; the same command can be run again"
    ))
}

/// What a host that sends more than it may is told about.
pub(super) fn of_excess(login: &Login, exceeded: Exceeded) -> Failure {
    let host = &login.host;
    let hint = match exceeded {
        Exceeded::Entries | Exceeded::Names | Exceeded::Path => {
            "keep what a task doesn't need in another folder than the workspace there".to_owned()
        }
        _ => format!(
            "no step of ours needs that much; look at the start-up files and programs there with `{}`",
            login.command()
        ),
    };
    Failure::ours(anyhow::anyhow!("'{host}' {exceeded}")).hint(hint)
}

/// The last line that says something.
pub(crate) fn last_line(text: &str) -> String {
    one_line(text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or(""))
}
