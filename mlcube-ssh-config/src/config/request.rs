//! What is asked of the resolver.

/// What to resolve, as the command line says it.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The cube's folder or file.
    pub mlcube: String,
    /// The platform's name in the settings file.
    pub platform: String,
    /// `--workspace`.
    pub workspace: Option<String>,
    /// `KEY=VALUE` of every `-P`, in their order.
    pub overrides: Vec<String>,
    /// `NAME=VALUE` of every task argument, in their order.
    pub arguments: Vec<(String, String)>,
    /// Engine options, by the name of their flag (`gpus`): they count for a platform that is *named* after an engine.
    pub options: Vec<(&'static str, String)>,
    /// The settings file.
    pub settings: String,
    /// The folder that relative paths are relative to.
    pub working_directory: String,
}
