//! Decides which local files a cube may reach, by real paths: where its folders, build context, inputs and workspace
//! are once links are followed.
//!
//! A cube is a stranger's program, and git stores links: `project -> ../../.ssh` would put a private key into a build
//! context, `workspace -> ~/.aws` would make a private folder of the user the workspace. So the real path counts, not
//! its text. What is outside the base is refused by name, unless the user lists it (`follow_links`).

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Error, Result};
use nix::unistd::{Uid, User};

use crate::cube::layout::Layout;
use crate::cube::paths::{home, home_expanded, normal, real};
use crate::cube::required_inputs::Input;
use crate::pipe::document::Run;
use crate::pipe::failure::hinted;
use crate::pipe::private_file::{STATE_REMEDY, state_folder};
use crate::settings::runner::Runner;
use crate::text::hint::OrHint;
use crate::text::quote::shell_word;
use crate::text::units::{count, human_bytes};

/// How many entries are counted for a message: a misleading path may lead to a whole disk.
const COUNTED: u64 = 20_000;

/// The local files that a cube may reach, by real paths.
#[derive(Clone, Debug)]
pub struct Boundary {
    /// The base.
    base: PathBuf,
    /// The user's home folders: the one in HOME and the account's.
    homes: Vec<PathBuf>,
    /// Folders from which nothing is sent and to which nothing is written: the user's ssh files and the state folder of
    /// mlcube-ssh.
    protected: Vec<PathBuf>,
    /// The places that the user lists.
    listed: Vec<PathBuf>,
    /// Whether the user names the folder that may be sent.
    names_base: bool,
}

impl Boundary {
    /// Makes the boundary of a cube on a platform. Refuses nothing yet.
    ///
    /// # Errors
    /// When the base or a listed place can't be inspected.
    pub fn of(layout: &Layout, runner: &Runner) -> Result<Self> {
        let listed = runner.follow_links.iter();
        let listed = listed.map(|place| real(&normal(&home_expanded(place.as_str()))));
        Ok(Self {
            listed: listed.collect::<Result<_>>().context("follow_links")?,
            names_base: runner.base.is_some(),
            ..Self::of_folder(&layout.base)?
        })
    }

    /// Makes the boundary of a base, out of which no link leads to a place that the user lists.
    ///
    /// # Errors
    /// When the base can't be inspected.
    pub fn of_folder(base: &Path) -> Result<Self> {
        let homes = homes()?;
        let ssh = homes.iter().map(|home| real(&home.join(".ssh")));
        let state = real(&state_folder()?).or_hint(STATE_REMEDY);
        let protected = ssh.chain([state]).collect::<Result<_>>()?;
        Ok(Self { base: real(base)?, homes, protected, listed: Vec::new(), names_base: false })
    }

    /// Refuses to send what is outside the base, and what a cube declares outside its own checkout, unless the user
    /// allows it.
    ///
    /// # Errors
    /// For the first such place, by its name.
    pub fn check_code(&self, layout: &Layout) -> Result<()> {
        let root = layout.local_root();
        let real_root = real(&root)?;
        self.check_place("the cube's folder", &root, &real_root)?;
        let checkout = self.checkout(&real_root);
        let context = layout.context.iter().map(|place| ("the build context", place));
        let inputs = layout.inputs.iter().map(|place| ("the input", place));
        for (what, place) in context.chain(inputs) {
            let path = normal(&layout.base.join(place));
            let is = real(&path)?;
            self.check_place(what, &path, &is)?;
            let is_in_checkout = is.starts_with(checkout.unwrap_or(&real_root));
            if !is_in_checkout && !self.names_base && !self.is_listed(&is) {
                return Err(outside_checkout(what, &path, &is, layout));
            }
        }
        Ok(())
    }

    /// Refuses a workspace that is neither the cube's own nor named by the user, and one that would let a task read or
    /// write the user's private files.
    ///
    /// # Errors
    /// When the workspace is refused.
    pub fn check_workspace(&self, layout: &Layout, run: &Run) -> Result<()> {
        let path = normal(&layout.workspace);
        let is = real(&path)?;
        let what = "the workspace";
        if !self.can_be_listed(&is) {
            return Err(hinted(
                format!(
                    "{}: it holds files of yours that no task may read or write",
                    leads(what, &path, &is)
                ),
                "choose another folder with --workspace=DIR",
            ));
        }
        // A path outside the cube is the user's own, including all links in it.
        let in_base = path.strip_prefix(&layout.base).map(|below| self.base.join(below));
        let is_named = run.workspace.is_some() && in_base.map_or(true, |place| place == is);
        // What a task writes beside the cube, into scripts or a Makefile, its user would run; and in the cube's folder
        // itself are its mlcube.yaml and the hooks of its checkout.
        let cube = real(&layout.local_root())?;
        if is.starts_with(&cube) && is != cube || is_named || self.is_listed(&is) {
            return Ok(());
        }
        let leads = leads(what, &path, &is);
        let message = if is == cube {
            format!("{leads}, the cube's folder itself")
        } else {
            format!("{leads}, outside the cube's folder {}", cube.display())
        };
        Err(hinted(message, listing(&[is])))
    }

