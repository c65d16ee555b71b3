//! The input of the resolver.

use crate::pipe::engine_options::GivenEngineOptions;

/// What to resolve, as the command line specifies it.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The cube's folder or file.
    pub mlcube: String,
    /// The platform's name in the settings file.
    pub platform: String,
    /// `--workspace`.
    pub workspace: Option<String>,
    /// The `KEY=VALUE` of every `-P`, in order.
    pub overrides: Vec<String>,
    /// The `NAME=VALUE` of every task argument, in order.
    pub arguments: Vec<(String, String)>,
    /// The engine options: they apply to a platform that is *named* after an engine.
    pub options: GivenEngineOptions,
    /// The settings file.
    pub settings: String,
    /// The folder for relative paths.
    pub working_directory: String,
}
