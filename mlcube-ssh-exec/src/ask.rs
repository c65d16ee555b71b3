//! The verbs that answer a question about jobs on standard output: status, list, logs, stop.

use std::io;

use anyhow::{Context, anyhow};
use mlcube_ssh_config::connection::{Answer, Closed, Connection};
use mlcube_ssh_config::date::utc;
use mlcube_ssh_config::document::Document;
use mlcube_ssh_config::failure::{Failure, Outcome};
use mlcube_ssh_config::layout::Layout;
use mlcube_ssh_config::names::JobId;
use mlcube_ssh_config::report::printable_json;
use mlcube_ssh_config::script::Script;
use mlcube_ssh_config::step::{Step, write_for_people, write_once};
use serde_json::{Map, Value, json};

use crate::cli::Verb;
use crate::follow::{Follower, Manner};
use crate::job::Job;
use crate::{outcome, phase, terminal};

/// Does what the verb says.
pub(crate) fn answer(step: &Step, document: &Document, verb: &Verb) -> Outcome<()> {
    let (_, runner) = Layout::of_document(document)?;
    let connection = Connection::new(document, &runner, step.report())?;
    let job = |id| Job::existing(document, &connection, id);
    let jobs = |script: &Script| told(step, document, &connection, script);
    match verb {
        Verb::Status { job: which, all } => {
            let told = jobs(&job(which.job.as_ref()).status(*all))?;
            Ok(write_once(&told.iter().map(Told::json).collect::<String>())?)
        }
        Verb::List => {
            let told = jobs(&job(None).status(true))?;
            Ok(write_for_people(told.iter().map(Told::line))?)
        }
        Verb::Stop { job: which, force, grace } => {
            let grace = if *force { 0 } else { *grace };
            let told = jobs(&job(which.job.as_ref()).stop_after(grace, *force))?;
            Ok(write_once(&told.iter().map(Told::json).collect::<String>())?)
        }
        Verb::Logs { job: which, tail, follow, reconnect } => {
            let job = job(which.job.as_ref());
            if step.is_dry_run() {
                step.show(&connection.shown(&job.attach(None, tail.tail, *follow)));
                return Ok(());
            }
            let manner =
                Manner { follow: *follow, ends_it: false, ..phase::manner(*reconnect, tail.tail) };
            let log = terminal::safe(io::stdout());
            let end =
                Follower::new(connection, document, job, step.report(), manner, log)?.run()?;
            outcome::check_written(&end, document)
        }
        Verb::Logout => log_out(step, &connection),
        Verb::Configure { .. } | Verb::Run { .. } | Verb::Attach { .. } | Verb::Clean { .. } => {
            Ok(())
        }
    }
}

/// Closes the connection. A login's groups and limits last as long as it does.
fn log_out(step: &Step, connection: &Connection) -> Outcome<()> {
    if step.is_dry_run() {
        step.show(&connection.close_commands());
        return Ok(());
    }
    let host = connection.host();
    step.report().say(&match connection.close()? {
        Closed::Ours => format!("closed the connection to {host}"),
        Closed::UsersOwn => format!(
            "the connection to {host} is your own ssh's and stays open; close it with `{}`",
            connection.close_by_hand()
        ),
        _ => format!("no connection to {host} is open"),
    });
    Ok(())
}

/// Asks, and takes the jobs from the answer.
fn told(
    step: &Step,
    document: &Document,
    connection: &Connection,
    script: &Script,
) -> Outcome<Vec<Told>> {
    if step.is_dry_run() {
        step.show(&connection.shown(script));
        return Ok(Vec::new());
    }
    let answer = connection.ask(script)?;
    check(document, &answer)?;
    let text = answer.text();
    let jobs = text.lines().filter_map(|line| line.strip_prefix("job "));
    let told = |line| {
        Told::parse(line).with_context(|| {
            format!("'{}' sent 'job {line}' about a job, which can't be read", connection.host())
        })
    };
    Ok(jobs.map(told).collect::<anyhow::Result<_>>()?)
}

fn check(document: &Document, answer: &Answer) -> Outcome<()> {
    if let Some(problem) = answer.field("problem") {
        let (kind, subject) = problem.split_once(' ').unwrap_or((&problem, ""));
        return Err(outcome::problem(document, kind, subject));
    }
    if let Some(left) = answer.field("left") {
        return Err(Failure::ours(anyhow!(
            "these processes of the job are left on '{}': {left}",
            document.remote.host
        )));
    }
    if answer.status != 0 {
        return Err(Failure::ours(anyhow!(
            "'{}' gave no answer: {}",
            document.remote.host,
            answer.last_error()
        )));
    }
    Ok(())
}

/// How a job is, as the remote told.
struct Told {
    id: JobId,
    state: String,
    why: Option<String>,
    status: Option<u8>,
    started: Option<u64>,
    ended: Option<u64>,
    host: String,
    about: Map<String, Value>,
}

impl Told {
    /// Reads `ID STATE STATUS STARTED ENDED HOST ABOUT`.
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.splitn(7, ' ');
        let id = words.next()?.parse().ok()?;
        let state = words.next()?;
        let (state, why) = match state.split_once(':') {
            Some((state, why)) => (state, Some(why.to_owned())),
            None => (state, None),
        };
        Some(Self {
            id,
            state: state.to_owned(),
            why,
            status: words.next()?.parse().ok(),
            started: words.next()?.parse().ok(),
            ended: words.next()?.parse().ok(),
            host: words.next()?.to_owned(),
            about: words
                .next()
                .and_then(|text| serde_json::from_str(text).ok())
                .unwrap_or_default(),
        })
    }

    fn seconds(&self) -> Option<u64> {
        Some(self.ended?.saturating_sub(self.started?))
    }

    /// One line of JSON.
    fn json(&self) -> String {
        let mut json = json!({
            "job": self.id.as_str(), "state": self.state, "status": self.status, "started": self.started,
            "seconds": self.seconds(), "host": self.host,
        });
        if let (Some(json), Some(why)) = (json.as_object_mut(), &self.why) {
            json.insert("why".to_owned(), Value::from(why.as_str()));
        }
        if let Some(json) = json.as_object_mut() {
            json.extend(self.about.clone());
        }
        printable_json(&format!("{json}\n")).into_owned()
    }

    /// One line for people.
    fn line(&self) -> String {
        let about = |key: &str| self.about.get(key).and_then(Value::as_str).unwrap_or("-");
        let state = match self.status {
            Some(status) => format!("{} {status}", self.state),
            None => self.state.clone(),
        };
        let node =
            if self.state == "elsewhere" { format!("  on {}", self.host) } else { String::new() };
        format!(
            "{}  {state:<12}  {:<9}  {}  {}{node}",
            self.id,
            about("phase"),
            self.started
                .map(|started| format!("{} UTC", utc(started.cast_signed())))
                .unwrap_or_default(),
            about("user")
        )
    }
}
