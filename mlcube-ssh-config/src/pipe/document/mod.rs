//! The document: the JSON object that travels from step to step.
//!
//! Compatible within [`SCHEMA`]: every object keeps the fields that it doesn't know.

pub(crate) mod check;

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::pipe::failure::FailureKind;
use crate::settings::names::{Host, JobId, RemotePath, TaskName, User};
use crate::text::printable::printable_json;
use crate::text::quote::shell_word;

/// The version of the document that this suite reads and writes.
pub const SCHEMA: &str = "mlcube-ssh/v1";

/// Fields of an object that this version doesn't know; they are written as they were read.
pub type Unknown = Map<String, Value>;

/// What the steps hand on to each other.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Document {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// The effective MLCube configuration, as `mlcube show_config --resolve` computes it.
    pub config: Map<String, Value>,
    /// What to run, as the user asked for it.
    pub run: Run,
    /// Where things lie on the remote.
    pub remote: Remote,
    /// What each step did.
    #[serde(default)]
    pub steps: Steps,
    /// The step that failed, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<Failed>,
    /// The seal of the `mlcube-ssh-config` that wrote it, over its settings and paths ([`crate::cube::trust`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seal: Option<String>,
    /// Fields that this version doesn't know.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// What to run, as the user asked for it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Run {
    /// The cube's file on this machine, absolute.
    pub mlcube: String,
    /// The section of the settings file that was chosen.
    pub platform: String,
    /// The tasks, in the order in which they run.
    pub tasks: Vec<TaskName>,
    /// Task parameters from the command line, `name=value`.
    #[serde(default)]
    pub args: BTreeMap<String, String>,
    /// `-P` words for the remote `mlcube`, `KEY=VALUE`.
    #[serde(default)]
    pub overrides: Vec<String>,
    /// `-P` words for this runner (`runner.…`); `config` holds what they made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub runner_overrides: Vec<String>,
    /// The workspace of `--workspace`, absolute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<String>,
    /// Engine options by name (`gpus`, `memory`, `cpu`, `network`, `security`, `mount`).
    #[serde(default)]
    pub options: BTreeMap<String, String>,
    /// Names of environment variables that the task gets; their values are never here.
    #[serde(default)]
    pub env: Vec<String>,
    /// Inputs that the cube declares outside its root by a relative path, absolute on this machine. Arguments don't
    /// count: what lies where on the remote mustn't depend on them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<String>,
    /// Tasks that weren't chosen and have a path which is made of a variable of this machine, and that variable's name:
    /// nothing of them is sent.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub withheld: BTreeMap<String, String>,
    /// Fields that this version doesn't know.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// Where things lie on the remote. Paths are absolute or below the remote home (`~/…`).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Remote {
    /// The host, as the user wrote it for `ssh`.
    pub host: Host,
    /// The user there, if the settings name one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<User>,
    /// The folder that holds all that is pushed.
    pub base: RemotePath,
    /// The cube's root, in `base`.
    pub cube: RemotePath,
    /// The workspace.
    pub workspace: RemotePath,
    /// Our own folder for this tree: jobs, records, what was replaced.
    pub state: RemotePath,
    /// Fields that this version doesn't know.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// The receipts of the steps.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Steps {
    /// Of `mlcube-ssh-interp`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interp: Option<Receipt>,
    /// Of `mlcube-ssh-push`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub push: Option<Receipt>,
    /// Of `mlcube-ssh-exec`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exec: Option<Receipt>,
    /// Of `mlcube-ssh-pull`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull: Option<Receipt>,
    /// Fields that this version doesn't know.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// What a step did, in numbers. Fields that don't fit the step are left out.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Receipt {
    /// Whether the step changed anything, here or there.
    pub changed: bool,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// interp: the requirements that are installed, as the settings have them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requirements: Option<String>,
    /// interp: the python that runs `mlcube` there, by its full path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub python: Option<String>,
    /// interp: the version of the `mlcube` there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mlcube: Option<String>,
    /// interp: how the docker runner there takes a list of GPUs: `plain`, or `quoted` where docker gets it through a shell. A
    /// job looks again when it starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpus: Option<String>,
    /// push, pull: files considered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<u64>,
    /// push, pull: files transferred.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files_sent: Option<u64>,
    /// push, pull: bytes that went over the link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_sent: Option<u64>,
    /// push, pull: bytes of all files considered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// push, pull: files that differ and were kept on the receiving side, by their path in the workspace.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<String>,
    /// push, pull: what couldn't be transferred, by its path in the workspace: links that lead out, devices, what can't
    /// be read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
    /// push: code that was deleted there, by its path in the tree.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deleted: Vec<String>,
    /// push: whether anything that the image is built from changed since it was built.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_changed: Option<bool>,
    /// push, pull: free bytes on the receiving file system, before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub free_bytes: Option<u64>,
    /// exec: what it ran, `configure` or `run`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// exec: the job's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<JobId>,
    /// exec: the node of the host on which the job was started, by the name that it has for itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<Host>,
    /// exec: whether the job was started with other arguments than this document's, as far as the host tells: then what it
    /// was to make isn't known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other_arguments: Option<bool>,
    /// exec: the status that `mlcube` ended with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u8>,
    /// pull: declared outputs that came, by their path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outputs: Option<Vec<String>>,
    /// Fields that this version doesn't know.
    #[serde(flatten)]
    pub unknown: Unknown,
}

