//! The local folders that a cube needs, and their places on the remote.
//!
//! Most public cubes build their image from a folder outside their own (`docker.build_context: ../project`), and some
//! read data from one. The root, the build context and the declared inputs keep their relative places below
//! `remote_root/NAME/`; the base is their deepest common folder. It is found from the cube's declarations and never
//! from arguments, so that the layout doesn't change.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::cube::paths::{home, home_expanded, normal, real};
use crate::pipe::document::{Remote, Run};
use crate::pipe::failure::hinted;
use crate::settings::names::RemotePath;
use crate::settings::runner::Runner;
use crate::text::quote::{is_plain, plain};
use crate::text::stable_hash::{StableHash, former};

/// The remote folder, in `remote_root`, for jobs, state and backups.
pub const STATE: &str = ".mlcube-ssh";

/// Its subfolder for workspaces that are outside the base locally.
const OUTSIDE: &str = "workspaces";

/// The local folders of a cube and their places in the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Layout {
    /// The local folder that is mirrored as the tree.
    pub base: PathBuf,
    /// The cube's root, relative to the base (empty: the base itself).
    pub root: PathBuf,
    /// The build context, relative to the base, if the cube declares one.
    pub context: Option<PathBuf>,
    /// The declared inputs outside the root, relative to the base: files or folders.
    pub inputs: Vec<PathBuf>,
    /// The name of the cube's file in its root (`mlcube.yaml`).
    pub file: String,
    /// The local workspace.
    pub workspace: PathBuf,
}

impl Layout {
    /// Makes the layout of a cube whose configuration is resolved.
    ///
    /// # Errors
    /// When the base would be the home folder or above it, or `base` doesn't contain what the cube declares.
    pub fn of(
        config: &serde_json::Map<String, serde_json::Value>,
        run: &Run,
        runner: &Runner,
    ) -> Result<Self> {
        let file = Path::new(&run.mlcube);
        let root = file.parent().context("the cube's file has no folder")?;
        let name = file
            .file_name()
            .and_then(|name| name.to_str())
            .context("the cube's file has no name")?;
        let text =
            |section: &str, key: &str| config.get(section)?.get(key)?.as_str().map(str::to_owned);
        let remote = |key: &str| runner.remote.as_ref()?.get(key)?.as_str().map(str::to_owned);
        // An absolute build context is a path on the remote.
        let declared = text("docker", "build_context")
            .or_else(|| remote("build_context"))
            .filter(|context| !context.starts_with(['/', '~', '$']));
        let recipe = text("docker", "build_file").or_else(|| remote("build_file"));
        let recipe = recipe.unwrap_or_else(|| "Dockerfile".to_owned());
        // Without a recipe the image is pulled, not built, and the context isn't used; many such cubes declare `../`.
        let context = declared
            .map(|context| normal(&root.join(context)))
            .filter(|context| context.join(&recipe).is_file());
        let inputs: Vec<PathBuf> = run.inputs.iter().map(PathBuf::from).collect();
        let base = match &runner.base {
            Some(base) => normal(&root.join(home_expanded(base))),
            None => context
                .iter()
                .chain(&inputs)
                .fold(root.to_owned(), |base, place| common(&base, place)),
        };
        let workspace =
            text("runtime", "workspace").context("the configuration has no runtime.workspace")?;
        Ok(Self {
            root: below(&base, root)?,
            context: context.map(|context| below(&base, &context)).transpose()?,
            inputs: inputs.iter().map(|input| below(&base, input)).collect::<Result<_>>()?,
            base,
            file: name.to_owned(),
            workspace: PathBuf::from(workspace),
        })
    }

    /// Makes a layout from its parts.
    #[must_use]
    pub fn new(
        base: PathBuf,
        root: PathBuf,
        context: Option<PathBuf>,
        file: String,
        workspace: PathBuf,
    ) -> Self {
        Self { base, root, context, inputs: Vec::new(), file, workspace }
    }

