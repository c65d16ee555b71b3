//! The setting `login`: when a step may log in.

use schemars::JsonSchema;
use serde::Deserialize;

/// When a step may log in. The verb `login` always may: somebody has asked for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LoginPolicy {
    /// Whenever no connection is open.
    #[default]
    Ask,
    /// Once for each command line: after a lost connection somebody has to use the verb `login`.
    Once,
    /// Never: a step uses an open connection, or fails.
    Never,
}
