//! What every ssh that we start is told, whatever the user's configuration says of the host.

use std::sync::LazyLock;

use crate::command::Command;

/// Options that every ssh understands.
const ALWAYS: [&str; 5] = [
    // A command of the user's own would run in place of ours.
    "RemoteCommand=none",
    // A terminal there would change the bytes, and end what runs when it closes.
    "RequestTTY=no",
    // Forwarded ports that are taken already would end the session, or hold it open.
    "ClearAllForwardings=yes",
    "ForwardX11=no",
    // Local commands are for people's logins.
    "PermitLocalCommand=no",
];

/// Options for sessions that came with OpenSSH 8.7; an older one refuses their names. The master has `-f` and `-N`, which
/// say the same for it.
const SESSION_SINCE_8_7: [&str; 3] = [
    // Scripts come on standard input.
    "StdinNull=no",
    // A client in the background is a client that nobody waits for.
    "ForkAfterAuthentication=no",
    // `none` would run nothing, `subsystem` something else.
    "SessionType=default",
];

/// The options for every ssh.
pub(super) fn always() -> impl Iterator<Item = &'static str> {
    ALWAYS.into_iter()
}

/// The options for sessions, as far as the ssh on this machine understands them.
pub(super) fn session() -> &'static [&'static str] {
    if version().is_some_and(|version| version >= (8, 7)) { &SESSION_SINCE_8_7 } else { &[] }
}

/// The version of the ssh on this machine, if it is OpenSSH.
pub(super) fn version() -> Option<(u32, u32)> {
    static VERSION: LazyLock<Option<(u32, u32)>> =
        LazyLock::new(|| parse(&Command::new("ssh").arg("-V").run().ok()?.errors));
    *VERSION
}

/// `OpenSSH_9.2p1 Debian-2, OpenSSL 3.0.11` is 9.2.
fn parse(text: &str) -> Option<(u32, u32)> {
    let (major, rest) = text.strip_prefix("OpenSSH_")?.split_once('.')?;
    let minor: String = rest.chars().take_while(char::is_ascii_digit).collect();
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        assert_eq!(parse("OpenSSH_9.2p1 Debian-2+deb12u3, OpenSSL 3.0.11"), Some((9, 2)));
        assert_eq!(parse("OpenSSH_10.0p2"), Some((10, 0)));
        assert_eq!(parse("Sun_SSH_1.1"), None);
    }
}