    /// The places to send, relative to the base; a place inside another one is left out.
    #[must_use]
    pub fn places(&self) -> Vec<PathBuf> {
        let all: Vec<&PathBuf> =
            std::iter::once(&self.root).chain(&self.context).chain(&self.inputs).collect();
        let mut places: Vec<PathBuf> = Vec::new();
        for place in &all {
            let in_another = all.iter().any(|other| other != place && place.starts_with(other));
            if !in_another && !places.contains(place) {
                places.push((*place).clone());
            }
        }
        places
    }

    /// The local root of the cube.
    #[must_use]
    pub fn local_root(&self) -> PathBuf {
        normal(&self.base.join(&self.root))
    }

    /// The folder that the image is built from, relative to the base.
    #[must_use]
    pub fn build_context(&self) -> &Path {
        self.context.as_ref().unwrap_or(&self.root)
    }

    /// The path of the workspace relative to the cube's root, if it is below it.
    #[must_use]
    pub fn workspace_in_root(&self) -> Option<PathBuf> {
        self.workspace
            .strip_prefix(self.local_root())
            .ok()
            .filter(|path| !path.as_os_str().is_empty())
            .map(Path::to_owned)
    }

    /// The workspace's place in the base, if it is in the base and the path has no newline.
    #[must_use]
    pub fn workspace_in_base(&self) -> Option<String> {
        let place = normal(&self.workspace).strip_prefix(&self.base).ok()?.to_str()?.to_owned();
        (!place.contains('\n')).then_some(place)
    }

    /// The places of the workspace in the base: the one in use and the default one. A workspace is never code.
    #[must_use]
    pub fn workspaces(&self) -> Vec<PathBuf> {
        let default = self.local_root().join("workspace");
        let below = |path: &Path| normal(path).strip_prefix(&self.base).ok().map(Path::to_owned);
        let mut places: Vec<_> =
            [&self.workspace, &default].into_iter().filter_map(|path| below(path)).collect();
        places.dedup();
        places.retain(|place| !place.as_os_str().is_empty());
        places
    }

    /// Returns whether a path in the base is a workspace or is in one.
    #[must_use]
    pub fn is_workspace(&self, path: &Path) -> bool {
        self.workspaces().iter().any(|workspace| path.starts_with(workspace))
    }

    /// Returns whether a path in the base is in one of the places to send, and not in a workspace.
    #[must_use]
    pub fn is_code(&self, path: &Path) -> bool {
        self.places().iter().any(|place| path.starts_with(place)) && !self.is_workspace(path)
    }

    /// The tree's name on the remote: the base's own name, with every character that isn't plain in a shell line
    /// replaced.
    #[must_use]
    pub fn name(&self, runner: &Runner) -> String {
        if let Some(name) = &runner.remote_name {
            return name.to_string();
        }
        let name = plain(&self.base.file_name().unwrap_or_default().to_string_lossy());
        match name.strip_prefix(['.', '-']) {
            Some(rest) => format!("_{rest}"),
            None => name,
        }
    }

    /// The remote places of the tree, the cube, the workspace and the state folder.
    ///
    /// # Errors
    /// When a path isn't valid on the remote.
    pub fn remote(&self, runner: &Runner) -> Result<Remote> {
        let name = self.name(runner);
        let base = runner.remote_root.join(&name)?;
        let state = runner.remote_root.join(STATE)?.join(&name)?;
        let cube = join(&base, &self.root)?;
        let workspace = match self.workspace_in_root() {
            Some(place) => join(&cube, &place)?,
            None => state.join(OUTSIDE)?.join(&outside_name(&self.workspace))?,
        };
        let (host, user) = (runner.host.clone(), runner.authentication.user.clone());
        Ok(Remote::new(host, user, base, cube, workspace, state))
    }