    /// Refuses inputs in the workspace that are links to somewhere else, unless the user allows it. A link whose target
    /// doesn't exist locally belongs to the remote.
    ///
    /// # Errors
    /// For the first such input, by its name.
    pub fn check_inputs(&self, layout: &Layout, inputs: &[Input]) -> Result<()> {
        let workspace = real(&normal(&layout.workspace))?;
        for Input { parameter, .. } in inputs {
            let local =
                parameter.local.as_ref().filter(|local| local.starts_with(&layout.workspace));
            let Some(local) = local else { continue };
            let Ok(is) = fs::canonicalize(local) else { continue };
            if !is.starts_with(&workspace) {
                let what = format!("the input {}.{},", parameter.task, parameter.name);
                self.check_place(&what, local, &is)?;
            }
        }
        Ok(())
    }

    /// Returns whether a local link leads to a place that the user lists.
    #[must_use]
    pub fn follows(&self, link: &Path) -> bool {
        self.followed(link).is_some()
    }

    /// The real path to which a local link leads, if the user lists that place.
    #[must_use]
    pub fn followed(&self, link: &Path) -> Option<PathBuf> {
        if self.listed.is_empty() {
            return None;
        }
        fs::canonicalize(link).ok().filter(|is| self.is_listed(is) && self.can_be_listed(is))
    }

    /// The real path to which a local link leads, if a push may read it: it is in the base, or the user lists it.
    #[must_use]
    pub fn readable(&self, link: &Path) -> Option<PathBuf> {
        let is = fs::canonicalize(link).ok()?;
        let is_own = is.starts_with(&self.base) && !self.is_in_git(&is);
        (is_own || self.is_listed(&is) && self.can_be_listed(&is)).then_some(is)
    }

    /// Returns whether `follow_links` may list a place: not a home or one of the user's private folders.
    #[must_use]
    pub fn can_be_listed(&self, is: &Path) -> bool {
        let holds = |folder: &PathBuf| folder.starts_with(is) || is.starts_with(folder);
        !self.is_home_or_above(is) && !self.is_in_git(is) && !self.protected.iter().any(holds)
    }

    fn check_place(&self, what: &str, path: &Path, is: &Path) -> Result<()> {
        let is_private =
            self.is_home_or_above(is) || self.protected.iter().any(|folder| is.starts_with(folder));
        if is_private || self.is_in_git(is) {
            return Err(hinted(
                format!("{}, which is never sent", leads(what, path, is)),
                "put what the cube needs into its own folder",
            ));
        }
        if is.starts_with(&self.base) || self.is_listed(is) {
            return Ok(());
        }
        Err(self.outside(what, path, is))
    }

    fn outside(&self, what: &str, path: &Path, is: &Path) -> Error {
        hinted(
            format!("{}, outside the base {}", leads(what, path, is), self.base.display()),
            listing(&[is.to_owned()]),
        )
    }

    fn is_listed(&self, is: &Path) -> bool {
        self.listed.iter().any(|place| is.starts_with(place))
    }

    /// Returns whether a place lies in a `.git`: its configuration holds tokens, and git runs its hooks. Some disks
    /// take `.GIT` for the same name.
    fn is_in_git(&self, is: &Path) -> bool {
        let tops = [&self.base].into_iter().chain(&self.listed);
        let below = tops
            .filter_map(|top| is.strip_prefix(top).ok())
            .min_by_key(|below| below.iter().count());
        below.unwrap_or(is).iter().any(|name| name.eq_ignore_ascii_case(".git"))
    }

    fn is_home_or_above(&self, is: &Path) -> bool {
        is_one_or_above(&self.homes, is)
    }

    /// The git work tree that contains the cube. A home folder that is one (for dot files) doesn't make its content
    /// part of the cube.
    fn checkout<'a>(&self, root: &'a Path) -> Option<&'a Path> {
        // In a linked work tree and in a submodule `.git` is a file.
        let top = root.ancestors().find(|folder| fs::symlink_metadata(folder.join(".git")).is_ok());
        top.filter(|top| !self.is_home_or_above(top))
    }
}

/// The real paths of the user's home folders.
fn homes() -> Result<Vec<PathBuf>> {
    let mut homes = home().map(|home| real(&home)).transpose()?.into_iter().collect::<Vec<_>>();
    // ssh reads its files from the account's home, whatever HOME says. A home that is a broken link holds nothing to
    // protect.
    homes.extend(account_home().and_then(|home| real(&home).ok()));
    Ok(homes)
}

