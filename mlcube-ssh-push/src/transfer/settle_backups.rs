//! The backups of what a push replaces or deletes on the remote, in one folder for each push.
//!
//! The folder is listed at the end of the push; after a push that was cut off, at the beginning of the next one. A backup is
//! *expected* if it is of what the listings said, and *changed* if it isn't: then it is of what somebody else wrote, or of
//! what was written during the push. It is *useless* if its content is still in its place. Expected backups of code, and
//! useless ones, are removed; changed ones are kept and named. Size and time decide. With `--checksum` they don't count;
//! nobody knows then what the code was, and no backup of code is removed.

use std::collections::{BTreeSet, HashSet};
use std::path::Path;

use anyhow::anyhow;
use mlcube_ssh::listing::{Disks, Entry, FIND_FORMAT, Listing, may_be_rounded};
use mlcube_ssh::pipe::failure::{Failure, Outcome};
use mlcube_ssh::process::script::Script;
use mlcube_ssh::remote::connection::Connection;
use mlcube_ssh::remote::problem;
use mlcube_ssh::remote::session::Reply;
use mlcube_ssh::sync::list_paths;
use mlcube_ssh::text::quote::one_line;
use mlcube_ssh::ui::names::Names;
use mlcube_ssh::ui::report::Report;

use crate::local::Local;
use crate::remote::backups::Backups;
use crate::remote::state::RemoteState;
use crate::transfer::context::TransferContext;

const LIST: &str = include_str!("../sh/list-backups.sh");
const STARTS: &str = include_str!("../sh/starts.sh");
const DROP: &str = include_str!("../sh/drop-backups.sh");

/// The backups of one push.
pub(crate) struct PushBackups<'a> {
    report: Report,
    connection: &'a Connection,
    local: &'a Local,
    remote_state: &'a RemoteState<'a>,
    backups: &'a Backups,
    /// The entries of the workspace that the push was to replace.
    expected: &'a Listing,
    /// What this push has sent to the workspace; `None` for an earlier push, which was cut off.
    sent: Option<&'a Listing>,
}

/// Settles the backups of earlier pushes of this machine that were cut off.
pub(crate) fn of_earlier_pushes(
    report: Report,
    connection: &Connection,
    local: &Local,
    remote_state: &RemoteState,
) -> Outcome<()> {
    remote_state.unnamed_backups.iter().try_for_each(|backups| {
        let (expected, sent) = (&local.agreed, None);
        PushBackups { report, connection, local, remote_state, backups, expected, sent }
            .settle(false)
    })
}

impl TransferContext<'_> {
    /// The backups of this push.
    pub(crate) fn backups(&self) -> PushBackups<'_> {
        PushBackups {
            report: self.step.report(),
            connection: self.connection,
            local: self.local,
            remote_state: self.remote_state,
            backups: &self.backups,
            expected: &self.remote_state.listing,
            sent: Some(&self.plan.send),
        }
    }
}

