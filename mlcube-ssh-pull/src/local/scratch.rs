//! The scratch folders, where rsync writes a file before it is moved to its place: on the same file system, and out of
//! sight.

use std::cell::RefCell;
use std::fs::{self, DirBuilder, File, Permissions, TryLockError};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::LazyLock;

use anyhow::Result;
use mlcube_ssh::listing::{PARTIAL, folders_of};
use mlcube_ssh::pipe::failure::hinted;
use mlcube_ssh::process::command::Command;
use mlcube_ssh::sync::Plan;
use rustix::fs::OFlags;
use rustix::process::geteuid;

/// The prefix of the names of scratch folders.
const NAME: &str = "pull-";

/// The file in a scratch folder that its pull keeps locked.
const LOCK: &str = "lock";

/// The scratch folder for a batch of a plan, relative to the batch's folder. Other pulls may run in the same workspace
/// at the same time, also on other machines and in other containers, so its name is unique.
pub(crate) fn folder() -> &'static str {
    static FOLDER: LazyLock<String> = LazyLock::new(|| {
        // The keys of the hasher are random. A disk that can store the partial folder's name can store this one.
        let id = RandomState::new().hash_one(process::id()) >> 16;
        format!("{PARTIAL}/{NAME}{id:012x}")
    });
    &FOLDER
}

/// The command that makes the scratch folder; `top` ends with a slash.
pub(crate) fn make(top: &str) -> Command {
    make_private_command(&format!("{top}{}", folder()))
}

/// The command that makes a folder that this user alone can enter, and those above it.
pub(crate) fn make_private_command(folder: &str) -> Command {
    // -m holds for the last folder alone.
    Command::new("mkdir").args(["-p", "-m", "700", "--"]).arg(folder)
}

/// Makes a folder that this user alone can enter, and those above it: files in transfer lie in it without the closed
/// folders that protect them in their final places.
///
/// # Errors
/// When it can't be made.
pub(crate) fn make_private(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    // It may be one of an earlier version. In a group's folder, what is made in it belongs to that group
    // (set-group-ID).
    let mode = fs::metadata(folder)?.mode() & 0o7000 | 0o700;
    // A disk without permissions may refuse them.
    let _ = fs::set_permissions(folder, Permissions::from_mode(mode));
    Ok(())
}

/// Removes the parts of files in the folders `partial` of the workspace, which no later pull needs: pulls that were cut
/// off have left them, or rsyncs that outlived their pull.
pub(crate) fn remove_left(workspace: &Path, partial: &[PathBuf]) {
    for partial in partial {
        let place = workspace.join(partial);
        // A folder of that name that isn't ours may be a link to anywhere.
        if place.parent().is_none_or(|folder| check(folder).is_err()) {
            continue;
        }
        for entry in fs::read_dir(&place).into_iter().flatten().flatten() {
            // Other pulls remove their own folders.
            if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                let _ = fs::remove_file(entry.path());
            }
        }
        // Removes the folder, too.
        clear_dead(&place);
    }
}

/// Refuses a partial folder that isn't ours: a cube may have made a link of that name, so that a pull writes or removes
/// files through it. The folder may be missing.
///
/// # Errors
/// When the partial folder in `top` isn't ours.
pub(crate) fn check(top: &Path) -> Result<()> {
    let partial = top.join(PARTIAL);
    let is_ours = match fs::symlink_metadata(&partial) {
        Ok(found) => found.is_dir() && found.uid() == geteuid().as_raw(),
        Err(problem) => matches!(problem.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory),
    };
    if is_ours {
        return Ok(());
    }
    Err(hinted(
        format!("{}, where transfers write, must be a folder that you own", partial.display()),
        "remove it; the next transfer creates it",
    ))
}

/// The scratch folders of this pull, in the workspace and below followed links. A pull is alive while it holds the lock
/// in its folder. Dropping this removes the folders.
pub(crate) struct Scratch {
    workspace: PathBuf,
    held: RefCell<Vec<(PathBuf, File)>>,
    /// The partial folders that this pull, or a command of it, may have made.
    partial: RefCell<Vec<PathBuf>>,
}

