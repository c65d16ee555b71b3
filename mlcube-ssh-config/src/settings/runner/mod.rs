//! The settings of the ssh runner: the `runner` section of the effective configuration, typed.
//!
//! The keys are those of the Python runner's documentation and our own, which are all optional.

pub mod launcher;
pub mod login_policy;
pub(crate) mod section;

use serde_json::{Map, Value};

use crate::settings::names::{Host, RemotePath, User, check_variable};
use crate::settings::runner::launcher::{LAUNCHER_KEYS, Launcher};
use crate::settings::runner::login_policy::LoginPolicy;
use crate::settings::runner::section::Section;

pub use section::Invalid;

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

/// The settings of one platform of the ssh runner.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Runner {
    /// The remote host.
    pub host: Host,
    /// The platform (runner) that the remote `mlcube` uses.
    pub platform: String,
    /// The remote folder that contains the trees of cubes.
    pub remote_root: RemotePath,
    /// The python that runs the remote `mlcube`.
    pub interpreter: Interpreter,
    /// How to log in.
    pub authentication: Authentication,
    /// The names of variables that every run passes to the task.
    pub env: Vec<String>,
    /// The names of variables that a cube's file may use (`${oc.env:NAME}`) in a path that is sent to the remote, and
    /// so disclose.
    pub cube_env: Vec<String>,
    /// Whether the members of a group share the remote tree: then they may own its folders and write to them.
    pub shared: bool,
    /// Variables for all commands on the remote.
    pub environment: Vec<(String, String)>,
    /// A line of sh that runs on the remote before everything else (`module load apptainer`).
    pub setup: String,
    /// The settings of the remote platform, which are stored in a settings file of our own. Without them `platform`
    /// names a platform of the account's own settings file.
    pub remote: Option<Map<String, Value>>,
    /// The name of the remote tree; the default is the base's own name.
    pub remote_name: Option<String>,
    /// The local folder to mirror as the base; the default follows from the cube's declarations.
    pub base: Option<String>,
    /// Places outside the base that links may lead to: absolute, or below the home (`~/x`). Links to other places
    /// aren't followed, because the cube or a task may have made them.
    pub follow_links: Vec<String>,
    /// Whether a tree that another machine made is taken over.
    pub adopt: bool,
    /// Seconds that the shared connection stays open when idle.
    pub persist: u32,
    /// When a step may log in.
    pub login: LoginPolicy,
    /// A configuration file for ssh instead of the user's own.
    pub ssh_config: Option<String>,
    /// Seconds within which a host must reply to a connection.
    pub connect_timeout: u32,
    /// The longest log of a job, in bytes; 0 means no limit.
    pub log_limit: u64,
    /// Seconds for which the host may send nothing while it works for a step.
    pub answer_timeout: u32,
    /// What starts a job.
    pub launcher: Launcher,
}

/// The default for the longest log of a job: enough for a person, and too little to fill a disk.
const LOG_LIMIT: u64 = 1 << 30;

/// The python that runs `mlcube` on the remote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Interpreter {
    /// A python that exists on the remote.
    System {
        /// Its name or path.
        python: String,
        /// The packages that pip installs, as one line; empty if none are to be installed.
        requirements: String,
    },
    /// A virtual environment that we create.
    Virtualenv {
        /// The python that creates the environment.
        python: String,
        /// The packages that pip installs, as one line; empty if none are to be installed.
        requirements: String,
        /// The folder that contains the environment.
        location: RemotePath,
        /// The environment's name in that folder.
        name: String,
    },
}

/// How to log in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Authentication {
    /// The private key for `ssh -i`; `identify_file` is the documented spelling, `identity_file` means the same.
    pub identity_file: Option<String>,
    /// The remote user.
    pub user: Option<User>,
}

/// The keys of the `runner` section.
pub const KEYS: [&str; 23] = [
    "runner",
    "host",
    "platform",
    "remote_root",
    "interpreter",
    "authentication",
    "env",
    "environment",
    "setup",
    "remote",
    "remote_name",
    "base",
    "follow_links",
    "adopt",
    "persist",
    "login",
    "ssh_config",
    "connect_timeout",
    "log_limit",
    "answer_timeout",
    "cube_env",
    "shared",
    "launcher",
];

/// The keys of `interpreter`.
pub const INTERPRETER_KEYS: [&str; 5] = ["type", "python", "requirements", "location", "name"];

/// The keys of `authentication`.
pub const AUTHENTICATION_KEYS: [&str; 3] = ["identify_file", "identity_file", "user"];

impl Runner {
    /// Reads the settings.
    ///
    /// # Errors
    /// The first key that is unknown or missing, or that has a wrong type or value.
    pub fn new(settings: &UserSettings) -> Result<Self, Invalid> {
        let section = Section::new("runner", &settings.0, &KEYS);
        section.check_keys()?;
        let persist = section.seconds("persist")?.unwrap_or(600);
        Ok(Self {
            host: section.parsed("host")?,
            platform: section.required("platform")?,
            remote_root: section.parsed("remote_root")?,
            interpreter: Interpreter::from_section(
                &section.section("interpreter", &INTERPRETER_KEYS)?,
            )?,
            authentication: Authentication::from_section(
                &section.section("authentication", &AUTHENTICATION_KEYS)?,
            )?,
            env: section.names("env")?,
            cube_env: section.names("cube_env")?,
            shared: section.flag("shared")?,
            environment: environment(&section.section("environment", &[])?)?,
            setup: section.text("setup")?.unwrap_or_default(),
            remote: remote(&section)?,
            remote_name: section.plain_name("remote_name")?,
            base: section.text("base")?,
            follow_links: section.places("follow_links")?,
            adopt: section.flag("adopt")?,
            persist,
            login: LoginPolicy::from_section(&section, persist)?,
            ssh_config: section.text("ssh_config")?,
            connect_timeout: section.seconds("connect_timeout")?.unwrap_or(10).max(1),
            log_limit: section.bytes("log_limit")?.unwrap_or(LOG_LIMIT),
            // The longest silence is that of pip while it builds a large package.
            answer_timeout: section.seconds("answer_timeout")?.unwrap_or(3600).max(1),
            launcher: launcher(&section)?,
        })
    }

