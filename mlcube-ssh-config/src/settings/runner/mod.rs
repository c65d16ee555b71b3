//! The settings of the ssh runner: the `runner` section of the effective configuration, typed.
//!
//! The keys are those of the Python runner's documentation, and ours, which are all optional.

pub(crate) mod section;

use serde_json::{Map, Value};

use crate::settings::names::{Host, RemotePath, User, check_variable};
use crate::settings::runner::section::Section;

pub use section::Invalid;

/// The `runner` section of a configuration, every value of which this machine's user has set: in the settings file, on the
/// command line, or in a document that [`crate::cube::trust`] has confirmed. A [`Runner`] is made of nothing else.
#[derive(Clone, Debug, PartialEq)]
pub struct UserSettings(Map<String, Value>);

impl UserSettings {
    /// The section of a configuration whose origins have been checked.
    pub(crate) fn new(config: &Map<String, Value>) -> Self {
        Self(config.get("runner").and_then(Value::as_object).cloned().unwrap_or_default())
    }
}

impl UserSettings {
    /// The keys, from the top, whose values differ.
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
    /// The folder on the remote below which cubes lie.
    pub remote_root: RemotePath,
    /// The python that runs `mlcube` there.
    pub interpreter: Interpreter,
    /// How to log in.
    pub authentication: Authentication,
    /// Names of variables that every run hands to the task.
    pub env: Vec<String>,
    /// Names of variables whose values a cube's file may send, by reading them (`${oc.env:NAME}`) where a path is sent.
    pub cube_env: Vec<String>,
    /// Whether the members of a group share the tree there: then they may own and write its folders.
    pub shared: bool,
    /// Variables for everything that runs there.
    pub environment: Vec<(String, String)>,
    /// A line of sh that runs there before everything else (`module load apptainer`).
    pub setup: String,
    /// The settings of the platform there, kept in a settings file of our own; without it `platform` names one of the
    /// account's own.
    pub remote: Option<Map<String, Value>>,
    /// The name of the tree there, instead of the base's own.
    pub remote_name: Option<String>,
    /// The local folder that is laid out there, instead of the one that the cube declares.
    pub base: Option<String>,
    /// Places outside the base that links may lead to: absolute, or below the home (`~/x`). A link that leads anywhere
    /// else is nobody's but the cube's or a task's, and isn't followed.
    pub follow_links: Vec<String>,
    /// Whether a tree that another machine made is taken over.
    pub adopt: bool,
    /// Seconds that the shared connection stays open when idle.
    pub persist: u32,
    /// A configuration file for ssh instead of the user's own.
    pub ssh_config: Option<String>,
    /// Seconds that a host has to answer.
    pub connect_timeout: u32,
    /// The longest log that a job keeps, in bytes; 0: any length.
    pub log_limit: u64,
    /// Seconds that the host may say nothing while it works for a step.
    pub answer_timeout: u32,
}

/// The longest log of a job, unless the settings say otherwise: enough for a person, and far from filling a disk.
const LOG_LIMIT: u64 = 1 << 30;

/// The python that runs `mlcube` on the remote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Interpreter {
    /// A python that is there.
    System {
        /// Its name or path.
        python: String,
        /// What pip installs, as one line; empty: what is there is used.
        requirements: String,
    },
    /// A virtual environment that we make.
    Virtualenv {
        /// The python to make it with.
        python: String,
        /// What pip installs, as one line; empty: what is there is used.
        requirements: String,
        /// The folder that holds the environment.
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
    /// The user there.
    pub user: Option<User>,
}

/// The keys of the `runner` section.
pub const KEYS: [&str; 21] = [
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
    "ssh_config",
    "connect_timeout",
    "log_limit",
    "answer_timeout",
    "cube_env",
    "shared",
];

impl Runner {
    /// Reads the settings.
    ///
    /// # Errors
    /// The first key that is unknown, missing, or of a wrong type or value.
    pub fn new(settings: &UserSettings) -> Result<Self, Invalid> {
        let section = Section::new("runner", &settings.0);
        section.only(&KEYS)?;
        Ok(Self {
            host: section.parsed("host")?,
            platform: section.required("platform")?,
            remote_root: section.parsed("remote_root")?,
            interpreter: Interpreter::from_section(&section.section("interpreter")?)?,
            authentication: Authentication::from_section(&section.section("authentication")?)?,
            env: section.names("env")?,
            cube_env: section.names("cube_env")?,
            shared: section.flag("shared")?,
            environment: environment(&section.section("environment")?)?,
            setup: section.text("setup")?.unwrap_or_default(),
            remote: section.map("remote")?,
            remote_name: section.plain_name("remote_name")?,
            base: section.text("base")?,
            follow_links: section.places("follow_links")?,
            adopt: section.flag("adopt")?,
            persist: section.seconds("persist")?.unwrap_or(600),
            ssh_config: section.text("ssh_config")?,
            connect_timeout: section.seconds("connect_timeout")?.unwrap_or(10).max(1),
            log_limit: section.bytes("log_limit")?.unwrap_or(LOG_LIMIT),
            // The longest silence is that of a pip which builds a large package.
            answer_timeout: section.seconds("answer_timeout")?.unwrap_or(3600).max(1),
        })
    }

    /// The name of the platform that the remote `mlcube` is given.
    ///
    /// With settings of our own there it is the runner's: engine options count only for platforms of that name.
    #[must_use]
    pub fn remote_platform(&self) -> &str {
        let named =
            self.remote.as_ref().and_then(|remote| remote.get("runner")).and_then(Value::as_str);
        named.unwrap_or(&self.platform)
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

    /// The python that is named.
    #[must_use]
    pub fn python(&self) -> &str {
        match self {
            Self::System { python, .. } | Self::Virtualenv { python, .. } => python,
        }
    }

    /// The folder of an environment that is made for `mlcube`; none of a python that is there already.
    #[must_use]
    pub fn folder(&self) -> Option<String> {
        match self {
            Self::System { .. } => None,
            Self::Virtualenv { location, name, .. } => {
                Some(format!("{}/{name}", location.as_str().trim_end_matches('/')))
            }
        }
    }

    /// What pip installs, as one line.
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

/// The keys below `interpreter` and `authentication` that nothing uses. The Python runner takes them without a word.
#[must_use]
pub fn unused_keys(config: &Map<String, Value>) -> Vec<String> {
    let unused = |section: &str, known: &[&str]| -> Vec<String> {
        let map = config.get("runner").and_then(|runner| runner.get(section)?.as_object());
        let keys = map.into_iter().flat_map(Map::keys).filter(|key| !known.contains(&key.as_str()));
        keys.map(|key| format!("runner.{section}.{key}")).collect()
    };
    let mut keys = unused("interpreter", &["type", "python", "requirements", "location", "name"]);
    keys.extend(unused("authentication", &["identify_file", "identity_file", "user"]));
    keys
}

/// The variables of `environment`: scalars only, as text.
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
/// Whether a `-P` word is about the section `runner`, which is ours; every other goes to the remote `mlcube`.
#[must_use]
pub fn is_for_this_runner(word: &str) -> bool {
    let key = word.split('=').next().unwrap_or(word);
    key.split(['.', '['])
        .find(|part| !part.is_empty())
        .is_some_and(|part| part.trim_end_matches(']') == "runner")
}
