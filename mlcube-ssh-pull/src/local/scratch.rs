//! Where rsync puts a file together before it takes its place: on the same disk, and out of sight.

use std::cell::RefCell;
use std::fs::{self, File, TryLockError};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::LazyLock;

use anyhow::Result;
use mlcube_ssh::listing::{Listing, PARTIAL};
use mlcube_ssh::pipe::failure::hinted;
use mlcube_ssh::process::command::Command;
use mlcube_ssh::sync::Plan;
use rustix::process::geteuid;

/// How the names of such folders begin.
const NAME: &str = "pull-";

/// The file in one that its pull holds.
const LOCK: &str = "lock";

/// The folder for a part of a plan, below the part's own. Other pulls may go on in the same workspace, on other machines and in other
/// containers, too: each has a folder of its own, by a name that no other has.
pub(crate) fn folder() -> &'static str {
    static FOLDER: LazyLock<String> = LazyLock::new(|| {
        // The keys of the hasher are random.
        format!("{PARTIAL}/{NAME}{:016x}", RandomState::new().hash_one(process::id()))
    });
    &FOLDER
}

/// The command that makes it; `top` ends with a slash.
pub(crate) fn make(top: &str) -> Command {
    Command::new("mkdir").args(["-p", "--"]).arg(format!("{top}{}", folder()))
}

/// Removes what an earlier pull that was cut off has left beside files, and no later one needs: in the workspace, and behind the
/// links of the user's own that are followed.
pub(crate) fn remove_left(workspace: &Path, links: &[PathBuf]) {
    let tops = links.iter().map(|link| workspace.join(link)).chain([workspace.to_owned()]);
    for top in tops {
        let Ok(listing) = Listing::of_folder(&top, &|_, _| Ok(false)) else { continue };
        let below = listing.iter().filter(|(_, entry)| entry.is_folder());
        for folder in below.map(|(path, _)| path).chain([Path::new("")]) {
            // One that isn't ours leads anywhere.
            if check(&top.join(folder)).is_err() {
                continue;
            }
            let partial = top.join(folder).join(PARTIAL);
            for entry in fs::read_dir(&partial).into_iter().flatten().flatten() {
                // The folder of a pull is its own to remove.
                if !entry.path().is_dir() {
                    let _ = fs::remove_file(entry.path());
                }
            }
            let _ = fs::remove_dir(partial);
        }
    }
}

/// Refuses a folder for what is on its way that isn't ours: a cube may have made a link of that name, to be written and
/// cleared through. One that isn't there is no matter.
///
/// # Errors
/// When `top` holds one.
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

/// The folders of this pull, in the workspace and behind the links that are followed. Whoever holds the lock in one is alive;
/// nothing is left in them when this is dropped.
pub(crate) struct Scratch {
    workspace: PathBuf,
    held: RefCell<Vec<(PathBuf, File)>>,
}

impl Scratch {
    /// Makes nothing yet.
    ///
    /// # Errors
    /// When the folder in the workspace isn't ours.
    pub(crate) fn of(workspace: &Path) -> Result<Self> {
        check(workspace)?;
        Ok(Self { workspace: workspace.to_owned(), held: RefCell::default() })
    }

    /// Removes what pulls that were killed have left where a plan writes, and makes this one's folders where it has anything to do.
    ///
    /// # Errors
    /// When one isn't ours.
    pub(crate) fn begin(&self, plan: &Plan) -> Result<()> {
        let links = plan.links.iter().map(|link| self.workspace.join(link));
        let tops: Vec<_> = links.chain([self.workspace.clone()]).collect();
        tops.iter().try_for_each(|top| check(top))?;
        for top in &tops {
            clear_dead(&top.join(PARTIAL));
            if !plan.is_empty() {
                self.hold(top);
            }
        }
        Ok(())
    }

    /// Makes this pull's folder in a folder, and holds it. Where that can't be done, rsync puts files together beside their places.
    pub(crate) fn hold(&self, top: &Path) {
        let place = top.join(folder());
        let is_held = self.held.borrow().iter().any(|(held, _)| *held == place);
        if !is_held && top.is_dir() {
            self.held.borrow_mut().extend(make_held(&place).map(|lock| (place, lock)));
        }
    }

    /// The folder in which names are tried, in the workspace.
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
            // Stays while it holds what was cut off, for the next pull to go on with.
            let _ = place.parent().map(fs::remove_dir);
        }
    }
}

/// Makes a folder with a lock, and takes that.
fn make_held(place: &Path) -> Option<File> {
    // Another pull that looks between the two steps takes the folder for one that is left.
    for _ in 0..10 {
        fs::create_dir_all(place).ok()?;
        match open_lock(place) {
            // Where there are no locks nobody takes one, and nobody clears.
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

/// Removes the folders of pulls that aren't alive: those whose lock nobody holds.
fn clear_dead(partial: &Path) {
    for entry in fs::read_dir(partial).into_iter().flatten().flatten() {
        let is_a_pulls = entry.file_name().to_str().is_some_and(|name| name.starts_with(NAME));
        if !is_a_pulls || !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        // Held until it is gone.
        let lock = open_lock(&entry.path()).ok().filter(|lock| lock.try_lock().is_ok());
        if lock.is_some() {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    let _ = fs::remove_dir(partial);
}

fn open_lock(place: &Path) -> io::Result<File> {
    // Write access: NFS locks no file without (flock(2)).
    File::options().create(true).append(true).mode(0o600).open(place.join(LOCK))
}
