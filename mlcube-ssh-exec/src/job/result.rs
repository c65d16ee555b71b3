//! What a job's end means: success, the task's failure, or `mlcube`'s.

use anyhow::anyhow;
use mlcube_ssh::pipe::document::Document;
use mlcube_ssh::pipe::failure::{Failure, Outcome, hinted};
use mlcube_ssh::remote::problem::Problem;
use mlcube_ssh::remote::session::Reply;
use mlcube_ssh::settings::names::Host;

use crate::job::{Phase, inputs};

/// What `mlcube` says, deep in its settings, of a platform that isn't there.
const UNKNOWN_PLATFORM: &str = "Missing key runner";

/// The beginning of mlcube's advice for an image that can't be pulled while its recipe is there.
pub(crate) const PULL_ADVICE: &str = "By the way, docker recipe";

/// What a job's status is the status of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Blame {
    /// The task.
    #[default]
    Task,
    /// `mlcube`, before the task.
    Mlcube,
    /// The container engine.
    Engine,
}

/// How a job ended, as far as the remote told.
#[derive(Clone, Debug, Default)]
pub(crate) struct End {
    /// The job's id.
    pub(crate) job: String,
    /// The node of the host on which it was started, as far as it told.
    pub(crate) node: Option<Host>,
    /// Its `job.json`, when it was there already.
    pub(crate) record: Option<Vec<u8>>,
    /// Why it is lost, if it is.
    pub(crate) why_lost: Option<String>,
    /// Its status; none when it is lost or goes on.
    pub(crate) status: Option<u8>,
    /// What failed, should its status not be 0.
    pub(crate) blame: Blame,
    /// Whether a task began, so that there may be results.
    pub(crate) began: bool,
    /// Whether somebody ended it, by `stop` or Ctrl-C.
    pub(crate) was_stopped: bool,
    /// `mlcube`'s own cause, if it named one.
    pub(crate) cause: Option<String>,
    /// The signal that made us end it.
    pub(crate) interrupted: Option<u8>,
    /// Whether `mlcube` says that the image which it failed to pull has a recipe.
    pub(crate) could_be_built: bool,
    /// Why a part of the log couldn't be written locally, if so.
    pub(crate) unwritten: Option<String>,
    /// What became of our stop, once we asked for one.
    pub(crate) stop: Option<Stop>,
    /// The last line of the log that says something, or the one that tells of the engine's trouble.
    pub(crate) last_line: String,
    /// What can be done about the engine's trouble, where it is one of the usual ones.
    pub(crate) hint: Option<String>,
}

/// What the remote answered when it was told to end a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Nothing of the job is left.
    AllGone,
    /// These processes are.
    Left(String),
    /// It wasn't ended, or nobody knows; why, and what can be done.
    Failed(String, Option<String>),
}

impl Stop {
    /// What the answer says.
    pub(crate) fn told_by(answer: &Reply, document: &Document) -> Self {
        if let Some(told) = answer.field("problem") {
            let (kind, subject) = told.split_once(' ').unwrap_or((&told, ""));
            // The stop itself is right everywhere else.
            let elsewhere = kind == "elsewhere";
            let problem = problem(document, kind, subject);
            let hint = problem.hint_text().filter(|_| elsewhere).map(str::to_owned);
            return Self::Failed(problem.to_string(), hint);
        }
        match answer.field("left") {
            Some(left) => Self::Left(left),
            // How the job is stands at the end of the answer: without that the script was cut down.
            None if answer.status == 0 && answer.field("job").is_some() => Self::AllGone,
            None => Self::Failed(
                format!("the stop ended with status {}: {}", answer.status, answer.last_error()),
                None,
            ),
        }
    }
}

/// The outcome of a job that ended.
pub(crate) fn of(end: &End, phase: Phase, document: &Document) -> Outcome<()> {
    let host = &document.remote.host;
    if let Some(signal) = end.interrupted {
        return Err(interrupted(signal, end, document));
    }
    if end.cause.as_deref().is_some_and(|cause| cause.contains(UNKNOWN_PLATFORM)) {
        return Err(Failure::ours(anyhow!(
            "mlcube on '{host}' has no platform '{}'",
            document.config_text(&["runner", "platform"]).unwrap_or_default()
        ))
        .hint("set 'remote: {runner: docker}' in the platform's section, or add the platform to ~/mlcube.yaml on the remote"));
    }
    if let Some(why) = &end.why_lost {
        return Err(lost(why, &end.job, document).began(end.began));
    }
    match (end.status, phase) {
        // It goes on, and that is what was asked for.
        (Some(0) | None, _) => check_written(end, document),
        (Some(status), _) if end.was_stopped => {
            Err(Failure::task(status, format!("a stop ended job {} on '{host}'", end.job))
                .began(end.began))
        }
        (Some(status), Phase::Configure) => Err(explained(
            end,
            &format!("mlcube configure failed on '{host}' with status {status}"),
        )),
        (Some(status), Phase::Run) if end.blame == Blame::Engine => Err(explained(
            end,
            &format!("the container engine on '{host}' failed with status {status}"),
        )),
        (Some(status), Phase::Run) if end.blame == Blame::Mlcube => Err(explained(
            end,
            &format!("mlcube on '{host}' failed before the task, with status {status}"),
        )),
        (Some(status), Phase::Run) => Err(Failure::task(
            status,
            format!("{} on '{host}' ended with status {status}", tasks(document)),
        )),
    }
}

/// Refuses a log of which a part couldn't be written locally.
pub(crate) fn check_written(end: &End, document: &Document) -> Outcome<()> {
    match &end.unwritten {
        None => Ok(()),
        Some(problem) => {
            Err(Failure::ours(anyhow!("can't write the output of job {}: {problem}", end.job))
                .hint(format!("`{}` prints it again", document.attach_command(&end.job))))
        }
    }
}