impl Scratch {
    /// Checks the workspace; makes no folder yet.
    ///
    /// # Errors
    /// When the partial folder in the workspace isn't ours.
    pub(crate) fn of(workspace: &Path) -> Result<Self> {
        check(workspace)?;
        Ok(Self {
            workspace: workspace.to_owned(),
            held: RefCell::default(),
            partial: RefCell::default(),
        })
    }

    /// Removes the scratch folders of killed pulls from the folders that a plan writes to, and makes this pull's
    /// folders if the plan isn't empty.
    ///
    /// # Errors
    /// When a partial folder isn't ours.
    pub(crate) fn begin(&self, plan: &Plan) -> Result<()> {
        let links = plan.links.iter().map(|link| self.workspace.join(link));
        let tops: Vec<_> = links.chain([self.workspace.clone()]).collect();
        tops.iter().try_for_each(|top| check(top))?;
        // rsync looks for the part of a file beside it, and one before 3.5 removes what is behind a link there.
        let folders = folders_of(plan.send.iter().map(|(path, _)| path));
        folders.iter().try_for_each(|folder| check(&self.workspace.join(folder)))?;
        for top in &tops {
            clear_dead(&top.join(PARTIAL));
            if !plan.is_empty() {
                self.hold(top);
            }
        }
        Ok(())
    }

    /// Makes this pull's scratch folder in `top`, and holds it. If that fails, rsync writes its temporary files beside
    /// their places.
    pub(crate) fn hold(&self, top: &Path) {
        let place = top.join(folder());
        let is_held = self.held.borrow().iter().any(|(held, _)| *held == place);
        if !is_held && top.is_dir() {
            self.partial.borrow_mut().push(top.join(PARTIAL));
            self.held.borrow_mut().extend(make_held(&place).map(|lock| (place, lock)));
        }
    }

    /// The folder in the workspace where names are tried.
    pub(crate) fn names(&self) -> PathBuf {
        self.hold(&self.workspace);
        self.workspace.join(folder()).join("names")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        for (place, lock) in self.held.get_mut().drain(..) {
            let _ = fs::remove_dir_all(&place);
            drop(lock);
        }
        for partial in self.partial.get_mut().drain(..) {
            // Fails while the folder holds files of a transfer that was cut off, which the next pull continues with.
            let _ = fs::remove_dir(partial);
        }
    }
}

/// Makes a folder with a lock file, and locks it.
fn make_held(place: &Path) -> Option<File> {
    // Between these two steps, another pull may take the folder for that of a dead pull and remove it.
    for _ in 0..10 {
        make_private(place).ok()?;
        match open_lock(place) {
            // On a file system without locks nobody can lock, and nobody removes folders.
            Ok(lock) if !matches!(lock.try_lock(), Err(TryLockError::WouldBlock)) => {
                if place.join(LOCK).exists() {
                    return Some(lock);
                }
            }
            Ok(_) => {}
            Err(problem) if problem.kind() == ErrorKind::NotFound => {}
            Err(_) => return None,
        }
    }
    None
}

/// Removes the scratch folders of dead pulls, whose locks nobody holds.
fn clear_dead(partial: &Path) {
    for entry in fs::read_dir(partial).into_iter().flatten().flatten() {
        let is_a_pulls = entry.file_name().to_str().is_some_and(|name| name.starts_with(NAME));
        if !is_a_pulls || !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        // The lock is held until the folder is removed.
        let lock = open_lock(&entry.path()).ok().filter(|lock| lock.try_lock().is_ok());
        if lock.is_some() {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    let _ = fs::remove_dir(partial);
}

fn open_lock(place: &Path) -> io::Result<File> {
    // A cube may have put a link or a pipe in its place.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).map_err(io::Error::other)?;
    // Opened for writing: NFS can't lock a file that is open only for reading (flock(2)).
    let options = File::options().create(true).append(true).mode(0o600).custom_flags(flags).clone();
    let lock = options.open(place.join(LOCK))?;
    if lock.metadata()?.is_file() { Ok(lock) } else { Err(ErrorKind::InvalidInput.into()) }
}
