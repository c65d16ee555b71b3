//! `attach`: follows an existing job, from any machine that has the document.

use mlcube_ssh::cube::Cube;
use mlcube_ssh::pipe::document::{Document, Phase};
use mlcube_ssh::pipe::failure::Outcome;
use mlcube_ssh::pipe::step::Step;
use mlcube_ssh::remote::connection::Connection;
use mlcube_ssh::remote::job::JobRecord;
use mlcube_ssh::settings::names::TaskName;

use crate::cli::{FollowArgs, JobArgs, TailArgs};
use crate::follow::Follower;
use crate::job::{Job, result};
use crate::verbs::run;

/// Follows a job to its end, then makes the document describe the tasks of that job.
pub(crate) fn attach(
    step: &Step,
    document: &mut Document,
    job: &JobArgs,
    tail: &TailArgs,
    args: &FollowArgs,
) -> Outcome<()> {
    let cube = Cube::of(document)?;
    let connection = Connection::new(&cube, document, step.report())?;
    let job = Job::existing(document, &cube, &connection, job.job.as_ref())?;
    let mode = run::follow_mode(args.reconnect, tail.tail);
    if step.is_dry_run() {
        step.show(&connection.shown(&job.attach_script(None, mode.tail, mode.follow)));
        return Ok(());
    }
    let follower = Follower::new(connection, document, job, step.report(), mode, run::log(args))?;
    let end = run::follow(document, follower, None)?;
    let record = end.record.as_deref().and_then(JobRecord::parse);
    let ran = record.and_then(|record| take_over(step, document, &record));
    result::of(&end, ran, document)
}

/// Sets the document's tasks to those of the job, so that a pull fetches their outputs; returns the phase, if the record
/// names one. It decides nothing else: the document keeps its own options and variables for later runs.
fn take_over(step: &Step, document: &mut Document, record: &JobRecord) -> Option<Phase> {
    let phase = record.phase();
    let known = document.task_names();
    // Only the local document decides which tasks are withheld.
    let is_withheld = |task: &str| document.run.withheld.contains_key(task);
    let (ran, unknown): (Vec<&String>, Vec<&String>) = record
        .tasks()
        .iter()
        .filter(|task| !is_withheld(task))
        .partition(|task| known.contains(&task.as_str()));
    let tasks: Vec<TaskName> = ran.into_iter().filter_map(|task| task.parse().ok()).collect();
    if !unknown.is_empty() {
        let names = unknown.iter().map(|task| task.as_str()).collect::<Vec<_>>().join(", ");
        step.report().warn(&format!(
            "the job ran tasks that the local cube doesn't have, so their outputs weren't checked: {names}"
        ));
    }
    if !tasks.is_empty() {
        document.run.tasks = tasks;
    }
    let other_arguments = record.has_other_arguments(document).filter(|other| *other);
    if other_arguments == Some(true) {
        step.report().warn(
            "the job was started with other arguments than these, so its outputs weren't checked",
        );
        step.report().hint("give `attach` the NAME=VALUE arguments of the run");
    }
    if let Some(receipt) = &mut document.steps.exec {
        receipt.phase = phase;
        receipt.other_arguments = other_arguments;
    }
    phase
}
