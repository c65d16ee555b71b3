//! The code of a cube: its root and its build context, without the workspace.

use std::path::{Path, PathBuf};

use anyhow::Result;
use mlcube_ssh::cube::boundary::Boundary;
use mlcube_ssh::cube::layout::Layout;
use mlcube_ssh::listing::ignore::Ignored;
use mlcube_ssh::listing::{Entry, EntryKind, Found, Listing, Skip};
use mlcube_ssh::pipe::document::Remote;

use crate::local::skipped::LocallySkipped;

/// Lists the code as it is on the local disk, without anything in one of `workspaces`. What isn't sent is noted in
/// `skipped`.
pub(crate) fn listing(
    layout: &Layout,
    boundary: &Boundary,
    workspaces: &[PathBuf],
    skipped: &LocallySkipped,
) -> Result<Listing> {
    let ignored = Ignored::of_code(layout, boundary);
    let mut all = Listing::default();
    for place in layout.places() {
        add(&mut all, layout, &place, &|path, found| {
            Ok(workspaces.iter().any(|workspace| workspace == path)
                || skipped.note_if_ignored(&ignored, path, found.is_folder)?
                || skipped.is_unreadable(&layout.base, path, found))
        })?;
    }
    Ok(all)
}

/// Adds a file, or a folder with all that is in it. A folder that is a link is followed.
fn add(all: &mut Listing, layout: &Layout, place: &Path, skip: &Skip<'_>) -> Result<()> {
    let top = layout.base.join(place);
    if !place.as_os_str().is_empty() {
        if skip(place, Found::new(top.is_dir()))? {
            return Ok(());
        }
        let is_followed = |entry: &Entry| entry.kind == EntryKind::Link && top.is_dir();
        if let Some(entry) = Entry::look(&top)?.filter(|entry| !is_followed(entry)) {
            all.insert(place, &entry);
        }
    }
    let below = Listing::of_folder(&top, &|path, found| skip(&place.join(path), found))?;
    all.graft(place, &below);
    Ok(())
}

/// The code without devices, sockets, pipes and entries that can't be looked at.
pub(crate) fn sendable(code: &Listing) -> Listing {
    code.filter(|_, entry| !matches!(entry.kind, EntryKind::Other | EntryKind::Unreadable))
}

/// The entries of the code that exist in a remote tree that this push has just made: the folders above the workspace.
pub(crate) fn just_made(remote: &Remote, code: &Listing) -> Listing {
    let workspace = Path::new(remote.workspace.as_str());
    let below = workspace.strip_prefix(remote.base.as_str()).unwrap_or(Path::new(""));
    code.filter(|path, _| below.starts_with(path))
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
    fn places_of_each_cube_layout() {
        let shape = |root: &str, context: Option<&str>| {
            layout("/b", root, context, "/b/cube/workspace").places()
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
