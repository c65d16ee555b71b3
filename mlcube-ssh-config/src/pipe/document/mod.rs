//! The document: the JSON object that is passed from step to step.
//!
//! Compatible within [`SCHEMA`]: every object keeps the fields that this version doesn't know.

pub(crate) mod check;
mod step_name;

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::pipe::failure::FailureKind;
use crate::settings::names::{Host, JobId, RemotePath, TaskName, User};
use crate::text::hint::{OrHint, hinted};
use crate::text::printable::printable_json;
use crate::text::quote::shell_word;

pub use step_name::{Phase, StepName};

/// The version of the document that these programs read and write.
pub const SCHEMA: &str = "mlcube-ssh/v1";

/// The first line of what these programs write as YAML. Nothing else in the file tells that mlcube-ssh wrote it.
pub const YAML_HEAD: &str = "# written by mlcube-ssh-config, and never sent to a host\n";

/// How a description of a cube begins, which names local paths.
pub const DESCRIPTION_HEAD: &str = "MLCube\n  path = /";

/// The fields of an object that this version doesn't know; they are written as they were read.
pub type Unknown = Map<String, Value>;

/// The object that the steps pass on.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Document {
    /// The version of the document.
    #[schemars(extend("const" = SCHEMA))]
    pub schema: String,
    /// The effective MLCube configuration, as `mlcube show_config --resolve` computes it.
    pub config: Map<String, Value>,
    /// What to run, as the user requested it.
    pub run: Run,
    /// The paths on the remote.
    pub remote: Remote,
    /// The receipts of the steps.
    #[serde(default)]
    pub steps: Steps,
    /// The step that failed, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<Failed>,
    /// The seal over its settings and paths, by the `mlcube-ssh-config` that wrote the document.
    // See `crate::cube::trust`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seal: Option<String>,
    /// Fields that this version doesn't know.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// What to run, as the user requested it.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Run {
    /// The local file of the cube, absolute.
    pub mlcube: String,
    /// The chosen platform of the settings file.
    pub platform: String,
    /// The tasks, in the order in which they run.
    pub tasks: Vec<TaskName>,
    /// Task parameters from the command line, `name=value`.
    #[serde(default)]
    pub args: BTreeMap<String, String>,
    /// `-P` words for the remote `mlcube`, `KEY=VALUE`.
    #[serde(default)]
    pub overrides: Vec<String>,
    /// `-P` words for the ssh runner (`runner.…`); `config` contains their result.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub runner_overrides: Vec<String>,
    /// The path given to `--workspace`, absolute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<String>,
    /// Engine options by name, without the dashes: `gpus`, `memory` and the others of `mlcube run`.
    // See `crate::pipe::engine_options::ENGINE_OPTIONS`.
    #[serde(default)]
    pub options: BTreeMap<String, String>,
    /// The names of environment variables that the task gets; their values are never stored in the document.
    #[serde(default)]
    pub env: Vec<String>,
    /// The local absolute paths of inputs that the cube declares outside its root by a relative path. Arguments of the
    /// command line don't count: the layout on the remote mustn't depend on them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<String>,
    /// The withheld tasks, which are never sent: tasks that weren't chosen and whose path contains the value of a local
    /// variable. Each has the name of that variable.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub withheld: BTreeMap<String, String>,
    /// The name of the cube's image, which a message about files of containers may need on the remote. Absent if it
    /// contains the value of a local variable: then it is never sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Fields that this version doesn't know.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// The paths on the remote. They are absolute or below the remote home (`~/…`).
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Remote {
    /// The host, as the user wrote it for `ssh`.
    pub host: Host,
    /// The remote user, if the settings name one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<User>,
    /// The folder that contains everything that is pushed.
    pub base: RemotePath,
    /// The cube's root, inside `base`.
    pub cube: RemotePath,
    /// The workspace.
    pub workspace: RemotePath,
    /// The state folder of the remote tree: jobs, backups, the owner (ARCHITECTURE.md lists its files).
    pub state: RemotePath,
    /// Fields that this version doesn't know.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// The receipts of the steps.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Steps {
    /// The receipt of `mlcube-ssh-interp`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interp: Option<Receipt>,
    /// The receipt of `mlcube-ssh-push`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub push: Option<Receipt>,
    /// The receipt of `mlcube-ssh-exec`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exec: Option<Receipt>,
    /// The receipt of `mlcube-ssh-pull`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull: Option<Receipt>,
    /// Fields that this version doesn't know.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// What a step did, in numbers. Fields that don't apply to the step are omitted.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Receipt {
    /// Whether the step changed anything, locally or on the remote.
    pub changed: bool,
    /// The duration of the step, in seconds.
    pub seconds: f64,
    /// interp: the installed requirements, as the settings have them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requirements: Option<String>,
    /// interp: the full path of the python that runs the remote `mlcube`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub python: Option<String>,
    /// interp: the version of the remote `mlcube`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mlcube: Option<String>,
    /// interp: how the remote docker runner takes a list of GPUs: `plain`, or `quoted` if docker gets it through a shell. A
    /// job checks this again when it starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpus: Option<String>,
    /// exec: how many seconds the job ran, from its start, of a batch job that on its node, to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_seconds: Option<u64>,
    /// exec: the number that Slurm gave the job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slurm: Option<u64>,
    /// push, pull: the number of files considered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<u64>,
    /// push, pull: the number of files transferred.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files_sent: Option<u64>,
    /// push, pull: the bytes sent over the connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_sent: Option<u64>,
    /// push, pull: the bytes of all files considered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// push, pull: files that differ and were kept on the receiving side, as paths in the workspace.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<String>,
    /// push, pull: entries that couldn't be transferred, as paths in the workspace: links that lead outside, devices,
    /// unreadable files and folders.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
    /// pull: files that were left to a later pull, because they had just changed on the remote, as paths in the workspace.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waiting: Vec<String>,
    /// push: code that was deleted on the remote, as paths in the tree.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deleted: Vec<String>,
    /// push: whether anything that the image is built from changed since it was built.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_changed: Option<bool>,
    /// push, pull: the free bytes of the receiving file system before the transfer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub free_bytes: Option<u64>,
    /// exec: the phase that it ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// exec: the id of the job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<JobId>,
    /// exec: the node of the host on which the job was started, by the node's own name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<Host>,
    /// exec: whether the job was started with other arguments than those of this document, if the remote reported it: then
    /// the expected outputs aren't known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other_arguments: Option<bool>,
    /// exec: the status with which `mlcube` ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u8>,
    /// pull: the declared outputs that arrived, by their paths.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outputs: Option<Vec<String>>,
    /// Fields that this version doesn't know.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// The step that failed.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Failed {
    /// The step's name.
    pub step: StepName,
    /// The phase that failed, for a step with several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// The status with which it exited.
    pub status: u8,
    /// The party at fault.
    pub kind: FailureKind,
    /// The message that it printed.
    pub message: String,
    /// The hint that it printed; absent if there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Whether a task began before the failure, so that there may be results; absent if no task began, or if `kind` already
    /// implies it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub began: bool,
    /// Fields that this version doesn't know.
    #[serde(flatten)]
    pub unknown: Unknown,
}

