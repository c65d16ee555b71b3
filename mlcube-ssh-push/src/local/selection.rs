//! `--inputs`: selects the workspace inputs of the chosen tasks, except what an earlier chosen task produces.

use anyhow::Result;
use mlcube_ssh::cube::layout::Layout;
use mlcube_ssh::cube::required_inputs;
use mlcube_ssh::pipe::document::Document;
use mlcube_ssh::pipe::failure::hinted;
use mlcube_ssh::sync::{Pattern, Selection};

/// The inputs of the document's tasks.
///
/// # Errors
/// When no task is chosen.
pub(crate) fn inputs(document: &Document, layout: &Layout) -> Result<Selection> {
    if document.run.tasks.is_empty() {
        return Err(hinted(
            "--inputs sends the inputs of the chosen tasks, and the document chooses no task",
            "choose with --task=NAME of mlcube-ssh-config",
        ));
    }
    let paths = required_inputs::needed(document, layout)
        .into_iter()
        .filter_map(|input| input.parameter.local);
    let input =
        |path: std::path::PathBuf| path.strip_prefix(&layout.workspace).ok().map(Pattern::exact);
    Ok(Selection::of(paths.filter_map(input).collect()))
}
