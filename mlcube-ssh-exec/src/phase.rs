//! The verbs: a job for `mlcube configure` or `mlcube run`.

use std::io::{self, Write};

use anyhow::anyhow;
use mlcube_ssh_config::connection::Connection;
use mlcube_ssh_config::document::Document;
use mlcube_ssh_config::failure::{Failure, Outcome};
use mlcube_ssh_config::layout::Layout;
use mlcube_ssh_config::step::{Step, timed};
use mlcube_ssh_config::workspace::Record;

use crate::cli::{FollowArgs, Verb};
use crate::follow::Follower;
use crate::job::{Job, Phase, new_id};
use crate::{engine, outcome, terminal, variables};

/// Does what the verb says, and notes a receipt.
pub(crate) fn act(step: &Step, document: &mut Document, verb: &Verb) -> Outcome<()> {
    match verb {
        Verb::Configure { if_changed: true, .. } if !context_changed(document) => Ok(()),
        Verb::Configure { .. } if is_configured(document) => {
            note_nothing_to_do(document);
            Ok(())
        }
        Verb::Configure { follow, .. } => {
            run_job(step, document, Phase::Configure, follow)?;
            note_configured(step, document)
        }
        Verb::Run { follow } => run_job(step, document, Phase::Run, follow),
    }
}

/// Whether the push of this pipeline found that the image has to be built again.
fn context_changed(document: &Document) -> bool {
    document.steps.push.as_ref().is_some_and(|push| push.context_changed == Some(true))
}

/// Whether this document has been through this step already, and nothing changed since.
fn is_configured(document: &Document) -> bool {
    let done =
        document.steps.exec.as_ref().is_some_and(|exec| {
            exec.phase.as_deref() == Some("configure") && exec.status == Some(0)
        });
    done && document.failed.is_none() && !context_changed(document)
}

fn note_nothing_to_do(document: &mut Document) {
    if let Some(receipt) = &mut document.steps.exec {
        (receipt.changed, receipt.seconds) = (false, 0.0);
    }
}

/// Remembers what the image was built from, so that a later run knows whether to build it again.
fn note_configured(step: &Step, document: &mut Document) -> Outcome<()> {
    if step.is_dry_run() {
        return Ok(());
    }
    if let Some(push) = &mut document.steps.push {
        push.context_changed = Some(false);
    }
    let (layout, _) = Layout::of_document(document)?;
    Ok(Record::of(&layout, &document.remote)?.set_configured(&layout)?)
}

fn run_job(step: &Step, document: &mut Document, phase: Phase, args: &FollowArgs) -> Outcome<()> {
    let (_, runner) = Layout::of_document(document)?;
    if phase == Phase::Run && document.run.tasks.is_empty() {
        return Err(Failure::ours(anyhow!(
            "no task is chosen; --task=NAME of mlcube-ssh-config chooses one of {}",
            document.task_names().join(", ")
        )));
    }
    let variables =
        if phase == Phase::Run { variables::for_task(document, &runner)? } else { Vec::new() };
    engine::check_takes_variables(&runner, &variables)?;
    let connection = Connection::new(document, &runner, step.report())?;
    let id = if step.is_dry_run() { "$JOB".to_owned() } else { new_id()? };
    let job = Job::new(id, phase, document, &connection, &variables, step.report().verbosity())?;
    if step.is_dry_run() {
        step.show(&connection.shown(job.start()));
        return Ok(());
    }
    let mut end = None;
    let receipt = timed(|receipt| {
        let found =
            Follower::new(&connection, &job, step.report(), args.reconnect_timeout, log(args))?
                .run()?;
        receipt.changed = true;
        receipt.phase = Some(phase.word().to_owned());
        receipt.job = Some(job.id.clone());
        receipt.status = found.status;
        end = Some(found);
        Ok(())
    })?;
    document.steps.exec = Some(receipt);
    end.map_or(Ok(()), |end| outcome::of(&end, &job, document))
}

/// Where the job's output goes: a standard output that doesn't take the document is the task's.
fn log(args: &FollowArgs) -> Box<dyn Write> {
    if args.output.is_some() { terminal::safe(io::stdout()) } else { terminal::safe(io::stderr()) }
}
