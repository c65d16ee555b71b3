//! The verbs: a job for `mlcube configure` or `mlcube run`.

use std::io;
use std::io::Write;
use std::time::Duration;

use anyhow::anyhow;
use mlcube_ssh::cube::layout::Layout;
use mlcube_ssh::pipe::document::{Document, Receipt};
use mlcube_ssh::pipe::exit_status::ExitStatus;
use mlcube_ssh::pipe::failure::{Failure, Kind, Outcome};
use mlcube_ssh::pipe::step::{Step, timed};
use mlcube_ssh::remote::connection::Connection;
use mlcube_ssh::sync::Record;
use mlcube_ssh::ui::terminal;

use crate::cli::{FollowArgs, ReconnectArgs, Verb};
use crate::follow::{Follower, Manner};
use crate::job::result::End;
use crate::job::{Job, Phase, Start, engine, new_id, result, variables};
use crate::verbs::attach;

/// Does what the verb says, and notes a receipt.
pub(crate) fn act(step: &Step, document: &mut Document, verb: &Verb) -> Outcome<()> {
    match verb {
        Verb::Configure { if_changed: true, .. } if !context_changed(document) => Ok(()),
        Verb::Configure { .. } if is_configured(document) => {
            note_nothing_to_do(document);
            step.report()
                .say(&format!("the cube is configured already on {}", document.remote.host));
            Ok(())
        }
        Verb::Configure { wait, follow, .. } => {
            let new = NewJob { phase: Phase::Configure, detach: false, wait: wait.wait, follow };
            run_job(step, document, new)?;
            note_configured(step, document)
        }
        Verb::Run { detach, wait, follow } => {
            let new = NewJob { phase: Phase::Run, detach: *detach, wait: wait.wait, follow };
            run_job(step, document, new)
        }
        Verb::Attach { job, tail, follow } => attach::attach(step, document, job, tail, follow),
        // The others answer a question, and don't come here.
        _ => Ok(()),
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
    Record::of(&layout, &document.remote)?.set_configured(&layout)?;
    step.report().say(&format!("the cube is configured on {}", document.remote.host));
    Ok(())
}

/// How a new job is started and followed.
#[derive(Clone, Copy)]
struct NewJob<'a> {
    phase: Phase,
    detach: bool,
    wait: Option<u64>,
    follow: &'a FollowArgs,
}

fn run_job(step: &Step, document: &mut Document, new: NewJob) -> Outcome<()> {
    let phase = new.phase;
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
    let start = Start {
        phase,
        variables: &variables,
        verbosity: step.report().verbosity(),
        detach: new.detach,
    };
    let job = Job::new(id, document, &connection, &start)?;
    if step.is_dry_run() {
        step.show(job.start().map(|script| connection.shown(script)).iter().flatten());
        return Ok(());
    }
    if let Some(engine) = engine::passes_by(&runner) {
        step.report().say(&format!(
            "containers of '{engine}' can't be ended from here; set runner.remote.docker to docker or podman, or a path of one"
        ));
    }
    let manner = Manner { wait: new.wait, ..manner(new.follow.reconnect, None) };
    let follower =
        Follower::new(connection, document, job, step.report(), manner, log(new.follow))?;
    let end = follow(document, follower, phase)?;
    if new.detach {
        step.report().say(&format!(
            "started job {} on {}; follow it with `{}`",
            end.job,
            document.remote.host,
            document.attach_command(&end.job)
        ));
    }
    result::of(&end, phase, document)
}

/// How a job is followed that Ctrl-C ends.
pub(crate) fn manner(args: ReconnectArgs, tail: Option<u64>) -> Manner {
    Manner {
        reconnect_timeout: Duration::from_secs(args.reconnect_timeout),
        wait: None,
        tail,
        follow: true,
        ends_it: true,
    }
}

/// Follows a job and notes a receipt, also when the job may go on without us: attach finds it by that.
pub(crate) fn follow(document: &mut Document, follower: Follower, phase: Phase) -> Outcome<End> {
    let note = |receipt: &mut Receipt, job: &str| {
        receipt.phase = Some(phase.word().to_owned());
        receipt.job = job.parse().ok();
    };
    let id = follower.job().to_owned();
    let mut end = Err(Failure::ours(anyhow!("the job wasn't followed")));
    let (receipt, _) = timed(|receipt| {
        end = follower.run();
        note(receipt, end.as_ref().map_or(&id, |end| &end.job));
        if let Ok(end) = &end {
            receipt.changed = true;
            receipt.status = end.status;
            receipt.node.clone_from(&end.node);
        }
        Ok(())
    });
    let may_go_on = end.as_ref().map_or_else(
        |failure| {
            failure.kind == Kind::Connection || matches!(failure.status, ExitStatus::Signal(_))
        },
        |_| true,
    );
    if may_go_on {
        document.steps.exec = Some(receipt);
    }
    end
}

/// Where the job's output goes: a standard output that doesn't take the document is the task's.
pub(crate) fn log(args: &FollowArgs) -> Box<dyn Write> {
    if args.output.is_some() { terminal::safe(io::stdout()) } else { terminal::safe(io::stderr()) }
}
