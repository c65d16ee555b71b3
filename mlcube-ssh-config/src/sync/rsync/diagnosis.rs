//! Why a transfer failed: rsync's exit statuses are classified by cause, never passed on.

use anyhow::anyhow;

use crate::pipe::failure::{Failure, MAKE_ROOM, Outcome, is_out_of_room};
use crate::pipe::limits::Exceeded;
use crate::process::command::Finished;
use crate::remote::connection::Connection;
use crate::remote::login::diagnosis::of_lost_transfer;
use crate::remote::login::ssh_messages::OPEN_REFUSED;
use crate::remote::rsync_version;
use crate::remote::rsync_version::{missing_on_remote, wrong_on_remote};
use crate::remote::session::greeting;
use crate::text::quote::one_line;

/// Returns the failure of a transfer, by cause (rsync(1), EXIT VALUES). Files that vanished during the transfer (24)
/// are no failure. `pushes` says whether the local machine is the sender.
pub(crate) fn classify(finished: &Finished, connection: &Connection, pushes: bool) -> Outcome<()> {
    let (status, errors) = (finished.status, finished.errors.as_str());
    if greeting::is_too_long(errors) {
        return Err(connection.refuse(Exceeded::Greeting));
    }
    if status == 30 && has_summary(errors) && !is_out_of_room(errors) && connection.is_open()? {
        return Err(connection.silent_transfer());
    }
    outcome(status, errors, connection.host().as_str(), pushes, || connection.is_open())
}

/// As `classify`, from rsync's status and its standard error; `is_open` checks the connection.
///
/// # Errors
/// The failure of the transfer, and that of `is_open`.
pub fn outcome(
    status: i32,
    errors: &str,
    host: &str,
    pushes: bool,
    is_open: impl Fn() -> Outcome<bool>,
) -> Outcome<()> {
    let first = reason(errors);
    let place = place(errors, host, pushes);
    if matches!(status, 0 | 24) || (status == 23 && only_vanished(errors)) {
        return Ok(());
    }
    if is_out_of_room(errors) {
        return Err(Failure::ours(anyhow!("no room left{place}: {first}"))
            .hint(MAKE_ROOM)
            .of_a_full_disk());
    }
    // Over an open connection the local rsync wasn't checked before.
    if matches!(status, 1 | 2 | 4) {
        rsync_version::check()?;
    }
    Err(match status {
        127 => missing_on_remote(host),
        _ if errors.contains("rsync: command not found") || errors.contains("rsync: not found") => {
            missing_on_remote(host)
        }
        23 => partial(errors, || {
            format!("can't transfer everything to or from '{host}'; rsync failed{place}: {first}")
        }),
        // rsync's words name the machine that failed only if both ends survived: while the connection is open, it
        // wasn't lost.
        10 | 12 | 255 if has_summary(errors) && is_open()? => Failure::ours(anyhow!(
            "rsync on '{host}' ended during the transfer: {}",
            last_words(errors)
        ))
        .hint("find out whether it was killed, or replaced by a program without the command; then run this step again, it resumes where it stopped"),
        10 | 12 | 30 | 35 | 255 if has_summary(errors) => of_lost_transfer(host),
        // This is the status of the local rsync, even if its text names the other side.
        status if status > 128 => Failure::signal(
            u8::try_from(status - 128).unwrap_or(1),
            format!("the local rsync was ended by signal {}", status - 128),
        )
        .hint(RESUMES),
        // SIGINT, SIGTERM, SIGHUP or SIGUSR1, sent to either rsync: Ctrl-C at the terminal ends this program, too.
        20 => Failure::ours(anyhow!("rsync was ended by a signal{place}"))
            .hint(RESUMES),
        // Syntax or protocol: another program is called rsync, or something prints before it.
        1 | 2 | 4 if errors.contains("openrsync") => wrong_on_remote(host),
        // What start-up files print before the script is dropped.
        2 if errors.contains("is your shell clean") => Failure::ours(anyhow!(
            "the program that is called rsync on '{host}' printed text into the transfer{}",
            words_beside(errors, &["is your shell clean", "see the rsync man"])
        ))
        .hint("look at what `rsync` is on the remote (`command -v rsync`): a site's wrapper may refuse it, or tell which host to use"),
        status => Failure::ours(anyhow!("rsync failed{place} with status {status}: {first}"))
            .hint(hint_of(status)),
    })
}

