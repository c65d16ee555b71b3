//! Compares remote and local files by content.

use mlcube_ssh::cube::layout::Layout;
use mlcube_ssh::remote::connection::Connection;
use mlcube_ssh::sync::rsync::Comparison;
use mlcube_ssh::sync::{Batch, Umask, rsync};

/// How many entries one rsync compares: 40,000 at once took 12 s, and in pieces of this size 3 s.
const AT_ONCE: usize = 5000;

/// The comparisons of batches of the remote workspace with the local one. With `of_links`, the batches are remote links
/// that are followed to files.
pub(crate) fn of_batches(
    connection: &Connection,
    layout: &Layout,
    remote: &str,
    batches: &[Batch],
    of_links: bool,
) -> Vec<Comparison> {
    let workspace = layout.workspace.to_string_lossy();
    let batches: Vec<_> = batches.iter().flat_map(|batch| batch.pieces(AT_ONCE)).collect();
    Comparison::of(&batches, |batch| {
        rsync::comparison(connection, batch.files_from.clone())
            // Compares the target of the link.
            .args(of_links.then_some("--copy-links"))
            // A pull takes these permissions, so without them nothing differs.
            .args(Umask::of_process().option())
            .arg("--")
            .arg(connection.rsync_path(&batch.below(remote)))
            .arg(batch.below(&workspace))
    })
}
