//! Maps the path of a task's parameter to its local and its remote place.
//!
//! `mlcube` reads a path relative to the workspace. Absolute paths and those that start with `~` or a variable belong
//! to the remote, except absolute paths below the local root or workspace, which mean the corresponding remote place.

use std::path::{Path, PathBuf};

use crate::cube::layout::{Layout, plain_path};
use crate::cube::paths::normal;
use crate::pipe::document::Remote;

/// The local place; `None` for a path that belongs to the remote.
#[must_use]
pub fn local_path(layout: &Layout, path: &str) -> Option<PathBuf> {
    let local = normal(&layout.workspace.join(path));
    let is_own = path.starts_with('/')
        && !local.starts_with(&layout.workspace)
        && !local.starts_with(layout.local_root());
    (!is_own && !path.starts_with(['~', '$'])).then_some(local)
}

/// The remote place, as a remote script reads it; `None` for a local place that isn't sent.
#[must_use]
pub fn remote_path(layout: &Layout, remote: &Remote, path: &str) -> Option<String> {
    let Some(local) = local_path(layout, path) else { return Some(path.to_owned()) };
    if let Ok(rest) = local.strip_prefix(&layout.workspace) {
        return Some(joined(remote.workspace.as_str(), rest));
    }
    // The remote mlcube reads a relative path from the remote workspace, so this must have the same neighbours as the
    // local one.
    let is_read_there = path.starts_with('/') || layout.workspace_in_root().is_some();
    let place = local.strip_prefix(&layout.base).ok()?;
    (is_read_there && layout.is_code(place)).then(|| joined(remote.base.as_str(), place))
}

/// The path to give to the remote `mlcube`. A path in the workspace is relative to it, whatever the remote workspace is
/// called; the rest of the cube gets its full path, which holds even if the remote workspace is a link.
#[must_use]
pub fn remote_argument(layout: &Layout, remote: &Remote, path: &str) -> String {
    let Some(local) = local_path(layout, path).filter(|_| path.starts_with('/')) else {
        return path.to_owned();
    };
    let given = match (local.strip_prefix(&layout.workspace), local.strip_prefix(&layout.base)) {
        // With a leading dot even `2024` is a path.
        (Ok(rest), _) => joined(".", rest),
        (_, Ok(place)) => joined(&full_base(remote), Path::new(&in_plain_root(layout, place))),
        _ => return path.to_owned(),
    };
    // A trailing slash tells mlcube that it is a folder.
    if path.ends_with('/') && !given.ends_with('/') { given + "/" } else { given }
}

/// The remote base for a reader that takes a path without a leading `/` or `~` as relative to the workspace.
fn full_base(remote: &Remote) -> String {
    let base = remote.base.as_str();
    if base.starts_with(['/', '~']) { base.to_owned() } else { format!("~/{base}") }
}

/// A place in the base, by way of the links with plain names that a push makes for the root.
fn in_plain_root(layout: &Layout, place: &Path) -> String {
    let rest = place.strip_prefix(&layout.root).unwrap_or(place);
    joined(&plain_path(&layout.root), rest)
}

fn joined(folder: &str, rest: &Path) -> String {
    Path::new(folder).join(rest).to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::names::RemotePath;

    /// A cube in `/h/lab/my cube` that is built from `/h/lab/project`, with its local and its remote workspace.
    fn cube(workspace: &str, workspace_there: &str) -> (Layout, Remote) {
        let context = Some(PathBuf::from("project"));
        let (base, root) = (PathBuf::from("/h/lab"), PathBuf::from("my cube"));
        let layout = Layout::new(base, root, context, "mlcube.yaml".into(), workspace.into());
        let path = |path: &str| path.parse::<RemotePath>().unwrap();
        let remote = Remote::new(
            "there".parse().unwrap(),
            None,
            path("~/cubes/lab"),
            path("~/cubes/lab/my cube"),
            path(workspace_there),
            path("~/cubes/.mlcube-ssh/lab"),
        );
        (layout, remote)
    }

    #[test]
    fn paths_and_what_the_remote_mlcube_is_given() {
        let (layout, remote) = cube("/h/lab/my cube/workspace", "~/cubes/lab/my cube/workspace");
        let table = [
            ("data.csv", "data.csv", Some("~/cubes/lab/my cube/workspace/data.csv")),
            ("../x", "../x", Some("~/cubes/lab/my cube/x")),
            ("../../project/x", "../../project/x", Some("~/cubes/lab/project/x")),
            ("../../other", "../../other", None),
            ("~/x", "~/x", Some("~/x")),
            ("$DATA/x", "$DATA/x", Some("$DATA/x")),
            ("/data/x", "/data/x", Some("/data/x")),
            ("/h/lab/project/x", "/h/lab/project/x", Some("/h/lab/project/x")),
            ("/h/lab/my cube2/x", "/h/lab/my cube2/x", Some("/h/lab/my cube2/x")),
            (
                "/h/lab/my cube/workspace/2024/",
                "./2024/",
                Some("~/cubes/lab/my cube/workspace/2024"),
            ),
            ("/h/lab/my cube/workspace", "./", Some("~/cubes/lab/my cube/workspace/")),
            (
                "/h/lab/my cube/./workspace/../x/",
                "~/cubes/lab/my_cube/x/",
                Some("~/cubes/lab/my cube/x"),
            ),
            ("/h/lab/my cube", "~/cubes/lab/my_cube/", Some("~/cubes/lab/my cube")),
        ];
        for (path, given, lies) in table {
            assert_eq!(remote_argument(&layout, &remote, path), given, "{path}");
            assert_eq!(remote_path(&layout, &remote, path).as_deref(), lies, "{path}");
        }
    }

    #[test]
    fn beside_a_workspace_of_its_own() {
        let (layout, remote) = cube("/elsewhere/ws", "~/cubes/.mlcube-ssh/lab/workspaces/ws-1");
        let at = |path: &str| remote_path(&layout, &remote, path);
        assert_eq!(at("/elsewhere/ws/x").unwrap(), "~/cubes/.mlcube-ssh/lab/workspaces/ws-1/x");
        assert_eq!(at("/h/lab/my cube/x").unwrap(), "~/cubes/lab/my cube/x");
        assert_eq!(at("/h/lab/my cube/workspace/x"), None, "that of the cube isn't sent");
        assert_eq!(
            at("../../h/lab/my cube/x"),
            None,
            "the remote mlcube would look beside its own"
        );
        let remote = Remote { base: "cubes/lab".parse().unwrap(), ..remote };
        let given = remote_argument(&layout, &remote, "/h/lab/my cube/x");
        assert_eq!(given, "~/cubes/lab/my_cube/x");
    }
}