impl Failed {
    /// Returns whether a task began, so that its results are fetched nevertheless.
    #[must_use]
    pub fn may_have_results(&self) -> bool {
        self.kind == FailureKind::Task || self.began
    }

    /// Creates the record of a failed step.
    #[must_use]
    pub fn new(
        step: StepName,
        phase: Option<Phase>,
        status: u8,
        kind: FailureKind,
        message: String,
    ) -> Self {
        let (hint, began, unknown) = (None, false, Unknown::new());
        Self { step, phase, status, kind, message, hint, began, unknown }
    }
}

/// The error of a platform that another runner is for.
pub(crate) fn not_of_ssh(platform: &str) -> anyhow::Error {
    hinted(
        format!("the platform '{platform}' doesn't use the ssh runner"),
        "choose one that does with --platform",
    )
}

/// The hint for a document that can't be used.
const NEW_DOCUMENT: &str = "make a new document with mlcube-ssh-config";

impl Document {
    /// Creates a document as it is before the first step.
    #[must_use]
    pub fn new(config: Map<String, Value>, run: Run, remote: Remote) -> Self {
        let schema = SCHEMA.to_owned();
        Self {
            schema,
            config,
            run,
            remote,
            steps: Steps::default(),
            failed: None,
            seal: None,
            unknown: Unknown::new(),
        }
    }

    /// Reads a document. Checks the schema first, so that a newer one is named instead of misread.
    ///
    /// # Errors
    /// If `text` isn't one JSON object of this schema; the error has the position and the remedy.
    pub fn read(text: &[u8]) -> Result<Self> {
        if text.iter().all(u8::is_ascii_whitespace) {
            return Err(hinted(
                "the document is empty",
                "correct what the step before this one reports",
            ));
        }
        let value: Value = serde_json::from_slice(text).map_err(|problem| {
            let what = if problem.is_eof() {
                "the document is cut off"
            } else {
                "the document isn't JSON"
            };
            anyhow::Error::new(problem).context(what).or_hint(NEW_DOCUMENT)
        })?;
        match value.get("schema").and_then(Value::as_str) {
            Some(SCHEMA) => {}
            Some(other) => {
                return Err(hinted(
                    format!(
                        "the document has the schema '{other}', and this program reads '{SCHEMA}'"
                    ),
                    "use programs of one version (`--version` shows it)",
                ));
            }
            None => return Err(hinted("the document has no 'schema'", NEW_DOCUMENT)),
        }
        if let (Some(_), None, Some(platform)) = (
            value.get("config"),
            value.get("remote"),
            value.pointer("/run/platform").and_then(Value::as_str),
        ) {
            return Err(not_of_ssh(platform));
        }
        let document: Self = serde_json::from_value(value)
            .context("the document doesn't hold what mlcube-ssh-config writes")
            .or_hint(NEW_DOCUMENT)?;
        document.check().context("the document can't be used").or_hint(NEW_DOCUMENT)?;
        Ok(document)
    }

