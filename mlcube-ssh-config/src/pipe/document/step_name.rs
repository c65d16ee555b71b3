//! The names of steps and phases in a document.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A step that reads and writes the document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum StepName {
    /// `mlcube-ssh-interp`.
    Interp,
    /// `mlcube-ssh-push`.
    Push,
    /// `mlcube-ssh-exec`.
    Exec,
    /// `mlcube-ssh-pull`.
    Pull,
    /// A step of a later version.
    #[serde(untagged)]
    Other(String),
}

/// A phase of `exec`: the command that the remote `mlcube` runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[expect(clippy::exhaustive_enums, reason = "mlcube has no other command that makes a job")]
pub enum Phase {
    /// `mlcube configure`.
    Configure,
    /// `mlcube run`.
    Run,
}

impl Phase {
    /// Parses `mlcube`'s word; `None` if it is another one.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Configure, Self::Run].into_iter().find(|phase| phase.word() == word)
    }

    /// Returns `mlcube`'s word for the phase.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Configure => "configure",
            Self::Run => "run",
        }
    }
}
