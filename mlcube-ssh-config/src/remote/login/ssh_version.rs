//! The version of the local ssh.

use crate::pipe::failure::Outcome;
use crate::process::command::Command;
use crate::text::quote::one_line;

/// Returns what the local ssh says that it is.
///
/// # Errors
/// When ssh is missing (127).
pub fn name() -> Outcome<String> {
    let told = Command::new("ssh").arg("-V").run()?;
    Ok(one_line(told.errors.split([' ', ',', '\n']).next().unwrap_or_default()))
}

/// The version, if it is OpenSSH.
pub(crate) fn version() -> Option<(u32, u32)> {
    parse(&Command::new("ssh").arg("-V").run().ok()?.errors)
}

/// Parses the version: `OpenSSH_9.2p1 Debian-2, OpenSSL 3.0.11` is 9.2.
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
