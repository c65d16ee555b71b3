//! The transfer of a pull: the actions that fetch what is planned, and the update of the sync state afterwards. A dry run
//! goes the same way, and shows each action instead of doing it.

pub(crate) mod fetch;
pub(crate) mod folders;
pub(crate) mod links;
pub(crate) mod load;
pub(crate) mod skipped;
pub(crate) mod summary;
mod unmade;

use std::borrow::Cow;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use mlcube_ssh::cube::boundary::Boundary;
use mlcube_ssh::cube::layout::Layout;
use mlcube_ssh::listing::Listing;
use mlcube_ssh::pipe::document::Receipt;
use mlcube_ssh::pipe::failure::{Failure, Outcome};
use mlcube_ssh::pipe::step::Step;
use mlcube_ssh::process::command::Command;
use mlcube_ssh::process::script::Script;
use mlcube_ssh::remote::connection::Connection;
use mlcube_ssh::remote::session::Reply;
use mlcube_ssh::sync::rsync::{Heard, Transfer};
use mlcube_ssh::sync::{
    Agreed, Ended, Plan, RealFolders, Sides, SyncState, TransferDirection, rsync,
};
use mlcube_ssh::text::quote::{one_line, shell_word};
use mlcube_ssh::ui::names::shown;

use crate::archive;
use crate::archive::ArchiveTransfer;
use crate::archive::received::Received;
use crate::local::backups::{Backups, PullEnd};
use crate::local::file_system;
use crate::local::scratch::Scratch;
use crate::local::stage::Stage;
use crate::remote::workspace::Source;
use crate::transfer::fetch::Fetch;
use crate::transfer::folders::{Folders, Made};
use crate::transfer::links::Links;
use crate::transfer::load::Load;
use crate::transfer::unmade::Unmade;

/// What every action of a pull needs to know.
pub(crate) struct PullContext<'a> {
    pub(crate) step: &'a Step,
    pub(crate) layout: &'a Layout,
    pub(crate) boundary: &'a Boundary,
    pub(crate) connection: &'a Connection,
    pub(crate) sync_state: &'a SyncState,
    /// The remote state folder.
    pub(crate) state: &'a str,
    /// Whether files are compared by content instead of size and time.
    pub(crate) by_content: bool,
}

/// The local folders that this pull writes for itself.
#[derive(Clone, Copy)]
pub(crate) struct OwnFolders<'a> {
    pub(crate) backups: &'a Backups,
    pub(crate) scratch: &'a Scratch,
}

/// What a pull has done.
pub(crate) struct Fetched {
    /// The entries that were requested of rsync.
    rest: Listing,
    /// What rsync has fetched of them.
    rsynced: Transfer,
    /// Whether anything was changed without rsync.
    has_changed: bool,
    /// The failure that names what rsync left out.
    partial: Option<Failure>,
    /// The entries whose permissions couldn't be set.
    denied: Vec<&'static Path>,
}

/// What the rsyncs of a pull have done.
struct Rsynced {
    transfer: Transfer,
    /// A name that the host sent, and that wasn't requested.
    unrequested: Option<PathBuf>,
    /// The failure that names what they left out, or the one that ended them.
    ended: Outcome<Option<Failure>>,
}

