//! Judges what the checks on the host told.

use mlcube_ssh::cube::Cube;
use mlcube_ssh::pipe::document::Document;
use mlcube_ssh::pipe::failure::{Failure, MAKE_ROOM};
use mlcube_ssh::remote::connection::Connection;
use mlcube_ssh::text::units::human_bytes;

use crate::verbs::doctor::LIMIT;
use crate::verbs::doctor::findings::Findings;
use crate::verbs::doctor::problem;
use crate::verbs::doctor::told::{CHECKS, CheckLines, Told};

/// Less than that is little for a cube and its image.
const LITTLE: u64 = 1_000_000_000;

/// Fewer inodes are few for an image or a python environment: each takes some thousand files.
const FEW: u64 = 10_000;

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

/// What is free on a file system.
struct Space {
    bytes: u64,
    inodes: u64,
    /// Some file systems count no inodes: then it is 0.
    all_inodes: u64,
    path: String,
}

impl Space {
    fn parse(text: &str) -> Option<Self> {
        let mut words = text.splitn(5, ' ');
        let mut number = || words.next()?.parse::<u64>().ok();
        let (blocks, size, inodes, all_inodes) = (number()?, number()?, number()?, number()?);
        let bytes = blocks.saturating_mul(size);
        Some(Self { bytes, inodes, all_inodes, path: words.next()?.to_owned() })
    }

    fn has_few_inodes(&self) -> bool {
        self.all_inodes > 0 && self.inodes < FEW
    }

    fn is_little(&self) -> bool {
        self.bytes < LITTLE || self.has_few_inodes()
    }

    fn shown(&self) -> String {
        let inodes = if self.has_few_inodes() {
            format!(" and {} inodes", self.inodes)
        } else {
            String::new()
        };
        format!("{}{inodes} free in {}", human_bytes(self.bytes), self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_may_lack_bytes_or_inodes() {
        let judged =
            |text: &str| Space::parse(text).map(|space| (space.is_little(), space.shown()));
        let table = [
            ("1000000 4096 50000 90000 /a b", false, "4.0 GB free in /a b"),
            ("1000000 4096 0 0 /a", false, "4.0 GB free in /a"),
            ("1000 4096 50000 90000 /a", true, "4.0 MB free in /a"),
            ("1000000 4096 7 90000 /a", true, "4.0 GB and 7 inodes free in /a"),
        ];
        for (text, is_little, shown) in table {
            assert_eq!(judged(text), Some((is_little, shown.to_owned())), "{text}");
        }
        assert_eq!(judged("1 2 x 4 /a"), None);
    }
}
