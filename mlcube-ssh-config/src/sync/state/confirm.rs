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
use crate::sync::direction::TransferDirection;
use crate::sync::sides::Sides;
use crate::sync::state::agreed::{AgreedEntry, Confirmed};

const LIST_PATHS: &str = include_str!("../../remote/sh/list-paths.sh");
const STARTS_OF: &str = include_str!("../../remote/sh/starts-of.sh");

/// Makes the script that lists the entries `paths` of a remote folder.
#[must_use]
pub fn list_paths<'a>(
    connection: &Connection,
    folder: &str,
    paths: impl IntoIterator<Item = &'a Path>,
) -> Script {
    let script = connection.script(LIST_PATHS).with(LIST_PLACES).given("folder", folder);
    script.given("format", FIND_FORMAT_LINKED).words(paths)
}

/// A transfer that has ended, with its two sides.
pub struct Ended<'a> {
    /// The workspaces.
    pub sides: Sides<'a>,
    /// The direction of the transfer.
    pub direction: TransferDirection,
}

impl Ended<'_> {
    /// Looks at the entries `sent` on the receiver, and returns what both sides agree on where it doesn't have them as
    /// they were planned. For the entries `unset` the previous agreement, read by `agreed`, still holds.
    ///
    /// # Errors
    /// When one of the sides can't be inspected.
    pub fn confirm(
        &self,
        sent: &Listing,
        unset: &[&'static Path],
        agreed: impl FnOnce() -> anyhow::Result<Listing>,
    ) -> Outcome<Confirmed> {
        let direction = self.direction;
        let Doubts { planned, receiver } = self.doubts(sent)?;
        let mut confirmed = Confirmed::as_planned(direction);
        if planned.is_empty() && unset.is_empty() {
            return Ok(confirmed);
        }
        let agreed = agreed()?;
        confirmed.as_before.extend(unset.iter().map(|path| AgreedEntry::of(path, &agreed)));
        // A host may send nothing of a million entries.
        for piece in planned.pieces(Script::WORDS) {
            let now = match direction {
                TransferDirection::Up => self.look_locally(&piece),
                TransferDirection::Down => self.look_remotely(&piece)?,
            };
            let mut growing = Vec::new();
            for (path, planned) in piece.iter() {
                let (sender, here) = (now.get(path), receiver.get(path));
                let kind = sender.as_ref().map(|sender| sender.kind);
                if here.is_none() && kind.is_some_and(|kind| kind != planned.kind) {
                    confirmed.exchanged.push(path);
                }
                match (sender, here) {
                    (Some(sender), Some(here)) if here.same_content(&sender) => {
                        confirmed.otherwise.push(AgreedEntry::of(path, &receiver));
                    }
                    // If the sender's file is still as planned, it isn't the one that has grown.
                    (Some(sender), Some(here))
                        if !is_as_planned(&sender, &planned) && may_grow(&sender, &here) =>
                    {
                        growing.push((path, here));
                    }
                    // What the sender no longer has isn't missing.
                    _ if kind.is_none() => {
                        confirmed.otherwise.push(AgreedEntry::of(path, &agreed));
                    }
                    _ => confirmed.add_missing(AgreedEntry::of(path, &agreed)),
                }
            }
            let is_start = self.starts_are_the_same(&growing)?;
            for ((path, _), is_start) in growing.into_iter().zip(is_start) {
                if is_start {
                    confirmed.otherwise.push(AgreedEntry::of(path, &receiver));
                } else {
                    confirmed.add_missing(AgreedEntry::of(path, &agreed));
                }
            }
        }
        Ok(confirmed)
    }

    /// Returns the entries of `sent` that the receiver doesn't have as they were planned.
    ///
    /// # Errors
    /// When the receiver can't be inspected.
    pub fn not_as_planned(&self, sent: &Listing) -> Outcome<Listing> {
        Ok(self.doubts(sent)?.planned)
    }

    /// Returns the files and folders of `sent` that the remote has with other permissions than `permissions` tells.
    ///
    /// # Errors
    /// When the remote can't be inspected.
    pub fn with_other_permissions(
        &self,
        sent: &Listing,
        permissions: impl Fn(&Entry) -> u32,
    ) -> Outcome<Vec<&'static Path>> {
        let sent = sent.filter(|_, entry| entry.is_file() || entry.is_folder());
        let mut others = Vec::new();
        for planned in sent.pieces(Script::WORDS) {
            let now = self.look_remotely(&planned)?;
            let has_other = |(path, planned): (&'static Path, Entry)| {
                let other = now.get(path)?.permissions() & 0o777 != permissions(&planned);
                other.then_some(path)
            };
            others.extend(planned.iter().filter_map(has_other));
        }
        Ok(others)
    }

    fn doubts(&self, sent: &Listing) -> Outcome<Doubts> {
        let mut doubts = Doubts::default();
        // A listing of a million entries would take the memory of another one.
        for mut planned in sent.pieces(Script::WORDS) {
            let receiver = match self.direction {
                TransferDirection::Up => self.look_remotely(&planned)?,
                TransferDirection::Down => {
                    // Most are as planned: only the others are listed.
                    planned.retain(|path, planned| {
                        !Entry::is_at(&self.sides.local.join(path), |now| {
                            is_as_planned(now, planned)
                        })
                    });
                    self.look_locally(&planned)
                }
            };
            let is_in_doubt = |path: &Path, planned: &Entry| {
                !receiver.get(path).is_some_and(|now| is_as_planned(&now, planned))
            };
            let planned = planned.filter(is_in_doubt);
            doubts.receiver.merge(&receiver.filter(|path, _| planned.get(path).is_some()));
            doubts.planned.merge(&planned);
        }
        Ok(doubts)
    }

    /// The entries with the paths of `planned` as they are locally now, as far as the file system can store them.
    fn look_locally(&self, planned: &Listing) -> Listing {
        // What can't be looked at, such as a name that is too long for the disk, isn't confirmed: the previous
        // agreement on it holds.
        let look = |path: &Path| Entry::look(&self.sides.local.join(path)).ok().flatten();
        let now: Listing =
            planned.iter().filter_map(|(path, _)| Some((path, look(path)?))).collect();
        self.sides.unrounded_local(&now, planned).into_owned()
    }

    /// As `look_locally`, on the remote.
    fn look_remotely(&self, planned: &Listing) -> Outcome<Listing> {
        if planned.is_empty() {
            return Ok(Listing::default());
        }
        let Sides { connection, remote, run, .. } = self.sides;
        let paths = planned.iter().map(|(path, _)| path);
        let now = self.checked(run(list_paths(connection, remote, paths))?)?.listing()?;
        Ok(self.sides.unrounded_remote(&now, planned)?.into_owned())
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
            "can't inspect what was sent to '{}': {}",
            self.sides.connection.host(),
            reply.last_error()
        )))
    }
}

/// Entries that the receiver doesn't have as they were planned.
#[derive(Default)]
struct Doubts {
    planned: Listing,
    /// What the receiver has in their places.
    receiver: Listing,
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