impl PushBackups<'_> {
    /// Removes useless backups and names the unexpected ones. If a disk was full (`was_full`), a backup may be
    /// incomplete; the file that it was made of is still in its place then.
    pub(crate) fn settle(&self, was_full: bool) -> Outcome<()> {
        let script = self.connection.script(LIST).given("format", FIND_FORMAT);
        let reply = self.run_on_backups(script)?;
        let backups = reply.listing()?.filter(|_, entry| !entry.is_folder());
        let mut found = self.sort(&backups)?;
        if was_full {
            self.separate_code_in_place(&mut found.code)?;
            self.separate_workspace_in_place(&backups, &mut found.workspace)?;
        }
        self.separate_starts(&backups, BackedUpTree::Code, was_full, &mut found.code)?;
        self.separate_starts(&backups, BackedUpTree::Workspace, was_full, &mut found.workspace)?;
        self.drop_useless(&found, backups.len())?;
        let changed = found.code.changed.iter().chain(&found.workspace.changed);
        self.name_backups(&changed.map(|(path, _)| *path).collect::<Vec<_>>(), &found.by_content);
        Ok(())
    }

    fn are_of_earlier_push(&self) -> bool {
        self.sent.is_none()
    }

    /// Sorts the backups by whether they are of what the listings said.
    fn sort(&self, backups: &Listing) -> Outcome<Found> {
        let disks = self.disks(backups)?;
        let mut found = Found::default();
        for (path, backup) in backups.iter() {
            let Some((tree, place)) = BackedUpTree::of(path) else { continue };
            let mut originals = self.originals(tree, place).into_iter();
            let is_expected = originals.any(|original| disks.are_of(path, &backup, &original));
            let of_tree = match tree {
                BackedUpTree::Code => &mut found.code,
                BackedUpTree::Workspace => &mut found.workspace,
            };
            if !is_expected {
                of_tree.changed.push((path, place));
            } else if tree == BackedUpTree::Workspace && self.looked_the_same(place) {
                found.by_content.push(path);
            } else {
                of_tree.expected.push(path);
            }
        }
        Ok(found)
    }

    /// After a full disk: finds the code whose place still has what an earlier push has sent there.
    fn separate_code_in_place(&self, code: &mut FoundIn) -> Outcome<()> {
        let folders = code.changed.iter().filter_map(|(_, place)| place.parent());
        let disks = self.disks_below(self.top(BackedUpTree::Code), folders)?;
        code.separate_useless(&self.look(BackedUpTree::Code, code)?, |place, now| {
            let is_now = |sent: &Entry| disks.of(place).rounded(sent).same_content(now);
            !self.local.code.get(place).is_some_and(|sent| is_now(&sent))
                && self.local.once_sent_to(place).iter().any(is_now)
        });
        Ok(())
    }

    /// After a full disk: finds the files of the workspace that are larger than their backups, and as they were listed.
    fn separate_workspace_in_place(
        &self,
        backups: &Listing,
        workspace: &mut FoundIn,
    ) -> Outcome<()> {
        let tree = BackedUpTree::Workspace;
        workspace.separate_useless(&self.look(tree, workspace)?, |place, now| {
            let listed = self.remote_state.listing.get(place);
            // After a transfer by content, a sent file can have the same size and time as the one that it replaced.
            !self.backups.by_content
                && tree.backup(backups, place).is_some_and(|backup| backup.size < now.size)
                && listed.is_some_and(|listed| listed.same_content(now))
        });
        Ok(())
    }

    /// Finds the backups that are the start of the file in their place, or all of it. What is in place byte for byte isn't
    /// lost without its backup: a fresh checkout replaces code by the same code.
    fn separate_starts(
        &self,
        backups: &Listing,
        tree: BackedUpTree,
        was_full: bool,
        found: &mut FoundIn,
    ) -> Outcome<()> {
        // After a push that was cut off, or had no room, a backup may be a part of the file that is still in its place.
        let may_be_parts = was_full || self.are_of_earlier_push();
        let now = self.look(tree, found)?;
        let may_be_in_place = |place: &Path| {
            tree.backup(backups, place).zip(now.get(place)).is_some_and(|(backup, now)| {
                let may_be = backup.size == now.size || may_be_parts && backup.size < now.size;
                backup.is_file() && now.is_file() && may_be
            })
        };
        let starts = self.starts(tree, found, may_be_in_place)?;
        found.separate_useless(&now, |place, _| starts.contains(place));
        Ok(())
    }

    /// Removes the useless backups, and those of code that are as expected.
    fn drop_useless(&self, found: &Found, all: usize) -> Outcome<()> {
        let (code, workspace) = (&found.code, &found.workspace);
        let mut useless = [code.useless.as_slice(), &workspace.useless].concat();
        if !self.backups.by_content {
            useless.extend(&code.expected);
        } else if !code.expected.is_empty() {
            let push =
                if self.are_of_earlier_push() { "a push that was cut off" } else { "this push" };
            self.report.say(&format!(
                "kept backups of the code that {push} replaced on '{}' in {}, as --checksum can't tell whether somebody else changed it",
                self.connection.host(),
                one_line(&self.backups.code())
            ));
        }
        self.drop_backups(&useless, useless.len() == all)
    }

    /// The remote folder of a tree.
    fn top(&self, tree: BackedUpTree) -> &str {
        match tree {
            BackedUpTree::Code => &self.remote_state.base,
            BackedUpTree::Workspace => &self.remote_state.workspace,
        }
    }

    /// The entries that a backup of `place` is expected to be made of.
    fn originals(&self, tree: BackedUpTree, place: &Path) -> Vec<Entry> {
        match tree {
            BackedUpTree::Code => self.local.once_sent_to(place),
            BackedUpTree::Workspace => {
                let replaced_link = || self.local.replaced_links.get(place);
                self.expected.get(place).or_else(replaced_link).into_iter().collect()
            }
        }
    }

    /// Asks the file systems of backups and of their former places how they store times, where one may have rounded them.
    fn disks(&self, backups: &Listing) -> Outcome<BackupDisks> {
        let mut rounded = Vec::new();
        for (path, backup) in backups.iter() {
            let Some((tree, place)) = BackedUpTree::of(path) else { continue };
            let originals = self.originals(tree, place);
            if !originals.iter().any(|original| original.same_content(&backup))
                && originals.iter().any(|original| may_be_rounded(original, &backup))
            {
                rounded.push((tree, path, place));
            }
        }
        let of = |wanted: BackedUpTree| {
            let places = rounded.iter().filter(|(tree, ..)| *tree == wanted);
            self.disks_below(self.top(wanted), places.filter_map(|(.., place)| place.parent()))
        };
        let paths = rounded.iter().filter_map(|(_, path, _)| path.parent());
        Ok(BackupDisks {
            code: of(BackedUpTree::Code)?,
            workspace: of(BackedUpTree::Workspace)?,
            backups: self.disks_below(&self.backups.folder, paths)?,
        })
    }

    /// Asks the file systems of remote folders below `top` how they store times.
    fn disks_below<'p>(
        &self,
        top: &str,
        folders: impl Iterator<Item = &'p Path>,
    ) -> Outcome<Disks> {
        let folders: BTreeSet<_> = folders.collect();
        self.remote_state.disks(self.connection, top, &folders.into_iter().collect::<Vec<_>>())
    }

    /// Returns whether a file of the workspace was sent though it looked the same: nobody knows who changed it.
    fn looked_the_same(&self, place: &Path) -> bool {
        let sent = self.sent.and_then(|sent| sent.get(place));
        let is_same = |sent: Entry| {
            self.expected.get(place).is_some_and(|replaced| replaced.same_content(&sent))
        };
        sent.is_some_and(is_same)
    }

    /// Lists the files that are now in the places of unexpected backups.
    fn look(&self, tree: BackedUpTree, found: &FoundIn) -> Outcome<Listing> {
        if found.changed.is_empty() {
            return Ok(Listing::default());
        }
        let places = found.changed.iter().map(|(_, place)| *place);
        let script = list_paths(self.connection, self.top(tree), places);
        let reply = self.remote_state.incoming.run_script(script)?;
        Ok(self.checked(reply)?.listing()?)
    }

    /// The places of backups that are the start of the files in these places, or all of them, among those that `may_be`.
    fn starts(
        &self,
        tree: BackedUpTree,
        found: &FoundIn,
        may_be: impl Fn(&Path) -> bool,
    ) -> Outcome<HashSet<&'static Path>> {
        let pairs: Vec<_> = found.changed.iter().filter(|(_, place)| may_be(place)).collect();
        let mut starts = HashSet::new();
        for pairs in pairs.chunks(Script::WORDS) {
            let script = self.connection.script(STARTS).given("folder", self.top(tree));
            let script =
                pairs.iter().fold(script, |script, (path, place)| script.word(path).word(place));
            let reply = self.run_on_backups(script)?.text();
            let numbers = reply.lines().filter_map(|line| line.strip_prefix("start "));
            let numbers = numbers.filter_map(|number| number.parse::<usize>().ok());
            starts.extend(numbers.filter_map(|number| Some(pairs.get(number)?.1)));
        }
        Ok(starts)
    }

    fn drop_backups(&self, sent: &[&'static Path], is_all: bool) -> Outcome<()> {
        let script = || self.connection.script(DROP);
        if is_all {
            return self.run_on_backups(script().flag("all", true)).map(drop);
        }
        for some in sent.chunks(Script::WORDS) {
            self.run_on_backups(script().flag("all", false).words(some))?;
        }
        Ok(())
    }

    fn name_backups(&self, changed: &[&Path], by_content: &[&Path]) {
        let (report, host, folder) =
            (self.report, self.connection.host(), one_line(&self.backups.folder));
        let all = [changed, by_content].concat();
        for path in all.iter().take(Names::MOST) {
            let name = |place: &Path| one_line(&place.to_string_lossy());
            if self.are_of_earlier_push() {
                report.warn(&format!(
                    "a push that was cut off kept a backup on '{host}': {folder}/{}",
                    name(path)
                ));
                continue;
            }
            let why = match (path.strip_prefix("code"), path.strip_prefix("workspace")) {
                (Ok(place), _) => {
                    // What an earlier push wasn't seen to bring, or this machine never sent, may be anybody's.
                    let was_known = self.local.pushed().is_some_and(|it| it.get(place).is_some());
                    let what = if was_known {
                        "was changed since the last push of this machine"
                    } else {
                        "wasn't known to be what this machine has pushed"
                    };
                    format!("'{}' on '{host}' {what}", name(place))
                }
                (_, Ok(place)) if by_content.contains(path) => {
                    format!(
                        "'{}' on '{host}' differed by content alone, and was replaced",
                        name(place)
                    )
                }
                (_, Ok(place)) => {
                    format!("'{}' was written on '{host}' during this push", name(place))
                }
                _ => continue,
            };
            report.warn(&format!("{why}; its backup on the remote is {folder}/{}", name(path)));
        }
        if all.len() > Names::MOST {
            report.warn(&format!(
                "and {} more; all backups are in {folder} on '{host}'",
                all.len() - Names::MOST
            ));
        }
    }

    fn run_on_backups(&self, script: Script) -> Outcome<Reply> {
        let script = script.given("backups", &self.backups.folder);
        self.checked(self.remote_state.incoming.run_script(script)?)
    }

    fn checked(&self, reply: Reply) -> Outcome<Reply> {
        if reply.status == 0 {
            return Ok(reply);
        }
        Err(Failure::ours(anyhow!(
            "can't read the backups on '{}' in {}: {}",
            self.connection.host(),
            self.backups.folder,
            problem::reason(None, &reply.last_error())
        ))
        .hint("check who may read the folder on the remote, then run this step again"))
    }
}

