//! The transfer of a pull: the plan, its execution, and the update of the sync state afterwards.

pub(crate) mod fetch;
pub(crate) mod folders;
pub(crate) mod links;
pub(crate) mod load;
pub(crate) mod skipped;
mod summary;
mod unmade;

use std::borrow::Cow;
use std::cell::Cell;
use std::fs;
use std::mem;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use mlcube_ssh::cube::boundary::Boundary;
use mlcube_ssh::cube::layout::Layout;
use mlcube_ssh::listing::ignore::{Ignored, reserved_folders};
use mlcube_ssh::listing::{Entry, Listing};
use mlcube_ssh::pipe::document::Receipt;
use mlcube_ssh::pipe::failure::{Failure, Outcome};
use mlcube_ssh::pipe::step::Step;
use mlcube_ssh::process::command::Command;
use mlcube_ssh::process::script::Script;
use mlcube_ssh::remote::connection::Connection;
use mlcube_ssh::remote::session::{Reply, Session};
use mlcube_ssh::sync::rsync::{Comparison, Heard, Transfer};
use mlcube_ssh::sync::{
    Agreed, Batch, Ended, Plan, Selection, SideListings, Sides, Skipped, SkippedEntry, SyncState,
    TransferDirection, Umask, follow_own_links, rsync,
};
use mlcube_ssh::text::quote::{one_line, shell_word};
use mlcube_ssh::ui::names::{in_document, shown};

use crate::archive::received::Received;
use crate::cli::Args;
use crate::inspect::Listings;
use crate::local::backups::Backups;
use crate::local::file_system;
use crate::remote::workspace::RemoteWorkspace;
use crate::transfer::fetch::Fetch;
use crate::transfer::folders::Folders;
use crate::transfer::links::Links;
use crate::transfer::load::Load;
use crate::transfer::unmade::Unmade;

use crate::archive;
use crate::archive::ArchiveTransfer;
use crate::local::free_space;
use crate::local::scratch::Scratch;
use crate::local::stage::Stage;
use mlcube_ssh::sync::RealFolders;

/// What every stage of a pull needs to know.
pub(crate) struct PullContext<'a> {
    pub(crate) step: &'a Step,
    pub(crate) layout: &'a Layout,
    pub(crate) boundary: &'a Boundary,
    pub(crate) connection: &'a Connection,
    pub(crate) sync_state: &'a SyncState,
    /// The remote state folder.
    pub(crate) state: &'a str,
}

/// The local folders that this pull writes for itself.
#[derive(Clone, Copy)]
struct OwnFolders<'a> {
    backups: &'a Backups,
    scratch: &'a Scratch,
}

/// What a pull will do.
struct Planned {
    plan: Plan,
    /// What both sides last agreed on.
    agreed: Agreed,
    /// The local entries in whose places entries are fetched.
    replaced: Listing,
    /// The number of files of the remote workspace, and their size.
    files: u64,
    bytes: u64,
}

/// What a pull has done.
struct Fetched {
    /// The entries that were requested of rsync.
    rest: Listing,
    /// The failure that names what rsync left out.
    partial: Option<Failure>,
    /// The entries whose permissions couldn't be set.
    denied: Vec<&'static Path>,
}

