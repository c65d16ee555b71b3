//! What a push replaces or deletes on the remote: all of it is kept aside first, in one folder for each push.
//!
//! In the end that folder is listed. Code that is as this machine sent it is of no use to anybody, and is dropped; what somebody
//! else wrote stays and is named, and so does what was written between the listing and the transfer. What is dropped is decided by
//! size and time. Where those don't count (`--checksum`) nobody knows what the code was, and nothing is dropped.

use std::path::Path;

use anyhow::anyhow;
use mlcube_ssh_config::connection::Answer;
use mlcube_ssh_config::failure::{Failure, Outcome};
use mlcube_ssh_config::quote::one_line;
use mlcube_ssh_config::script::Script;
use mlcube_ssh_config::workspace::{Entry, FIND_FORMAT, name_aside};

use crate::say;
use crate::sides::Sides;

const LIST: &str = include_str!("remote/list-backups.sh");
const DROP: &str = include_str!("remote/drop-backups.sh");

/// How many are dropped by one script, each a word of it.
const AT_ONCE: usize = 10_000;

/// The folder on the remote for the backups of one push.
#[derive(Clone, Debug)]
pub(crate) struct Backups(String);

impl Backups {
    /// A folder that no other push has; `state` is our own folder there.
    pub(crate) fn of_a_push(state: &str) -> Self {
        Self(format!("{state}/replaced/{}", name_aside()))
    }

    /// That for code.
    pub(crate) fn code(&self) -> String {
        format!("{}/code", self.0)
    }

    /// That for the workspace.
    pub(crate) fn workspace(&self) -> String {
        format!("{}/workspace", self.0)
    }
}

impl Sides<'_> {
    /// Drops the backups that are of no use, and names those that nobody expected.
    pub(crate) fn settle_backups(&self) -> Outcome<()> {
        let script = self.connection.script(LIST).given("format", FIND_FORMAT);
        let answer = self.ask_of_backups(script)?;
        let backups = answer.listing()?.filter(|_, entry| !entry.is_folder());
        let (mut sent, mut changed) = (Vec::new(), Vec::new());
        let mut is_any_kept = false;
        for (path, backup) in backups.iter() {
            if let Ok(code) = path.strip_prefix("code") {
                if !self.local.may_have_sent(code, &backup) {
                    changed.push(path);
                } else if !self.prepared.by_content {
                    sent.push(path);
                    continue;
                }
            } else if let Ok(place) = path.strip_prefix("workspace") {
                let is_as_listed = |there: Entry| there.same_content(&backup);
                if !self.prepared.listing.get(place).is_some_and(is_as_listed) {
                    changed.push(path);
                }
            }
            is_any_kept = true;
        }
        self.drop_backups(&sent, !is_any_kept)?;
        if self.prepared.by_content && backups.iter().any(|(path, _)| path.starts_with("code")) {
            self.step.report().say(&format!(
                "the code that was replaced on {} is kept in {}: with --checksum size and time don't tell whether it was what the last push sent",
                self.connection.host(),
                one_line(&self.backups.code())
            ));
        }
        self.name_backups(&changed);
        Ok(())
    }

    fn drop_backups(&self, sent: &[&'static Path], is_all: bool) -> Outcome<()> {
        let script = || self.connection.script(DROP);
        if is_all {
            return self.ask_of_backups(script().given("all", "yes")).map(drop);
        }
        for some in sent.chunks(AT_ONCE) {
            self.ask_of_backups(some.iter().fold(script().given("all", "no"), Script::word))?;
        }
        Ok(())
    }

    fn name_backups(&self, changed: &[&Path]) {
        let (report, host, folder) =
            (self.step.report(), self.connection.host(), one_line(&self.backups.0));
        for path in changed.iter().take(say::NAMED) {
            let name = |place: &Path| one_line(&place.to_string_lossy());
            let why = match (path.strip_prefix("code"), path.strip_prefix("workspace")) {
                (Ok(place), _) => {
                    format!(
                        "'{}' on '{host}' wasn't as the last push from here left it",
                        name(place)
                    )
                }
                (_, Ok(place)) => {
                    format!("'{}' was written on '{host}' while this push went on", name(place))
                }
                _ => continue,
            };
            report.warn(&format!("{why}; what it was is kept there, in {folder}/{}", name(path)));
        }
        if changed.len() > say::NAMED {
            report.warn(&format!(
                "and {} more, all in {folder} on '{host}'",
                changed.len() - say::NAMED
            ));
        }
    }

    fn ask_of_backups(&self, script: Script) -> Outcome<Answer> {
        let answer =
            self.prepared.ask(self.connection, script.given("backups", &self.backups.0))?;
        if answer.status == 0 {
            return Ok(answer);
        }
        Err(Failure::ours(anyhow!(
            "can't look at what was replaced on '{}', in {}: {}",
            self.connection.host(),
            self.backups.0,
            answer.last_error()
        )))
    }
}
