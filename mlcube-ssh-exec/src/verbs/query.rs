//! The verbs that print facts about jobs, or act on them without following: status, list, logs, stop, logout.

use std::io;

use anyhow::{Context, anyhow};
use mlcube_ssh::cube::Cube;
use mlcube_ssh::pipe::answer::{write_json, write_json_list};
use mlcube_ssh::pipe::document::Document;
use mlcube_ssh::pipe::failure::{Failure, Outcome};
use mlcube_ssh::pipe::step::{Step, write_for_people, write_once};
use mlcube_ssh::process::script::Script;
use mlcube_ssh::remote::connection::Connection;
use mlcube_ssh::remote::job::{JobReport, job_table};
use mlcube_ssh::remote::login::master::Closed;
use mlcube_ssh::remote::problem::{self, WITH_V};
use mlcube_ssh::remote::session::Reply;
use mlcube_ssh::ui::terminal;
use serde_json::json;

use crate::cli::{JobArgs, ReconnectArgs, TailArgs};
use crate::follow::{FollowMode, Follower};
use crate::job::problem::failure;
use crate::job::{Job, result};
use crate::verbs::run;

/// What the host says about jobs.
struct States {
    jobs: Vec<JobReport>,
    /// The host's time, if its reply has it.
    now: Option<u64>,
}

impl States {
    /// One line of JSON for each job.
    fn lines(&self) -> String {
        self.jobs.iter().map(JobReport::json_line).collect()
    }
}

/// A verb that writes its result to standard output.
pub(crate) struct Query<'a> {
    step: &'a Step,
    document: &'a Document,
    cube: Cube,
    connection: Connection,
}

impl<'a> Query<'a> {
    pub(crate) fn of(step: &'a Step, document: &'a Document) -> Outcome<Self> {
        let cube = Cube::of(document)?;
        let connection = Connection::new(&cube, document, step.report())?;
        Ok(Self { step, document, cube, connection })
    }

    /// `status`: one line of JSON for the job, or for each job; for each job `as_json` makes an array of them.
    pub(crate) fn status(&self, which: &JobArgs, all: bool, as_json: bool) -> Outcome<()> {
        let Some(states) = self.states(&self.job(which)?.status_script(all))? else {
            return Ok(());
        };
        if all && as_json {
            return Ok(write_json_list(states.jobs.iter().map(JobReport::json))?);
        }
        Ok(write_once(&states.lines())?)
    }

    /// `list`: a table of the jobs, or an array of what `status` writes about each.
    pub(crate) fn list(&self, as_json: bool) -> Outcome<()> {
        let newest = Job::existing(self.document, &self.cube, &self.connection, None)?;
        let Some(States { jobs, now }) = self.states(&newest.status_script(true))? else {
            return Ok(());
        };
        if as_json {
            return Ok(write_json_list(jobs.iter().map(JobReport::json))?);
        }
        if jobs.is_empty() {
            self.step.report().say(&format!("no job on '{}'", self.connection.host()));
        }
        Ok(write_for_people(job_table(&jobs, now))?)
    }

    /// `stop`: one line of JSON for the job that was stopped.
    pub(crate) fn stop(&self, which: &JobArgs, force: bool, grace: u64) -> Outcome<()> {
        let grace = if force { 0 } else { grace };
        let Some(states) = self.states(&self.job(which)?.stop_script_after(grace, force))? else {
            return Ok(());
        };
        let released = states.jobs.iter().filter_map(JobReport::released);
        released.for_each(|text| self.step.report().warn(&text));
        Ok(write_once(&states.lines())?)
    }

    /// `logs`: the log of a job.
    pub(crate) fn logs(
        self,
        which: &JobArgs,
        tail: &TailArgs,
        follow: bool,
        reconnect: ReconnectArgs,
    ) -> Outcome<()> {
        let job = self.job(which)?;
        let Self { step, document, connection, .. } = self;
        if step.is_dry_run() {
            step.show(&connection.shown(&job.attach_script(None, tail.tail, follow)));
            return Ok(());
        }
        let mode =
            FollowMode { follow, stops_job: false, ..run::follow_mode(reconnect, tail.tail) };
        let log = terminal::safe(io::stdout());
        let report = step.report();
        let end = Follower::new(connection, document, job, report, mode, log)?.run()?;
        if let Some(text) = result::without_output(&end, document) {
            report.say(&text);
        }
        result::check_written(&end, document)
    }

    /// `logout`: closes the connection. It keeps the groups and limits that the account had at the login.
    pub(crate) fn log_out(&self, as_json: bool) -> Outcome<()> {
        let (step, connection) = (self.step, &self.connection);
        if step.is_dry_run() {
            step.show(&connection.close_commands());
            return Ok(());
        }
        let host = connection.host();
        let (state, said) = match connection.close()? {
            Closed::Ours => ("closed", format!("closed the connection to '{host}'")),
            Closed::UsersOwn => (
                "own",
                format!(
                    "the connection to '{host}' belongs to your own ssh and stays open; close it with `{}`",
                    connection.close_by_hand()
                ),
            ),
            _ => ("none", format!("no connection to '{host}' is open")),
        };
        step.report().say(&said);
        if as_json {
            let remote = &self.document.remote;
            let platform = &self.document.run.platform;
            write_json(&json!({
                "state": state, "host": host.as_str(), "user": remote.user, "platform": platform,
            }))?;
        }
        Ok(())
    }

    fn job(&self, which: &JobArgs) -> anyhow::Result<Job> {
        Job::existing(self.document, &self.cube, &self.connection, which.job.as_ref())
    }

    /// Runs the script and parses the job states of its reply; a dry run shows it, and there is no reply.
    fn states(&self, script: &Script) -> Outcome<Option<States>> {
        let connection = &self.connection;
        if self.step.is_dry_run() {
            self.step.show(&connection.shown(script));
            return Ok(None);
        }
        let reply = connection.run(script)?;
        result::warnings(&reply).for_each(|text| self.step.report().warn(&text));
        check(self.document, &reply)?;
        let text = reply.text();
        let jobs = text.lines().filter_map(|line| line.strip_prefix("job "));
        let parse = |line| {
            JobReport::parse(line).with_context(|| {
                format!("can't read the state 'job {line}' that '{}' sent", connection.host())
            })
        };
        let now = reply.field("now").and_then(|seconds| seconds.parse().ok());
        Ok(Some(States { jobs: jobs.map(parse).collect::<anyhow::Result<_>>()?, now }))
    }
}

fn check(document: &Document, reply: &Reply) -> Outcome<()> {
    if let Some(problem) = reply.problem() {
        return Err(failure(document, &problem, &reply.errors));
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
