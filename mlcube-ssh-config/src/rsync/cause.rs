//! Why a transfer failed: rsync's exit statuses are classed by cause, never passed on.

use anyhow::anyhow;

use crate::command::Finished;
use crate::failure::{Failure, Outcome};
use crate::quote::one_line;
use crate::report::count;
use crate::status::ExitStatus;

/// The failure of a transfer, by cause (rsync(1), EXIT VALUES). Files that vanished meanwhile (24) are none.
pub(super) fn classify(finished: &Finished, host: &str) -> Outcome<()> {
    let errors = &finished.errors;
    let first = errors
        .lines()
        .find(|line| line.contains("rsync: ") || line.contains("rsync error"))
        .map(one_line)
        .unwrap_or_default();
    if matches!(finished.status, 0 | 24) || (finished.status == 23 && only_vanished(errors)) {
        return Ok(());
    }
    if is_out_of_room(errors) {
        return Err(Failure::ours(anyhow!(
            "no room left: {first}; make room and run this step again, it goes on where it stopped"
        )));
    }
    Err(match finished.status {
        127 => missing_there(host),
        _ if errors.contains("rsync: command not found") || errors.contains("rsync: not found") => {
            missing_there(host)
        }
        23 if in_the_way(errors).is_some() => Failure::ours(anyhow!(
            "{} is a folder with something in it on one side, and something else on the other; what is there stays: move it away, or push --delete what was pushed from here",
            in_the_way(errors).unwrap_or_default()
        )),
        23 => Failure::ours(anyhow!(
            "{} couldn't be transferred to or from '{host}': {first}",
            left_out(errors)
        )),
        10 | 12 | 30 | 35 | 255 => lost_during_transfer(host),
        status if status > 128 => Failure::signal(
            u8::try_from(status - 128).unwrap_or(1),
            "rsync was ended by a signal; run this step again".to_owned(),
        ),
        20 => Failure::signal(2, "rsync was interrupted; run this step again".to_owned()),
        status => Failure::ours(anyhow!("rsync failed with status {status}: {first}")),
    })
}

/// Whether some of what rsync was told was left out, for reasons of its own, and the rest is done.
pub(super) fn is_partial(finished: &Finished) -> bool {
    finished.status == 23 && !is_out_of_room(&finished.errors) && !only_vanished(&finished.errors)
}

/// Whether ssh couldn't get a session for rsync: the host takes fewer at once (sshd's `MaxSessions`).
pub(super) fn was_refused(finished: &Finished) -> bool {
    finished.status != 0 && finished.errors.contains("open refused")
}

/// The folder that rsync didn't remove for what has its name on the other side.
fn in_the_way(errors: &str) -> Option<String> {
    let named = |line: &str| {
        line.strip_prefix("could not make way for new ")?
            .split_once(": ")
            .map(|(_, name)| one_line(name))
    };
    errors.lines().find_map(named)
}

/// Whether a program says that a disk, or what may be used of it, is full.
#[must_use]
pub fn is_out_of_room(errors: &str) -> bool {
    errors.contains("No space left on device") || errors.contains("Disk quota exceeded")
}

/// The connection broke in the middle of a transfer.
#[must_use]
pub fn lost_during_transfer(host: &str) -> Failure {
    Failure::connection(format!(
        "the connection to '{host}' was lost during the transfer; run this step again, it goes on where it stopped"
    ))
}

/// Whether nothing failed but for files of the list that went away meanwhile, which rsync has in one class with those
/// that can't be read.
fn only_vanished(errors: &str) -> bool {
    let mut failures = errors.lines().filter(|line| line.starts_with("rsync: [")).peekable();
    failures.peek().is_some()
        && failures.all(|line| line.contains("link_stat ") && line.ends_with("(2)"))
}

/// There is no rsync on the remote.
#[must_use]
pub fn missing_there(host: &str) -> Failure {
    Failure::tool(
        ExitStatus::NotFound,
        format!("rsync isn't installed on '{host}'; install it there"),
    )
}

fn left_out(errors: &str) -> String {
    count(errors.lines().filter(|line| line.starts_with("rsync: [")).count() as u64, "file")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_vanished_is_no_failure() {
        let gone = "rsync: [sender] link_stat \"/w/a\" failed: No such file or directory (2)\n";
        let denied = "rsync: [sender] send_files failed to open \"/w/b\": Permission denied (13)\n";
        let end = "rsync error: some files could not be transferred (code 23) at main.c(1338)\n";
        assert!(only_vanished(&format!("{gone}{end}")));
        assert!(!only_vanished(&format!("{gone}{denied}{end}")) && !only_vanished(end));
    }
}
