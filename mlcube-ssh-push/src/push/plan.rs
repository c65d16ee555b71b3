//! The plan of a push: what both sides agreed on, and what is sent to the workspace.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use mlcube_ssh::listing::{Entry, EntryKind, Listing, confusable_with};
use mlcube_ssh::pipe::failure::{Failure, Outcome};
use mlcube_ssh::process::command::Command;
use mlcube_ssh::process::script::Script;
use mlcube_ssh::remote::session::Reply;
use mlcube_ssh::sync::rsync::{Comparison, Heard};
use mlcube_ssh::sync::{
    Agreed, Batch, Plan, SideListings, Sides, Skipped, SkippedEntry, TransferDirection,
    longest_path, rsync,
};

use crate::local::Local;
use crate::push::{Planned, Push};
use crate::remote::followed_links::FollowedLinks;
use crate::remote::incoming::IncomingId;
use crate::remote::linked_folders;
use crate::remote::state::RemoteState;
use crate::remote::try_names;

impl Push<'_> {
    /// Plans what is sent to the workspace; with `--checksum`, the files that differ only by content, too.
    pub(super) fn plan(
        &self,
        local: &mut Local,
        remote: &mut RemoteState<'_>,
        incoming: &IncomingId,
    ) -> Outcome<Planned> {
        // A push that failed before it had a plan, or had none for the workspace, is known by its incoming folder.
        let was_cut_off = local.sync_state.was_cut_off() || !incoming.former.is_empty();
        self.list_linked_folders(local, remote)?;
        // The listings are emptied by the plan, so they are compared before; what is behind a link is listed by now.
        let looks_the_same =
            self.args.checksum.then(|| local.selected().files_as_in(&remote.listing));
        let agreed = self.settle(local, remote)?;
        let unheld_code = self.take_unheld_code(local, remote)?;
        let unwritable_code = remote.unwritable_entries(&local.code);
        local.skip_code(&unwritable_code, &remote.code);
        let mut plan = self.plan_workspace(local, remote, &agreed)?;
        let special_code: Vec<_> = local.special_code().collect();
        for (paths, why) in [
            (unheld_code, Skipped::Unheld),
            (unwritable_code, Skipped::Unwritable),
            (special_code, Skipped::Special),
        ] {
            plan.skipped.extend(paths.iter().map(|path| SkippedEntry::new(path, why)));
        }
        let is_agreed = plan.will_agree == *agreed;
        if let Some(looks_the_same) = looks_the_same {
            self.add_differing(&mut plan, looks_the_same, local, remote)?;
        }
        // Writing the sync state of a million files takes a second.
        let is_agreed = is_agreed && plan.is_empty();
        Ok(Planned { plan, is_agreed, was_cut_off })
    }

    /// Lists what is behind those links of the remote through which this push may write.
    fn list_linked_folders(&self, local: &Local, remote: &mut RemoteState<'_>) -> Outcome<()> {
        let (ours, run) =
            ([&local.workspace, &local.agreed], |script| remote.incoming.run_script(script));
        let listing = &mut remote.listing;
        remote.has_parts |=
            linked_folders::list(&self.connection, &remote.workspace, listing, ours, run)?;
        listing.close_long_paths(longest_path(&self.cube.layout.workspace, &remote.workspace));
        Ok(())
    }

    /// Returns what both sides of the workspace last agreed on, and writes down what an earlier push that was cut off
    /// has sent.
    fn settle(&self, local: &mut Local, remote: &mut RemoteState<'_>) -> Outcome<Agreed> {
        if self.connection.is_shared() {
            remote.listing.put_own_permissions(&local.workspace);
            remote.code.put_own_permissions(&local.code);
        }
        let run = |script| remote.incoming.run_script(script);
        let sides = self.sides(remote, &run);
        sides.know_receiver(TransferDirection::Up)?;
        if let Some(pushed) = local.pushed() {
            let code = Sides { remote: &remote.base, ..sides };
            remote.code = code.unrounded_remote(&remote.code, pushed)?.into_owned();
        }
        let sides = self.sides(remote, &run);
        let mut agreed = local.settled(&remote.listing, &sides)?;
        local.sync_state.doubt_other_sides(
            &mut agreed,
            (&local.workspace, &remote.listing),
            &sides,
            &remote.last_transfer,
            self.step.report(),
        )?;
        let is_first = !remote.was_pushed;
        if is_first || !local.has_agreement || remote.was_taken_over {
            local.sync_state.set_joined(!is_first)?;
        }
        if is_first {
            local.sync_state.forget_former_places()?;
        }
        // Without it, the next push would take a first one that fails for one of another machine.
        if is_first && !local.has_agreement || local.sync_state.was_cut_off() {
            local.sync_state.agree(&agreed)?;
        }
        Ok(agreed)
    }

    /// Both workspaces.
    fn sides<'b>(
        &'b self,
        remote: &'b RemoteState<'_>,
        run: &'b dyn Fn(Script) -> Outcome<Reply>,
    ) -> Sides<'b> {
        let (connection, local) = (&self.connection, &self.cube.layout.workspace);
        let sync_state = &self.sync_state;
        Sides {
            connection,
            local,
            remote: &remote.workspace,
            state: &remote.state,
            sync_state,
            run,
        }
    }

    /// Removes from the code what the remote file system can't store under its name, and returns these paths.
    fn take_unheld_code(
        &self,
        local: &mut Local,
        remote: &mut RemoteState<'_>,
    ) -> Outcome<Vec<PathBuf>> {
        let mut pushed = local.pushed().cloned().unwrap_or_default();
        let mut gone = Listing::default();
        if self.args.delete {
            // Where the file system takes two names for one, deleting the old one deletes the new one, too; it is sent
            // again then, whatever was listed.
            pushed.retain(|path, _| local.gone.get(path).is_none());
            let is_doubtful = confusable_with(&local.gone);
            remote.code.retain(|path, _| !is_doubtful(path));
            gone = local.gone.clone();
        }
        // A name that the file system takes for that of a workspace would lead into it.
        for place in local.workspaces.iter().chain(&self.cube.layout.workspaces()) {
            for folder in place.ancestors().filter(|folder| !folder.as_os_str().is_empty()) {
                if local.code.get(folder).is_none() {
                    pushed.insert(folder, &Entry::unheld());
                }
            }
        }
        let tried = try_names::unheld_code(remote, &self.connection, &local.code, &pushed, &gone);
        let unheld = tried?;
        local.skip_code(&unheld, &remote.code);
        Ok(unheld)
    }

    /// Lists the followed links of the remote as folders, and takes out of its listing the links that the push replaces
    /// by folders. A dry run does the same with what the sync state knows.
    pub(super) fn follow_links(
        &self,
        local: &mut Local,
        remote: &mut RemoteState<'_>,
        agreed: &Listing,
    ) -> anyhow::Result<()> {
        let links = FollowedLinks {
            agreed,
            former_places: &local.sync_state.former_places()?,
            is_history_unknown: local.sync_state.is_joined()?,
            named: &self.args.follow_link,
            workspace: Path::new(&remote.workspace),
        };
        links.follow(&mut remote.listing, &local.workspace);
        local.replace_links(&mut remote.listing, agreed);
        Ok(())
    }

    fn plan_workspace(
        &self,
        local: &mut Local,
        remote: &mut RemoteState<'_>,
        agreed: &Listing,
    ) -> Outcome<Plan> {
        self.follow_links(local, remote, agreed)?;
        let run = |script| remote.incoming.run_script(script);
        let [of_local, of_remote] = self.sides(remote, &run).unstored_permissions(
            &local.workspace,
            &remote.listing,
            agreed,
        )?;
        local.workspace.merge(&of_local);
        remote.listing.merge(&of_remote);
        let plan_of = |local: &Local, remote: &RemoteState| {
            let run = |script| remote.incoming.run_script(script);
            let listing = self.sides(remote, &run).unrounded_remote(&remote.listing, agreed)?;
            Ok::<_, Failure>(local.plan(&listing, agreed, self.args.overwrite))
        };
        let mut plan = plan_of(local, remote)?;
        if try_names::mark_unheld(remote, &self.connection, &plan.send)? {
            plan = plan_of(local, remote)?;
        }
        self.agree_on_same_contents(&mut plan, agreed, local, remote)?;
        self.tell_links_apart(&mut plan, local, remote);
        // The plan holds all that is needed of this listing, which may be long.
        local.workspace = Listing::default();
        Ok(plan)
    }

    /// Finds the links among the entries that are of another kind on the remote.
    fn tell_links_apart(&self, plan: &mut Plan, local: &Local, remote: &RemoteState<'_>) {
        for skipped in plan.skipped.iter_mut().filter(|skipped| skipped.why.is_other_kind()) {
            let path = skipped.path();
            let place = self.cube.layout.workspace.join(path);
            if place.is_symlink()
                && place.is_dir()
                && !local.followed.iter().any(|followed| followed == path)
            {
                skipped.why = Skipped::OwnLink;
            } else if remote.listing.get(path).is_some_and(|it| it.kind == EntryKind::Link) {
                skipped.why = Skipped::RemoteLink;
            }
        }
    }

    /// Adds to the plan those of the files that look the same on both sides, `looks_the_same`, whose contents differ.
    fn add_differing(
        &self,
        plan: &mut Plan,
        mut looks_the_same: Listing,
        local: &Local,
        remote: &RemoteState<'_>,
    ) -> Outcome<()> {
        // What is listed along a remote link that isn't followed isn't compared either.
        let skipped = plan.skipped_for(|why| why.is_other_kind() || *why == Skipped::Closed);
        let skipped: HashSet<&Path> =
            skipped.chain(local.replaced_links.iter().map(|(path, _)| path)).collect();
        looks_the_same.retain(|path, _| !path.ancestors().any(|folder| skipped.contains(folder)));
        if looks_the_same.is_empty() {
            return Ok(());
        }
        let comparisons = self.comparisons(plan, &looks_the_same, remote);
        let run = |commands: &[Command], heard: Heard| remote.incoming.run(commands, heard);
        let names = rsync::differing_names(&comparisons, self.step.report(), &run)?;
        plan.send_contents(&looks_the_same.of_names(&names), &remote.listing);
        Ok(())
    }

    /// Agrees on the files that differ by their times alone: a fresh checkout has other times, and is no conflict.
    fn agree_on_same_contents(
        &self,
        plan: &mut Plan,
        agreed: &Listing,
        local: &Local,
        remote: &RemoteState<'_>,
    ) -> Outcome<()> {
        let direction = TransferDirection::Up;
        let (workspace, listing) = (&local.workspace, &remote.listing);
        let listings = SideListings { direction, local: workspace, remote: listing, agreed };
        local.sync_state.agree_on_same_contents(plan, &listings, |plan, files| {
            let comparisons = self.comparisons(plan, files, remote);
            let run = |commands: &[Command], heard: Heard| remote.incoming.run(commands, heard);
            rsync::differing_names_if_known(&comparisons, self.step.report(), &run)
        })
    }

    /// The comparisons of files of the workspace by content.
    fn comparisons(
        &self,
        plan: &Plan,
        files: &Listing,
        remote: &RemoteState<'_>,
    ) -> Vec<Comparison> {
        let batches = Batch::of(files, &plan.links);
        let route = remote.workspace_route(&self.cube.layout);
        let places = [&route.local.to_string_lossy(), route.remote];
        Comparison::of(&self.connection, TransferDirection::Up, &batches, places, false)
    }
}