/// The failure of a transfer without some of the files; `message` describes one without a cause of its own.
fn partial(errors: &str, message: impl Fn() -> String) -> Failure {
    if let Some(folder) = in_the_way(errors) {
        return Failure::ours(anyhow!(
            "the receiving folder {folder} isn't empty, and the sender has no folder of that name; it was kept, and the rest was done"
        ))
        .hint("move it away; code that was pushed before is removed by `mlcube-ssh-push --delete`");
    }
    let failure = Failure::ours(anyhow!("{}", message()));
    // ELOOP: a folder became a link since it was sent, and leads out of what is sent.
    if errors.contains("Too many levels of symbolic links") {
        return failure.hint("a folder of that path is a link, and rsync doesn't write through it; move the link away, and run this step again");
    }
    failure
}

/// Says where rsync failed, as a part of a message; empty if its words don't say that.
fn place(errors: &str, host: &str, pushes: bool) -> String {
    match side(errors, pushes) {
        Some(Side::Remote) => format!(" on '{host}'"),
        Some(Side::Local) => " locally".to_owned(),
        None => String::new(),
    }
}

/// The hint for a transfer that can be repeated.
const RESUMES: &str = "run this step again; it resumes where it stopped";

/// The hint for a status that has no message of its own (rsync(1), EXIT VALUES).
fn hint_of(status: i32) -> &'static str {
    match status {
        3 | 11 | 13 | 14 => {
            "check the disk and the permissions of the folder (`df`, `ls -ld`), then run this step again; it resumes where it stopped"
        }
        22 => {
            "free memory, or raise the limits of this shell (`ulimit -a`), then run this step again; it resumes where it stopped"
        }
        _ => "run it again with -v, which shows rsync's command line: try it by hand",
    }
}

/// The machine that a failure belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Local,
    Remote,
}

/// Returns where rsync failed first, by the role that it names: `rsync: [sender] …` since 3.2, `… [sender=3.1.3]` at
/// the end of its last line in every version. Without such a line another program is called rsync locally.
fn side(errors: &str, pushes: bool) -> Option<Side> {
    if !has_summary(errors) {
        return Some(Side::Local);
    }
    // An rsync whose peer ended says so, and then ends with the peer's status, if that is above its own, 12.
    let lost_its_peer = |line: &str| line.starts_with(CLOSED) || line.ends_with("Broken pipe (32)");
    let is_reason = |line: &&str| !is_summary(line) && !lost_its_peer(line);
    let sends = match lines(errors).filter(is_reason).find_map(role_sends) {
        Some(sends) => sends,
        None if lines(errors).any(lost_its_peer) => !pushes,
        None => lines(errors).find_map(role_sends)?,
    };
    Some(if sends == pushes { Side::Local } else { Side::Remote })
}

/// Returns whether the rsync that wrote the line sends; `None` if the line names no role.
fn role_sends(line: &str) -> Option<bool> {
    let role = match line.strip_prefix("rsync: [") {
        Some(role) => role,
        None if line.starts_with("rsync error") => line.rsplit_once('[')?.1,
        None => return None,
    };
    if role.starts_with("sender") {
        return Some(true);
    }
    let receives = ["Receiver", "receiver", "generator", "Generator"];
    receives.iter().any(|it| role.starts_with(it)).then_some(false)
}

/// The start of the line of an rsync whose peer ended.
const CLOSED: &str = "rsync: connection unexpectedly closed";

/// Returns whether rsync itself ended with an error, and not another program in its place.
fn has_summary(errors: &str) -> bool {
    lines(errors).any(|line| line.starts_with("rsync error"))
}

/// Returns whether a line is rsync's own summary, which both ends write after the reason.
fn is_summary(line: &str) -> bool {
    line.starts_with("rsync error") || line.starts_with(CLOSED)
}

/// The lines that aren't empty.
fn lines(errors: &str) -> impl DoubleEndedIterator<Item = &str> + Clone {
    errors.lines().map(str::trim).filter(|line| !line.is_empty())
}

/// Why rsync failed: its first line about that. Some reasons have no mark of their own (`The backup-dir is not a
/// directory: …`) and stand before the summary, which is quoted too: another program may have written that line.
fn reason(errors: &str) -> String {
    if errors.trim().is_empty() {
        return "it gave no reason".to_owned();
    }
    let is_marked = |line: &&str| line.contains("rsync: ") && !is_summary(line);
    if let Some(marked) = lines(errors).find(is_marked) {
        return one_line(marked);
    }
    let unmarked = lines(errors).take_while(|line| !is_summary(line)).last();
    let summary = lines(errors).find(|line| line.contains("rsync error"));
    one_line(&unmarked.into_iter().chain(summary).collect::<Vec<_>>().join(" / "))
}

/// The last line that isn't rsync's own summary; the summary if there is no other line.
fn last_words(errors: &str) -> String {
    let other = lines(errors).rfind(|line| !is_summary(line));
    one_line(other.or_else(|| lines(errors).next_back()).unwrap_or("no reason was given"))
}

