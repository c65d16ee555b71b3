//! The checks on the host: one session that tries everything, and meanwhile the transfer of a file.

use std::io::Write;
use std::path::Path;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use mlcube_ssh::cube::Cube;
use mlcube_ssh::pipe::document::Document;
use mlcube_ssh::pipe::failure::Outcome;
use mlcube_ssh::remote::connection::Connection;
use mlcube_ssh::remote::session::{Session, is_absolute};
use mlcube_ssh::text::random_id::hex_digits;

use crate::verbs::doctor::findings::Findings;
use crate::verbs::doctor::judgement::Patient;
use crate::verbs::doctor::script;
use crate::verbs::doctor::told::{CheckLines, TRANSFER, Told};
use crate::verbs::doctor::transfer::{self, Transferred};

/// The seconds from which on start-up files count as slow: every command waits for them.
const SLOW: f64 = 2.0;

/// The seconds by which both clocks may differ: Kerberos accepts five minutes, and people compare the times of logs.
const APART: u64 = 60;

const REMOVE: &str = include_str!("sh/remove-folder.sh");

/// What the session told.
#[derive(Default)]
struct Heard {
    told: Told,
    /// By how many seconds the host's clock is ahead.
    ahead: Option<i64>,
    folder: Option<String>,
}

/// Checks the host, over the open connection.
pub(crate) fn examine(
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
            findings.fail("start-up", &failure, "; nothing else on the remote was checked");
            return Ok(());
        }
    };
    judge_start_up(findings, session.greeting(), began.elapsed().as_secs_f64());
    let transfers = !findings.has_failed("rsync");
    let (heard, transferred, ended) = listen(session, connection, transfers);
    if let Err(failure) = ended {
        findings.fail("session", &failure, "");
    }
    let problem = heard.told.of(TRANSFER).and_then(CheckLines::problem);
    if let Some(failure) = problem.and_then(|it| it.failure(connection.host().as_str(), "")) {
        findings.fail(TRANSFER, &failure, "");
    } else {
        judge_transfer(findings, connection, heard.folder.as_deref(), transferred);
    }
    Patient { connection, document, cube }.judge(findings, &heard.told);
    judge_clock(findings, &heard, document);
    Ok(())
}

/// Hears the session to its end, and sends a file as soon as there is a folder for it.
fn listen(
    mut session: Session,
    connection: &Connection,
    transfers: bool,
) -> (Heard, Option<Transferred>, Outcome<()>) {
    let report = connection.report();
    let input = session.take_input();
    let (sender, folders) = channel::<Option<String>>();
    thread::scope(|scope| {
        let sending = scope.spawn(move || {
            let folder = folders.recv().ok().flatten().filter(|_| transfers);
            let transferred = folder.map(|folder| transfer::send(connection, report, &folder));
            // The script goes on, or keeps the folder for another attempt.
            let is_again = transferred.as_ref().is_some_and(|transferred| transferred.was_refused);
            if let Ok(Some(mut input)) = input {
                let word: &[u8] = if is_again { b"keep\n" } else { b"done\n" };
                // The end of the session shows why it can't be told.
                let _ = input.write_all(word).and_then(|()| input.flush());
            }
            transferred
        });
        let mut heard = Heard::default();
        let reply = session.reply_reporting(|line| match line.split_once(' ') {
            Some(("clock", time)) => heard.ahead = ahead(time),
            Some(("folder", folder)) => {
                heard.folder = Some(folder.to_owned()).filter(|folder| is_of_ours(folder));
                let _ = sender.send(heard.folder.clone());
            }
            _ => heard.told.hear(line),
        });
        drop(sender);
        let transferred = sending.join().ok().flatten();
        (heard, transferred, reply.map(drop))
    })
}

/// Returns whether a path that the host sent is that of a folder that the script makes.
fn is_of_ours(folder: &str) -> bool {
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
            "start-up",
            &format!("the account's start-up files print before every command: {line}"),
            quiet,
        );
    } else if seconds > SLOW {
        let found = format!("a session takes {seconds:.1} s to start");
        findings.warn("start-up", &found, quiet);
    } else {
        findings.ok("start-up", &format!("silent; a script begins after {seconds:.1} s"));
    }
}

/// Judges the transfer. Where the host had no session for it, it is done now, and its folder removed.
fn judge_transfer(
    findings: &mut Findings,
    connection: &Connection,
    folder: Option<&str>,
    transferred: Option<Transferred>,
) {
    let (Some(folder), Some(first)) = (folder, transferred) else { return };
    let host = connection.host();
    let last = if first.was_refused {
        findings.warn(
            "sessions",
            &format!("'{host}' takes one session on a login (sshd's MaxSessions): what needs a second one logs in once more"),
            &format!("let an administrator of '{host}' raise MaxSessions in sshd_config (10 is the default)"),
        );
        let again = transfer::send(connection, connection.report(), folder);
        let remove = connection.script(REMOVE).given("kept", folder);
        if let Err(failure) = connection.run(&remove) {
            connection.report().warn(&format!("can't remove {folder} on '{host}': {failure}"));
        }
        again
    } else {
        if first.outcome.is_ok() {
            findings.ok("sessions", "several on one login");
        }
        first
    };
    match last.outcome {
        Ok(()) => findings.ok(TRANSFER, "rsync sends a file with an odd name"),
        Err(failure) => findings.fail(TRANSFER, &failure, ""),
    }
}

fn judge_clock(findings: &mut Findings, heard: &Heard, document: &Document) {
    let Some(ahead) = heard.ahead else { return };
    let host = &document.remote.host;
    let seconds = ahead.unsigned_abs();
    if !is_apart(ahead) {
        findings.ok("clock", &format!("that of '{host}' agrees with the local one"));
        return;
    }
    let how = if ahead > 0 { "ahead of" } else { "behind" };
    findings.warn(
        "clock",
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