/// The step that failed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Failed {
    /// The step's name (`push`).
    pub step: String,
    /// What the step did, where it can do more than one thing: `configure` or `run` of `exec`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// The status that it exited with.
    pub status: u8,
    /// Whose failure it was.
    pub kind: FailureKind,
    /// The line that it printed.
    pub message: String,
    /// What it advised; absent where it had no advice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Whether a task began before it, so that there may be results; absent where none did, or where `kind` says it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub began: bool,
    /// Fields that this version doesn't know.
    #[serde(flatten)]
    pub unknown: Unknown,
}

impl Failed {
    /// Whether a task began, so that what it made is fetched all the same.
    #[must_use]
    pub fn may_have_results(&self) -> bool {
        self.kind == FailureKind::Task || self.began
    }

    /// What the document says of a step that failed.
    #[must_use]
    pub fn new(
        step: &str,
        phase: Option<&str>,
        status: u8,
        kind: FailureKind,
        message: String,
    ) -> Self {
        let phase = phase.map(str::to_owned);
        Self {
            step: step.to_owned(),
            phase,
            status,
            kind,
            message,
            hint: None,
            began: false,
            unknown: Unknown::new(),
        }
    }
}

impl Document {
    /// A document before any step has run.
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

    /// Reads a document. The schema is looked at first, so that a newer one is named and not misread.
    ///
    /// # Errors
    /// When `text` isn't one JSON object of this schema, with the place and the remedy.
    pub fn read(text: &[u8]) -> Result<Self> {
        if text.iter().all(u8::is_ascii_whitespace) {
            bail!("the document is empty; did the step before this one fail?");
        }
        let value: Value = serde_json::from_slice(text).map_err(|problem| {
            let what = if problem.is_eof() {
                "the document is cut off"
            } else {
                "the document isn't JSON"
            };
            anyhow::Error::new(problem).context(what)
        })?;
        match value.get("schema").and_then(Value::as_str) {
            Some(SCHEMA) => {}
            Some(other) => bail!(
                "the document is of schema '{other}', this program reads '{SCHEMA}'; use tools of one version"
            ),
            None => bail!("the document has no 'schema'; it comes from mlcube-ssh-config"),
        }
        if let (Some(_), None, Some(platform)) = (
            value.get("config"),
            value.get("remote"),
            value.pointer("/run/platform").and_then(Value::as_str),
        ) {
            bail!(
                "the platform '{platform}' isn't of the ssh runner; choose one that is with --platform"
            );
        }
        let document: Self = serde_json::from_value(value)
            .context("the document doesn't hold what mlcube-ssh-config writes")?;
        document.check().context("the document can't be used")?;
        Ok(document)
    }

    /// The document as text that ends with a newline.
    ///
    /// # Errors
    /// Never for a document that was read; serde's interface has the error.
    pub fn to_text(&self) -> Result<String> {
        let text = serde_json::to_string_pretty(self).context("can't write the document")?;
        // Receipts hold words of the host, and a document may be looked at on a terminal.
        Ok(printable_json(&text).into_owned() + "\n")
    }

    /// The names of the cube's tasks.
    #[must_use]
    pub fn task_names(&self) -> Vec<&str> {
        let tasks = self.config.get("tasks").and_then(Value::as_object);
        tasks.map(|tasks| tasks.keys().map(String::as_str).collect()).unwrap_or_default()
    }

    /// What to type to set the cube up there.
    #[must_use]
    pub fn configure_command(&self) -> String {
        self.wrapper_command("configure")
    }

    /// What to type to run the document's tasks.
    #[must_use]
    pub fn run_command(&self) -> String {
        let tasks = self.run.tasks.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        format!("{} {}", self.wrapper_command("run"), shell_word(&format!("--task={tasks}")))
    }

    /// What to type to follow the job `id`, from this machine.
    #[must_use]
    pub fn attach_command(&self, id: &str) -> String {
        format!("{} {}", self.wrapper_command("attach"), shell_word(&format!("--job={id}")))
    }

    /// What to type to end the job `id`, from this machine.
    #[must_use]
    pub fn stop_command(&self, id: &str) -> String {
        format!("{} {}", self.wrapper_command("stop"), shell_word(&format!("--job={id}")))
    }

    /// What to type to end the job `id` on one node of a host whose name leads to several.
    #[must_use]
    pub fn stop_command_on(&self, node: &Host, id: &JobId) -> String {
        format!(
            "{} {}",
            self.stop_command(id.as_str()),
            shell_word(&format!("-Prunner.host={node}"))
        )
    }

    /// What to type to close the connection that stays open.
    #[must_use]
    pub fn logout_command(&self) -> String {
        self.wrapper_command("logout")
    }

    /// `mlcube-ssh VERB` with the flags that lead to the same cube, host and workspace.
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

    /// The text at a path of keys in `config`.
    #[must_use]
    pub fn config_text(&self, path: &[&str]) -> Option<&str> {
        let (first, rest) = path.split_first()?;
        rest.iter().try_fold(self.config.get(*first)?, |value, key| value.get(key))?.as_str()
    }
}

impl Remote {
    /// Where things lie, without fields of later versions.
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

    /// `user@host`, or the host alone, for messages.
    #[must_use]
    pub fn account(&self) -> String {
        self.user
            .as_ref()
            .map_or_else(|| self.host.to_string(), |user| format!("{user}@{}", self.host))
    }
}
