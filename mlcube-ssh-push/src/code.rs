//! The code of a cube: its root and its build context, without the workspace.

use std::path::{Path, PathBuf};

use anyhow::Result;
use mlcube_ssh_config::layout::{Layout, normal};
use mlcube_ssh_config::workspace::Listing;

/// Folders of version control and of our own make rules; they stay here.
const STAYS: [&str; 2] = [".git", ".mlcube-ssh"];

/// The folders to send, relative to the base: one that lies in another goes with it.
pub(crate) fn folders(layout: &Layout) -> Vec<PathBuf> {
    let mut folders = vec![layout.root.clone()];
    if let Some(context) = &layout.context {
        if layout.root.starts_with(context) {
            folders.clear();
        }
        if !context.starts_with(&layout.root) || folders.is_empty() {
            folders.push(context.clone());
        }
    }
    folders
}

/// The places of the workspace in the base: the one in use and the default one. The workspace is never code.
fn workspaces(layout: &Layout) -> Vec<PathBuf> {
    let default = layout.local_root().join("workspace");
    let below = |path: &Path| normal(path).strip_prefix(&layout.base).ok().map(Path::to_owned);
    let mut places: Vec<_> =
        [&layout.workspace, &default].into_iter().filter_map(|path| below(path)).collect();
    places.dedup();
    places.retain(|place| !place.as_os_str().is_empty());
    places
}

/// What the code is on this machine now.
pub(crate) fn listing(layout: &Layout) -> Result<Listing> {
    let workspaces = workspaces(layout);
    let mut all = Listing::default();
    for folder in folders(layout) {
        let skip = |path: &Path| {
            let stays =
                path.file_name().is_some_and(|name| STAYS.iter().any(|stays| name == *stays));
            stays || workspaces.contains(&folder.join(path))
        };
        let listing = Listing::of_folder(&layout.base.join(&folder), &skip)?;
        for (path, entry) in listing.iter() {
            all.insert(folder.join(path), entry.clone());
        }
    }
    Ok(all)
}

/// rsync's arguments that leave out what stays here.
pub(crate) fn excludes(layout: &Layout) -> Vec<String> {
    let stays = STAYS.iter().map(|name| format!("--exclude={name}"));
    stays
        .chain(
            workspaces(layout)
                .iter()
                .map(|place| format!("--exclude=/{}", pattern(&place.to_string_lossy()))),
        )
        .collect()
}

/// The folders as rsync's `--relative` reads them: the part after `/./` is laid out on the other side; the slash at the
/// end follows a folder that is a link.
pub(crate) fn sources(layout: &Layout) -> Vec<String> {
    let base = layout.base.to_string_lossy();
    folders(layout)
        .iter()
        .map(|folder| format!("{base}/./{}/", folder.display()).replace("/.//", "/./"))
        .collect()
}

/// `path` as a pattern of rsync that matches it alone: in a pattern with a wildcard a backslash takes it literally.
fn pattern(path: &str) -> String {
    if !path.contains(['*', '?', '[']) {
        return path.to_owned();
    }
    path.chars().flat_map(|c| ["*?[\\".contains(c).then_some('\\'), Some(c)]).flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(base: &str, root: &str, context: Option<&str>, workspace: &str) -> Layout {
        Layout::new(
            base.into(),
            root.into(),
            context.map(Into::into),
            "mlcube.yaml".to_owned(),
            workspace.into(),
        )
    }

    #[test]
    fn folders_of_the_shapes_that_cubes_have() {
        let shape = |root: &str, context: Option<&str>| {
            folders(&layout("/b", root, context, "/b/cube/workspace"))
        };
        assert_eq!(
            shape("cube", Some("project")),
            [PathBuf::from("cube"), PathBuf::from("project")]
        );
        assert_eq!(shape("cube", Some("")), [PathBuf::from("")], "../");
        assert_eq!(shape("", Some("build")), [PathBuf::from("")], "build");
        assert_eq!(shape("", Some("")), [PathBuf::from("")], ".");
        assert_eq!(shape("", None), [PathBuf::from("")]);
    }

    #[test]
    fn sources_and_excludes() {
        let layout = layout("/b", "cu[b]e", Some("project"), "/b/cu[b]e/workspace");
        assert_eq!(sources(&layout), ["/b/./cu[b]e/", "/b/./project/"]);
        assert_eq!(
            excludes(&layout),
            ["--exclude=.git", "--exclude=.mlcube-ssh", r"--exclude=/cu\[b]e/workspace"]
        );
    }
}
