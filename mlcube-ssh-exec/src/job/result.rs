//! Maps the end of a job to an outcome: success, or a failure of the task, of `mlcube` or of the container engine.

use anyhow::anyhow;
use mlcube_ssh::pipe::document::{Document, Phase};
use mlcube_ssh::pipe::failure::{Failure, MAKE_ROOM, Outcome, hinted, is_out_of_room};
use mlcube_ssh::remote::job::WhyLost;
use mlcube_ssh::remote::problem::Problem;
use mlcube_ssh::remote::session::Reply;
use mlcube_ssh::settings::names::Host;

use crate::job::end::{Blame, End, Stop};
use crate::job::problem::{JobProblem, failure};
use crate::launcher;

/// The words of `mlcube`, with the missing settings key, for an unknown platform.
const UNKNOWN_PLATFORM: &str = "Missing key runner";

/// The beginning of mlcube's advice for an image that can't be pulled although its recipe is present.
pub(crate) const PULL_ADVICE: &str = "By the way, docker recipe";

/// Parses the reply to a stop.
pub(crate) fn stop(reply: &Reply, document: &Document) -> Stop {
    if let Some(reported) = reply.problem() {
        // On another node the same stop works, so only this problem has a useful hint.
        let elsewhere = reported.kind() == Some(JobProblem::Elsewhere);
        let failure = failure(document, &reported, &reply.errors);
        let hint = failure.hint_text().filter(|_| elsewhere).map(str::to_owned);
        return Stop::Failed(failure.to_string(), hint);
    }
    match reply.field("left") {
        Some(left) => Stop::Left(left),
        // The reply ends with the job's state: without it the script was killed.
        None if reply.status == 0 && reply.field("job").is_some() => Stop::AllGone,
        None => Stop::Failed(
            format!("the stop ended with status {}: {}", reply.status, reply.last_error()),
            None,
        ),
    }
}

/// Returns the outcome of a job that ended. `phase` is `None` if the host doesn't tell what the job ran.
pub(crate) fn of(end: &End, phase: Option<Phase>, document: &Document) -> Outcome<()> {
    let host = &document.remote.host;
    if let Some(signal) = end.interrupted {
        return Err(interrupted(signal, end, document));
    }
    if end.cause.as_deref().is_some_and(|cause| cause.contains(UNKNOWN_PLATFORM)) {
        let platform = document.runner_text(&["platform"]).unwrap_or_default();
        return Err(unknown_platform(host.as_str(), platform).into());
    }
    if let Some(state) = &end.ended_in {
        return Err(launcher::explain(state, end, document).began(end.began));
    }
    if let Some((node, problem)) = &end.node_failed {
        return Err(on_node(node, problem, document));
    }
    if let Some(why) = end.lost {
        return Err(lost(why, end, document).began(end.began));
    }
    match (end.status, phase) {
        // A job without a status continues, as requested.
        (Some(0) | None, _) => check_written(end, document),
        (Some(status), _) if end.was_stopped => {
            Err(Failure::task(status, format!("a stop ended {} on '{host}'", end.job))
                .began(end.began)
                .hint(format!("`{}` prints its output", document.logs_command(end.job.id()))))
        }
        (Some(status), Some(Phase::Configure)) => Err(explained(
            end,
            document,
            &format!("mlcube configure failed on '{host}' with status {status}"),
        )),
        (Some(status), Some(Phase::Run)) if end.blame == Blame::Engine => Err(explained(
            end,
            document,
            &format!("the container engine on '{host}' failed with status {status}"),
        )),
        (Some(status), Some(Phase::Run)) if end.blame == Blame::Mlcube => Err(explained(
            end,
            document,
            &format!("mlcube on '{host}' failed before the task, with status {status}"),
        )),
        (Some(status), Some(Phase::Run)) => Err(Failure::task(
            status,
            format!("{} on '{host}' ended with status {status}", tasks(document)),
        )),
        (Some(status), None) => Err(Failure::task(
            status,
            format!(
                "{} on '{host}' ended with status {status}, and its record names no phase",
                end.job
            ),
        )),
    }
}

/// Returns the error for a platform that the remote `mlcube` doesn't know.
pub(crate) fn unknown_platform(host: &str, platform: &str) -> anyhow::Error {
    hinted(
        format!("mlcube on '{host}' has no platform '{platform}'"),
        "set 'remote: {runner: docker}' in the platform's section, or add the platform to ~/mlcube.yaml on the remote",
    )
}

/// Returns what a follower of a log without a byte learns of the job's end; `None` if it saw some, or the job goes on.
pub(crate) fn without_output(end: &End, document: &Document) -> Option<String> {
    if end.log_size != Some(0) {
        return None;
    }
    let how = match (&end.ended_in, end.lost, end.status) {
        (Some(state), ..) => format!("was ended by its batch system ({state})"),
        (_, Some(_), _) => "is lost".to_owned(),
        (.., Some(_)) if end.was_stopped && !end.began => {
            "was stopped before its task began".to_owned()
        }
        (.., Some(status)) => format!("ended with status {status}"),
        _ => return None,
    };
    Some(format!("{} on '{}' {how}; it wrote no output", end.job, document.remote.host))
}

/// Returns the warnings of a reply.
pub(crate) fn warnings(reply: &Reply) -> impl Iterator<Item = String> {
    let text = reply.text();
    let warnings = text.lines().filter_map(|line| line.strip_prefix("warning "));
    warnings.map(str::to_owned).collect::<Vec<_>>().into_iter()
}

