//! A job: its id and the scripts that start, follow and stop it. The local side chooses the id, so that a lost reply never
//! starts a second job.

pub(crate) mod end;
pub(crate) mod engine;
pub(crate) mod engine_diagnosis;
pub(crate) mod engine_failure;
mod inputs;
mod launched_by;
pub(crate) mod problem;
pub(crate) mod result;
pub(crate) mod variables;
pub(crate) mod which_job;

use std::path::Path;
use std::time::SystemTime;

use anyhow::{Context, Result};
use mlcube_ssh::cube::Cube;
use mlcube_ssh::cube::layout::{Layout, plain_path};
use mlcube_ssh::cube::mlcube_args;
use mlcube_ssh::cube::tree_owner::Owner;
use mlcube_ssh::pipe::document::{Document, Phase};
use mlcube_ssh::pipe::failure::hinted;
use mlcube_ssh::process::comments::without_comments;
use mlcube_ssh::process::script::Script;
use mlcube_ssh::remote::connection::Connection;
use mlcube_ssh::remote::job;
use mlcube_ssh::remote::job::frames::Frames;
use mlcube_ssh::settings::names::{JobId, RemotePath};
use mlcube_ssh::settings::runner::Runner;
use mlcube_ssh::settings::runner::interpreter::Interpreter;
use mlcube_ssh::sync::SyncState;
use mlcube_ssh::text::random_id::hex_digits;
use mlcube_ssh::ui::report::Verbosity;

use crate::job::which_job::WhichJob;
use crate::launcher;
use crate::launcher::{Launcher, Needs};

const START: &str = concat!(
    include_str!("../sh/follow.sh"),
    include_str!("../sh/inputs.sh"),
    include_str!("../sh/gpus.sh"),
    include_str!("../sh/place.sh"),
    include_str!("../sh/owner.sh"),
    include_str!("../sh/start.sh")
);
const ATTACH: &str = concat!(
    include_str!("../sh/select-job.sh"),
    include_str!("../sh/follow.sh"),
    include_str!("../sh/attach.sh")
);
const STOP: &str = concat!(
    include_str!("../sh/select-job.sh"),
    include_str!("../sh/end-processes.sh"),
    include_str!("../sh/stop.sh")
);
const STATUS: &str = concat!(include_str!("../sh/select-job.sh"), include_str!("../sh/status.sh"));
const RUN: &str = include_str!("../sh/run.sh");
/// The text of the shim.
pub(crate) const ENGINE: &str =
    concat!(include_str!("../sh/gpus.sh"), include_str!("../sh/engine.sh"));
const LAUNCH: &str = include_str!("../sh/launch.py");

/// Seconds between TERM and KILL when Ctrl-C stops a job.
const GRACE: u64 = 10;

/// A job on the remote.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) which: WhichJob,
    start: Option<Script>,
    attach: Script,
    stop: Script,
    status: Script,
    workspace: String,
    /// Ends what the scripts send besides lines.
    mark: String,
}

/// The options of a job that is to be started.
pub(crate) struct StartOptions<'a> {
    pub(crate) phase: Phase,
    pub(crate) variables: &'a [(String, String)],
    pub(crate) verbosity: Verbosity,
    pub(crate) detach: bool,
    /// Whether it starts although the workspace isn't as the last push left it.
    pub(crate) as_is: bool,
}

impl Job {
    /// Returns a job for the document's tasks; it isn't started yet.
    pub(crate) fn new(
        id: JobId,
        document: &Document,
        cube: &Cube,
        connection: &Connection,
        options: &StartOptions,
    ) -> Result<Self> {
        let id_text = id.to_string();
        let job = Self::named(WhichJob::Id(id), document, cube, connection)?;
        // These functions come first, near the text of run.sh, which repeats them: gzip finds a repetition only within
        // 32 kB.
        let script = connection.script(START).with(job::FUNCTIONS).with(job::WORKSPACE_LINK);
        let script = script.given("state", document.remote.state.as_str()).given("id", &id_text);
        let script = script.given("mark", &job.mark);
        Ok(Self { start: Some(build_start_script(script, document, cube, options)?), ..job })
    }

    /// Returns a job that exists already.
    pub(crate) fn existing(
        document: &Document,
        cube: &Cube,
        connection: &Connection,
        id: Option<&JobId>,
    ) -> Result<Self> {
        let own = document.steps.exec.as_ref().and_then(|exec| exec.job.as_ref());
        let which = id.or(own).cloned().map_or(WhichJob::Newest, WhichJob::Id);
        Self::named(which, document, cube, connection)
    }

