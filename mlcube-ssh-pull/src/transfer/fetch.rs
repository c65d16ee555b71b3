//! The transfer: what the plan names comes here, and nothing that the remote sends lands outside the workspace.

use std::os::unix::fs::MetadataExt;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Result, anyhow};
use mlcube_ssh::cube::layout::Layout;
use mlcube_ssh::listing::{Entry, FIND_FORMAT, FIND_FORMAT_UNREADABLE, Kind, Listing};
use mlcube_ssh::pipe::document::Document;
use mlcube_ssh::pipe::failure::{Failure, Outcome, hinted};
use mlcube_ssh::process::command::{Command, List};
use mlcube_ssh::process::script::Script;
use mlcube_ssh::remote::connection::Connection;
use mlcube_ssh::remote::job;
use mlcube_ssh::remote::problem::{self, Problem};
use mlcube_ssh::remote::session::{Answer, Session};
use mlcube_ssh::settings::names::RemotePath;
use mlcube_ssh::sync::{Part, Plan, Record, Selection, rsync};

use crate::local::backups::Backups;
use crate::local::scratch;
use crate::local::stage::Stage;
use crate::remote::followed_links;
use crate::transfer::list_here;

const LIST: &str = concat!(include_str!("../sh/find.sh"), include_str!("../sh/list.sh"));

/// The workspace on the remote.
pub(crate) struct There {
    /// Its path, absolute.
    pub(crate) path: String,
    /// What is in it.
    pub(crate) listing: Listing,
    /// The links of the remote account that are followed, and whether each leads to a folder: they are listed as what they lead
    /// to.
    pub(crate) followed: Vec<(PathBuf, bool)>,
    /// The session in which it was listed, for a stream; it has to end before anything else is done.
    pub(crate) session: Option<Session>,
}

/// More entries aren't asked of one rsync: it looks for every name that comes in all of the list that it sent, so that
/// nothing comes that wasn't asked for. 40,000 at once took 16 s, and in pieces 3.
const AT_ONCE: usize = 2000;

impl There {
    /// The links that are followed to folders, or to files.
    pub(crate) fn followed(&self, folders: bool) -> Vec<PathBuf> {
        let followed = self.followed.iter().filter(|(_, is_folder)| *is_folder == folders);
        followed.map(|(path, _)| path.clone()).collect()
    }
}

/// The script that lists the workspace there; behind that for a pull a stream may follow.
pub(crate) fn list_script(
    connection: &Connection,
    document: &Document,
    layout: &Layout,
    record: Option<&Record>,
) -> Result<Script> {
    let former_workspace = layout.former_workspace(&document.remote)?;
    let script = connection.script(LIST);
    // A job may be running in it.
    let script = if former_workspace.is_some() { script.with(job::FUNCTIONS) } else { script };
    let script = script
        .given("workspace", document.remote.workspace.as_str())
        .given("state", document.remote.state.as_str())
        .given("former_workspace", former_workspace.as_ref().map_or("", RemotePath::as_str))
        .given("format", FIND_FORMAT)
        .given("unreadable", FIND_FORMAT_UNREADABLE);
    Ok(if record.is_some() { script.followed() } else { script })
}

/// What is known of a workspace.
pub(crate) struct Lists {
    /// What is in it on the remote.
    pub(crate) there: There,
    /// What is in it on this machine.
    pub(crate) here: Listing,
    /// What both sides last had in common.
    pub(crate) common: Listing,
}

/// Lists the workspace there, and meanwhile the one here.
pub(crate) fn list_both(
    connection: &Connection,
    document: &Document,
    layout: &Layout,
    record: &Record,
    is_followed: bool,
    asked: &Selection,
) -> Outcome<Lists> {
    thread::scope(|scope| {
        let here = scope.spawn(|| {
            // Before any other list: what is found on either side is mostly the same, in the order of this one.
            let common = record.workspace()?;
            Ok::<_, anyhow::Error>((common, list_here(&layout.workspace)?))
        });
        let mut there = list(connection, document, layout, is_followed.then_some(record), asked)?;
        let (common, here) = here.join().unwrap_or_else(|panic| resume_unwind(panic))?;
        if connection.is_shared() {
            there.listing.put_own_permissions(&here);
        }
        Ok(Lists { there, here, common })
    })
}

/// Lists the workspace there.
pub(crate) fn list(
    connection: &Connection,
    document: &Document,
    layout: &Layout,
    record: Option<&Record>,
    asked: &Selection,
) -> Outcome<There> {
    let script = list_script(connection, document, layout, record)?;
    let (answer, session) = connection.ask_and_go_on(&script)?;
    if answer.status != 0 {
        return Err(failure(connection.host().as_str(), document, &answer));
    }
    let host = connection.host();
    let path = answer.path("workspace");
    let path = path.map_err(|problem| Failure::ours(anyhow!("'{host}' {problem}")))?;
    let mut there = There { path, followed: Vec::new(), listing: answer.listing()?, session };
    followed_links::follow(connection, document, &mut there, asked)?;
    Ok(there)
}

/// What one rsync brings, or several in pieces.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    pub(crate) part: Part,
    /// Whether files may be put together in a folder of our own.
    has_scratch: bool,
    /// Whether it is files that links there stand for.
    is_link: bool,
}

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
        let linked = Part::of(&linked, &plan.links).into_iter().map(|part| (part, true, true));
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
    fn parts(&self, plan: &Plan, rest: &Listing) -> Vec<(Part, bool)> {
        let is_link = |entry: &Entry| entry.kind == Kind::Link;
        let is_far = !is_on_disk_of(self.backups.folder(), &self.layout.workspace);
        if !is_far || !rest.iter().any(|(_, entry)| is_link(&entry)) {
            return plan.transfers_of(rest).into_iter().map(|part| (part, true)).collect();
        }
        let others = plan.transfers_of(&rest.filter(|_, entry| !is_link(entry)));
        let links = Part::of(&rest.filter(|_, entry| is_link(entry)), &plan.links);
        let others = others.into_iter().map(|part| (part, true));
        others.chain(links.into_iter().map(|part| (part, false))).collect()
    }

    fn command(&self, part: &Part, load: &Load, stage: Option<&Stage>) -> Command {
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

    fn puts_in_place(&self, command: Command, part: &Part, load: &Load) -> Command {
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

pub(crate) fn failure(host: &str, document: &Document, answer: &Answer) -> Failure {
    let problem = answer.field("problem").unwrap_or_default();
    let known = Problem::parse(&problem);
    if let Some(failure) = known.failure(host, &answer.errors) {
        return failure;
    }
    Failure::ours(match known {
        Problem::Other { kind: "no-workspace", subject } => hinted(
            format!("there is no workspace {subject} on '{host}'"),
            format!("`{}` makes it", document.configure_command()),
        ),
        _ => {
            let reason = problem::reason(&problem, &answer.last_error());
            anyhow!("can't list the workspace on '{host}': {reason}")
        }
    })
}