/// What a backup is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BackedUpTree {
    Code,
    Workspace,
}

impl BackedUpTree {
    /// Splits the path of a backup into the tree and the place in it.
    fn of(path: &'static Path) -> Option<(Self, &'static Path)> {
        let of = |tree: Self| Some((tree, path.strip_prefix(tree.folder()).ok()?));
        of(Self::Code).or_else(|| of(Self::Workspace))
    }

    /// The folder of its backups in that of a push.
    fn folder(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Workspace => "workspace",
        }
    }

    /// The backup of a place.
    fn backup(self, backups: &Listing, place: &Path) -> Option<Entry> {
        backups.get(&Path::new(self.folder()).join(place))
    }
}

/// The file systems that a backup was on: first at its place, then in the folder for backups.
struct BackupDisks {
    code: Disks,
    workspace: Disks,
    backups: Disks,
}

impl BackupDisks {
    /// Returns whether the backup at `path` was made of `original`.
    fn are_of(&self, path: &'static Path, backup: &Entry, original: &Entry) -> bool {
        let Some((tree, place)) = BackedUpTree::of(path) else { return false };
        let places = match tree {
            BackedUpTree::Code => &self.code,
            BackedUpTree::Workspace => &self.workspace,
        };
        let at_its_place = places.of(place).rounded(original);
        let has_become = self.backups.of(path).rounded(&at_its_place);
        original.same_content(backup) || has_become.same_content(backup)
    }
}

/// The backups of a push.
#[derive(Default)]
struct Found {
    code: FoundIn,
    workspace: FoundIn,
    /// Backups of files of the workspace that looked the same as what was sent.
    by_content: Vec<&'static Path>,
}

/// The backups of code, or of the workspace.
#[derive(Default)]
struct FoundIn {
    /// Backups that are as the listings said.
    expected: Vec<&'static Path>,
    /// Backups that aren't, and the places of their files.
    changed: Vec<(&'static Path, &'static Path)>,
    /// Backups of what is still in its place.
    useless: Vec<&'static Path>,
}

impl FoundIn {
    /// Moves backups to `useless` whose files, listed in `now`, are in their places as they were.
    fn separate_useless(&mut self, now: &Listing, is_in_place: impl Fn(&Path, &Entry) -> bool) {
        let is_useless = |place: &Path| now.get(place).is_some_and(|now| is_in_place(place, &now));
        let (useless, changed): (Vec<_>, Vec<_>) =
            self.changed.iter().partition(|(_, place)| is_useless(place));
        self.useless.extend(useless.iter().map(|(path, _)| *path));
        self.changed = changed;
    }
}
