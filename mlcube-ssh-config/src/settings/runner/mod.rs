//! The settings of the ssh runner: the `runner` section of the effective configuration, typed.
//!
//! The keys are those of the Python runner's documentation and our own, which are all optional.

pub mod authentication;
pub mod interpreter;
pub mod launcher;
pub mod login_policy;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema, schema_for};
use serde::Deserialize;
use serde::de::{Deserializer, Error};
use serde_json::{Map, Value};

use crate::settings::invalid::Invalid;
use crate::settings::names::{
    FolderName, Host, LocalPlace, PlatformName, RemotePath, VariableName, check_variable,
};
use crate::settings::quantity::{Bytes, Seconds};
use crate::settings::read;
use crate::settings::runner::authentication::Authentication;
use crate::settings::runner::interpreter::Interpreter;
use crate::settings::runner::launcher::Launcher;
use crate::settings::runner::login_policy::LoginPolicy;
use crate::text::similar::nearest;

/// The `runner` section of a configuration in which every value is the local user's: from the settings file, from the
/// command line, or from a document that [`crate::cube::trust`] has confirmed. A [`Runner`] can only be made from this
/// type.
#[derive(Clone, Debug, PartialEq)]
pub struct UserSettings(Map<String, Value>);

impl UserSettings {
    /// Wraps the section of a configuration whose origins have been checked.
    pub(crate) fn new(config: &Map<String, Value>) -> Self {
        Self(config.get("runner").and_then(Value::as_object).cloned().unwrap_or_default())
    }

    /// Returns the full names of the keys whose values differ.
    pub(crate) fn different_keys(&self, other: &Self) -> Vec<String> {
        let keys = self.0.keys().chain(other.0.keys().filter(|key| !self.0.contains_key(*key)));
        let differs = |key: &&String| self.0.get(*key) != other.0.get(*key);
        keys.filter(differs).map(|key| format!("runner.{key}")).collect()
    }
}

/// The default of `persist`, in seconds.
const PERSIST: u32 = 600;

/// The default of `connect_timeout`, in seconds.
const CONNECT_TIMEOUT: u32 = 10;

/// The default of `answer_timeout`, in seconds. The longest silence is that of pip while it builds a large package.
const ANSWER_TIMEOUT: u32 = 3600;

/// The default of `log_limit`, in bytes: enough for a person, and too little to fill a disk.
const LOG_LIMIT: u64 = 1 << 30;

/// The settings of one platform of the ssh runner.
// The comments of the fields are also the descriptions in the JSON Schema of the settings file.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Platform of mlcube-ssh")]
#[non_exhaustive]
pub struct Runner {
    /// The runner: `ssh`.
    pub runner: String,
    /// The remote host: a name, an address, or an alias of `~/.ssh/config`.
    pub host: Host,
    /// The platform (runner) that the remote `mlcube` uses: a section of the remote account's own `~/mlcube.yaml`;
    /// `docker` needs none.
    pub platform: PlatformName,
    /// The remote folder that contains the trees of cubes: absolute, or below the remote home (`~/x`, `x`). It is
    /// created.
    pub remote_root: RemotePath,
    /// The python that runs the remote `mlcube`.
    pub interpreter: Interpreter,
    /// How to log in. Default: as `~/.ssh/config` says.
    #[serde(default)]
    pub authentication: Authentication,
    /// The names of variables that every run passes to the task.
    #[serde(default)]
    pub env: Vec<VariableName>,
    /// Variables for all commands on the remote: `{TMPDIR: /scratch/tmp}`.
    #[serde(default, deserialize_with = "variables")]
    #[schemars(schema_with = "schema_of_variables", extend("default" = {}))]
    pub environment: Vec<(String, String)>,
    /// A line of sh that runs on the remote before everything else (`module load apptainer`).
    #[serde(default)]
    pub setup: String,
    /// The settings of the remote platform (`{runner: docker, docker: podman}`), which are stored in a settings file of
    /// the job's own. Default: `platform` names a platform of the account's own settings file.
    pub remote: Option<Map<String, Value>>,
    /// The name of the remote tree below `remote_root`. Default: the base's own name.
    pub remote_name: Option<FolderName>,
    /// The local folder to mirror as the base, which may be sent. Default: it follows from the cube's declarations.
    pub base: Option<String>,
    /// Local places outside the base that links may lead to: absolute, or below the home (`~/x`). Links to other places
    /// aren't followed, because the cube or a task may have made them.
    #[serde(default)]
    pub follow_links: Vec<LocalPlace>,
    /// Whether a remote tree that another machine made is taken over. Default: `false`.
    #[serde(default)]
    pub adopt: bool,
    /// How long the shared connection stays open when idle: seconds, or a time like `8h`. Default: 10 minutes.
    #[serde(default = "Seconds::of::<PERSIST>")]
    pub persist: Seconds,
    /// When a step may log in by itself. Default: `ask`.
    #[serde(default)]
    pub login: LoginPolicy,
    /// A configuration file for ssh instead of the user's own, `~/.ssh/config`.
    pub ssh_config: Option<String>,
    /// The time within which a host must reply to a connection: seconds, or a time like `1m`. Default: 10 seconds.
    #[serde(default = "Seconds::of::<CONNECT_TIMEOUT>")]
    pub connect_timeout: Seconds,
    /// The longest log of a job: bytes, or a size like `500M`; `0` means no limit. Default: `1G`.
    #[serde(default = "Bytes::of::<LOG_LIMIT>")]
    pub log_limit: Bytes,
    /// The time for which the host may send nothing while it works for a step: seconds, or a time like `2h`. Default:
    /// 1 hour.
    #[serde(default = "Seconds::of::<ANSWER_TIMEOUT>")]
    pub answer_timeout: Seconds,
    /// The names of local variables that a cube's file may use (`${oc.env:NAME}`) in a path that is sent to the remote,
    /// and so disclose. `HOME` and `USER` are always allowed.
    #[serde(default)]
    pub cube_env: Vec<VariableName>,
    /// Whether the members of a group share the remote tree: then they may own its folders and write to them. Default:
    /// `false`.
    #[serde(default)]
    pub shared: bool,
    /// What starts a job. Default: the login itself.
    #[serde(default)]
    pub launcher: Launcher,
}