    /// Returns the document as text that ends with a newline.
    ///
    /// # Errors
    /// Never for a document that was read; only serde's interface has an error.
    pub fn to_text(&self) -> Result<String> {
        let text = serde_json::to_string_pretty(self).context("can't write the document")?;
        // Receipts contain words of the host, and a document may be displayed on a terminal.
        Ok(printable_json(&text).into_owned() + "\n")
    }

    /// Returns the names of the cube's tasks.
    #[must_use]
    pub fn task_names(&self) -> Vec<&str> {
        let tasks = self.config.get("tasks").and_then(Value::as_object);
        tasks.map(|tasks| tasks.keys().map(String::as_str).collect()).unwrap_or_default()
    }

    /// Returns the command that configures the cube on the remote.
    #[must_use]
    pub fn configure_command(&self) -> String {
        self.wrapper_command("configure")
    }

    /// Returns the command that lists what the cube occupies on the remote, to which `--yes` adds what to remove.
    #[must_use]
    pub fn clean_command(&self) -> String {
        self.wrapper_command("clean")
    }

    /// Returns the command that runs the document's tasks, with their arguments and options.
    #[must_use]
    pub fn run_command(&self) -> String {
        let tasks = self.run.tasks.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        let options = self.run.options.iter().map(|(name, value)| format!("--{name}={value}"));
        let env = self.run.env.iter().map(|name| format!("--env={name}"));
        let overrides = self.run.overrides.iter().map(|text| format!("-P{text}"));
        let args = self.run.args.iter().map(|(name, value)| format!("{name}={value}"));
        let words = [format!("--task={tasks}")].into_iter();
        let words = words.chain(options).chain(env).chain(overrides).chain(args);
        let words: Vec<String> = words.map(|word| shell_word(&word)).collect();
        format!("{} {}", self.wrapper_command("run"), words.join(" "))
    }

    /// Returns the command that fetches the workspace and runs nothing.
    #[must_use]
    pub fn pull_command(&self) -> String {
        format!("{} | mlcube-ssh pull", self.wrapper_command("config"))
    }

    /// Returns the command that pushes the cube and runs nothing.
    #[must_use]
    pub fn push_command(&self) -> String {
        format!("{} | mlcube-ssh push", self.wrapper_command("config"))
    }

    fn job_command(&self, verb: &str, id: Option<&JobId>) -> String {
        let command = self.wrapper_command(verb);
        id.map_or_else(|| command.clone(), |id| format!("{command} --job={id}"))
    }

    /// Returns the local command that follows the job `id`, or the newest job.
    #[must_use]
    pub fn attach_command(&self, id: Option<&JobId>) -> String {
        self.job_command("attach", id)
    }

    /// Returns the local command that prints the output of the job `id`, or the newest job.
    #[must_use]
    pub fn logs_command(&self, id: Option<&JobId>) -> String {
        self.job_command("logs", id)
    }

    /// Returns the local command that stops the job `id`, or the newest job.
    #[must_use]
    pub fn stop_command(&self, id: Option<&JobId>) -> String {
        self.job_command("stop", id)
    }

    /// Returns the command that stops the job `id` on one node of a host whose name leads to several nodes.
    #[must_use]
    pub fn stop_command_on(&self, node: &Host, id: &JobId) -> String {
        format!("{} {}", self.stop_command(Some(id)), shell_word(&format!("-Prunner.host={node}")))
    }

    /// Returns the command that opens the shared connection.
    #[must_use]
    pub fn login_command(&self) -> String {
        self.wrapper_command("login")
    }

    /// Returns the command that closes the shared connection.
    #[must_use]
    pub fn logout_command(&self) -> String {
        self.wrapper_command("logout")
    }

    /// Returns `mlcube-ssh VERB` with the flags that lead to the same cube, host and workspace.
    fn wrapper_command(&self, verb: &str) -> String {
        let word = |flag: &str, value: &str| shell_word(&format!("--{flag}={value}"));
        let mut words = vec![
            "mlcube-ssh".to_owned(),
            verb.to_owned(),
            word("mlcube", &self.run.mlcube),
            word("platform", &self.run.platform),
        ];
        words.extend(self.run.workspace.iter().map(|path| word("workspace", path)));
        let runner = self.run.runner_overrides.iter();
        words.extend(runner.map(|text| shell_word(&format!("-P{text}"))));
        words.join(" ")
    }

    /// Returns the text at a path of keys in the settings of the runner. The rest of the configuration is the cube's: it
    /// may contain values of local variables, and nothing of it is sent.
    #[must_use]
    pub fn runner_text(&self, path: &[&str]) -> Option<&str> {
        path.iter().try_fold(self.config.get("runner")?, |value, key| value.get(key))?.as_str()
    }
}

impl Remote {
    /// Returns the paths, without fields of later versions.
    #[must_use]
    pub fn new(
        host: Host,
        user: Option<User>,
        base: RemotePath,
        cube: RemotePath,
        workspace: RemotePath,
        state: RemotePath,
    ) -> Self {
        Self { host, user, base, cube, workspace, state, unknown: Unknown::new() }
    }
}