/// The last line that is neither rsync's own summary nor holds one of the `known` phrases, after a colon.
fn words_beside(errors: &str, known: &[&str]) -> String {
    let is_other =
        |line: &&str| !is_summary(line) && !known.iter().any(|phrase| line.contains(phrase));
    lines(errors).rfind(is_other).map(|line| format!(": {}", one_line(line))).unwrap_or_default()
}

/// Returns whether rsync skipped some files, for reasons of its own, and did the rest.
pub(crate) fn is_partial(finished: &Finished) -> bool {
    finished.status == 23 && !is_out_of_room(&finished.errors) && !only_vanished(&finished.errors)
}

/// Returns whether ssh couldn't get a session for rsync: the host allows fewer at once (sshd's `MaxSessions`).
pub(crate) fn was_refused(finished: &Finished) -> bool {
    finished.status != 0 && finished.errors.contains(OPEN_REFUSED)
}

/// The folder that rsync didn't remove although the sender has another kind of entry of that name.
fn in_the_way(errors: &str) -> Option<String> {
    let named = |line: &str| {
        line.strip_prefix("could not make way for new ")?
            .split_once(": ")
            .map(|(_, name)| one_line(name))
    };
    errors.lines().find_map(named)
}

/// Returns whether only files that vanished during the transfer failed; rsync gives them the same status as files that
/// can't be read.
fn only_vanished(errors: &str) -> bool {
    let mut failures = files(errors).peekable();
    failures.peek().is_some()
        && failures.all(|line| line.contains("link_stat ") && line.ends_with("(2)"))
}

/// The lines about a file; they end with an error number. Before 3.2 they name no role.
fn files(errors: &str) -> impl Iterator<Item = &str> {
    errors.lines().filter(|line| line.starts_with("rsync: ") && line.ends_with(')'))
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
    #[test]
    fn the_reason_is_told_and_not_only_the_end() {
        let end = "rsync error: syntax or usage error (code 1) at main.c(1056) [Receiver=3.5.0]";
        let closed = "rsync: connection unexpectedly closed (0 bytes received so far) [sender]";
        let unmarked = "The backup-dir is not a directory: /w/b";
        let marked = "rsync: [Receiver] mkdir \"/a\" failed: Permission denied (13)";
        for (text, told) in [
            (format!("hello\n{unmarked}\n{end}\n"), format!("{unmarked} / {end}")),
            (format!("{unmarked}\n{closed}\n{end}\n"), format!("{unmarked} / {end}")),
            (format!("hello\n{closed}\n{marked}\n{end}\n"), marked.to_owned()),
            (end.to_owned(), end.to_owned()),
        ] {
            assert_eq!(reason(&text), told);
        }
    }
    #[test]
    fn before_3_2_no_role_is_named() {
        let gone = "rsync: link_stat \"/w/a\" failed: No such file or directory (2)\n";
        let end = "rsync error: some files/attrs were not transferred (see previous errors) (code 23) at main.c(1207) [sender=3.1.3]\n";
        let text = format!("{gone}{end}");
        assert!(only_vanished(&text));
        assert_eq!(side(&text, true), Some(Side::Local));
        assert_eq!(side(&text, false), Some(Side::Remote));
    }

    #[test]
    fn the_first_to_fail_names_the_side() {
        let text = "rsync: [Receiver] mkdir \"/a/b\" failed: No such file or directory (2)\nrsync error: error in file IO (code 11) at main.c(783) [Receiver=3.2.7]\nrsync error: error in file IO (code 11) at io.c(1) [sender=3.2.7]\n";
        assert_eq!(side(text, true), Some(Side::Remote));
        assert_eq!(side(text, false), Some(Side::Local));
        assert_eq!(side("something else", true), Some(Side::Local));
    }

    #[test]
    fn a_status_that_the_other_rsync_ended_with_is_no_local_failure() {
        let closed = "rsync: connection unexpectedly closed (0 bytes received so far) [sender]";
        let end =
            |code: i32| format!("rsync error: any words (code {code}) at io.c(285) [sender=3.5.0]");
        let pipe = "rsync: [sender] safe_write failed to write 4 bytes to socket: Broken pipe (32)";
        let own = "rsync: [sender] change_dir \"/w\" failed: Permission denied (13)";
        for (text, side_of) in [
            (format!("{closed}\n{}\n", end(13)), Side::Remote),
            (format!("{pipe}\n{}\n", end(23)), Side::Remote),
            (format!("a wrapper's words\n{closed}\n{}\n", end(99)), Side::Remote),
            (format!("{}\n", end(20)), Side::Local),
            (format!("{own}\n{}\n", end(23)), Side::Local),
            ("a wrapper's words\n".to_owned(), Side::Local),
            (String::new(), Side::Local),
        ] {
            assert_eq!(side(&text, true), Some(side_of), "{text}");
        }
    }
}
