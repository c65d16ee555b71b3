//! Comparing by content what lies on both sides.

use mlcube_ssh::cube::layout::Layout;
use mlcube_ssh::remote::connection::Connection;
use mlcube_ssh::sync::rsync::Comparison;
use mlcube_ssh::sync::{Batch, rsync};

/// How many entries one rsync compares: 40,000 at once took 12 s, and in pieces of this size 3.
const AT_ONCE: usize = 5000;

/// The comparisons of parts of the workspace there, or of links there that stand for files, with the one here.
pub(crate) fn of_parts(
    connection: &Connection,
    layout: &Layout,
    there: &str,
    parts: &[Batch],
    of_links: bool,
) -> Vec<Comparison> {
    let workspace = layout.workspace.to_string_lossy();
    let parts: Vec<_> = parts.iter().flat_map(|part| part.pieces(AT_ONCE)).collect();
    Comparison::of(&parts, |part| {
        rsync::comparison(connection, part.files_from.clone())
            // The file that a link stands for.
            .args(of_links.then_some("--copy-links"))
            .arg("--")
            .arg(connection.rsync_path(&part.below(there)))
            .arg(part.below(&workspace))
    })
}
