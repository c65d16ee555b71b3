//! The transfer: what the plan names comes here, and nothing that the remote sends lands outside the workspace.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use mlcube_ssh::cube::layout::Layout;
use mlcube_ssh::listing::{Entry, EntryKind, Listing};
use mlcube_ssh::pipe::failure::Outcome;
use mlcube_ssh::process::command::{Command, List};
use mlcube_ssh::remote::connection::Connection;
use mlcube_ssh::sync::{Batch, Plan, rsync};

use crate::local::backups::Backups;
use crate::local::scratch;
use crate::local::stage::Stage;
use crate::transfer::load::Load;

/// More entries aren't asked of one rsync: it looks for every name that comes in all of the list that it sent, so that
/// nothing comes that wasn't asked for. 40,000 at once took 16 s, and in pieces 3.
const AT_ONCE: usize = 2000;

/// How the entries of a plan come here.
pub(crate) struct Fetch<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) layout: &'a Layout,
    /// Where what is replaced is kept aside.
    pub(crate) backups: &'a Backups,
    /// The workspace there.
    pub(crate) there: &'a str,
    /// Whether content counts, and not size and time.
    pub(crate) by_content: bool,
    /// Links there that stand for files.
    pub(crate) linked_files: &'a [PathBuf],
}

impl Fetch<'_> {
    /// What of `rest` one rsync each brings: a part of the plan.
    ///
    /// `prepare` runs, or shows, a command that has to go before, and says whether it did what it is for: without it the
    /// transfer is another one.
    ///
    /// # Errors
    /// Those of `prepare`.
    pub(crate) fn loads(
        &self,
        plan: &Plan,
        rest: &Listing,
        prepare: &mut dyn FnMut(&Command) -> Outcome<bool>,
    ) -> Outcome<Vec<Load>> {
        let workspace = self.layout.workspace.to_string_lossy();
        let is_linked = |path: &Path| self.linked_files.iter().any(|link| link == path);
        let linked = rest.filter(|path, _| is_linked(path));
        let rest = rest.filter(|path, _| !is_linked(path));
        let linked = Batch::of(&linked, &plan.links).into_iter().map(|part| (part, true, true));
        let parts = self.parts(plan, &rest).into_iter();
        let parts = parts.map(|(part, needs_scratch)| (part, needs_scratch, false)).chain(linked);
        parts
            .map(|(part, needs_scratch, is_link)| {
                let command = scratch::make(&part.below(&workspace));
                let has_scratch = needs_scratch && prepare(&command)?;
                Ok(Load { part, has_scratch, is_link })
            })
            .collect()
    }

    /// The transfers that bring loads, to the stage where there is one. What they replace is kept in a folder of the record.
    /// Without a stage rsync itself refuses what comes and isn't in its list.
    pub(crate) fn commands(&self, loads: &[Load], stage: Option<&Stage>) -> Vec<Command> {
        let commands = |load: &Load| {
            let pieces = load.part.pieces(AT_ONCE);
            pieces.iter().map(|part| self.command(part, load, stage)).collect::<Vec<_>>()
        };
        loads.iter().flat_map(commands).collect()
    }

    /// The parts that one rsync each brings, and whether it may put files together in a folder of our own. With one rsync
    /// leaves the file in place that a link replaces, where it has to copy it to keep it aside on another disk: links, which
    /// are never there by half, have a part of their own then.
    fn parts(&self, plan: &Plan, rest: &Listing) -> Vec<(Batch, bool)> {
        let is_link = |entry: &Entry| entry.kind == EntryKind::Link;
        let is_far = !is_on_disk_of(self.backups.folder(), &self.layout.workspace);
        if !is_far || !rest.iter().any(|(_, entry)| is_link(&entry)) {
            return plan.transfers_of(rest).into_iter().map(|part| (part, true)).collect();
        }
        let others = plan.transfers_of(&rest.filter(|_, entry| !is_link(entry)));
        let links = Batch::of(&rest.filter(|_, entry| is_link(entry)), &plan.links);
        let others = others.into_iter().map(|part| (part, true));
        others.chain(links.into_iter().map(|part| (part, false))).collect()
    }

    fn command(&self, part: &Batch, load: &Load, stage: Option<&Stage>) -> Command {
        let mut to = part.below(&self.layout.workspace.to_string_lossy());
        let command = rsync::command(self.connection)
            // The file that a link stands for.
            .args(load.is_link.then_some("--copy-links"))
            .args(rsync::without_holes(part.is_sparse))
            // Nothing that comes from there runs here with more rights than its user has.
            .arg("--chmod=u-s,g-s,o-t")
            // That a group may write there says nothing of the groups here.
            .args(self.connection.is_shared().then_some("--chmod=g-w"))
            // The plan has left out links that lead out; one that was put there since the list stays there, too.
            .arg("--safe-links");
        let command = match stage {
            None => self.puts_in_place(command, part, load),
            Some(stage) => {
                to.push_str(stage.folder());
                to.push('/');
                self.takes_names(command)
            }
        };
        let from = self.connection.rsync_path(&part.below(self.there));
        command.arg("--").arg(from).arg(to).list(part.files_from.clone())
    }

    /// The transfer that puts in its place what of a load is in the stage.
    pub(crate) fn place_staged(&self, stage: &Stage, load: &Load, names: List) -> Command {
        let to = load.part.below(&self.layout.workspace.to_string_lossy());
        let from = format!("{to}{}/", stage.folder());
        // Not both files for longer than it takes. (A hard link, --link-dest, would take a file's place without a backup.)
        let command = rsync::local_command().arg("--remove-source-files");
        self.puts_in_place(command, &load.part, load).arg("--").arg(from).arg(to).list(names)
    }

    fn puts_in_place(&self, command: Command, part: &Batch, load: &Load) -> Command {
        let aside = part.below(&self.backups.folder().to_string_lossy());
        self.takes_names(command)
            .arg("--backup")
            .arg(format!("--backup-dir={}", aside.trim_end_matches('/')))
            // What is half there lies where no listing looks, even when rsync is killed. Relative to where it writes: with
            // a full path rsync takes half as long again.
            .args(load.has_scratch.then(|| format!("--temp-dir={}", scratch::folder())))
    }

    fn takes_names(&self, command: Command) -> Command {
        // Without --keep-dirlinks: what goes behind a link that is followed has a part of its own, and nothing else is
        // written through one.
        command
            // A folder above what comes keeps its permissions and time here; the plan names those that are missing.
            .args(["--files-from=-", "--from0", "--dirs", "--no-implied-dirs"])
            // What comes was found to be another, or is to come: that it looks the same says nothing.
            .args(self.by_content.then_some("--ignore-times"))
            // Times are compared to the nanosecond: by default what changed within one second is skipped.
            .arg("--modify-window=-1")
    }
}

/// Whether a folder is, or will be made, on the disk of another one.
fn is_on_disk_of(folder: &Path, other: &Path) -> bool {
    let disk = |path: &Path| path.ancestors().find_map(|path| Some(path.metadata().ok()?.dev()));
    disk(folder) == disk(other)
}
