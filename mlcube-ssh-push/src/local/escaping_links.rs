//! Links that lead out of what is sent. They are sent unchanged, and lead on the remote to whatever has that path,
//! usually nothing. A warning says so when they are sent.

use std::path::{Path, PathBuf};

use mlcube_ssh::cube::layout::Layout;
use mlcube_ssh::cube::paths::normal;
use mlcube_ssh::listing::{Entry, EntryKind};
use mlcube_ssh::ui::names::shown;

use crate::transfer::context::TransferContext;

/// How many links are named.
const NAMED: usize = 5;

/// Names these links among the entries that were just sent.
pub(crate) fn name(context: &TransferContext) {
    let (layout, code) = (&context.cube.layout, context.local.changed_code());
    let sent = [(&layout.base, &code), (&layout.workspace, &context.plan.send)];
    let entries = sent
        .into_iter()
        .flat_map(|(top, listing)| listing.iter().map(move |(path, entry)| (top, path, entry)));
    let links = entries.filter(|(.., entry)| entry.kind == EntryKind::Link);
    let out: Vec<_> = links
        .filter(|(top, path, entry)| leads_out(layout, &top.join(path), &entry.target))
        .collect();
    if !out.is_empty() {
        let is_of_workspace = |(top, ..): &(&PathBuf, &Path, Entry)| **top == layout.workspace;
        // The two are sent from different folders.
        let place = match out.iter().filter(|link| is_of_workspace(link)).count() {
            0 => "the cube's folder or its build context",
            all if all == out.len() => "the workspace",
            _ => {
                "the workspace, or that of a link of the code into the cube's folder or its build context"
            }
        };
        let named = out.iter().take(NAMED);
        let named: Vec<String> = named
            .map(|(_, path, entry)| format!("{} -> {}", shown(path), shown(&entry.target)))
            .collect();
        context.step.report().warn(&format!(
            "sent links without their targets: {}{}",
            named.join(", "),
            more(out.len())
        ));
        context.step.report().hint(&format!(
            "put the target into {place}, or provide it on '{}' under the same path",
            context.connection.host()
        ));
    }
}

/// Returns whether the target of a link, by its text, isn't at the same relative place on the remote.
fn leads_out(layout: &Layout, link: &Path, target: &Path) -> bool {
    if target.is_absolute() {
        return true;
    }
    let target = normal(&link.parent().unwrap_or(link).join(target));
    let in_workspace = |path: &Path| path.starts_with(&layout.workspace);
    // A workspace outside the cube has a place of its own on the remote.
    let is_between_trees =
        layout.workspace_in_root().is_none() && in_workspace(link) != in_workspace(&target);
    let is_code = || target.strip_prefix(&layout.base).is_ok_and(|place| layout.is_code(place));
    is_between_trees || !(in_workspace(&target) || is_code())
}

fn more(number: usize) -> String {
    if number > NAMED { format!(" and {} more", number - NAMED) } else { String::new() }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    /// Returns which of these links lead out, for a cube in `/h/lab/cube` that is built from `/h/lab/project`.
    fn out<'a>(workspace: &str, links: &[(&'a str, &str)]) -> Vec<&'a str> {
        let context = Some(PathBuf::from("project"));
        let file = "mlcube.yaml".to_owned();
        let layout =
            Layout::new("/h/lab".into(), "cube".into(), context, file, PathBuf::from(workspace));
        let out =
            |(link, target): &&(&str, &str)| leads_out(&layout, Path::new(link), Path::new(target));
        links.iter().filter(out).map(|(link, _)| *link).collect()
    }

    #[test]
    fn finds_escaping_links_by_their_text() {
        let links = [
            ("/h/lab/cube/workspace/a", "b/../c"),
            ("/h/lab/cube/workspace/b", "../../project/x"),
            ("/h/lab/cube/c", "workspace/x"),
            ("/h/lab/cube/d", "/h/lab/cube/x"),
            ("/h/lab/cube/workspace/e", "../../other/x"),
            ("/h/lab/project/f", "../../x"),
        ];
        let named = out("/h/lab/cube/workspace", &links);
        assert_eq!(named, ["/h/lab/cube/d", "/h/lab/cube/workspace/e", "/h/lab/project/f"]);
    }

    #[test]
    fn finds_links_between_the_cube_and_an_outside_workspace() {
        let links = [
            ("/h/ws/a", "../lab/cube/x"),
            ("/h/ws/b", "c"),
            ("/h/lab/cube/c", "../../ws/x"),
            ("/h/lab/cube/d", "../project/x"),
            ("/h/lab/cube/e", "workspace/x"),
        ];
        assert_eq!(out("/h/ws", &links), ["/h/ws/a", "/h/lab/cube/c", "/h/lab/cube/e"]);
    }
}
