//! The rsync commands of a pull. They fetch what the plan names; nothing that the remote sends is written outside the
//! workspace.

use std::path::{Path, PathBuf};

use mlcube_ssh::cube::layout::Layout;
use mlcube_ssh::listing::Listing;
use mlcube_ssh::pipe::failure::Outcome;
use mlcube_ssh::process::command::{Command, List};
use mlcube_ssh::remote::connection::Connection;
use mlcube_ssh::sync::{Batch, Plan, Umask, rsync};

use crate::local::backups::Backups;
use crate::local::scratch;
use crate::local::stage::Stage;
use crate::transfer::load::Load;

/// How many entries one rsync fetches. To refuse what wasn't requested, rsync looks for every received name in the
/// whole list that it sent: 40,000 at once took 16 s, and in pieces 3 s.
const AT_ONCE: usize = 2000;

/// Makes the commands that fetch the entries of a plan.
pub(crate) struct Fetch<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) layout: &'a Layout,
    /// The local folder for backups.
    pub(crate) backups: &'a Backups,
    /// The path of the workspace on the remote.
    pub(crate) remote: &'a str,
    /// Whether files are compared by content instead of size and time.
    pub(crate) by_content: bool,
    /// Remote links that are followed to files.
    pub(crate) linked_files: &'a [PathBuf],
}

impl Fetch<'_> {
    /// Splits the files of `rest` into the loads that one rsync each fetches.
    ///
    /// `prepare` runs, or shows, a command that precedes a transfer, and returns whether it succeeded; if not, the
    /// transfer uses other options.
    ///
    /// # Errors
    /// When `prepare` fails.
    pub(crate) fn loads(
        &self,
        plan: &Plan,
        rest: &Listing,
        prepare: &mut dyn FnMut(&Command) -> Outcome<bool>,
    ) -> Outcome<Vec<Load>> {
        let workspace = self.layout.workspace.to_string_lossy();
        let is_linked = |path: &Path| self.linked_files.iter().any(|link| link == path);
        let batches = |of_links: bool| {
            let entries = rest.filter(|path, entry| entry.is_file() && is_linked(path) == of_links);
            plan.transfers_of(&entries).into_iter().map(move |batch| (batch, of_links))
        };
        let mut loads = Vec::new();
        for (batch, is_link) in batches(false).chain(batches(true)) {
            let command = scratch::make(&batch.below(&workspace));
            let has_scratch = prepare(&command)?;
            // Names that need no stage go without one: what goes through it can't be in deeper folders of its own.
            for (batch, needs_stage) in Stage::split(batch)? {
                loads.push(Load { batch, has_scratch, is_link, needs_stage });
            }
        }
        Ok(loads)
    }

    /// The commands that fetch loads, into the stage if there is one. Replaced files are kept in a folder of the sync
    /// state. Without a stage, rsync itself refuses entries that aren't in its list.
    pub(crate) fn commands(&self, loads: &[Load], stage: Option<&Stage>) -> Vec<Command> {
        let commands = |load: &Load| {
            let stage = stage.filter(|_| load.needs_stage);
            // An rsync that needs a stage compares nothing with its list.
            let batches = |piece: Batch| match stage {
                Some(_) => vec![piece],
                None => piece.with_short_names(),
            };
            let pieces = load.batch.pieces(AT_ONCE).into_iter().flat_map(batches);
            pieces.map(|batch| self.command(&batch, load, stage)).collect::<Vec<_>>()
        };
        loads.iter().flat_map(commands).collect()
    }

    fn command(&self, batch: &Batch, load: &Load, stage: Option<&Stage>) -> Command {
        let mut to = batch.below(&self.layout.workspace.to_string_lossy());
        let command = rsync::command(self.connection)
            // Fetches the target of the link.
            .args(load.is_link.then_some("--copy-links"))
            .args(rsync::without_holes(batch.is_sparse))
            .args(batch.permissions_option())
            // Nothing from the remote may run locally with more rights than its user has.
            .arg("--chmod=u-s,g-s,o-t")
            // That a group may write to the remote files says nothing about local groups; others have no permissions in a
            // shared tree, whatever a task has given them.
            .args(self.connection.is_shared().then_some("--chmod=g-w,o-rwx"))
            // Nor may others write to them whom this user gives no such permission.
            .args(Umask::of_process().option())
            // Links are made by `Links`, from the listing. rsync would make whatever link the host has by now, and the
            // next rsync of this pull would write through it.
            .arg("--no-links");
        let command = match stage {
            None => self.with_backups(command, batch, load),
            Some(stage) => {
                to.push_str(stage.folder());
                to.push('/');
                self.with_names(command, batch)
            }
        };
        let from = self.connection.rsync_path(&batch.below(self.remote));
        command.arg("--").arg(from).arg(to).list(batch.files_from.clone())
    }

    /// The command that moves the entries of a load from the stage to their places.
    pub(crate) fn place_staged(&self, stage: &Stage, load: &Load, names: List) -> Command {
        let to = load.batch.below(&self.layout.workspace.to_string_lossy());
        let from = format!("{to}{}/", stage.folder());
        // Removes each source file at once, so that both copies don't take space for long. (--link-dest would replace a
        // file by a hard link without keeping a backup.)
        let command = rsync::local_command().arg("--remove-source-files");
        let command = command.args(load.batch.permissions_option());
        self.with_backups(command, &load.batch, load).arg("--").arg(from).arg(to).list(names)
    }

    fn with_backups(&self, command: Command, batch: &Batch, load: &Load) -> Command {
        let folder = batch.below(&self.backups.folder().to_string_lossy());
        // A load has one scratch folder, whatever deeper folders its names are relative to.
        let top = if batch.folder == load.batch.folder {
            String::new()
        } else {
            load.batch.below(&self.layout.workspace.to_string_lossy())
        };
        self.with_names(command, batch)
            .arg("--backup")
            .arg(format!("--backup-dir={}", folder.trim_end_matches('/')))
            // Incomplete files are written where no listing looks, even if rsync is killed. The path is relative to the
            // target folder; with an absolute one rsync takes half as long again.
            .args(load.has_scratch.then(|| format!("--temp-dir={top}{}", scratch::folder())))
    }

    fn with_names(&self, command: Command, batch: &Batch) -> Command {
        // Without --keep-dirlinks: entries below a followed link have a batch of their own, and nothing else may be
        // written through a link.
        command
            // No folder is asked for: `Folders` makes them. With --dirs, rsync would take whatever the host sends in
            // each name of the list, as if it were a folder.
            .args(["--files-from=-", "--from0", "--no-dirs", "--no-implied-dirs"])
            // The plan chose these entries by content; the same size and time mustn't make rsync skip them. Of the others,
            // some may have come by an archive that is incomplete.
            .args((self.by_content && batch.is_content_alone).then_some("--ignore-times"))
            // Compares times to the nanosecond; by default, rsync skips a change within the same second.
            .arg("--modify-window=-1")
    }
}