    fn named(
        which: WhichJob,
        document: &Document,
        cube: &Cube,
        connection: &Connection,
    ) -> Result<Self> {
        let script = |program| {
            connection
                .script(program)
                .with(job::FUNCTIONS)
                .given("state", document.remote.state.as_str())
        };
        Ok(Self {
            which,
            start: None,
            attach: script(ATTACH).given("poll", &cube.runner.launcher.poll().to_string()),
            stop: script(STOP).with(launcher::STOP),
            status: script(STATUS),
            workspace: document.remote.workspace.as_str().to_owned(),
            mark: hex_digits::<16>()?,
        })
    }

    /// Returns what reads the frames of a session that follows the job.
    pub(crate) fn frames(&self) -> Frames {
        Frames::new(&self.mark)
    }

    fn of_this(&self, script: &Script) -> Script {
        // An empty id asks for the newest job.
        let id = self.which.id().map_or("", JobId::as_str);
        script.clone().given("id", id).given("workspace", &self.workspace)
    }

    /// Returns the script that starts the job unless it runs already; `None` for an existing job.
    pub(crate) fn start_script(&self) -> Option<&Script> {
        self.start.as_ref()
    }

    /// Returns the script that sends the job's log from a byte offset, or that many lines from the end; with `follow` it
    /// continues until the job ends.
    pub(crate) fn attach_script(
        &self,
        offset: Option<u64>,
        tail: Option<u64>,
        follow: bool,
    ) -> Script {
        let text =
            |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
        let then = if follow { "follow" } else { "end" };
        self.of_this(&self.attach)
            .given("offset", &text(offset))
            .given("lines", &text(tail))
            .given("mark", &self.mark)
            .given("then", then)
    }

    /// Returns the script that stops the job, as Ctrl-C does.
    pub(crate) fn stop_script(&self) -> Script {
        self.stop_script_after(GRACE, false)
    }

    /// Returns the script that stops the job; with `force` it also releases the workspace of a job that can't be reached.
    pub(crate) fn stop_script_after(&self, grace: u64, force: bool) -> Script {
        self.of_this(&self.stop).given("grace", &grace.to_string()).flag("force", force)
    }

    /// Returns the script that reports the state of the job, or of all jobs of the cube.
    pub(crate) fn status_script(&self, all: bool) -> Script {
        self.of_this(&self.status).given("which", if all { "all" } else { "one" })
    }
}

/// Gives the script that starts a job all that it needs to know.
fn build_start_script(
    script: Script,
    document: &Document,
    cube: &Cube,
    options: &StartOptions,
) -> Result<Script> {
    let Cube { layout, runner, .. } = cube;
    let StartOptions { phase, variables, verbosity, detach, as_is } = *options;
    let former_workspace = layout.former_workspace(&document.remote)?;
    // A document alone, without the cube's own sync state, names no owner.
    let sync_state = SyncState::of(layout, &document.remote)?;
    let owner = if sync_state.has_code()? { Some(sync_state.owner(layout)?) } else { None };
    let tasks = if phase == Phase::Run { document.run.tasks.as_slice() } else { &[] };
    let names = variables.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(" ");
    let launcher = launcher::of(runner, phase == Phase::Configure);
    let run = launcher.job_script(RUN);
    let script = launcher
        .given(script.with(launcher.launch()), runner, needs(document, runner, phase))
        .given("launcher", launcher.name())
        .given("poll", &runner.launcher.poll().to_string())
        .given("base", document.remote.base.as_str())
        .given("root", &plain_path(&layout.root))
        .given("file", &layout.file)
        .given("workspace", other_workspace(document, layout, phase))
        .given("python", &python(&runner.interpreter))
        .given("environment", &runner.interpreter.folder().unwrap_or_default())
        .given("settings", &settings(runner)?)
        .given("document", &job::record(document, tasks)?)
        .given("variables", &names)
        .given("shim", &without_comments(ENGINE))
        .given("launch", &without_comments(LAUNCH))
        .given("about", &launched_by::about(phase, tasks)?)
        .given("locked", document.remote.workspace.as_str())
        .given("former_workspace", former_workspace.as_ref().map_or("", RemotePath::as_str))
        .given("owner", owner.as_ref().map_or("", Owner::id))
        .given("former_owner", owner.as_ref().map_or("", |owner| &owner.former_id))
        .given("then", if detach { "detach" } else { "follow" })
        .flag("as_is", as_is)
        .given("log_limit", &runner.log_limit.get().to_string())
        .given("gpus", gpus(document, runner, phase))
        .given("remote_engine", engine::name(document))
        .given("run", &without_comments(&run))
        .variables(&engine::variable(runner))
        .variables(&inputs::variable(phase, document, layout)?)
        .secrets(variables);
    if let Some(name) = script.clash(&[&run, ENGINE]) {
        return Err(hinted(
            format!("the task can't get a variable '{name}': the scripts of a job use that name"),
            "choose a name with a capital letter, which none of them uses",
        ));
    }
    check_variables(variables, launcher.as_ref())?;
    let script = sync_state.transfer_id(&document.remote)?.know_in(script);
    Ok(mlcube_words(document, layout, runner, phase, verbosity).iter().fold(script, Script::word))
}

