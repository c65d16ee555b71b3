//! Judges what the checks on the host told.

use mlcube_ssh::cube::Cube;
use mlcube_ssh::pipe::document::Document;
use mlcube_ssh::pipe::failure::{Failure, MAKE_ROOM};
use mlcube_ssh::remote::connection::Connection;

use crate::verbs::doctor::LIMIT;
use crate::verbs::doctor::findings::Findings;
use crate::verbs::doctor::problem;
use crate::verbs::doctor::space::Space;
use crate::verbs::doctor::told::{CHECKS, CheckLines, Told};

/// What judging needs to know.
#[derive(Clone, Copy)]
pub(crate) struct Patient<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) document: &'a Document,
    pub(crate) cube: &'a Cube,
}

impl Patient<'_> {
    /// Adds the findings of all checks that began.
    pub(crate) fn judge(&self, findings: &mut Findings, told: &Told) {
        for check in CHECKS {
            if let Some(lines) = told.of(check) {
                self.judge_one(findings, check, lines);
            }
        }
    }

    fn judge_one(&self, findings: &mut Findings, check: &str, lines: &CheckLines) {
        let host = &self.document.remote.host;
        let Some(status) = lines.status else {
            let seconds = LIMIT.as_secs();
            let late = Failure::connection(format!(
                "this check on '{host}' hasn't ended within {seconds} s"
            ));
            let hint = format!(
                "a program or a disk of the host doesn't respond; look at it with `{}`",
                self.connection.by_hand()
            );
            findings.fail(check, &late.hint(hint), "");
            return;
        };
        let errors = lines.errors();
        if let Some(problem) = lines.problem() {
            let Self { connection, document, cube } = *self;
            let failure = problem::failure(check, &problem, &errors, connection, document, cube);
            findings.fail(check, &failure, "");
            return;
        }
        let (found, space) = (lines.last("found"), lines.last("free").and_then(Space::parse));
        if let Some(warning) = lines.last("warning") {
            findings.warn(check, warning, &self.hint(check, warning));
            return;
        }
        if let Some(space) = space {
            let text = [found.unwrap_or_default(), &space.shown()].join(if found.is_some() {
                "; "
            } else {
                ""
            });
            if space.is_little() {
                findings.warn(check, &text, MAKE_ROOM);
            } else {
                findings.ok(check, &text);
            }
            return;
        }
        match found {
            Some(found) if status == 0 => findings.ok(check, found),
            _ => {
                let last = errors.lines().last().unwrap_or("it gave no reason");
                let failed = Failure::ours(anyhow::anyhow!(
                    "this check on '{host}' ended with status {status}: {last}"
                ));
                findings.fail(check, &failed, "");
            }
        }
    }

    /// What the user can do about a warning.
    fn hint(&self, check: &str, warning: &str) -> String {
        let host = &self.document.remote.host;
        match check {
            "locks" if warning.contains("has no flock") => {
                format!("install util-linux on '{host}'")
            }
            "locks" => "set runner.remote_root to a folder on another file system".to_owned(),
            "shim" => "set runner.remote_root to a folder where programs may run; if this is meant, nothing is to be done".to_owned(),
            "environment" => format!("`{}` installs them", self.document.configure_command()),
            "engine" => {
                "set runner.remote.docker to docker or podman, or to the path of one of them".to_owned()
            }
            "logout" => format!("`{} loginctl enable-linger`", self.connection.by_hand()),
            "login-node" => "set 'launcher: {type: slurm}' in the platform's section".to_owned(),
            "quota" => format!("remove on '{host}' what isn't needed, or ask its administrator for more"),
            _ => MAKE_ROOM.to_owned(),
        }
    }
}