impl Runner {
    /// Reads the settings.
    ///
    /// # Errors
    /// The first key that is unknown or missing, or that has a wrong type or value.
    pub fn new(settings: &UserSettings) -> Result<Self, Invalid> {
        let mut runner: Self = read::setting("runner", &Value::Object(settings.0.clone()))?;
        runner.check().map_err(|invalid| invalid.below("runner"))?;
        // 0 would be no limit at all.
        runner.connect_timeout = runner.connect_timeout.max(Seconds::of::<1>());
        runner.answer_timeout = runner.answer_timeout.max(Seconds::of::<1>());
        Ok(runner)
    }

    /// Refuses what the type of a field alone allows.
    fn check(&self) -> Result<(), Invalid> {
        if self.login != LoginPolicy::Ask && self.persist.get() == 0 {
            let problem =
                "only 'ask' goes with persist: 0, which leaves no connection open for a later step";
            let hint = "set runner.persist to a time like 8h, or runner.login to ask";
            return Err(Invalid::with_hint(problem, hint).below("login"));
        }
        let image_dir = self.remote.as_ref().and_then(|remote| remote.get("image_dir")?.as_str());
        if image_dir.is_some_and(|folder| folder.starts_with('~')) {
            // mlcube passes it to no shell, and would make a folder of that name in the cube.
            let problem = "mlcube doesn't expand '~' in it; write an absolute path";
            return Err(Invalid::new(problem).below("remote.image_dir"));
        }
        Ok(())
    }

    /// Returns the platform's name for the remote `mlcube`.
    ///
    /// With remote settings of our own it is the runner's name: engine options only apply to platforms of that name.
    #[must_use]
    pub fn remote_platform(&self) -> &str {
        let named =
            self.remote.as_ref().and_then(|remote| remote.get("runner")).and_then(Value::as_str);
        named.unwrap_or(self.platform.as_str())
    }
}

/// Reads the variables of `environment`: only scalars, as text.
fn variables<'a, D: Deserializer<'a>>(deserializer: D) -> Result<Vec<(String, String)>, D::Error> {
    let variable = |(name, value): (String, Value)| {
        check_variable(&name).map_err(|invalid| invalid.below(&name))?;
        let text = match value {
            Value::String(text) => text,
            Value::Number(_) | Value::Bool(_) => value.to_string(),
            _ => return Err(Invalid::new("a variable's value is text").below(&name)),
        };
        Ok((name, text))
    };
    let map = Map::<String, Value>::deserialize(deserializer)?;
    map.into_iter().map(variable).collect::<Result<_, _>>().map_err(D::Error::custom)
}

fn schema_of_variables(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "propertyNames": {"pattern": "^[A-Za-z_][A-Za-z0-9_]*$"},
        "additionalProperties": {"type": ["string", "number", "boolean"]},
    })
}

/// Returns the keys of a section, from the type that it is read into.
#[must_use]
pub fn keys<T: JsonSchema>() -> Vec<String> {
    let schema = schema_for!(T);
    let properties = schema.get("properties").and_then(Value::as_object);
    properties.into_iter().flat_map(Map::keys).cloned().collect()
}

/// Returns the keys below `interpreter` and `authentication` that nothing uses, each with the known one that it was
/// probably meant to be. The Python runner accepts them silently.
#[must_use]
pub fn unused_keys(config: &Map<String, Value>) -> Vec<(String, Option<String>)> {
    let mut unused = Vec::new();
    for (name, known) in
        [("interpreter", keys::<Interpreter>()), ("authentication", keys::<Authentication>())]
    {
        let section = config.get("runner").and_then(|runner| runner.get(name)?.as_object());
        let keys = section.into_iter().flat_map(Map::keys).filter(|key| !known.contains(key));
        unused.extend(keys.map(|key| {
            let meant = nearest(key, known.iter().map(String::as_str));
            (format!("runner.{name}.{key}"), meant.map(|meant| format!("runner.{name}.{meant}")))
        }));
    }
    unused
}

/// Returns whether a `-P` word is about the section `runner`, which belongs to the ssh runner; all others go to the
/// remote `mlcube`.
#[must_use]
pub fn is_for_this_runner(word: &str) -> bool {
    key_parts(word).next() == Some("runner")
}

/// Returns whether a `-P` word changes local folders: the workspace, or what is sent besides the cube.
#[must_use]
pub fn is_about_local_folders(word: &str) -> bool {
    let mut parts = key_parts(word);
    match parts.next() {
        Some("runtime" | "workspace" | "root") => true,
        // A word without a second part has a map for its value.
        Some("docker") => matches!(parts.next(), None | Some("build_context" | "build_file")),
        _ => false,
    }
}

/// The parts of a `-P` word's key, in any of OmegaConf's spellings: `a.b`, `a[b]`, `[a].b`.
fn key_parts(word: &str) -> impl Iterator<Item = &str> {
    let key = word.split('=').next().unwrap_or(word);
    key.split(['.', '[']).map(|part| part.trim_end_matches(']')).filter(|part| !part.is_empty())
}
