//! Local links that lead out of the workspace. Nothing is read or written through such a link unless the user allows
//! it: a task or a cube may have made it, whatever the sync state says.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::cube::boundary::Boundary;
use crate::listing::Listing;
use crate::listing::entry::{Entry, EntryKind};
use crate::listing::walk::Skip;
use crate::sync::plan::leads_out;

/// Follows links of `local`, the listing of the local folder `top`, that lead out of it to places that the user allows,
/// if `is_wanted` returns true for the link's path and its end. Each becomes the file or folder that it leads to, which
/// keeps the link's target, and a folder's entries are added to the listing, except those that `skip` names. `partial`
/// gets the folders behind the links where transfers have left parts of files. Returns the followed links.
///
/// # Errors
/// When a folder behind a link can't be listed, and the errors of `skip`.
pub fn follow_own_links(
    local: &mut Listing,
    top: &Path,
    boundary: &Boundary,
    is_wanted: &dyn Fn(&Path, &Entry) -> bool,
    skip: &Skip<'_>,
    partial: &mut Vec<PathBuf>,
) -> Result<Vec<PathBuf>> {
    let mut followed = Vec::new();
    loop {
        let end = |(path, link): (&'static Path, Entry)| {
            let end = end(top, path, &link, boundary)?;
            is_wanted(path, &end).then_some((path, end))
        };
        let found: Vec<_> = local.iter().filter_map(end).collect();
        if found.is_empty() {
            return Ok(followed);
        }
        for (path, end) in found {
            if end.is_folder() {
                let skip = |below: &Path, found| skip(&path.join(below), found);
                let (place, mut parts) = (top.join(path), Vec::new());
                let below = Listing::of_folder_with_parts(&place, &skip, &mut parts)?;
                local.graft(path, &below);
                partial.extend(parts.iter().map(|part| path.join(part)));
            }
            local.insert(path, &end);
            followed.push(path.to_owned());
        }
    }
}

/// The file or folder that a followed link leads to; `None` if the link isn't followed.
fn end(top: &Path, path: &Path, link: &Entry, boundary: &Boundary) -> Option<Entry> {
    let place = top.join(path);
    // rsync takes the path of such a folder as text.
    let is_followed = link.kind == EntryKind::Link
        && leads_out(path, link)
        && path.to_str().is_some()
        && boundary.follows(&place)
        && !leads_around(top, path);
    if !is_followed {
        return None;
    }
    let end = Entry::of(&fs::metadata(&place).ok()?, &place).ok()?;
    let can_be_read = match end.kind {
        EntryKind::File => true,
        // A link to a folder that can't be listed stays a link.
        EntryKind::Folder => fs::read_dir(&place).is_ok(),
        _ => false,
    };
    can_be_read.then(|| Entry { target: link.target.clone(), ..end })
}

/// Returns whether a link leads to a folder above it: following it would never end.
fn leads_around(top: &Path, path: &Path) -> bool {
    let Ok(end) = fs::canonicalize(top.join(path)) else { return true };
    let mut around = path.ancestors().skip(1);
    around.any(|folder| fs::canonicalize(top.join(folder)).is_ok_and(|is| is.starts_with(&end)))
}