/// What is said of a job that was to end with us.
pub(crate) fn interrupted(signal: u8, end: &End, document: &Document) -> Failure {
    let (host, job) = (&document.remote.host, &end.job);
    let ended = |left: &str| Failure::signal(signal, format!("ended job {job} on '{host}'{left}"));
    match (&end.stop, end.status) {
        (Some(Stop::AllGone), _) => ended(", with all its processes and containers"),
        (Some(Stop::Left(left)), _) => {
            ended(&format!(", but it left processes or containers: {left}"))
                .hint(format!("`{}` tries again", document.stop_command(job)))
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
            let message =
                format!("the end of job {job} on '{host}' isn't confirmed ({why}); {state}");
            let stop =
                || format!("`{}` ends it, or reports what it leaves", document.stop_command(job));
            Failure::signal(signal, message).hint(hint.unwrap_or_else(stop))
        }
    }
}

/// What is said of a job whose leader is gone and left no status.
fn lost(why: &str, job: &str, document: &Document) -> Failure {
    let host = &document.remote.host;
    let stop = document.stop_command(job);
    let (what, hint) = match why {
        "rebooted" => (format!("'{host}' was rebooted while it ran"), "run it again".to_owned()),
        "remains" => (
            "its first process was killed and left no status, and other processes of it still run".to_owned(),
            format!("`{stop}` ends them; until then its workspace is locked"),
        ),
        "namespace" => (
            "its first process is gone, and the container or namespace in which it ran isn't visible"
                .to_owned(),
            format!("check that no process of it runs; then `{stop} --force` unlocks its workspace"),
        ),
        _ => (
            "its processes are gone, and left no status".to_owned(),
            "find out on the remote who ended them (`dmesg`, `journalctl`), and run it again".to_owned(),
        ),
    };
    Failure::connection(format!("job {job} on '{host}' is lost: {what}")).hint(hint)
}

/// Why a job could not be started or followed.
pub(crate) fn problem(document: &Document, kind: &str, subject: &str) -> Failure {
    let host = &document.remote.host;
    if kind == "no-input" {
        return inputs::missing(document, subject);
    }
    if let Some(failure) = Problem::of(kind, subject).failure(host.as_str(), "") {
        return failure;
    }
    Failure::ours(match kind {
        "never-configured" => hinted(
            format!("this cube isn't configured on '{host}': no file {subject}"),
            "run mlcube-ssh configure with the same --mlcube and --platform",
        ),
        "no-exec" => hinted(
            format!(
                "no temporary folder on '{host}', neither {subject} nor another one, lets programs run (noexec mounts), so the job couldn't end its containers or pass variables to them"
            ),
            "set 'environment: {TMPDIR: FOLDER}' in the platform's section to a folder on the remote where programs may run",
        ),
        "no-leader" => hinted(
            format!(
                "the job didn't start on '{host}': {}",
                if subject.is_empty() { "no reason was given" } else { subject }
            ),
            "check on the remote whether the account may start more processes (ulimit -u), then run it again",
        ),
        "ignores-gpus" => hinted(
            format!("the podman on '{host}' is older than version 5, and ignores --gpus={subject}"),
            "give --gpus a number, 'all' or 'device=LIST', or update podman on the remote",
        ),
        "swallows-mount" => hinted(
            format!("--mount needs mlcube 0.0.10 or later, and '{host}' has {subject}"),
            "raise the version in runner.interpreter.requirements",
        ),
        "no-setsid" => hinted(
            format!("'{host}' has no setsid, without which a job ends with its connection"),
            format!("install util-linux on '{host}'"),
        ),
        "no-job" => anyhow!("no job has been started in this workspace on '{host}'"),
        "elsewhere" => {
            let (job, machine) = subject.split_once(' ').unwrap_or((subject, "another"));
            hinted(
                format!(
                    "can't end job {job}: it was started on the node '{machine}' of '{host}', or in another container on it"
                ),
                // A host's words stand in a line to paste only where they can be a job and a node.
                match (machine.parse(), job.parse()) {
                    (Ok(node), Ok(job)) => format!(
                        "`{}` ends it, if ssh reaches the node by that name; only if the node is gone, release the workspace with --force",
                        document.stop_command_on(&node, &job)
                    ),
                    _ => "end it on the node where it was started".to_owned(),
                },
            )
        }
        "unreadable-log" => {
            anyhow!("can't read the log {subject} on '{host}'; the job may still run")
        }
        "unknown" => hinted(
            format!("'{host}' has no job '{subject}' of this cube"),
            "`mlcube-ssh list` lists the jobs, with the same --mlcube and --platform",
        ),
        _ => anyhow!("can't start the job on '{host}': {kind} {subject}"),
    })
}

/// The failure `what` with its cause, and a hint that the user of this program can follow in place of mlcube's own.
fn explained(end: &End, what: &str) -> Failure {
    let failure = Failure::ours(anyhow!("{what}: {}", cause(end))).began(end.began);
    // First: where the recipe is there, a registry that isn't reached was mostly not meant to be asked.
    if end.could_be_built {
        // mlcube's own advice, -Prunner.build_strategy, would be for the ssh runner here.
        return failure.hint(
            "to build the image on the remote instead of pulling it, add -Pdocker.build_strategy=auto, or set 'remote: {runner: docker, build_strategy: auto}' in the platform's section",
        );
    }
    match &end.hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// `mlcube`'s own words for why, else the last of the log; the engine's where they tell of trouble.
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