impl PullContext<'_> {
    /// Plans, checks, fetches and records; names what was done. Entries that the remote can't read are skipped;
    /// `skipped::check_readable` reports them.
    pub(crate) fn transfer(
        &self,
        listings: Listings,
        selection: &Selection,
        args: &Args,
        receipt: &mut Receipt,
    ) -> Outcome<Plan> {
        let workspace = &self.layout.workspace;
        fs::create_dir_all(workspace)
            .with_context(|| format!("can't create the workspace {}", workspace.display()))?;
        let scratch = Scratch::of(workspace)?;
        let (report, host) = (self.step.report(), self.connection.host());
        Backups::settle_earlier(self.sync_state, workspace, &listings.agreed, report)?;
        let Listings { mut remote, local, agreed } = listings;
        let planned = self.plan(&mut remote, local, agreed, &scratch, selection, args)?;
        scratch.begin(&planned.plan)?;
        let free = free_space::free_bytes(workspace);
        note_plan(receipt, &planned, free);
        free_space::check(&planned.plan, workspace, free, self.connection, &remote.path)?;
        let Planned { mut plan, agreed, replaced, .. } = planned;
        let last_transfer = remote.last_transfer.take();
        if plan.is_empty() {
            // Writing the sync state of a million files takes a second.
            let is_known = plan.will_agree == *agreed;
            if let Some(agreed) = Agreed::of_plan(&mut plan).filter(|_| !is_known) {
                self.sync_state.agree(&agreed)?;
            }
        } else {
            self.sync_state.begin(TransferDirection::Down, &plan)?;
            // The sync state holds this listing now; dropping it frees memory.
            plan.will_agree = Listing::default();
            let path = remote.path.clone();
            let fetched = self.act(remote, &plan, &replaced, &scratch, args, receipt)?;
            self.record(&path, &agreed, fetched, receipt)?;
        }
        last_transfer.iter().try_for_each(|last| self.sync_state.end_transfer(last))?;
        summary::print(report, host, receipt, &plan, workspace, self.boundary);
        Ok(plan)
    }

    /// Plans what is fetched, and writes down what an earlier pull that was cut off has fetched.
    fn plan(
        &self,
        remote: &mut RemoteWorkspace,
        local: Listing,
        agreed: Listing,
        scratch: &Scratch,
        selection: &Selection,
        args: &Args,
    ) -> Outcome<Planned> {
        let workspace = &self.layout.workspace;
        let listing = mem::take(&mut remote.listing);
        let mut reserved_folders = reserved_folders(&listing);
        reserved_folders.retain(|path| selection.includes(path));
        let listing = Ignored::of_workspace(self.layout, self.boundary).fetched(listing)?;
        let (session, path) = (Cell::new(remote.session.take()), remote.path.clone());
        let run = |script: Script| self.run_in(&session, script);
        let sides = self.sides(&path, &run);
        sides.know_receiver(TransferDirection::Down)?;
        let (seen, mut agreed) = self.settle(local, &listing, agreed, &sides)?;
        if let Some(last) = &remote.last_transfer {
            let (both, report) = ((&seen, &listing), self.step.report());
            self.sync_state.doubt_other_sides(&mut agreed, both, &sides, last, report)?;
        }
        let mut local = self.sync_state.local_as_agreed(workspace, seen.clone(), &agreed)?;
        let unrounded = match sides.unrounded_remote(&listing, &agreed)? {
            Cow::Owned(unrounded) => Some(unrounded),
            Cow::Borrowed(_) => None,
        };
        let mut listing = unrounded.unwrap_or(listing);
        let [of_local, of_remote] = sides.unstored_permissions(&local, &listing, &agreed)?;
        local.merge(&of_local);
        listing.merge(&of_remote);
        Umask::of_process().limit(&mut listing, &local, &agreed);
        remote.session = session.into_inner();
        file_system::mark_unwritable(&mut local, workspace);
        if self.sync_state.was_cut_off() {
            self.sync_state.agree(&agreed)?;
        }
        let mut plan = plan(&listing, &local, &agreed, selection, args.overwrite);
        if file_system::mark_unheld(&mut local, workspace, scratch, &plan.send) {
            plan = self::plan(&listing, &local, &agreed, selection, args.overwrite);
        }
        let direction = TransferDirection::Down;
        let listings = SideListings { direction, local: &local, remote: &listing, agreed: &agreed };
        self.sync_state.agree_on_same_contents(&mut plan, &listings, |plan, files| {
            // Some hosts allow no session beside that of rsync.
            remote.session.take().map_or(Ok(()), Session::end)?;
            let comparisons = self.comparisons(files, plan, &remote.path);
            let run =
                |commands: &[Command], heard: Heard| rsync::run(commands, self.connection, heard);
            rsync::differing_names_if_known(&comparisons, self.step.report(), &run)
        })?;
        if args.checksum {
            // Some hosts allow no session beside that of rsync.
            remote.session.take().map_or(Ok(()), Session::end)?;
            let mut looks_the_same = listing.files_as_in(&local);
            looks_the_same.retain(|path, _| selection.includes(path));
            let differing = self.differing_by_content(&looks_the_same, &plan, &remote.path)?;
            self.add_differing(&mut plan, differing, &seen, &local);
        }
        skipped::tell_links_apart(&mut plan, workspace);
        let reserved = |path: &Path| SkippedEntry::new(path, Skipped::Reserved);
        plan.skipped.extend(reserved_folders.into_iter().map(reserved));
        // rsync has to be run separately for entries below a link, on either side.
        plan.links.extend(entered(remote.followed(true), &local, self.real_folders()));
        let replaced = |(path, _)| Some((path, seen.get(path).or_else(|| local.get(path))?));
        Ok(Planned {
            replaced: plan.send.iter().filter_map(replaced).collect(),
            plan,
            agreed,
            files: listing.files(),
            bytes: listing.bytes(),
        })
    }

    /// Adds to the plan the entries that look the same on both sides and whose contents differ. `seen` is the local
    /// listing as the file system shows it.
    fn add_differing(
        &self,
        plan: &mut Plan,
        mut differing: Listing,
        seen: &Listing,
        local: &Listing,
    ) {
        // A file that was edited during the comparison differs because of that edit, and is a conflict.
        differing.retain(|path, _| {
            let as_listed = |now: &Entry| seen.get(path).is_some_and(|then| then.same_content(now));
            let is_as_listed = Entry::is_at(&self.layout.workspace.join(path), as_listed);
            if !is_as_listed {
                plan.kept.push(path.to_owned());
            }
            is_as_listed
        });
        plan.send_contents(&differing, local);
    }

    /// Fetches entries, settles the backups of what they replaced, and sets permissions.
    fn act(
        &self,
        remote: RemoteWorkspace,
        plan: &Plan,
        replaced: &Listing,
        scratch: &Scratch,
        args: &Args,
        receipt: &mut Receipt,
    ) -> Outcome<Fetched> {
        let (workspace, report) = (&self.layout.workspace, self.step.report());
        let backups = Backups::of_a_pull(self.sync_state);
        self.sync_state.set_unnamed_backups(Some(backups.folder()))?;
        let own = OwnFolders { backups: &backups, scratch };
        let fetched = self.fetch(remote, replaced, plan, own, args, receipt);
        let failure = fetched.as_ref().map_or_else(Some, |(_, partial)| partial.as_ref());
        let was_full = failure.is_some_and(Failure::is_out_of_room);
        backups.settle(workspace, replaced, &plan.send, was_full && !args.checksum, report);
        let settled = self.sync_state.set_unnamed_backups(None);
        let (rest, partial) = fetched?;
        settled?;
        let denied = file_system::set_permissions(self.real_folders(), &plan.permissions);
        receipt.changed |= plan.permissions.len() > denied.len();
        Ok(Fetched { rest, partial, denied })
    }

    /// Records in the sync state what both sides agree on now; fails for what rsync couldn't put in its place and for
    /// permissions that couldn't be set. `remote` is the path of the remote workspace.
    fn record(
        &self,
        remote: &str,
        agreed: &Agreed,
        fetched: Fetched,
        receipt: &mut Receipt,
    ) -> Outcome<()> {
        let Fetched { rest, partial, denied } = fetched;
        let denied = file_system::storing_permissions(&self.layout.workspace, &denied);
        let run = |script: Script| self.connection.run(&script);
        let ended = Ended { sides: self.sides(remote, &run), direction: TransferDirection::Down };
        let confirmed = ended.confirm(&rest, &denied, || Ok(Listing::clone(agreed)))?;
        self.sync_state.finish(&confirmed)?;
        if let Some(failure) = partial {
            let (report, host) = (self.step.report(), self.connection.host());
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

    /// Runs a script in the open session, if there is one, and keeps the session.
    fn run_in(&self, session: &Cell<Option<Session>>, script: Script) -> Outcome<Reply> {
        let Some(open) = session.take() else { return self.connection.run(&script) };
        let (reply, kept) =
            self.connection.run_in(Some(open), &script.followed())?.reply_and_keep()?;
        session.set(kept);
        Ok(reply)
    }

    /// The local entries, with the entries below the user's own links to folders, and what both sides agree on, given
    /// what they last agreed on.
    pub(crate) fn settle(
        &self,
        mut local: Listing,
        remote: &Listing,
        agreed: Listing,
        sides: &Sides,
    ) -> Outcome<(Listing, Agreed)> {
        let top = &self.layout.workspace;
        let unrounded = |direction, listing: &Listing, exact: &Listing| {
            sides.unrounded_receiver(direction, listing, exact)
        };
        let agreed = self.sync_state.settled(agreed, &local, remote, &unrounded)?;
        // A link is followed only where something may be written through it.
        let is_wanted = |path: &Path, end: &Entry| {
            end.is_folder() && remote.get(path).is_some_and(|remote| remote.is_folder())
        };
        follow_own_links(&mut local, top, self.boundary, &is_wanted, &|_, _| Ok(false))?;
        // Entries that were fetched through a link are visible only now.
        let agreed = if self.sync_state.was_cut_off() {
            self.sync_state.settled(Listing::clone(&agreed), &local, remote, &unrounded)?
        } else {
            agreed
        };
        Ok((local, agreed))
    }

    /// The entries of `same`, which look the same on both sides, whose remote content differs.
    fn differing_by_content(&self, same: &Listing, plan: &Plan, remote: &str) -> Outcome<Listing> {
        let comparisons = self.comparisons(same, plan, remote);
        let run = |commands: &[Command], heard: Heard| rsync::run(commands, self.connection, heard);
        let names = rsync::differing_names(&comparisons, self.step.report(), &run)?;
        Ok(same.of_names(&names))
    }

    /// The comparisons of files by content.
    fn comparisons(&self, files: &Listing, plan: &Plan, remote: &str) -> Vec<Comparison> {
        let batches = Batch::of(files, &plan.links);
        let places = [&self.layout.workspace.to_string_lossy(), remote];
        Comparison::of(self.connection, TransferDirection::Down, &batches, places, false)
    }

    /// Fetches entries. `replaced` holds the local entries in their places. Returns the entries that were requested of rsync, and
    /// the failure that names what rsync left out.
    fn fetch(
        &self,
        mut remote: RemoteWorkspace,
        replaced: &Listing,
        plan: &Plan,
        own: OwnFolders,
        args: &Args,
        receipt: &mut Receipt,
    ) -> Outcome<(Listing, Option<Failure>)> {
        let (connection, layout) = (self.connection, self.layout);
        let linked_files = remote.followed(false);
        let links = [&plan.links[..], &linked_files].concat();
        let mut received = Received::default();
        if let Some(wanted) = archive::choose_entries(&plan.send, replaced, &links) {
            let (report, real) = (self.step.report(), self.real_folders());
            let archive =
                ArchiveTransfer { connection, report, remote: &remote.path, real, wanted: &wanted };
            let ended = archive.run(remote.session.take(), &mut received);
            note_fetched(receipt, &received, &Transfer::default());
            ended?;
        }
        remote.session.map_or(Ok(()), Session::end)?;
        let rest = received.rest(&plan.send);
        let real = self.real_folders();
        let folders = Folders::of(&rest, real);
        let made = folders.make(|path| received.entries.get(path).is_some());
        let unmade: Vec<&Path> = made.unmade.iter().map(|folder| folder.path.as_path()).collect();
        let can_come = |path: &Path| !unmade.iter().any(|folder| path.starts_with(folder));
        let wanted = if unmade.is_empty() {
            Cow::Borrowed(&*rest)
        } else {
            Cow::Owned(rest.filter(|path, _| can_come(path)))
        };
        for link in plan.links.iter().filter(|link| plan.send.get(link).is_some()) {
            own.scratch.hold(&layout.workspace.join(link));
        }
        let fetch = Fetch {
            connection,
            layout,
            backups: own.backups,
            remote: &remote.path,
            by_content: args.checksum,
            linked_files: &linked_files,
        };
        let loads = fetch.loads(plan, &wanted, &mut |command| self.prepare(command))?;
        let stage =
            if loads.is_empty() { None } else { Stage::where_needed(self.sync_state, &loads)? };
        match &stage {
            Some(stage) => stage.make(&loads, &layout.workspace)?,
            None => Stage::remove_left(self.sync_state, plan, &layout.workspace)?,
        }
        let heard = Heard { report: self.step.report(), total: rest.bytes(), changed: None };
        let commands = fetch.commands(&loads, stage.as_ref());
        let (mut transfer, fetched) = rsync::run(&commands, self.connection, heard);
        let (placed, unrequested) = stage.map_or((Ok(()), Ok(None)), |stage| {
            // After a transfer that was cut off too: complete files are kept then.
            let is_complete = matches!(fetched, Ok(None));
            let placed = self.place(&fetch, &stage, &loads, &rest, is_complete);
            let is_done = is_complete && placed.is_ok();
            (placed, stage.clear(&loads, &layout.workspace, !is_done))
        });
        transfer.changed = transfer.changed.saturating_add(made.number);
        let mut unmade = made.unmade.into_iter().next();
        if fetched.is_ok() {
            let (number, link) = Links::of(&wanted, real, own.backups).make();
            transfer.changed = transfer.changed.saturating_add(number);
            unmade = unmade.or(link);
        }
        folders.finish();
        note_fetched(receipt, &received, &transfer);
        // Named whatever else failed: such a host may also end its rsync.
        self.check_requested(unrequested.as_ref().ok().and_then(Option::as_deref))?;
        let left_out = fetched?.or(unmade.map(Unmade::failure));
        placed?;
        unrequested.context("can't clear the folder for incoming files")?;
        Ok((rest.into_owned(), left_out))
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
            let names = stage.arrived(load, planned, &self.layout.workspace, is_complete);
            if names.is_empty() {
                continue;
            }
            let command = fetch.place_staged(stage, load, names);
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
        self.step.report().command(command);
        match command.run()?.status {
            // ssh's own status: the connection is lost.
            255 => Err(self.connection.lost_during_transfer()),
            status => Ok(status == 0),
        }
    }
}

/// The remote links in whose places a pull may work: nothing is made or looked at behind a local link that isn't followed.
fn entered(
    followed: Vec<PathBuf>,
    local: &Listing,
    real: RealFolders<'_>,
) -> impl Iterator<Item = PathBuf> {
    let is_entered = move |path: &Path| {
        path.ancestors().all(|at| local.get(at).is_none_or(|entry| entry.is_folder()))
            && real.can_hold(path)
    };
    followed.into_iter().filter(move |link| is_entered(link))
}

/// Plans the transfer of the selected entries; the others keep their place in the sync state.
pub(crate) fn plan(
    remote: &Listing,
    local: &Listing,
    agreed: &Listing,
    selection: &Selection,
    overwrite: bool,
) -> Plan {
    let selected = selection.with_folders_above(remote);
    let mut plan = Plan::new(TransferDirection::Down, &selected, local, agreed, overwrite);
    plan.will_agree.extend(agreed.iter().filter(|(path, _)| !selection.includes(path)));
    plan.forgotten.retain(|path, _| selection.includes(path));
    plan
}

/// Notes what is known before anything is fetched: the free space, and what is skipped and kept.
fn note_plan(receipt: &mut Receipt, planned: &Planned, free: Option<u64>) {
    let plan = &planned.plan;
    (receipt.files, receipt.bytes) = (Some(planned.files), Some(planned.bytes));
    (receipt.files_sent, receipt.bytes_sent) = (Some(0), Some(0));
    receipt.free_bytes = free;
    receipt.kept = in_document(plan.kept.iter().map(PathBuf::as_path));
    receipt.left_out = in_document(plan.skipped_for(Skipped::is_named));
}

/// Notes what was fetched as an archive and by rsync.
fn note_fetched(receipt: &mut Receipt, received: &Received, transfer: &Transfer) {
    receipt.changed = !received.entries.is_empty() || transfer.changed > 0;
    receipt.files_sent = Some(received.entries.regular_files().saturating_add(transfer.files_sent));
    receipt.bytes_sent = Some(received.bytes.saturating_add(transfer.bytes_sent));
}