    /// The place of the remote workspace in an earlier version, if it differs from the present one.
    ///
    /// # Errors
    /// When the path isn't valid on the remote.
    pub fn former_workspace(&self, remote: &Remote) -> Result<Option<RemotePath>> {
        if self.workspace_in_root().is_some() {
            return Ok(None);
        }
        remote.state.join(OUTSIDE)?.join(&former_outside_name(&self.workspace)).map(Some)
    }
}

/// The path with every component plain, as the remote `mlcube` can take it.
#[must_use]
pub fn plain_path(path: &Path) -> String {
    plain(&path.to_string_lossy())
}

/// The links that `path` needs: for each component that isn't plain, the path of a link with a plain name beside it,
/// and the component's name.
#[must_use]
pub fn links(path: &Path) -> Vec<(String, String)> {
    let mut link = String::new();
    let mut links = Vec::new();
    for component in path.components() {
        let name = component.as_os_str().to_string_lossy().into_owned();
        link.push_str(&plain(&name));
        if !is_plain(&name) {
            links.push((link.clone(), name));
        }
        link.push('/');
    }
    links
}

fn join(folder: &RemotePath, below: &Path) -> Result<RemotePath> {
    if below.as_os_str().is_empty() {
        return Ok(folder.clone());
    }
    folder.join(below.to_str().context("a path of the cube isn't UTF-8")?)
}

/// The name of the remote folder for a workspace outside the cube: its own name and a hash of its path, which keeps two
/// apart.
fn outside_name(workspace: &Path) -> String {
    let hash = StableHash::default().field(workspace).finish();
    format!("{}-{hash:016x}", plain_name(workspace))
}

/// The name that earlier versions gave to that folder.
fn former_outside_name(workspace: &Path) -> String {
    format!("{}-{:08x}", plain_name(workspace), former::hash(&workspace) & 0xffff_ffff)
}

fn plain_name(workspace: &Path) -> String {
    let name = plain(&workspace.file_name().unwrap_or_default().to_string_lossy());
    name.trim_start_matches(['.', '-']).to_owned()
}

fn common(one: &Path, other: &Path) -> PathBuf {
    one.components().zip(other.components()).take_while(|(a, b)| a == b).map(|(a, _)| a).collect()
}

/// Refuses a base that is a home folder or contains one, by its text or by its real path.
pub(crate) fn check_base(base: &Path) -> Result<()> {
    let is_too_much = |base: &Path, home: Option<&PathBuf>| {
        base.parent().is_none() || home.is_some_and(|home| home.starts_with(base))
    };
    let home = home();
    let real = |path: &Path| real(path).ok();
    let is_really_too_much = || {
        real(base).is_some_and(|base| is_too_much(&base, home.as_deref().and_then(real).as_ref()))
    };
    if is_too_much(base, home.as_ref()) || is_really_too_much() {
        return Err(hinted(
            format!(
                "the cube, its build context and its inputs meet only in {}, and no home folder is copied",
                base.display()
            ),
            "move them into a folder of their own",
        ));
    }
    Ok(())
}

fn below(base: &Path, path: &Path) -> Result<PathBuf> {
    path.strip_prefix(base).map(Path::to_owned).map_err(|_| {
        hinted(
            format!("{} isn't below the base {}", path.display(), base.display()),
            "set 'base' in the platform's section to a folder that holds the cube, its build context and its inputs",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base_is_the_deepest_common_folder() {
        assert_eq!(common(Path::new("/a/b/c"), Path::new("/a/b/d")), Path::new("/a/b"));
    }

    #[test]
    fn odd_names_get_links() {
        let path = Path::new("a b/x/c é");
        let link = |path: &str, name: &str| (path.to_owned(), name.to_owned());
        assert_eq!(links(path), [link("a_b", "a b"), link("a_b/x/c__", "c é")]);
        assert_eq!(plain_path(path), "a_b/x/c__");
    }

    #[test]
    fn a_home_is_never_the_base() {
        let home = home().unwrap();
        assert!(check_base(&home).is_err());
        assert!(check_base(Path::new("/")).is_err());
        assert!(check_base(&home.join("cubes/one")).is_ok());
    }
}
