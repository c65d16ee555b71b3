//! A job: its id, chosen here so that a lost answer never starts two, and the scripts that start, follow and end it.

use std::fs::File;
use std::io::Read;
use std::time::SystemTime;

use anyhow::{Context, Result};
use mlcube_ssh_config::connection::Connection;
use mlcube_ssh_config::document::Document;
use mlcube_ssh_config::forward;
use mlcube_ssh_config::layout::{Layout, plain_path};
use mlcube_ssh_config::report::Verbosity;
use mlcube_ssh_config::runner::{Interpreter, Runner};
use mlcube_ssh_config::script::Script;

use crate::{engine, inputs};

const START: &str = concat!(
    include_str!("remote/follow.sh"),
    include_str!("remote/inputs.sh"),
    include_str!("remote/start.sh")
);
const ATTACH: &str = concat!(include_str!("remote/follow.sh"), include_str!("remote/attach.sh"));
const STOP: &str = include_str!("remote/stop.sh");
const RUN: &str = include_str!("remote/run.sh");
const ENGINE: &str = include_str!("remote/engine.sh");
const LAUNCH: &str = include_str!("remote/launch.py");

/// Seconds between TERM and KILL when a job is ended.
const GRACE: &str = "10";

/// What `mlcube` there is told to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Configure,
    Run,
}

impl Phase {
    /// `mlcube`'s own word for it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Configure => "configure",
            Self::Run => "run",
        }
    }
}

/// A job on the remote.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) id: String,
    pub(crate) phase: Phase,
    start: Script,
    attach: Script,
    stop: Script,
}

impl Job {
    /// A job for the document's tasks; it isn't started yet.
    pub(crate) fn new(
        id: String,
        phase: Phase,
        document: &Document,
        connection: &Connection,
        variables: &[(String, String)],
        verbosity: Verbosity,
    ) -> Result<Self> {
        let (layout, runner) = Layout::of_document(document)?;
        let state = document.remote.state.as_str();
        let of_this = |program| connection.script(program).word(state).word(&id);
        Ok(Self {
            start: start(of_this(START), document, &layout, &runner, phase, variables, verbosity)?,
            attach: of_this(ATTACH),
            stop: of_this(STOP).word(GRACE),
            phase,
            id,
        })
    }

    /// Starts the job, unless it runs already, and follows it.
    pub(crate) fn start(&self) -> &Script {
        &self.start
    }

    /// Follows the job from a byte of its log on.
    pub(crate) fn attach(&self, offset: u64) -> Script {
        self.attach.clone().word(&offset.to_string())
    }

    /// Ends the job.
    pub(crate) fn stop(&self) -> &Script {
        &self.stop
    }
}

fn start(
    script: Script,
    document: &Document,
    layout: &Layout,
    runner: &Runner,
    phase: Phase,
    variables: &[(String, String)],
    verbosity: Verbosity,
) -> Result<Script> {
    let own_workspace = if layout.workspace_in_root().is_none() && phase == Phase::Run {
        document.remote.workspace.as_str()
    } else {
        ""
    };
    let names = variables.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(" ");
    let script = script
        .word(document.remote.base.as_str())
        .word(&plain_path(&layout.root))
        .word(&layout.file)
        .word(own_workspace)
        .word(&python(&runner.interpreter))
        .word(&settings(runner)?)
        .word(&serde_json::to_string(document).context("can't write the document")?)
        .word(&names)
        .words(&[RUN, ENGINE, LAUNCH].map(str::to_owned))
        .variables(&engine::variable(runner))
        .variables(&inputs::variable(phase, document, layout)?)
        .secrets(variables);
    Ok(mlcube_words(document, runner, phase, verbosity)
        .iter()
        .fold(script, |script, word| script.word(word)))
}

/// `mlcube`'s own words; where the cube and the workspace lie is added there. Its own log would bury the cause of a failure in a backtrace.
fn mlcube_words(
    document: &Document,
    runner: &Runner,
    phase: Phase,
    verbosity: Verbosity,
) -> Vec<String> {
    let level = if verbosity == Verbosity::Verbose { "info" } else { "critical" };
    let mut words = vec![format!("--log-level={level}"), phase.word().to_owned()];
    words.push(format!("--platform={}", runner.remote_platform()));
    words.extend(match phase {
        Phase::Configure => forward::configure_words(document),
        Phase::Run => forward::run_words(document),
    });
    words
}

/// The python that runs `mlcube`, called by its path: nothing is activated.
fn python(interpreter: &Interpreter) -> String {
    match interpreter {
        Interpreter::System { python, .. } => python.clone(),
        Interpreter::Virtualenv { location, name, .. } => {
            format!("{}/{name}/bin/python", location.as_str().trim_end_matches('/'))
        }
    }
}

/// The settings file for `mlcube` there, if the platform's section has one; JSON is YAML.
fn settings(runner: &Runner) -> Result<String> {
    let Some(remote) = &runner.remote else { return Ok(String::new()) };
    let remote = engine::settings(remote);
    let settings = serde_json::json!({"platforms": {runner.remote_platform(): remote}});
    serde_json::to_string(&settings).context("can't write the settings for the remote")
}

/// An id that no other job has: the time, so that they sort, and chance.
pub(crate) fn new_id() -> Result<String> {
    let mut chance = [0; 6];
    File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(&mut chance))
        .context("can't read /dev/urandom")?;
    let seconds =
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let chance: String = chance
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(u32::from(digit), 16))
        .collect();
    Ok(format!("{seconds}-{chance}"))
}
