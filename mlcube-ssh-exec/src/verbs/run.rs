//! `run`: starts a job for `mlcube run`. Also holds what every verb needs to follow a job.

use std::io;
use std::io::Write;
use std::time::Duration;

use anyhow::anyhow;
use mlcube_ssh::cube::Cube;
use mlcube_ssh::pipe::document::{Document, Phase, Receipt};
use mlcube_ssh::pipe::exit_status::ExitStatus;
use mlcube_ssh::pipe::failure::{Failure, FailureKind, Outcome};
use mlcube_ssh::pipe::step::{Step, timed};
use mlcube_ssh::remote::connection::Connection;
use mlcube_ssh::ui::report::Verbosity;
use mlcube_ssh::ui::terminal;

use crate::cli::{FollowArgs, ReconnectArgs};
use crate::follow::{FollowMode, Follower};
use crate::job::end::End;
use crate::job::which_job::WhichJob;
use crate::job::{Job, StartOptions, engine, new_id, result, variables};
use crate::launcher;

/// The options for starting and following a new job.
#[derive(Clone, Copy)]
pub(crate) struct NewJob<'a> {
    pub(crate) phase: Phase,
    pub(crate) detach: bool,
    /// Whether it starts although the workspace isn't as the last push left it.
    pub(crate) as_is: bool,
    /// Seconds to wait for a locked workspace; `None` doesn't wait.
    pub(crate) wait: Option<u64>,
    pub(crate) follow: &'a FollowArgs,
}

/// Starts a job for the document's tasks.
pub(crate) fn run(
    step: &Step,
    document: &mut Document,
    detach: bool,
    as_is: bool,
    wait: Option<u64>,
    follow: &FollowArgs,
) -> Outcome<()> {
    let cube = Cube::of(document)?;
    run_job(step, document, &cube, NewJob { phase: Phase::Run, detach, as_is, wait, follow })
}

/// Starts a job, follows it unless it is detached, and adds a receipt.
pub(crate) fn run_job(
    step: &Step,
    document: &mut Document,
    cube: &Cube,
    new: NewJob,
) -> Outcome<()> {
    let (phase, runner) = (new.phase, &cube.runner);
    if phase == Phase::Run && document.run.tasks.is_empty() {
        return Err(Failure::ours(anyhow!("the document chooses no task")).hint(format!(
            "choose with --task=NAME of mlcube-ssh-config: {}",
            document.task_names().join(", ")
        )));
    }
    let variables =
        if phase == Phase::Run { variables::for_task(document, runner)? } else { Vec::new() };
    engine::check_takes_variables(runner, &variables)?;
    let connection = Connection::new(cube, document, step.report())?;
    let id = if step.is_dry_run() { "JOB".parse().map_err(Failure::ours)? } else { new_id()? };
    let options = StartOptions {
        phase,
        variables: &variables,
        verbosity: step.report().verbosity(),
        detach: new.detach,
        as_is: new.as_is,
    };
    let job = Job::new(id, document, cube, &connection, &options)?;
    if step.is_dry_run() {
        step.show(job.start_script().map(|script| connection.shown(script)).iter().flatten());
        return Ok(());
    }
    if let Some(engine) = engine::bypassing_engine(runner) {
        step.report().say(&format!(
            "a stop can't end the containers of the engine '{engine}'; set runner.remote.docker to docker or podman, or to the path of one of them"
        ));
    }
    let follow_mode = follow_mode(new.follow.reconnect, None);
    // With -v the whole log is shown.
    let is_build = phase == Phase::Configure
        && new.follow.output.is_none()
        && step.report().verbosity() != Verbosity::Verbose;
    let mode = FollowMode { wait: new.wait, is_build, ..follow_mode };
    let follower = Follower::new(connection, document, job, step.report(), mode, log(new.follow))?;
    let end = follow(document, follower, Some(phase))?;
    if new.detach {
        step.report().say(&format!(
            "started {} on '{}'; follow it with `{}`",
            end.job,
            document.remote.host,
            document.attach_command(end.job.id())
        ));
    }
    result::of(&end, Some(phase), document)
}

/// Returns the mode in which Ctrl-C stops the job.
pub(crate) fn follow_mode(args: ReconnectArgs, tail: Option<u64>) -> FollowMode {
    FollowMode {
        reconnect_timeout: Duration::from_secs(args.reconnect_timeout),
        wait: None,
        tail,
        follow: true,
        stops_job: true,
        is_build: false,
    }
}

/// Follows a job and adds a receipt, even when the job may continue without this program: `attach` finds the job by it. An
/// `attach` knows the phase only at the end.
pub(crate) fn follow(
    document: &mut Document,
    follower: Follower,
    phase: Option<Phase>,
) -> Outcome<End> {
    let note = |receipt: &mut Receipt, job: &WhichJob| {
        receipt.phase = phase;
        receipt.job = job.id().cloned();
    };
    let job = follower.job().clone();
    let (receipt, end) = timed(|receipt| {
        let end = follower.run();
        note(receipt, end.as_ref().map_or(&job, |end| &end.job));
        if let Ok(end) = &end {
            receipt.changed = true;
            receipt.status = end.status;
            receipt.node.clone_from(&end.node);
            receipt.job_seconds = end.seconds;
            launcher::note(receipt, end.batch.as_ref());
        }
        end
    });
    let may_go_on = end.as_ref().map_or_else(
        |failure| {
            failure.kind == FailureKind::Connection
                || matches!(failure.status, ExitStatus::Signal(_))
        },
        |_| true,
    );
    if may_go_on {
        document.steps.exec = Some(receipt);
    }
    end
}

/// Returns the output for the job's log: standard output, unless the document is written to it.
pub(crate) fn log(args: &FollowArgs) -> Box<dyn Write> {
    if args.output.is_some() { terminal::safe(io::stdout()) } else { terminal::safe(io::stderr()) }
}
