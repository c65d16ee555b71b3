//! What both sides agree on where entries changed during a transfer.
//!
//! Both sides agree only on what both are seen to have: what the sender listed, or has now, and the receiver has. On a
//! file that still grows (a log) they agree as far as the receiver has it. In doubt the previous agreement holds, so
//! that nothing that somebody wrote during the transfer is ever taken for something that the sender sent.

use std::path::Path;

use anyhow::anyhow;

use crate::listing::Listing;
use crate::listing::entry::{Entry, EntryKind};
use crate::listing::find_format::FIND_FORMAT_LINKED;
use crate::pipe::failure::{Failure, Outcome};
use crate::process::command::Command;
use crate::process::script::Script;
use crate::remote::connection::Connection;
use crate::remote::disks::LIST_PLACES;
use crate::remote::session::reply::Reply;
use crate::sync::plan::TransferDirection;
use crate::sync::sides::Sides;
use crate::sync::state::agreed::Confirmed;

const STATE_OF: &str = include_str!("../../remote/sh/state-of.sh");
const STARTS_OF: &str = include_str!("../../remote/sh/starts-of.sh");

/// Makes the script that lists the entries `paths` of a remote folder.
#[must_use]
pub fn state_of<'a>(
    connection: &Connection,
    folder: &str,
    paths: impl IntoIterator<Item = &'a Path>,
) -> Script {
    let script = connection.script(STATE_OF).with(LIST_PLACES).given("folder", folder);
    paths.into_iter().fold(script.given("format", FIND_FORMAT_LINKED), Script::word)
}

/// A transfer that has ended, with its two sides.
pub struct Ended<'a> {
    /// The workspaces.
    pub sides: Sides<'a>,
    /// The direction of the transfer.
    pub direction: TransferDirection,
}

impl Ended<'_> {
    /// Looks at the entries `sent` as they were planned, and returns what both sides agree on where a local entry isn't
    /// as planned. For the entries `unset` the previous agreement, read by `base`, still holds.
    ///
    /// # Errors
    /// When one of the sides can't be inspected.
    pub fn confirm(
        &self,
        sent: &Listing,
        unset: &[&'static Path],
        base: impl FnOnce() -> anyhow::Result<Listing>,
    ) -> Outcome<Confirmed> {
        let direction = self.direction;
        let doubtful = self.doubtful(sent)?;
        let (mut common, mut as_before, mut exchanged) = (Vec::new(), Vec::new(), Vec::new());
        if doubtful.is_empty() && unset.is_empty() {
            return Ok(Confirmed { direction, otherwise: common, as_before, exchanged });
        }
        let base = base()?;
        as_before.extend(unset.iter().map(|path| (*path, base.get(path))));
        if doubtful.is_empty() {
            return Ok(Confirmed { direction, otherwise: common, as_before, exchanged });
        }
        let planned = doubtful.iter().map(|doubt| (doubt.path, doubt.planned.clone())).collect();
        let remote = self.look(&doubtful)?;
        let remote = self.sides.unrounded_remote(&remote, &planned)?;
        let mut growing = Vec::new();
        for doubt in &doubtful {
            let remote = remote.get(doubt.path);
            let (sender, receiver) = match self.direction {
                TransferDirection::Up => (doubt.local.as_ref(), remote.as_ref()),
                TransferDirection::Down => (remote.as_ref(), doubt.local.as_ref()),
            };
            if receiver.is_none() && sender.is_some_and(|sender| sender.kind != doubt.planned.kind)
            {
                exchanged.push(doubt.path);
            }
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
        Ok(Confirmed { direction, otherwise: common, as_before, exchanged })
    }

    /// The entries of `sent` that aren't on the local side as they were planned.
    fn doubtful(&self, sent: &Listing) -> Outcome<Vec<Doubt>> {
        let mut doubtful = Vec::new();
        for (path, planned) in sent.iter() {
            let now = Entry::look(&self.sides.local.join(path)).map_err(Failure::ours)?;
            if !now.as_ref().is_some_and(|now| is_as_planned(now, &planned)) {
                doubtful.push(Doubt { path, planned, local: now });
            }
        }
        // The local file system may not be able to store what was fetched.
        let now = |doubt: &Doubt| Some((doubt.path, doubt.local.clone()?));
        let now: Listing = doubtful.iter().filter_map(now).collect();
        let now = self.sides.unrounded_local(&now, sent);
        for doubt in &mut doubtful {
            doubt.local = now.get(doubt.path);
        }
        let is_in_doubt = |doubt: &Doubt| {
            !doubt.local.as_ref().is_some_and(|now| is_as_planned(now, &doubt.planned))
        };
        doubtful.retain(is_in_doubt);
        Ok(doubtful)
    }

    fn look(&self, doubtful: &[Doubt]) -> Outcome<Listing> {
        let paths = doubtful.iter().map(|doubt| doubt.path);
        let reply = self.checked((self.sides.run)(state_of(
            self.sides.connection,
            self.sides.remote,
            paths,
        ))?)?;
        Ok(reply.listing()?)
    }

    /// Returns, for each file, whether both sides start with the same bytes, up to the receiver's size.
    fn starts_are_the_same(&self, files: &[(&'static Path, Entry)]) -> Outcome<Vec<bool>> {
        if files.is_empty() {
            return Ok(Vec::new());
        }
        let script = self.sides.connection.script(STARTS_OF).given("folder", self.sides.remote);
        let script = files
            .iter()
            .fold(script, |script, (path, file)| script.word(file.size.to_string()).word(path));
        let text = self.checked((self.sides.run)(script)?)?.text();
        let sums = text.lines().filter_map(|line| line.strip_prefix("start "));
        let compare = |((path, file), sum): (&(&'static Path, Entry), &str)| {
            // A `head` that fails returns no bytes, on either side; the output of cksum ends with their number.
            let is_whole = sum.rsplit(' ').next() == Some(&file.size.to_string());
            Ok(is_whole && start_of(&self.sides.local.join(path), file.size)? == sum)
        };
        let mut same: Vec<bool> = files.iter().zip(sums).map(compare).collect::<Outcome<_>>()?;
        same.resize(files.len(), false);
        Ok(same)
    }

    fn checked(&self, reply: Reply) -> Outcome<Reply> {
        if reply.status == 0 {
            return Ok(reply);
        }
        Err(Failure::ours(anyhow!(
            "can't look at what came on '{}': {}",
            self.sides.connection.host(),
            reply.last_error()
        )))
    }
}

/// An entry that isn't on the local side as it was planned.
struct Doubt {
    path: &'static Path,
    planned: Entry,
    local: Option<Entry>,
}

fn is_as_planned(now: &Entry, planned: &Entry) -> bool {
    match planned.kind {
        EntryKind::Folder => matches!(now.kind, EntryKind::Folder | EntryKind::Link),
        _ => now.same_content(planned),
    }
}

fn may_grow(sender: &Entry, receiver: &Entry) -> bool {
    sender.is_file() && receiver.is_file() && (1..=sender.size).contains(&receiver.size)
}

/// The checksum of the first bytes of a local file, in the form that the remote writes.
fn start_of(file: &Path, size: u64) -> Outcome<String> {
    let line = "head -c \"$1\" \"$2\" 2>/dev/null | cksum";
    let command = Command::new("sh").args(["-c", line, "sh"]).arg(size.to_string());
    let finished = command.arg(file.to_string_lossy()).run()?;
    Ok(String::from_utf8_lossy(&finished.output).trim_end().to_owned())
}