/// Returns the remote workspace if mlcube has to be told it: it takes the folder `workspace` in the cube's unless it is
/// told another one, and `configure` takes none.
fn other_workspace<'a>(document: &'a Document, layout: &Layout, phase: Phase) -> &'a str {
    let is_default =
        layout.workspace_in_root().is_some_and(|place| place == Path::new("workspace"));
    if is_default || phase == Phase::Configure { "" } else { document.remote.workspace.as_str() }
}

/// Refuses a variable for the task that the launcher's own programs would obey.
fn check_variables(variables: &[(String, String)], launcher: &dyn Launcher) -> Result<()> {
    match variables.iter().find(|(name, _)| launcher.reads_variable(name)) {
        None => Ok(()),
        Some((name, _)) => Err(hinted(
            format!(
                "the task can't get a variable '{name}': the programs of the launcher '{}' read it",
                launcher.name()
            ),
            "give the variable another name, which none of them reads",
        )),
    }
}

/// Returns what a job needs where it runs. A node that has no image may still build or pull it, which `configure` does anyway.
pub(crate) fn needs<'a>(document: &'a Document, runner: &Runner, phase: Phase) -> Needs<'a> {
    match runner.remote_platform() {
        "docker" if engine::bypassing_engine(runner).is_none() => Needs {
            engine: Some(engine::name(document)),
            image: document.run.image.as_deref().filter(|_| phase == Phase::Run),
        },
        "singularity" => Needs { engine: Some("singularity"), image: None },
        _ => Needs { engine: None, image: None },
    }
}

/// Returns the value of `--gpus` for the tasks, if the platform is docker's and passes it to the engine.
fn gpus<'a>(document: &'a Document, runner: &Runner, phase: Phase) -> &'a str {
    match document.run.options.get("gpus") {
        Some(value) if phase == Phase::Run && runner.remote_platform() == "docker" => value,
        _ => "",
    }
}

/// Returns the arguments of the remote `mlcube`; the start script adds the paths of the cube and the workspace. The log
/// level is low because mlcube's own log would hide the cause of a failure in a backtrace.
fn mlcube_words(
    document: &Document,
    layout: &Layout,
    runner: &Runner,
    phase: Phase,
    verbosity: Verbosity,
) -> Vec<String> {
    let level = if verbosity == Verbosity::Verbose { "info" } else { "critical" };
    let mut words = vec![format!("--log-level={level}"), phase.word().to_owned()];
    words.push(format!("--platform={}", runner.remote_platform()));
    words.extend(match phase {
        Phase::Configure => mlcube_args::configure_words(document),
        Phase::Run => mlcube_args::run_words(document, layout),
    });
    words
}

/// Returns the python that runs `mlcube`; it is called by its path, so no environment is activated.
fn python(interpreter: &Interpreter) -> String {
    match interpreter.folder() {
        Some(folder) => format!("{folder}/bin/python"),
        None => interpreter.python().to_owned(),
    }
}

/// Returns the settings file of the remote `mlcube`, if the platform's section has settings for it; JSON is valid YAML.
pub(crate) fn settings(runner: &Runner) -> Result<String> {
    let Some(remote) = &runner.remote else { return Ok(String::new()) };
    let remote = engine::settings(remote);
    let settings = serde_json::json!({"platforms": {runner.remote_platform(): remote}});
    serde_json::to_string(&settings).context("can't write the settings for the remote")
}

/// Returns an id that no other job has: the time in milliseconds and random digits, so that jobs of the same second sort by
/// time, too.
pub(crate) fn new_id() -> Result<JobId> {
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_millis());
    Ok(format!("{now}-{}", hex_digits::<6>()?).parse()?)
}
