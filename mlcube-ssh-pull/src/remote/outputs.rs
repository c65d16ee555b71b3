//! The outputs that the document's tasks declare.

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use mlcube_ssh::cube::layout::Layout;
use mlcube_ssh::cube::path_mapping;
use mlcube_ssh::cube::task_parameters;
use mlcube_ssh::cube::task_parameters::{Parameter, ParameterIo};
use mlcube_ssh::listing::{EntryKind, Listing};
use mlcube_ssh::pipe::document::Document;
use mlcube_ssh::pipe::failure::{Failure, Outcome};
use mlcube_ssh::sync::{Plan, Selection, Skipped};
use mlcube_ssh::ui::report::Report;

use crate::remote::followed_links;

/// A declared output in the workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Output {
    /// The task's name of the output.
    pub(crate) name: String,
    /// The output's path in the workspace.
    pub(crate) path: PathBuf,
    /// Whether it is a folder.
    pub(crate) is_folder: bool,
}

/// The outputs of the tasks that are in the workspace.
pub(crate) fn declared(document: &Document, layout: &Layout) -> Vec<Output> {
    let mut declared: Vec<Output> = outputs(document, layout)
        .filter_map(|output| {
            let path = output.local?.strip_prefix(&layout.workspace).ok()?.to_owned();
            Some(Output { name: output.name, path, is_folder: output.is_folder == Some(true) })
        })
        .collect();
    declared.dedup();
    declared
}

/// Names the outputs outside the workspace, which aren't fetched: outputs beside it in the cube, and outputs with an
/// absolute path of the remote.
pub(crate) fn name_outside(report: Report, document: &Document, layout: &Layout) {
    for output in outputs(document, layout) {
        let is_outside = |local: &Path| !local.starts_with(&layout.workspace);
        if output.local.as_deref().is_none_or(is_outside) {
            let remote = path_mapping::remote_path(layout, &document.remote, &output.path)
                .unwrap_or_else(|| {
                    path_mapping::remote_argument(layout, &document.remote, &output.path)
                });
            report.say(&format!(
                "the output {}.{} is outside the workspace and isn't fetched: {remote} on '{}'",
                output.task, output.name, document.remote.host
            ));
        }
    }
}

fn outputs<'a>(document: &'a Document, layout: &'a Layout) -> impl Iterator<Item = Parameter> + 'a {
    task_parameters::chosen(document, layout).filter(|one| one.direction == ParameterIo::Output)
}

/// Splits off the outputs that are in folders with a reserved name, from which nothing is fetched.
pub(crate) fn split_reserved<'a>(
    outputs: &'a [Output],
    plan: &Plan,
) -> (Vec<&'a Output>, Vec<&'a Output>) {
    let is_reserved = |output: &&Output| {
        let mut reserved = plan.skipped_for(|why| *why == Skipped::Reserved);
        reserved.any(|folder| output.path.starts_with(folder))
    };
    outputs.iter().partition(is_reserved)
}

/// Fails, after the rest was fetched, for an output in a folder with a reserved name.
pub(crate) fn check_reserved(outputs: &[&Output]) -> Outcome<()> {
    let Some(output) = outputs.first() else { return Ok(()) };
    Err(Failure::ours(anyhow!(
        "the output {} ({}) isn't fetched: the name of its folder is reserved",
        output.name,
        output.path.display()
    ))
    .hint("let the task write to another folder"))
}

impl Output {
    /// The output's path on the remote, with the links in the workspace resolved; `None` if the output doesn't exist or
    /// is of another kind than declared.
    fn place(&self, remote: &Listing) -> Option<PathBuf> {
        if self.path.as_os_str().is_empty() {
            return Some(self.path.clone());
        }
        let place = followed_links::resolved(remote, &self.path)?;
        let is_as_declared = match remote.get(&place)?.kind {
            EntryKind::Folder => self.is_folder,
            EntryKind::File => !self.is_folder,
            // An unreadable entry has an error of its own.
            EntryKind::Unreadable => true,
            EntryKind::Link | EntryKind::Other => false,
        };
        is_as_declared.then_some(place)
    }
}

/// Declared outputs, sorted by what the listing of the remote workspace holds.
#[derive(Debug, Default)]
pub(crate) struct Outputs {
    /// Outputs that exist and are fetched. A link doesn't count if its target isn't fetched.
    pub(crate) fetched: Vec<Output>,
    /// Outputs that don't exist.
    pub(crate) missing: Vec<Output>,
}

impl Outputs {
    pub(crate) fn of(declared: &[Output], remote: &Listing, selection: &Selection) -> Self {
        let mut outputs = Self::default();
        for output in declared {
            match output.place(remote) {
                Some(place) if selection.includes(&place) || place.as_os_str().is_empty() => {
                    outputs.fetched.push(output.clone());
                }
                Some(_) => {}
                None => outputs.missing.push(output.clone()),
            }
        }
        outputs
    }
}