impl PullContext<'_> {
    /// Fetches entries, settles the backups of what they replaced, and sets permissions. `replaced` holds the local entries
    /// in their places.
    pub(crate) fn act(
        &self,
        source: &Source,
        plan: &Plan,
        replaced: &Listing,
        scratch: &Scratch,
        receipt: &mut Receipt,
    ) -> Outcome<Fetched> {
        let (workspace, report) = (&self.layout.workspace, self.step.report());
        let backups = Backups::of_a_pull(self.sync_state);
        self.sync_state.set_unnamed_backups(Some(backups.folder()))?;
        let own = OwnFolders { backups: &backups, scratch };
        let fetched = self.fetch(source, plan, replaced, own, receipt);
        let failure = fetched.as_ref().map_or_else(Some, |fetched| fetched.partial.as_ref());
        let was_full = failure.is_some_and(Failure::is_out_of_room);
        let end = if was_full && !self.by_content { PullEnd::Full } else { PullEnd::Whole };
        backups.settle(workspace, replaced, &plan.send, end, report);
        let settled = self.sync_state.set_unnamed_backups(None);
        let mut fetched = fetched?;
        settled?;
        let denied = file_system::set_permissions(self.real_folders(), &plan.permissions);
        fetched.has_changed |= plan.permissions.len() > denied.len();
        receipt.changed |= fetched.has_changed;
        Ok(Fetched { denied, ..fetched })
    }

    /// Records in the sync state what both sides agree on now; fails for what rsync couldn't put in its place and for
    /// permissions that couldn't be set. `remote` is the path of the remote workspace.
    pub(crate) fn record(
        &self,
        remote: &str,
        agreed: &Agreed,
        fetched: Fetched,
        receipt: &mut Receipt,
    ) -> Outcome<()> {
        let Fetched { rest, mut rsynced, has_changed, partial, denied } = fetched;
        let denied = file_system::storing_permissions(&self.layout.workspace, &denied);
        let run = |script: Script| self.connection.run(&script);
        let ended = Ended { sides: self.sides(remote, &run), direction: TransferDirection::Down };
        let confirmed = ended.confirm(&rest, &denied, || Ok(Listing::clone(agreed)))?;
        self.sync_state.finish(&confirmed)?;
        if let Some(failure) = partial {
            let (report, host) = (self.step.report(), self.connection.host());
            discount_missing(&rest, confirmed.missing(), &mut rsynced, receipt);
            receipt.changed = has_changed || rsynced.changed > 0;
            skipped::name_missing(report, host, confirmed.missing(), receipt);
            return Err(failure);
        }
        skipped::check_exchanged(&confirmed, self.connection.host())?;
        skipped::check_denied(&denied)
    }

    fn real_folders(&self) -> RealFolders<'_> {
        RealFolders { top: &self.layout.workspace, boundary: self.boundary }
    }

    /// Both workspaces; `remote` is the path of the remote one.
    pub(crate) fn sides<'b>(
        &'b self,
        remote: &'b str,
        run: &'b dyn Fn(Script) -> Outcome<Reply>,
    ) -> Sides<'b> {
        let Self { connection, state, layout, sync_state, .. } = *self;
        Sides { connection, local: &layout.workspace, remote, state, sync_state, run }
    }

    /// Fetches what is planned: as an archive, then by rsync, then the links. No permissions are set yet.
    pub(crate) fn fetch(
        &self,
        source: &Source,
        plan: &Plan,
        replaced: &Listing,
        own: OwnFolders,
        receipt: &mut Receipt,
    ) -> Outcome<Fetched> {
        let mut received = Received::default();
        let links = [&plan.links[..], &source.linked_files].concat();
        if let Some(wanted) = archive::choose_entries(&plan.send, replaced, &links) {
            let ended = self.fetch_archive(source, &wanted, &mut received);
            note_fetched(receipt, &received, &Transfer::default());
            ended?;
        }
        source.session.close()?;
        let rest = received.rest(&plan.send);
        let folders = Folders::of(&rest, self.real_folders());
        let Made { number, unmade } =
            self.make_folders(&folders, |path| received.entries.get(path).is_some());
        let can_come = |path: &Path| !unmade.iter().any(|folder| path.starts_with(&folder.path));
        let wanted = if unmade.is_empty() {
            Cow::Borrowed(&*rest)
        } else {
            Cow::Owned(rest.filter(|path, _| can_come(path)))
        };
        let Rsynced { mut transfer, unrequested, ended } =
            self.fetch_rest(source, plan, &wanted, own)?;
        transfer.changed = transfer.changed.saturating_add(number);
        let mut unmade = unmade.into_iter().next();
        if ended.is_ok() {
            let (number, link) = self.make_links(&wanted, own.backups);
            transfer.changed = transfer.changed.saturating_add(number);
            unmade = unmade.or(link);
        }
        if !self.step.is_dry_run() {
            folders.finish();
        }
        note_fetched(receipt, &received, &transfer);
        // Named whatever else failed: such a host may also end its rsync.
        self.check_requested(unrequested.as_deref())?;
        let left_out = ended?.or(unmade.map(Unmade::failure));
        Ok(Fetched {
            rest: rest.into_owned(),
            rsynced: transfer,
            has_changed: !received.entries.is_empty(),
            partial: left_out,
            denied: Vec::new(),
        })
    }

    /// Fetches new small files in one session. `received` gets the fetched entries, even if it fails.
    fn fetch_archive(
        &self,
        source: &Source,
        wanted: &Listing,
        received: &mut Received,
    ) -> Outcome<()> {
        if self.step.is_dry_run() {
            // A shell can't unpack as a pull does.
            let what = archive::describe(wanted);
            self.step.show_comment(&format!("{what} if it has one; else:"));
            return Ok(());
        }
        let (connection, report, real) = (self.connection, self.step.report(), self.real_folders());
        let archive = ArchiveTransfer { connection, report, remote: &source.path, real, wanted };
        archive.run(source.session.take(), received)
    }

    fn make_folders(&self, folders: &Folders, is_made: impl Fn(&Path) -> bool) -> Made {
        if self.step.is_dry_run() {
            self.step.show(folders.command().as_ref());
            return Made::default();
        }
        folders.make(is_made)
    }

    fn make_links(&self, wanted: &Listing, backups: &Backups) -> (u64, Option<Unmade>) {
        let links = Links::of(wanted, self.real_folders(), backups);
        if self.step.is_dry_run() {
            self.step.show(&links.commands());
            return (0, None);
        }
        links.make()
    }

    /// Fetches files by rsync: into their places, or first into the stage.
    fn fetch_rest(
        &self,
        source: &Source,
        plan: &Plan,
        wanted: &Listing,
        own: OwnFolders,
    ) -> Outcome<Rsynced> {
        let (connection, layout, workspace) =
            (self.connection, self.layout, &self.layout.workspace);
        if !self.step.is_dry_run() {
            for link in plan.links.iter().filter(|link| plan.send.get(link).is_some()) {
                own.scratch.hold(&workspace.join(link));
            }
        }
        let fetch = Fetch {
            connection,
            layout,
            backups: own.backups,
            remote: &source.path,
            by_content: self.by_content,
            linked_files: &source.linked_files,
        };
        let loads = fetch.loads(plan, wanted, &mut |command| self.prepare(command))?;
        let stage = Stage::of(self.sync_state, &loads)?;
        self.make_stage(stage.as_ref(), &loads, plan)?;
        let commands = fetch.commands(&loads, stage.as_ref());
        let (transfer, ended) = self.rsync(&commands, wanted.bytes());
        let Some(stage) = stage else { return Ok(Rsynced { transfer, unrequested: None, ended }) };
        // After a transfer that was cut off too: complete files are kept then.
        let is_complete = matches!(ended, Ok(None));
        let placed = self.place(&fetch, &stage, &loads, wanted, is_complete);
        let is_done = is_complete && placed.is_ok();
        let (unrequested, cleared) = match self.clear(&stage, &loads, is_done) {
            Ok(unrequested) => (unrequested, Ok(())),
            Err(failure) => (None, Err(failure)),
        };
        let ended = ended.and_then(|left_out| placed.and(cleared).map(|()| left_out));
        Ok(Rsynced { transfer, unrequested, ended })
    }

    /// Empties the stage, and removes it once all is in its place; returns a name in it that wasn't requested.
    fn clear(&self, stage: &Stage, loads: &[Load], is_done: bool) -> Outcome<Option<PathBuf>> {
        if self.step.is_dry_run() {
            return Ok(None);
        }
        let cleared = stage.clear(loads, &self.layout.workspace, !is_done);
        Ok(cleared.context("can't clear the folder for incoming files")?)
    }

    /// Makes the stage, or removes what an earlier pull that needed one has left.
    fn make_stage(&self, stage: Option<&Stage>, loads: &[Load], plan: &Plan) -> Outcome<()> {
        let (sync_state, workspace) = (self.sync_state, &self.layout.workspace);
        match stage {
            Some(stage) if self.step.is_dry_run() => {
                self.step.show(&stage.commands(loads, workspace));
            }
            Some(stage) => stage.make(sync_state, loads, workspace)?,
            None if self.step.is_dry_run() => {}
            None => Stage::remove_left(sync_state, plan, workspace)?,
        }
        Ok(())
    }

    fn rsync(&self, commands: &[Command], total: u64) -> (Transfer, Outcome<Option<Failure>>) {
        if self.step.is_dry_run() {
            self.step.show(commands);
            return (Transfer::default(), Ok(None));
        }
        let heard = Heard { report: self.step.report(), total, changed: None };
        rsync::run(commands, self.connection, heard)
    }

    /// Moves the entries of these loads from the stage to their places.
    fn place(
        &self,
        fetch: &Fetch,
        stage: &Stage,
        loads: &[Load],
        planned: &Listing,
        is_complete: bool,
    ) -> Outcome<()> {
        for load in loads.iter().filter(|load| load.needs_stage) {
            let names = if self.step.is_dry_run() {
                load.batch.files_from.clone()
            } else {
                stage.arrived(load, planned, &self.layout.workspace, is_complete)
            };
            if names.is_empty() {
                continue;
            }
            let command = fetch.place_staged(stage, load, names);
            if self.step.is_dry_run() {
                self.step.show([&command]);
                continue;
            }
            self.step.report().command(&command);
            let ended = command.run()?;
            if ended.status != 0 {
                return Err(Failure::ours(anyhow!(
                    "can't move the fetched files into {}: {}",
                    self.layout.workspace.display(),
                    one_line(ended.errors.lines().next().unwrap_or_default())
                ))
                .hint("run this step again; it resumes where it stopped"));
            }
        }
        Ok(())
    }

    /// Refuses a host that sends names which weren't requested: an honest host doesn't do that.
    fn check_requested(&self, unrequested: Option<&Path>) -> Outcome<()> {
        let host = self.connection.host();
        match unrequested {
            None => Ok(()),
            Some(name) => Err(Failure::ours(anyhow!(
                "'{host}' sent '{}', which this pull didn't request; it was removed",
                shown(name)
            ))
            .hint(format!("check the host's rsync with `ssh {}`", shell_word(host.as_str())))),
        }
    }

    /// Runs a command that precedes a transfer; returns whether it succeeded. The transfer works without it.
    fn prepare(&self, command: &Command) -> Outcome<bool> {
        if self.step.is_dry_run() {
            self.step.show([command]);
            return Ok(true);
        }
        self.step.report().command(command);
        match command.run()?.status {
            // ssh's own status: the connection is lost.
            255 => Err(self.connection.lost_during_transfer()),
            status => Ok(status == 0),
        }
    }
}

/// Takes off what rsync has received of `rest` and couldn't put in its place.
fn discount_missing(
    rest: &Listing,
    missing: &[&'static Path],
    rsynced: &mut Transfer,
    receipt: &mut Receipt,
) {
    let missing: HashSet<&Path> = missing.iter().copied().collect();
    let arrived = rest.filter(|path, _| !missing.contains(path));
    let [files, _] = rsynced.limit(arrived.regular_files(), arrived.len() as u64);
    receipt.files_sent = receipt.files_sent.map(|sent| sent.saturating_sub(files));
}

/// Notes what was fetched as an archive and by rsync.
fn note_fetched(receipt: &mut Receipt, received: &Received, transfer: &Transfer) {
    receipt.changed = !received.entries.is_empty() || transfer.changed > 0;
    receipt.files_sent = Some(received.entries.regular_files().saturating_add(transfer.files_sent));
    receipt.bytes_sent = Some(received.bytes.saturating_add(transfer.bytes_sent));
}
