//! The version of the local rsync, and what it can do.

use crate::pipe::exit_status::ExitStatus;
use crate::pipe::failure::{Failure, Outcome};
use crate::process::command::Command;
use crate::text::quote::one_line;

/// Refuses a local rsync that lacks required options.
///
/// # Errors
/// When rsync is missing (127), or is another program or too old (126).
pub fn check() -> Outcome<()> {
    let text = version_text()?;
    let found = match parse(&text) {
        Some(version) if version >= OLDEST => return Ok(()),
        _ if text.starts_with("openrsync") => "is openrsync".to_owned(),
        Some((major, minor, _)) => format!("is version {major}.{minor}"),
        // An unknown form of the version may still be recent enough.
        None => return Ok(()),
    };
    Err(Failure::tool(
        ExitStatus::CannotRun,
        format!("the local rsync {found}, which can't do what is needed"),
    )
    .hint("install rsync 3.1.3 or later (macOS: brew install rsync), first in PATH"))
}

/// Returns what the local rsync says that it is.
///
/// # Errors
/// When rsync is missing (127).
pub fn name() -> Outcome<String> {
    let text = version_text()?;
    let first = text.lines().next().unwrap_or_default();
    let words: Vec<&str> = first.split_whitespace().take(3).collect();
    Ok(one_line(&words.join(" ")))
}

/// Returns whether the local rsync refuses names that the host sends without being asked. Some distributions have fixed
/// older versions (CVE-2022-29154), Debian 11 hasn't; the version doesn't show it, so these count as not fixed.
///
/// # Errors
/// When rsync is missing (127).
pub fn checks_names() -> Outcome<bool> {
    Ok(parse(&version_text()?).is_some_and(|version| version >= CHECKS_NAMES))
}

/// The failure of a remote without rsync.
#[must_use]
pub fn missing_on_remote(host: &str) -> Failure {
    Failure::tool(ExitStatus::NotFound, format!("rsync isn't installed on '{host}'"))
        .hint("install rsync 3.1.3 or later on the remote")
}

/// The failure of a remote whose rsync lacks required options.
#[must_use]
pub fn wrong_on_remote(host: &str) -> Failure {
    Failure::tool(ExitStatus::CannotRun, format!("the rsync on '{host}' is openrsync, which can't do what is needed"))
        .hint("install rsync 3.1.3 or later on the remote (macOS: brew install rsync), first in the PATH of the account's shell")
}

fn version_text() -> Outcome<String> {
    let told = Command::new("rsync").arg("--version").run()?;
    // openrsync tells its version on standard error.
    let text = if told.output.is_empty() { told.errors.into_bytes() } else { told.output };
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// The first rsync with all options that are used: `--info` and `--outbuf` were added in it (its NEWS).
const OLDEST: (u32, u32, u32) = (3, 1, 0);

/// The first rsync whose receiver compares the names that arrive with those it requested (its NEWS).
const CHECKS_NAMES: (u32, u32, u32) = (3, 2, 5);

/// Parses a version: `rsync  version 3.2.7  protocol version 31` is 3.2.7.
fn parse(text: &str) -> Option<(u32, u32, u32)> {
    let word = text.strip_prefix("rsync  version ")?.split_whitespace().next()?;
    let mut numbers = word.split('.');
    let (major, minor) = (numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?);
    // The patch number of a pre-release such as `3.2.4pre1` counts as 0.
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
