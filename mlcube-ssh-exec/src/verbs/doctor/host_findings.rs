//! Findings from what the checks on the host replied.

use std::time::Duration;

use mlcube_ssh::cube::Cube;
use mlcube_ssh::pipe::document::Document;
use mlcube_ssh::pipe::failure::{Failure, MAKE_ROOM};
use mlcube_ssh::remote::connection::Connection;

use crate::verbs::doctor::findings::Findings;
use crate::verbs::doctor::host_reply::{Check, CheckLines, HostReply, Warning};
use crate::verbs::doctor::problem;
use crate::verbs::doctor::script::image;
use crate::verbs::doctor::space::Space;

/// What a finding is made from, beside the lines of its check.
#[derive(Clone, Copy)]
pub(crate) struct CheckContext<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) document: &'a Document,
    pub(crate) cube: &'a Cube,
    /// The id of the job that isn't one.
    pub(crate) id: &'a str,
    /// How long the host was silent, if that has ended its session.
    pub(crate) silent_for: Option<Duration>,
}

impl CheckContext<'_> {
    /// Adds the findings of all checks that began.
    pub(crate) fn add_findings(&self, findings: &mut Findings, reply: &HostReply) {
        for check in Check::OF_SCRIPT {
            // Its end is the client's.
            if check == Check::Transfer {
                continue;
            }
            if let Some(lines) = reply.lines_of(check) {
                self.add_finding(findings, check, lines);
            }
        }
    }

    fn add_finding(&self, findings: &mut Findings, check: Check, lines: &CheckLines) {
        let host = &self.document.remote.host;
        let Some(status) = lines.status else {
            findings.fail(check, &self.unfinished(), "");
            return;
        };
        let errors = lines.errors();
        if let Some(problem) = lines.problem() {
            let Self { connection, document, cube, .. } = *self;
            let failure = problem::failure(check, &problem, &errors, connection, document, cube);
            findings.fail(check, &failure, "");
            return;
        }
        if let Some((warning, text)) = lines.warning() {
            findings.warn(check, text, &self.hint(warning));
            return;
        }
        let Some(found) = lines.last("found") else {
            let last = errors.lines().last().unwrap_or("it gave no reason");
            let failed = format!("this check on '{host}' ended with status {status}: {last}");
            findings.fail(check, &Failure::ours(anyhow::anyhow!(failed)), "");
            return;
        };
        match lines.last("free").and_then(Space::parse) {
            None => findings.ok(check, found),
            Some(space) if space.is_little() => {
                findings.warn(check, &format!("{found}; {}", space.shown()), MAKE_ROOM);
            }
            Some(space) => findings.ok(check, &format!("{found}; {}", space.shown())),
        }
    }

    /// The failure of a check that didn't come to its end.
    fn unfinished(&self) -> Failure {
        let host = &self.document.remote.host;
        match self.silent_for {
            Some(time) => Failure::connection(format!(
                "this check on '{host}' hasn't ended within {} s",
                time.as_secs()
            ))
            .hint(format!(
                "a program or a disk of the host doesn't respond; look at it with `{}`",
                self.connection.by_hand()
            )),
            None => {
                Failure::connection(format!("the session on '{host}' ended before this check did"))
                    .hint("run it again")
            }
        }
    }

    /// What the user can do about a warning.
    fn hint(&self, warning: Warning) -> String {
        let host = &self.document.remote.host;
        let by_hand = self.connection.by_hand();
        match warning {
            Warning::Untried => "mend that, then run it again".to_owned(),
            Warning::NotWritable => format!("`{by_hand} df -h .` shows whether it is full; jobs don't need it, but programs of the host may"),
            Warning::OverQuota => {
                format!("remove on '{host}' what isn't needed, or ask its administrator for more")
            }
            Warning::NoLocks => {
                "set runner.remote_root to a folder on another file system".to_owned()
            }
            Warning::NoFlock => format!("install util-linux on '{host}'"),
            Warning::Lacking => format!("`{}` installs them", self.document.configure_command()),
            Warning::NoExec => "set runner.remote_root to a folder where programs may run; if this is meant, nothing is to be done".to_owned(),
            Warning::Bypassing => {
                "set runner.remote.docker to docker or podman, or to the path of one of them".to_owned()
            }
            Warning::LeftBehind => format!(
                "when the engine replies, remove on '{host}' the containers with the label mlcube-ssh.job={}, and the image {}",
                self.id,
                image(self.id)
            ),
            Warning::NoLinger => format!("`{by_hand} loginctl enable-linger`"),
            Warning::NoScope => {
                format!("`{by_hand} systemctl --user status` shows whether the user's manager runs")
            }
            Warning::LoginNode => "set 'launcher: {type: slurm}' in the platform's section".to_owned(),
        }
    }
}
