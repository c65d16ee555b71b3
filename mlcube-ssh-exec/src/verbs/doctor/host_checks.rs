//! The checks on the host: one session that tries everything, and meanwhile the transfer of a file.

use std::io::Write;
use std::path::Path;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use mlcube_ssh::cube::Cube;
use mlcube_ssh::pipe::document::Document;
use mlcube_ssh::pipe::failure::{Failure, Outcome};
use mlcube_ssh::remote::connection::Connection;
use mlcube_ssh::remote::session::{Session, is_absolute};
use mlcube_ssh::text::random_id::hex_digits;

use crate::verbs::doctor::LIMIT;
use crate::verbs::doctor::findings::Findings;
use crate::verbs::doctor::host_findings::CheckContext;
use crate::verbs::doctor::host_reply::{Check, CheckLines, HostReply};
use crate::verbs::doctor::script;
use crate::verbs::doctor::transfer::{self, Transferred};

/// The seconds from which on start-up files count as slow: every command waits for them.
const SLOW: f64 = 2.0;

/// The seconds by which both clocks may differ: Kerberos accepts five minutes, and people compare the times of logs.
const APART: u64 = 60;

const REMOVE: &str = include_str!("sh/remove-folder.sh");

/// What the session brought.
#[derive(Default)]
struct SessionResult {
    reply: HostReply,
    /// By how many seconds the host's clock is ahead.
    ahead: Option<i64>,
    folder: Option<String>,
}

/// Checks the host, over the open connection.
pub(crate) fn check_host(
    findings: &mut Findings,
    connection: &Connection,
    document: &Document,
    cube: &Cube,
) -> Outcome<()> {
    let id = format!("doctor-{}", hex_digits::<12>()?);
    let script = script::script(connection, document, cube, &id)?;
    let began = Instant::now();
    let session = match connection.open_session(&script) {
        Ok(session) => session,
        Err(failure) => {
            findings.fail(Check::StartUp, &failure, "; nothing else on the remote was checked");
            return Ok(());
        }
    };
    judge_start_up(findings, session.greeting(), began.elapsed().as_secs_f64());
    let transfers = !findings.has_failed(Check::Rsync);
    let (result, transferred, ended) = read_session(session, connection, transfers);
    let silent_for = ended.is_err_and(|failure| judge_end(findings, failure, cube));
    let silent_for = silent_for.then(|| limit(cube));
    let problem = result.reply.lines_of(Check::Transfer).and_then(CheckLines::problem);
    if let Some(failure) = problem.and_then(|it| it.failure(connection.host().as_str(), "")) {
        findings.fail(Check::Transfer, &failure, "");
    } else if let (Some(folder), Some(transferred)) = (result.folder.as_deref(), transferred) {
        judge_transfer(findings, connection, folder, transferred);
    } else if transfers {
        let why = "not tried: there is no folder for it on the remote";
        findings.warn(Check::Transfer, why, "mend what failed, then run it again");
    }
    CheckContext { connection, document, cube, id: &id, silent_for }
        .add_findings(findings, &result.reply);
    judge_clock(findings, &result, document);
    Ok(())
}

/// How long the host may take.
fn limit(cube: &Cube) -> Duration {
    LIMIT.min(Duration::from_secs(u64::from(cube.runner.answer_timeout.get())))
}

/// Adds why the session ended too early; returns whether the host was silent for too long.
fn judge_end(findings: &mut Findings, failure: Failure, cube: &Cube) -> bool {
    let is_of_silence = failure.is_of_silence();
    // A longer time in the settings changes nothing.
    let failure = if is_of_silence && limit(cube) == LIMIT {
        failure.hint("the checks that it hasn't ended are below")
    } else {
        failure
    };
    findings.fail(Check::Session, &failure, "");
    is_of_silence
}

/// Reads the session to its end, and sends files as soon as there is a folder for them.
fn read_session(
    mut session: Session,
    connection: &Connection,
    transfers: bool,
) -> (SessionResult, Option<Transferred>, Outcome<()>) {
    let report = connection.report();
    let input = session.take_input();
    let (sender, folders) = channel::<Option<String>>();
    thread::scope(|scope| {
        let sending = scope.spawn(move || {
            let folder = folders.recv().ok().flatten().filter(|_| transfers);
            let transferred = folder.map(|folder| transfer::send(connection, report, &folder));
            // The script goes on, or keeps the folder for another attempt.
            let is_again = transferred.as_ref().is_some_and(|transferred| transferred.was_refused);
            let mut input = input.ok().flatten();
            if let Some(input) = &mut input {
                let word: &[u8] = if is_again { b"keep\n" } else { b"done\n" };
                // The end of the session shows why it can't be told.
                let _ = input.write_all(word).and_then(|()| input.flush());
            }
            (transferred, input)
        });
        let mut result = SessionResult::default();
        let reply = session.reply_reporting(|line| match line.split_once(' ') {
            Some(("clock", time)) => result.ahead = ahead(time),
            Some(("folder", folder)) => {
                result.folder = Some(folder.to_owned()).filter(|folder| is_from_script(folder));
                let _ = sender.send(result.folder.clone());
            }
            _ => result.reply.add_line(line),
        });
        drop(sender);
        // The input ends here and not before: at its end the script takes the client for gone.
        let transferred = sending.join().ok().and_then(|(transferred, _input)| transferred);
        (result, transferred, reply.map(drop))
    })
}

