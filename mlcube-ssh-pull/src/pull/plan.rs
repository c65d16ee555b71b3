//! The plan of a pull: what both sides agreed on, and what is fetched.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use mlcube_ssh::cube::settings_in_use::{SettingsInUse, WHY};
use mlcube_ssh::listing::ignore::{Ignored, reserved_folders};
use mlcube_ssh::listing::{Entry, EntryKind, Listing};
use mlcube_ssh::pipe::failure::Outcome;
use mlcube_ssh::process::command::Command;
use mlcube_ssh::process::script::Script;
use mlcube_ssh::sync::rsync::{Comparison, Heard};
use mlcube_ssh::sync::{
    Agreed, Batch, Plan, RealFolders, Selection, SideListings, Sides, Skipped, SkippedEntry,
    TransferDirection, Umask, follow_own_links, rsync,
};
use mlcube_ssh::ui::names::shown;

use crate::inspect::Listings;
use crate::local::file_system;
use crate::local::scratch::Scratch;
use crate::pull::{Planned, Pull};
use crate::remote::workspace::{RemoteWorkspace, Source};
use crate::transfer::skipped;

impl Pull<'_> {
    /// Plans what is fetched, and writes down what an earlier pull that was cut off has fetched. Entries that the remote
    /// can't read are skipped; `skipped::check` reports them.
    pub(super) fn plan(
        &self,
        listings: Listings,
        selection: &Selection,
        scratch: &Scratch,
    ) -> Outcome<Planned> {
        let (workspace, sync_state) = (&self.cube.layout.workspace, &self.sync_state);
        let Listings { remote, local, mut partial, agreed } = listings;
        let (links, linked_files) = (remote.followed(true), remote.followed(false));
        let RemoteWorkspace { path, listing, last_transfer, session, .. } = remote;
        let source = Source { path, linked_files, session };
        let mut reserved_folders = reserved_folders(&listing);
        reserved_folders.retain(|path| selection.includes(path));
        let mut listing =
            Ignored::of_workspace(&self.cube.layout, &self.boundary).fetched(listing)?;
        let context = self.context();
        let run = |script: Script| source.session.run(&self.connection, script);
        let sides = context.sides(&source.path, &run);
        sides.know_receiver(TransferDirection::Down)?;
        let (seen, mut agreed) = self.settle(local, &listing, agreed, &sides, &mut partial)?;
        self.leave_settings_in_use(&mut listing, &seen);
        if let Some(last) = &last_transfer {
            let (both, report) = ((&seen, &listing), self.step.report());
            sync_state.doubt_other_sides(&mut agreed, both, &sides, last, report)?;
        }
        let [mut local, listing] = self.comparable(&seen, listing, &agreed, &sides)?;
        if sync_state.was_cut_off() {
            sync_state.agree(&agreed)?;
        }
        let overwrite = self.args.overwrite;
        let mut plan = Self::plan_of(&listing, &local, &agreed, selection, overwrite);
        if file_system::mark_unheld(&mut local, workspace, scratch, &plan.send) {
            plan = Self::plan_of(&listing, &local, &agreed, selection, overwrite);
        }
        let direction = TransferDirection::Down;
        let listings = SideListings { direction, local: &local, remote: &listing, agreed: &agreed };
        self.compare_contents(&mut plan, &listings, selection, &source, &seen)?;
        skipped::tell_links_apart(&mut plan, workspace);
        let reserved = |path: &Path| SkippedEntry::new(path, Skipped::Reserved);
        plan.skipped.extend(reserved_folders.into_iter().map(reserved));
        // rsync has to be run separately for entries below a link, on either side.
        plan.links.extend(entered(links, &local, self.real_folders()));
        let replaced = |(path, _)| Some((path, seen.get(path).or_else(|| local.get(path))?));
        Ok(Planned {
            replaced: plan.send.iter().filter_map(replaced).collect(),
            plan,
            agreed,
            partial,
            files: listing.files(),
            bytes: listing.bytes(),
            source,
            last_transfer,
        })
    }

    /// Leaves out of the remote listing, and names, what would replace a settings file in use. `seen` is the local listing.
    fn leave_settings_in_use(&self, remote: &mut Listing, seen: &Listing) {
        let (workspace, settings) = (&self.cube.layout.workspace, SettingsInUse::of(self.cube));
        let is_settings = |path: &Path, local: &Entry| {
            let place = workspace.join(path);
            match local.kind {
                EntryKind::File => settings.has(&place, local.size),
                EntryKind::Link => settings.is_behind(&place),
                _ => false,
            }
        };
        let settings = seen.filter(is_settings);
        if settings.is_empty() {
            return;
        }
        remote.retain(|path, _| {
            let is_settings = settings.get(path).is_some();
            if is_settings {
                self.step.report().warn(&format!("skipped {}: {WHY}", shown(path)));
            }
            !is_settings
        });
    }

    /// Returns the local and the remote listing without differences that nobody made: those of times and permissions that
    /// a disk can't store, and of permissions that this user's umask takes. `seen` is the local listing as the file system
    /// shows it.
    fn comparable(
        &self,
        seen: &Listing,
        remote: Listing,
        agreed: &Listing,
        sides: &Sides,
    ) -> Outcome<[Listing; 2]> {
        let workspace = &self.cube.layout.workspace;
        let mut local = self.sync_state.local_as_agreed(workspace, seen.clone(), agreed)?;
        let unrounded = match sides.unrounded_remote(&remote, agreed)? {
            Cow::Owned(unrounded) => Some(unrounded),
            Cow::Borrowed(_) => None,
        };
        let mut remote = unrounded.unwrap_or(remote);
        let [of_local, of_remote] = sides.unstored_permissions(&local, &remote, agreed)?;
        local.merge(&of_local);
        remote.merge(&of_remote);
        Umask::of_process().limit(&mut remote, &local, agreed);
        file_system::mark_unwritable(&mut local, workspace);
        Ok([local, remote])
    }

    /// Compares by content the files whose times alone differ, and with `--checksum` also those that look the same; `seen`
    /// is the local listing as the file system shows it.
    fn compare_contents(
        &self,
        plan: &mut Plan,
        listings: &SideListings,
        selection: &Selection,
        source: &Source,
        seen: &Listing,
    ) -> Outcome<()> {
        let run_rsync =
            |commands: &[Command], heard: Heard| rsync::run(commands, &self.connection, heard);
        self.sync_state.agree_on_same_contents(plan, listings, |plan, files| {
            let comparisons = self.comparisons(files, plan, source)?;
            rsync::differing_names_if_known(&comparisons, self.step.report(), &run_rsync)
        })?;
        if self.args.checksum {
            let mut looks_the_same = listings.remote.files_as_in(listings.local);
            looks_the_same.retain(|path, _| selection.includes(path));
            let comparisons = self.comparisons(&looks_the_same, plan, source)?;
            let names = rsync::differing_names(&comparisons, self.step.report(), &run_rsync)?;
            self.add_differing(plan, looks_the_same.of_names(&names), seen, listings.local);
        }
        Ok(())
    }

    /// Plans the transfer of the selected entries; the others keep their place in the sync state.
    pub(super) fn plan_of(
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
            let is_as_listed = Entry::is_at(&self.cube.layout.workspace.join(path), as_listed);
            if !is_as_listed {
                plan.kept.push(path.to_owned());
            }
            is_as_listed
        });
        plan.send_contents(&differing, local);
    }

    /// The local entries, with the entries below the user's own links to folders, and what both sides agree on, given
    /// what they last agreed on. `partial` gets the folders below those links where earlier pulls have left parts of
    /// files.
    pub(crate) fn settle(
        &self,
        mut local: Listing,
        remote: &Listing,
        agreed: Listing,
        sides: &Sides,
        partial: &mut Vec<PathBuf>,
    ) -> Outcome<(Listing, Agreed)> {
        let top = &self.cube.layout.workspace;
        let unrounded = |direction, listing: &Listing, exact: &Listing| {
            sides.unrounded_receiver(direction, listing, exact)
        };
        let agreed = self.sync_state.settled(agreed, &local, remote, &unrounded)?;
        // A link is followed only where something may be written through it.
        let is_wanted = |path: &Path, end: &Entry| {
            end.is_folder() && remote.get(path).is_some_and(|remote| remote.is_folder())
        };
        let skip_nothing = |_: &Path, _| Ok(false);
        follow_own_links(&mut local, top, &self.boundary, &is_wanted, &skip_nothing, partial)?;
        // Entries that were fetched through a link are visible only now.
        let agreed = if self.sync_state.was_cut_off() {
            self.sync_state.settled(Listing::clone(&agreed), &local, remote, &unrounded)?
        } else {
            agreed
        };
        Ok((local, agreed))
    }

    /// The comparisons of files by content. Ends the session first: some hosts allow none beside that of rsync.
    fn comparisons(
        &self,
        files: &Listing,
        plan: &Plan,
        source: &Source,
    ) -> Outcome<Vec<Comparison>> {
        source.session.close()?;
        let batches = Batch::of(files, &plan.links);
        let places = [&self.cube.layout.workspace.to_string_lossy(), source.path.as_str()];
        Ok(Comparison::of(&self.connection, TransferDirection::Down, &batches, places, false))
    }

    fn real_folders(&self) -> RealFolders<'_> {
        RealFolders { top: &self.cube.layout.workspace, boundary: &self.boundary }
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