/// Refuses a log that couldn't be written completely.
pub(crate) fn check_written(end: &End, document: &Document) -> Outcome<()> {
    match &end.unwritten {
        None => Ok(()),
        Some(problem) => {
            Err(Failure::ours(anyhow!("can't write the output of {}: {problem}", end.job))
                .hint(format!("`{}` prints it again", document.attach_command(end.job.id()))))
        }
    }
}

/// Returns the failure for a signal that was to stop the job.
pub(crate) fn interrupted(signal: u8, end: &End, document: &Document) -> Failure {
    let (host, job) = (&document.remote.host, &end.job);
    let ended = |left: &str| Failure::signal(signal, format!("ended {job} on '{host}'{left}"));
    match (&end.stop, end.status) {
        (Some(Stop::AllGone), _) => ended(", with all its processes and containers"),
        (Some(Stop::Left(left)), _) => {
            ended(&format!(", but it left processes or containers: {left}"))
                .hint(format!("`{}` tries again", document.stop_command(job.id())))
        }
        (stop, status) => {
            let (why, hint) = match stop {
                Some(Stop::Failed(why, hint)) => (why.as_str(), hint.clone()),
                _ => ("the host sent no reply to the stop", None),
            };
            let state = match status {
                Some(status) => format!("its status is {status}"),
                None => "it may still run".to_owned(),
            };
            let message = format!("the end of {job} on '{host}' isn't confirmed ({why}); {state}");
            let stop = || {
                format!("`{}` ends it, or reports what it leaves", document.stop_command(job.id()))
            };
            Failure::signal(signal, message).hint(hint.unwrap_or_else(stop))
        }
    }
}

/// Returns the failure for a job without a leader and without a status.
fn lost(why: WhyLost, end: &End, document: &Document) -> Failure {
    let (host, job) = (&document.remote.host, &end.job);
    let stop = document.stop_command(job.id());
    if let Some(batch) = &end.batch {
        return launcher::lost(why, batch, end, document);
    }
    let (what, hint) = match why {
        WhyLost::Rebooted => (format!("'{host}' was rebooted while it ran"), "run it again".to_owned()),
        WhyLost::Remains => (
            "its first process was killed and left no status, and other processes of it still run".to_owned(),
            format!("`{stop}` ends them; until then its workspace is locked"),
        ),
        WhyLost::Namespace => (
            "its first process is gone, and the container or namespace in which it ran isn't visible"
                .to_owned(),
            format!("check that no process of it runs; then `{stop} --force` unlocks its workspace"),
        ),
        _ => (
            "its processes are gone, and left no status".to_owned(),
            "find out on the remote who ended them (`dmesg`, `journalctl`), and run it again".to_owned(),
        ),
    };
    Failure::connection(format!("{job} on '{host}' is lost: {what}")).hint(hint)
}

/// Returns the failure for a job that couldn't run on the node that was chosen for it.
fn on_node(node: &Host, problem: &Problem, document: &Document) -> Failure {
    launcher::on_node(node, problem, document).unwrap_or_else(|| {
        let failure = failure(document, problem, "");
        let hint = failure.hint_text().unwrap_or("run it again").to_owned();
        let host = &document.remote.host;
        Failure::ours(anyhow!("the job can't run on the node '{node}' of '{host}': {failure}"))
            .hint(hint)
    })
}

/// Builds the failure `what` with its cause, and a hint that the user of this program can follow instead of mlcube's own.
fn explained(end: &End, document: &Document, what: &str) -> Failure {
    let failure = Failure::ours(anyhow!("{what}: {}", cause(end))).began(end.began);
    if end.could_be_built {
        // mlcube's own advice, -Prunner.build_strategy, would change the local ssh runner.
        return failure.hint(
            "to build the image on the remote instead of pulling it, add -Pdocker.build_strategy=auto, or set 'remote: {runner: docker, build_strategy: auto}' in the platform's section",
        );
    }
    // dash says no more than "I/O error" about a full disk.
    let is_out_of_room = is_out_of_room(cause(end)) || cause(end).ends_with(": I/O error");
    let hint = match &end.hint {
        None if is_out_of_room => Some(MAKE_ROOM.to_owned()),
        None => hint_of_imports(cause(end), document),
        known => known.clone(),
    };
    failure.hint(hint.unwrap_or_else(|| {
        format!("`{}` prints all its output", document.logs_command(end.job.id()))
    }))
}

/// Returns what helps if the cause is a python module that can't be imported.
fn hint_of_imports(cause: &str, document: &Document) -> Option<String> {
    let is_import =
        ["ModuleNotFoundError: ", "ImportError: "].iter().any(|start| cause.starts_with(start));
    if !is_import {
        return None;
    }
    Some(match document.runner_text(&["interpreter", "type"]) {
        // This pipeline hasn't looked at the environment yet.
        _ if document.steps.interp.is_none() => {
            format!("`{}` checks the python environment, and repairs it", document.configure_command())
        }
        Some("virtualenv") => format!(
            "remove the python environment with `{} --yes=environment`; the next configure creates it again",
            document.clean_command()
        ),
        _ => "install the module on the remote for runner.interpreter.python, or set runner.interpreter.type: virtualenv".to_owned(),
    })
}

/// Returns the cause that was named, else the last line of the log. For a known engine failure it is the engine's
/// line.
fn cause(end: &End) -> &str {
    let own = end.cause.as_deref().filter(|_| end.hint.is_none());
    own.unwrap_or(if end.last_line.is_empty() { "no reason was given" } else { &end.last_line })
}

fn tasks(document: &Document) -> String {
    match document.run.tasks.as_slice() {
        [task] => format!("task {task}"),
        tasks => {
            format!("tasks {}", tasks.iter().map(ToString::to_string).collect::<Vec<_>>().join(","))
        }
    }
}