    /// Returns the platform's name for the remote `mlcube`.
    ///
    /// With remote settings of our own it is the runner's name: engine options only apply to platforms of that name.
    #[must_use]
    pub fn remote_platform(&self) -> &str {
        let named =
            self.remote.as_ref().and_then(|remote| remote.get("runner")).and_then(Value::as_str);
        named.unwrap_or(&self.platform)
    }
}

/// Reads the launcher; a misspelt key must not change what a job asks for.
fn launcher(section: &Section<'_>) -> Result<Launcher, Invalid> {
    let section = section.section("launcher", &LAUNCHER_KEYS)?;
    section.check_keys()?;
    Launcher::from_section(&section)
}

/// Reads the settings of the remote platform.
fn remote(section: &Section<'_>) -> Result<Option<Map<String, Value>>, Invalid> {
    let remote = section.map("remote")?;
    let image_dir = remote.as_ref().and_then(|remote| remote.get("image_dir")?.as_str());
    match image_dir {
        // mlcube passes it to no shell, and would make a folder of that name in the cube.
        Some(folder) if folder.starts_with('~') => Err(section.invalid(
            "remote.image_dir",
            "mlcube doesn't expand '~' in it; write an absolute path".to_owned(),
        )),
        _ => Ok(remote),
    }
}

impl Interpreter {
    fn from_section(section: &Section<'_>) -> Result<Self, Invalid> {
        match section.required("type")?.as_str() {
            "system" => Ok(Self::System {
                python: section.word("python")?,
                requirements: section.present("requirements")?,
            }),
            "virtualenv" => Ok(Self::Virtualenv {
                python: section.word("python")?,
                requirements: section.present("requirements")?,
                location: section.parsed("location")?,
                name: section.word("name")?,
            }),
            other => {
                Err(section
                    .invalid("type", format!("'{other}' is neither 'system' nor 'virtualenv'")))
            }
        }
    }

    /// Returns the configured python.
    #[must_use]
    pub fn python(&self) -> &str {
        match self {
            Self::System { python, .. } | Self::Virtualenv { python, .. } => python,
        }
    }

    /// Returns the folder of the environment that is created for `mlcube`; `None` for an existing python.
    #[must_use]
    pub fn folder(&self) -> Option<String> {
        match self {
            Self::System { .. } => None,
            Self::Virtualenv { location, name, .. } => {
                Some(format!("{}/{name}", location.as_str().trim_end_matches('/')))
            }
        }
    }

    /// Returns the packages that pip installs, as one line.
    #[must_use]
    pub fn requirements(&self) -> &str {
        match self {
            Self::System { requirements, .. } | Self::Virtualenv { requirements, .. } => {
                requirements
            }
        }
    }
}

impl Authentication {
    fn from_section(section: &Section<'_>) -> Result<Self, Invalid> {
        let identity_file = section
            .text("identify_file")?
            .or(section.text("identity_file")?)
            .filter(|file| !file.is_empty());
        if identity_file.as_ref().is_some_and(|file| file.starts_with('-')) {
            return Err(section.invalid(
                "identify_file",
                "it begins with '-', and would be taken for an option".to_owned(),
            ));
        }
        let user = section.text("user")?.filter(|user| !user.is_empty());
        let user = user
            .map(User::try_from)
            .transpose()
            .map_err(|problem| section.invalid("user", problem.to_string()))?;
        Ok(Self { identity_file, user })
    }
}

/// Returns the keys below `interpreter` and `authentication` that nothing uses, each with the known one that it was
/// probably meant to be. The Python runner accepts them silently.
#[must_use]
pub fn unused_keys(config: &Map<String, Value>) -> Vec<(String, Option<String>)> {
    let unused = |name: &str, known: &'static [&'static str]| -> Vec<(String, Option<String>)> {
        let map = config.get("runner").and_then(|runner| runner.get(name)?.as_object());
        let Some(map) = map else { return Vec::new() };
        let section = Section::new(&format!("runner.{name}"), map, known);
        let keys = section.unknown_keys();
        keys.map(|key| (format!("runner.{name}.{key}"), section.meant(key))).collect()
    };
    let mut keys = unused("interpreter", &INTERPRETER_KEYS);
    keys.extend(unused("authentication", &AUTHENTICATION_KEYS));
    keys
}

/// Reads the variables of `environment`: only scalars, as text.
fn environment(section: &Section<'_>) -> Result<Vec<(String, String)>, Invalid> {
    let variable = |(name, value): (&String, &Value)| {
        check_variable(name).map_err(|problem| section.invalid(name, problem.to_string()))?;
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(flag) => flag.to_string(),
            _ => return Err(section.invalid(name, "a variable's value is text".to_owned())),
        };
        Ok((name.clone(), text))
    };
    section.entries().map(variable).collect()
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
