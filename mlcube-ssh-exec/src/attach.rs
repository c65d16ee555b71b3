//! `attach`: back to a job, from any machine that has the document.

use mlcube_ssh_config::connection::Connection;
use mlcube_ssh_config::document::Document;
use mlcube_ssh_config::failure::Outcome;
use mlcube_ssh_config::layout::Layout;
use mlcube_ssh_config::step::Step;
use serde::Deserialize;

use crate::cli::{FollowArgs, JobArgs, TailArgs};
use crate::follow::Follower;
use crate::job::{Job, Phase};
use crate::{outcome, phase};

/// What `attach` takes from `job.json`.
#[derive(Deserialize)]
struct Record {
    about: About,
    document: Document,
}

#[derive(Deserialize)]
struct About {
    phase: String,
}

/// Follows a job to its end; the document becomes the one of the job.
pub(crate) fn attach(
    step: &Step,
    document: &mut Document,
    job: &JobArgs,
    tail: &TailArgs,
    args: &FollowArgs,
) -> Outcome<()> {
    let (_, runner) = Layout::of_document(document)?;
    let connection = Connection::new(document, &runner, step.report())?;
    let job = Job::existing(document, &connection, job.job.as_ref());
    let manner = phase::manner(args.reconnect, tail.tail);
    if step.is_dry_run() {
        step.show(&connection.shown(&job.attach(None, manner.tail, manner.follow)));
        return Ok(());
    }
    let follower =
        Follower::new(connection, document, job, step.report(), manner, phase::log(args))?;
    let end = phase::follow(document, follower, Phase::Run)?;
    let mut ran = Phase::Run;
    if let Some(record) = end.record.as_deref().and_then(|text| serde_json::from_slice(text).ok()) {
        ran = take_over(document, record);
    }
    outcome::of(&end, ran, document)
}

/// Makes the document the job's, so that a pull fetches what the job's tasks made; paths of another machine stay out.
fn take_over(document: &mut Document, record: Record) -> Phase {
    let phase =
        if record.about.phase == Phase::Configure.word() { Phase::Configure } else { Phase::Run };
    let job = record.document;
    if let Some(receipt) = &mut document.steps.exec {
        receipt.phase = Some(phase.word().to_owned());
    }
    document.run.tasks = job.run.tasks;
    document.run.args = job.run.args;
    document.run.overrides = job.run.overrides;
    document.run.options = job.run.options;
    document.run.env = job.run.env;
    if let Some(tasks) = job.config.get("tasks") {
        document.config.insert("tasks".to_owned(), tasks.clone());
    }
    phase
}
