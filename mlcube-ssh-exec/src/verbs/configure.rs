//! `configure`: a job for `mlcube configure`, unless the image is up to date.

use mlcube_ssh::cube::Cube;
use mlcube_ssh::cube::layout::Layout;
use mlcube_ssh::pipe::document::{Document, Phase};
use mlcube_ssh::pipe::failure::Outcome;
use mlcube_ssh::pipe::step::Step;
use mlcube_ssh::sync::SyncState;

use crate::cli::FollowArgs;
use crate::verbs::run::{NewJob, run_job};

/// Configures the cube on the remote; with `if_changed` only if the push found a changed build context.
pub(crate) fn configure(
    step: &Step,
    document: &mut Document,
    if_changed: bool,
    wait: Option<u64>,
    follow: &FollowArgs,
) -> Outcome<()> {
    if if_changed && !context_changed(document) {
        return Ok(());
    }
    if is_configured(document) {
        note_nothing_to_do(document);
        step.report().say(&format!("the cube is already configured on '{}'", document.remote.host));
        return Ok(());
    }
    let cube = Cube::of(document)?;
    if !step.is_dry_run() {
        // Before the job begins: one that fails may have built an image.
        SyncState::of(&cube.layout, &document.remote)?.forget_configured()?;
    }
    let new = NewJob { phase: Phase::Configure, detach: false, as_is: false, wait, follow };
    run_job(step, document, &cube, new)?;
    note_configured(step, document, &cube.layout)
}

/// Returns whether the push of this pipeline found a changed build context, so that the image must be rebuilt.
fn context_changed(document: &Document) -> bool {
    document.steps.push.as_ref().is_some_and(|push| push.context_changed == Some(true))
}

/// Returns whether an earlier run of this step already configured this document, and nothing changed since.
fn is_configured(document: &Document) -> bool {
    let done = document
        .steps
        .exec
        .as_ref()
        .is_some_and(|exec| exec.phase == Some(Phase::Configure) && exec.status == Some(0));
    done && document.failed.is_none() && !context_changed(document)
}

fn note_nothing_to_do(document: &mut Document) {
    if let Some(receipt) = &mut document.steps.exec {
        (receipt.changed, receipt.seconds) = (false, 0.0);
    }
}

/// Records the build context of the image, so that a later run knows whether to rebuild it.
fn note_configured(step: &Step, document: &mut Document, layout: &Layout) -> Outcome<()> {
    if step.is_dry_run() {
        return Ok(());
    }
    if let Some(push) = &mut document.steps.push {
        push.context_changed = Some(false);
    }
    SyncState::of(layout, &document.remote)?.set_configured(layout)?;
    step.report().say(&format!("configured the cube on '{}'", document.remote.host));
    Ok(())
}
