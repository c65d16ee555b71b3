//! `--input`: completes the command line with the flags of an earlier document.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use mlcube_ssh::cube::trust;
use mlcube_ssh::pipe::document::{Document, Run};
use mlcube_ssh::pipe::failure::hinted;
use mlcube_ssh::settings::runner::is_about_local_folders;

use crate::cli::Args;

/// Returns the command line, with missing flags taken from the document that `--input` names.
pub(crate) fn completed(args: &Args) -> Result<Args> {
    let mut args = args.clone();
    if let Some(path) = &args.input {
        let document = read(path).with_context(|| path.display().to_string())?;
        check_is_ours(&document).with_context(|| path.display().to_string())?;
        complete(&mut args, &document.run);
    }
    Ok(args)
}

fn read(path: &Path) -> Result<Document> {
    Document::read(&fs::read(path).context("can't read it")?)
}

/// Refuses words for local folders and for the runner unless this user wrote the document: the new document will be
/// sealed.
fn check_is_ours(document: &Document) -> Result<()> {
    let run = &document.run;
    let mut of_folders = run.overrides.iter().filter(|word| is_about_local_folders(word));
    let word = run.runner_overrides.first().or(of_folders.next()).map(|word| format!("-P{word}"));
    let word = word.or(run.workspace.as_ref().map(|path| format!("--workspace={path}")));
    match word {
        Some(word) if !trust::is_sealed(document) => Err(hinted(
            format!(
                "the document says {word}, and wasn't written by this user's mlcube-ssh-config"
            ),
            "give the flags on the command line, without --input",
        )),
        _ => Ok(()),
    }
}

fn complete(args: &mut Args, run: &Run) {
    fill(&mut args.mlcube, Some(&run.mlcube));
    fill(&mut args.platform, Some(&run.platform));
    fill(&mut args.workspace, run.workspace.as_ref());
    let tasks = run.tasks.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    fill(&mut args.task, Some(&tasks).filter(|tasks| !tasks.is_empty()));
    args.engine.fill(&run.options);
    if args.env.is_empty() {
        args.env.clone_from(&run.env);
    }
    // Earlier words come first, so that those of the command line override them.
    args.overrides.splice(0..0, run.runner_overrides.iter().chain(&run.overrides).cloned());
    args.arguments.splice(0..0, run.args.iter().map(|(name, value)| format!("{name}={value}")));
}

fn fill(place: &mut Option<String>, earlier: Option<&String>) {
    if place.is_none() {
        *place = earlier.cloned();
    }
}
