//! The code of a cube: its root and its build context, without the workspace.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::Result;
use mlcube_ssh_config::ignored::Ignored;
use mlcube_ssh_config::layout::{Layout, normal};
use mlcube_ssh_config::workspace::{Kind, Listing};

use crate::stays::Stays;

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

/// What the code is on this machine now; what stays here is noted.
pub(crate) fn listing(layout: &Layout, stays: &Stays) -> Result<Listing> {
    let workspaces = workspaces(layout);
    let ignored = Ignored::of_code(layout);
    let mut all = Listing::default();
    for folder in folders(layout) {
        let top = layout.base.join(&folder);
        let skip = |path: &Path, is_folder| {
            let place = folder.join(path);
            Ok(workspaces.contains(&place)
                || stays.here(&ignored, &place, is_folder)?
                || stays.unreadable(&top.join(path), is_folder))
        };
        let listing = Listing::of_folder(&top, &skip)?;
        for (path, entry) in listing.iter() {
            all.insert(folder.join(path), entry.clone());
        }
    }
    Ok(all)
}

/// The code as rsync's `--files-from=- --from0` reads it. A folder is named without a slash at its end: with one
/// rsync would send what lies in it, ignored files too.
pub(crate) fn files_from(code: &Listing) -> Vec<u8> {
    let sent = code.iter().filter(|(_, entry)| entry.kind != Kind::Other);
    sent.flat_map(|(path, _)| [path.as_os_str().as_bytes(), &[0]].concat()).collect()
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
}