/// Returns whether a path that the host sent is that of a folder that the script makes.
fn is_from_script(folder: &str) -> bool {
    let name = Path::new(folder).file_name().and_then(|name| name.to_str());
    is_absolute(folder) && name.is_some_and(|name| name.starts_with("mlcube-ssh."))
}

/// By how many seconds a clock that shows `time` is ahead.
fn ahead(time: &str) -> Option<i64> {
    let local = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_secs();
    time.parse::<i64>().ok()?.checked_sub(i64::try_from(local).ok()?)
}

/// Returns whether the clocks differ too much. The host may claim any time.
fn is_apart(ahead: i64) -> bool {
    ahead.unsigned_abs() > APART
}

fn judge_start_up(findings: &mut Findings, greeting: &str, seconds: f64) {
    let printed = greeting.lines().map(str::trim).find(|line| !line.is_empty());
    let quiet = "put what prints or takes long behind a line that ends the file where nobody types: `case $- in *i*) ;; *) return ;; esac` (bash, sh)";
    if !greeting.is_empty() {
        let line = printed.unwrap_or("blanks");
        findings.warn(
            Check::StartUp,
            &format!("the account's start-up files print before every command: {line}"),
            quiet,
        );
    } else if seconds > SLOW {
        let found = format!("a session takes {seconds:.1} s to start");
        findings.warn(Check::StartUp, &found, quiet);
    } else {
        findings.ok(Check::StartUp, &format!("silent; a script begins after {seconds:.1} s"));
    }
}

/// Judges the transfer. Where the host had no session for it, it is done now, and its folder removed.
fn judge_transfer(
    findings: &mut Findings,
    connection: &Connection,
    folder: &str,
    first: Transferred,
) {
    let host = connection.host();
    let last = if first.was_refused {
        findings.warn(
            Check::Sessions,
            &format!("'{host}' refused a second session on a login (sshd's MaxSessions, or other programs use them up): what needs one waits, or logs in once more"),
            &format!("end other sessions on '{host}', or let its administrator raise MaxSessions in sshd_config (10 is the default)"),
        );
        let again = transfer::send(connection, connection.report(), folder);
        remove_folder(connection, folder);
        again
    } else {
        if first.outcome.is_ok() {
            findings.ok(Check::Sessions, "several on one login");
        }
        first
    };
    match (last.outcome, last.odd_name) {
        (Ok(()), None) => findings.ok(Check::Transfer, "rsync sends a file with an odd name"),
        (Ok(()), Some(odd)) => findings.warn(
            Check::Transfer,
            &format!("rsync sends a file, and none with an odd name: {odd}"),
            "set runner.remote_root to a folder whose file system takes every name, if files of the cube have such ones",
        ),
        (Err(failure), _) => findings.fail(Check::Transfer, &failure, ""),
    }
}

/// Removes the folder that the script has kept.
fn remove_folder(connection: &Connection, folder: &str) {
    let remove = connection.script(REMOVE).given("kept", folder);
    let problem = match connection.run(&remove) {
        Ok(reply) if reply.status == 0 => return,
        Ok(reply) => reply.last_error(),
        Err(failure) => failure.to_string(),
    };
    let host = connection.host();
    connection.report().warn(&format!("can't remove {folder} on '{host}': {problem}"));
}

fn judge_clock(findings: &mut Findings, result: &SessionResult, document: &Document) {
    let Some(ahead) = result.ahead else { return };
    let host = &document.remote.host;
    let seconds = ahead.unsigned_abs();
    if !is_apart(ahead) {
        findings.ok(Check::Clock, &format!("that of '{host}' agrees with the local one"));
        return;
    }
    let how = if ahead > 0 { "ahead of" } else { "behind" };
    findings.warn(
        Check::Clock,
        &format!("that of '{host}' is {seconds} s {how} the local one"),
        "let a time service set both (`timedatectl set-ntp true`): certificates, Kerberos and the times of files depend on it",
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_may_claim_any_time() {
        for (ahead, is_so) in [(0, false), (60, false), (-60, false), (61, true), (-61, true)] {
            assert_eq!(is_apart(ahead), is_so, "{ahead}");
        }
        assert!(is_apart(i64::MIN) && is_apart(i64::MAX));
        assert_eq!(ahead("-9223372036854775808"), None);
        assert_eq!(ahead("x"), None);
    }
}
