//! The setting `interpreter`: the python that runs `mlcube` on the remote.

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::Error;

use crate::settings::invalid::Invalid;
use crate::settings::names::RemotePath;

/// The python that runs `mlcube` on the remote.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "Section")]
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

/// The section as it is written. A key that isn't known is ignored with a warning, as the Python runner ignores it.
#[derive(Deserialize, JsonSchema)]
#[serde(expecting = "a map")]
#[schemars(deny_unknown_fields)]
#[schemars(extend("if" = {"properties": {"type": {"const": "virtualenv"}}}, "then" = {"required": ["location", "name"]}))]
struct Section {
    /// Which python it is.
    r#type: Kind,
    /// The name or path of a python on the host. Of `type: virtualenv` it is the one that creates the environment.
    #[schemars(length(min = 1))]
    python: String,
    /// The packages that pip installs, as one line (`mlcube==0.0.9 mlcube-docker==0.0.9`); `''` if none are to be
    /// installed.
    requirements: String,
    /// The folder on the host that contains the environment: absolute, or below the home (`~/x`, `x`). For
    /// `type: virtualenv`.
    location: Option<String>,
    /// The environment's name in that folder. For `type: virtualenv`.
    name: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Kind {
    /// A python that exists on the host.
    System,
    /// A virtual environment that mlcube-ssh creates.
    Virtualenv,
}

impl TryFrom<Section> for Interpreter {
    type Error = Invalid;

    fn try_from(section: Section) -> Result<Self, Invalid> {
        let requirements = section.requirements;
        let python = word("python", section.python)?;
        Ok(match section.r#type {
            Kind::System => Self::System { python, requirements },
            Kind::Virtualenv => Self::Virtualenv {
                python,
                requirements,
                location: RemotePath::try_from(given("location", section.location)?)
                    .map_err(|invalid| invalid.below("location"))?,
                name: word("name", given("name", section.name)?)?,
            },
        })
    }
}

fn given(key: &'static str, text: Option<String>) -> Result<String, Invalid> {
    text.ok_or_else(|| Invalid::missing_field(key))
}

/// Checks a text that becomes a word of a remote command.
fn word(key: &str, text: String) -> Result<String, Invalid> {
    let problem = if text.trim().is_empty() {
        "is empty"
    } else if text.starts_with('-') || text.contains(char::is_control) {
        "it begins with '-' or holds a control character"
    } else {
        return Ok(text);
    };
    Err(Invalid::new(problem).below(key))
}

impl Interpreter {
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
