//! The version of the rsync on this machine, and what that means.

use crate::pipe::exit_status::ExitStatus;
use crate::pipe::failure::{Failure, Outcome};
use crate::process::command::Command;

/// Refuses an rsync on this machine that can't do what is needed.
///
/// # Errors
/// When there is none (127), or it is another program or too old (126).
pub fn check() -> Outcome<()> {
    let told = told_version()?;
    let found = match parse(&told) {
        Some(version) if version >= OLDEST => return Ok(()),
        _ if told.starts_with("openrsync") => "is openrsync".to_owned(),
        Some((major, minor, _)) => format!("is version {major}.{minor}"),
        // One that tells its version in another way may do.
        None => return Ok(()),
    };
    Err(Failure::tool(
        ExitStatus::CannotRun,
        format!("the rsync on this machine {found}, which can't do what is needed"),
    )
    .hint("install rsync 3.1.3 or later (macOS: brew install rsync), first in PATH"))
}

/// Whether the rsync on this machine refuses names that a host sends and nobody asked for. Some distributions have mended an
/// older one (CVE-2022-29154), Debian 11 hasn't; the version doesn't tell.
///
/// # Errors
/// When there is none (127).
pub fn checks_names() -> Outcome<bool> {
    Ok(parse(&told_version()?).is_some_and(|version| version >= CHECKS_NAMES))
}

/// There is no rsync on the remote.
#[must_use]
pub fn missing_there(host: &str) -> Failure {
    Failure::tool(ExitStatus::NotFound, format!("rsync isn't installed on '{host}'"))
        .hint("install rsync 3.1.3 or later on the remote")
}

/// What is called rsync on the remote lacks options that are needed.
#[must_use]
pub fn wrong_there(host: &str) -> Failure {
    Failure::tool(ExitStatus::CannotRun, format!("the rsync on '{host}' is openrsync, which can't do what is needed"))
        .hint("install rsync 3.1.3 or later on the remote (macOS: brew install rsync), first in the PATH of the account's shell")
}

fn told_version() -> Outcome<String> {
    let told = Command::new("rsync").arg("--version").run()?;
    Ok(String::from_utf8_lossy(&told.output).into_owned())
}

/// The first rsync that knows all our options: `--info` and `--outbuf` came with it (its NEWS).
const OLDEST: (u32, u32, u32) = (3, 1, 0);

/// The first rsync whose receiver compares the names that come with those that it asked for (its NEWS).
const CHECKS_NAMES: (u32, u32, u32) = (3, 2, 5);

/// `rsync  version 3.2.7  protocol version 31` is 3.2.7.
fn parse(told: &str) -> Option<(u32, u32, u32)> {
    let word = told.strip_prefix("rsync  version ")?.split_whitespace().next()?;
    let mut numbers = word.split('.');
    let (major, minor) = (numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?);
    // `3.2.4pre1` is none that was published.
    let patch = numbers.next().and_then(|patch| patch.parse().ok()).unwrap_or(0);
    Some((major, minor, patch))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        assert_eq!(parse("rsync  version 3.1.3  protocol version 31\n"), Some((3, 1, 3)));
        assert_eq!(parse("rsync  version 3.2.5pre1  protocol version 31\n"), Some((3, 2, 0)));
        assert_eq!(parse("rsync  version v3.2.3  protocol version 31\n"), None);
        assert_eq!(parse("openrsync: protocol version 29, rsync version 2.6.9 compatible\n"), None);
    }
}
