//! The verbs that print facts about jobs, or act on them without following: status, list, logs, stop, logout.

use std::io;

use anyhow::{Context, anyhow};
use mlcube_ssh::cube::Cube;
use mlcube_ssh::pipe::document::Document;
use mlcube_ssh::pipe::failure::{Failure, Outcome};
use mlcube_ssh::pipe::step::{Step, write_for_people, write_once};
use mlcube_ssh::process::script::Script;
use mlcube_ssh::remote::connection::Connection;
use mlcube_ssh::remote::job::JobState;
use mlcube_ssh::remote::login::master::Closed;
use mlcube_ssh::remote::problem::{self, WITH_V};
use mlcube_ssh::remote::session::Reply;
use mlcube_ssh::ui::terminal;

use crate::cli::Verb;
use crate::follow::{FollowMode, Follower};
use crate::job::{Job, result};
use crate::verbs::run;

/// Runs the verb and writes its result to standard output.
pub(crate) fn query(step: &Step, document: &Document, verb: &Verb) -> Outcome<()> {
    let cube = Cube::of(document)?;
    let connection = Connection::new(&cube, &document.remote, step.report())?;
    let job = |id| Job::existing(document, &cube, &connection, id);
    let jobs = |script: &Script| job_states(step, document, &connection, script);
    match verb {
        Verb::Status { job: which, all } => {
            let states = jobs(&job(which.job.as_ref()).status_script(*all))?;
            Ok(write_once(&states.iter().map(JobState::json).collect::<String>())?)
        }
        Verb::List => {
            let states = jobs(&job(None).status_script(true))?;
            Ok(write_for_people(states.iter().map(JobState::line))?)
        }
        Verb::Stop { job: which, force, grace } => {
            let grace = if *force { 0 } else { *grace };
            let states = jobs(&job(which.job.as_ref()).stop_script_after(grace, *force))?;
            states.iter().filter_map(JobState::released).for_each(|text| step.report().warn(&text));
            Ok(write_once(&states.iter().map(JobState::json).collect::<String>())?)
        }
        Verb::Logs { job: which, tail, follow, reconnect } => {
            let job = job(which.job.as_ref());
            if step.is_dry_run() {
                step.show(&connection.shown(&job.attach_script(None, tail.tail, *follow)));
                return Ok(());
            }
            let mode = FollowMode {
                follow: *follow,
                stops_job: false,
                ..run::follow_mode(*reconnect, tail.tail)
            };
            let log = terminal::safe(io::stdout());
            let end = Follower::new(connection, document, job, step.report(), mode, log)?.run()?;
            result::check_written(&end, document)
        }
        Verb::Logout => log_out(step, &connection),
        Verb::Configure { .. } | Verb::Run { .. } | Verb::Attach { .. } | Verb::Clean { .. } => {
            Ok(())
        }
    }
}

/// Closes the connection. It keeps the groups and limits that the account had at the login.
fn log_out(step: &Step, connection: &Connection) -> Outcome<()> {
    if step.is_dry_run() {
        step.show(&connection.close_commands());
        return Ok(());
    }
    let host = connection.host();
    step.report().say(&match connection.close()? {
        Closed::Ours => format!("closed the connection to '{host}'"),
        Closed::UsersOwn => format!(
            "the connection to '{host}' belongs to your own ssh and stays open; close it with `{}`",
            connection.close_by_hand()
        ),
        _ => format!("no connection to '{host}' is open"),
    });
    Ok(())
}

/// Runs the script and parses the job states of its reply.
fn job_states(
    step: &Step,
    document: &Document,
    connection: &Connection,
    script: &Script,
) -> Outcome<Vec<JobState>> {
    if step.is_dry_run() {
        step.show(&connection.shown(script));
        return Ok(Vec::new());
    }
    let reply = connection.run(script)?;
    check(document, &reply)?;
    let text = reply.text();
    let jobs = text.lines().filter_map(|line| line.strip_prefix("job "));
    let parse = |line| {
        JobState::parse(line).with_context(|| {
            format!("can't read the state 'job {line}' that '{}' sent", connection.host())
        })
    };
    Ok(jobs.map(parse).collect::<anyhow::Result<_>>()?)
}

fn check(document: &Document, reply: &Reply) -> Outcome<()> {
    if let Some(problem) = reply.problem() {
        return Err(result::problem(document, &problem, &reply.errors));
    }
    if let Some(left) = reply.field("left") {
        return Err(Failure::ours(anyhow!(
            "the job left processes or containers on '{}': {left}",
            document.remote.host
        ))
        .hint("run the same command again; it tries once more"));
    }
    if reply.status != 0 {
        return Err(Failure::ours(anyhow!(
            "'{}' sent no reply: {}",
            document.remote.host,
            problem::reason(None, &reply.last_error())
        ))
        .hint(WITH_V));
    }
    Ok(())
}