fn is_one_or_above(homes: &[PathBuf], is: &Path) -> bool {
    is.parent().is_none() || homes.iter().any(|home| home.starts_with(is))
}

/// Returns whether a real path is a home folder of the user, or one above it.
///
/// # Errors
/// When the home can't be inspected.
pub(crate) fn is_home_or_above(is: &Path) -> Result<bool> {
    Ok(is_one_or_above(&homes()?, is))
}

/// The home folder of the account, from the system's user database.
fn account_home() -> Option<PathBuf> {
    let user = User::from_uid(Uid::current()).ok().flatten()?;
    Some(user.dir).filter(|home| home.is_absolute())
}

/// `WHAT PATH`, and where it leads if that is another path.
fn leads(what: &str, path: &Path, is: &Path) -> String {
    if path == is {
        format!("{what} is {}", path.display())
    } else {
        format!("{what} {} leads to {}", path.display(), is.display())
    }
}

/// The hint that allows links to lead to these places.
#[must_use]
pub fn listing(places: &[PathBuf]) -> String {
    let place = |place: &PathBuf| serde_json::Value::from(place.to_string_lossy()).to_string();
    let list = format!("[{}]", places.iter().map(place).collect::<Vec<_>>().join(", "));
    format!(
        "if that is meant, set follow_links: {list} in the platform's section, or give {}",
        shell_word(&format!("-Prunner.follow_links={list}"))
    )
}

fn outside_checkout(what: &str, path: &Path, is: &Path, layout: &Layout) -> Error {
    let base = serde_json::Value::from(layout.base.to_string_lossy().into_owned());
    hinted(
        format!(
            "{} ({}): it lies outside the cube's folder and the git checkout that holds it",
            leads(what, path, is),
            measured(is)
        ),
        format!(
            "to send it, set base: {base} in the platform's section, or give {}",
            shell_word(&format!("-Prunner.base={}", layout.base.display()))
        ),
    )
}

/// The number and size of the files in a folder, up to [`COUNTED`] entries.
fn measured(folder: &Path) -> String {
    let (mut files, mut bytes, mut entries) = (0, 0, 0);
    let mut waiting = vec![folder.to_owned()];
    while let Some(path) = waiting.pop() {
        entries += 1;
        let Ok(found) = fs::symlink_metadata(&path) else { continue };
        if found.is_dir() {
            let names = fs::read_dir(&path).into_iter().flatten().flatten();
            waiting.extend(names.map(|entry| entry.path()));
        } else {
            files += 1;
            bytes += found.len();
        }
        if entries == COUNTED && !waiting.is_empty() {
            return format!("more than {}, {}", count(files, "file"), human_bytes(bytes));
        }
    }
    format!("{}, {}", count(files, "file"), human_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::process::command::Command;

    #[test]
    fn a_path_is_what_its_links_make_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let top = fs::canonicalize(folder.path()).unwrap();
        fs::create_dir(top.join("disk")).unwrap();
        symlink("disk", top.join("link")).unwrap();
        symlink("nowhere", top.join("dangling")).unwrap();
        symlink("loop", top.join("loop")).unwrap();
        assert_eq!(real(&top.join("link")).unwrap(), top.join("disk"));
        assert_eq!(real(&top.join("link/not/yet")).unwrap(), top.join("disk/not/yet"));
        assert_eq!(real(&top.join("absent")).unwrap(), top.join("absent"));
        assert!(real(&top.join("dangling/x")).unwrap_err().to_string().contains("dangling"));
        assert!(real(&top.join("loop")).is_err());
    }

    #[test]
    fn the_accounts_home_is_a_home_whatever_the_environment_says() {
        let told = Command::new("id").arg("-un").run().unwrap().output;
        let account = String::from_utf8(told).unwrap();
        let record = fs::read_to_string("/etc/passwd").unwrap();
        let name = format!("{}:", account.trim());
        // The account may be in another directory service.
        if let Some(line) = record.lines().find(|line| line.starts_with(&name)) {
            let home = line.split(':').nth(5).map(PathBuf::from);
            assert_eq!(account_home(), home);
        }
        let [named, account] = ["/home/named", "/home/account"].map(PathBuf::from);
        let boundary = Boundary {
            base: PathBuf::from("/home"),
            homes: vec![named.clone(), account.clone()],
            protected: vec![named.join(".ssh"), account.join(".ssh")],
            listed: vec![account.clone()],
            names_base: true,
        };
        for is in [&account, &account.join(".ssh"), &named, Path::new("/home"), Path::new("/")] {
            let refused = boundary.check_place("the build context", Path::new("/x"), is);
            assert!(refused.unwrap_err().to_string().contains("never sent"), "{}", is.display());
        }
        assert!(
            boundary
                .check_place("the build context", Path::new("/x"), &account.join("cube"))
                .is_ok()
        );
    }
}
