//! What both sides have in common where a transfer met something that changed while it went on.
//!
//! Only what both sides are seen to have is common: what the sender had in its list, or has now, and the receiver has. A file
//! that still grows, a log, is common as far as the receiver has it. In doubt the older agreement stays, so that nothing that
//! somebody wrote meanwhile is ever taken for what the other side has sent.

use std::path::Path;

use anyhow::anyhow;

use crate::listing::Listing;
use crate::listing::entry::{Entry, EntryKind};
use crate::listing::find_format::FIND_FORMAT_LINKED;
use crate::pipe::failure::{Failure, Outcome};
use crate::process::command::Command;
use crate::process::script::Script;
use crate::remote::connection::Connection;
use crate::remote::session::reply::Reply;
use crate::sync::plan::TransferDirection;
use crate::sync::state::agreed::Confirmed;

/// The function `list_places FORMAT PATH…` for scripts: it lists entries of the folder that it is in, those that there are.
pub const LIST_PLACES: &str = include_str!("../../remote/sh/list-places.sh");

const STATE_OF: &str = include_str!("../../remote/sh/state-of.sh");
const STARTS_OF: &str = include_str!("../../remote/sh/starts-of.sh");

/// The script that lists these entries of a folder there.
#[must_use]
pub fn state_of<'a>(
    connection: &Connection,
    folder: &str,
    paths: impl IntoIterator<Item = &'a Path>,
) -> Script {
    let script = connection.script(STATE_OF).with(LIST_PLACES).given("folder", folder);
    paths.into_iter().fold(script.given("format", FIND_FORMAT_LINKED), Script::word)
}

/// The two sides of a transfer that has ended.
pub struct Ended<'a> {
    /// The connection.
    pub connection: &'a Connection,
    /// Which way it went.
    pub direction: TransferDirection,
    /// The workspace on this machine.
    pub here: &'a Path,
    /// The workspace on the remote.
    pub there: &'a str,
    /// Runs a script on the remote.
    pub ask: &'a dyn Fn(Script) -> Outcome<Reply>,
}

impl Ended<'_> {
    /// Looks at the entries `sent`, as they were planned: what both sides have in common at those that aren't on this machine as
    /// planned; at those of `unset` they have what they had before, which `base` tells.
    ///
    /// # Errors
    /// When one of the sides can't be looked at.
    pub fn confirm(
        &self,
        sent: &Listing,
        unset: &[&'static Path],
        base: impl FnOnce() -> anyhow::Result<Listing>,
    ) -> Outcome<Confirmed> {
        let direction = self.direction;
        let mut doubtful = Vec::new();
        for (path, planned) in sent.iter() {
            let now = Entry::look(&self.here.join(path)).map_err(Failure::ours)?;
            let is_as_planned = now.as_ref().is_some_and(|now| match planned.kind {
                EntryKind::Folder => matches!(now.kind, EntryKind::Folder | EntryKind::Link),
                _ => now.same_content(&planned),
            });
            if !is_as_planned {
                doubtful.push(Doubt { path, planned, here: now });
            }
        }
        let (mut common, mut as_before) = (Vec::new(), Vec::new());
        if doubtful.is_empty() && unset.is_empty() {
            return Ok(Confirmed { direction, otherwise: common, as_before });
        }
        let base = base()?;
        as_before.extend(unset.iter().map(|path| (*path, base.get(path))));
        if doubtful.is_empty() {
            return Ok(Confirmed { direction, otherwise: common, as_before });
        }
        let there = self.look(&doubtful)?;
        let mut growing = Vec::new();
        for doubt in &doubtful {
            let there = there.get(doubt.path);
            let (sender, receiver) = match self.direction {
                TransferDirection::Up => (doubt.here.as_ref(), there.as_ref()),
                TransferDirection::Down => (there.as_ref(), doubt.here.as_ref()),
            };
            match (sender, receiver) {
                (_, Some(receiver)) if receiver.same_content(&doubt.planned) => {
                    common.push((doubt.path, Some(receiver.clone())));
                }
                (Some(sender), Some(receiver)) if receiver.same_content(sender) => {
                    common.push((doubt.path, Some(receiver.clone())));
                }
                (Some(sender), Some(receiver)) if may_grow(sender, receiver) => {
                    growing.push((doubt.path, receiver.clone()));
                }
                _ => common.push((doubt.path, base.get(doubt.path))),
            }
        }
        let is_start = self.starts_are_the_same(&growing)?;
        common.extend(growing.into_iter().zip(is_start).map(|((path, receiver), is_start)| {
            (path, if is_start { Some(receiver) } else { base.get(path) })
        }));
        Ok(Confirmed { direction, otherwise: common, as_before })
    }

    fn look(&self, doubtful: &[Doubt]) -> Outcome<Listing> {
        let paths = doubtful.iter().map(|doubt| doubt.path);
        let answer = self.checked((self.ask)(state_of(self.connection, self.there, paths))?)?;
        Ok(answer.listing()?)
    }

    /// Whether files begin on both sides with the same bytes, as many as the receiver has.
    fn starts_are_the_same(&self, files: &[(&'static Path, Entry)]) -> Outcome<Vec<bool>> {
        if files.is_empty() {
            return Ok(Vec::new());
        }
        let script = self.connection.script(STARTS_OF).given("folder", self.there);
        let script = files
            .iter()
            .fold(script, |script, (path, file)| script.word(file.size.to_string()).word(path));
        let text = self.checked((self.ask)(script)?)?.text();
        let sums = text.lines().filter_map(|line| line.strip_prefix("start "));
        let compare = |((path, file), sum): (&(&'static Path, Entry), &str)| {
            // A `head` that fails has no bytes, on either side; what cksum writes ends with their number.
            let is_whole = sum.rsplit(' ').next() == Some(&file.size.to_string());
            Ok(is_whole && start_of(&self.here.join(path), file.size)? == sum)
        };
        let mut same: Vec<bool> = files.iter().zip(sums).map(compare).collect::<Outcome<_>>()?;
        same.resize(files.len(), false);
        Ok(same)
    }

    fn checked(&self, answer: Reply) -> Outcome<Reply> {
        if answer.status == 0 {
            return Ok(answer);
        }
        Err(Failure::ours(anyhow!(
            "can't look at what came on '{}': {}",
            self.connection.host(),
            answer.last_error()
        )))
    }
}

/// An entry that isn't on this machine as it was planned.
struct Doubt {
    path: &'static Path,
    planned: Entry,
    here: Option<Entry>,
}

fn may_grow(sender: &Entry, receiver: &Entry) -> bool {
    sender.is_file() && receiver.is_file() && (1..=sender.size).contains(&receiver.size)
}

/// The checksum of the first bytes of a file of this machine, as the remote writes it.
fn start_of(file: &Path, size: u64) -> Outcome<String> {
    let line = "head -c \"$1\" \"$2\" 2>/dev/null | cksum";
    let command = Command::new("sh").args(["-c", line, "sh"]).arg(size.to_string());
    let finished = command.arg(file.to_string_lossy()).run()?;
    Ok(String::from_utf8_lossy(&finished.output).trim_end().to_owned())
}
