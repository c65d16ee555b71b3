//! The input of the resolver.

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
    /// Engine options by the name of their flag (`gpus`): they apply to a platform that is *named* after an engine.
    pub options: Vec<(&'static str, String)>,
    /// The settings file.
    pub settings: String,
    /// The folder for relative paths.
    pub working_directory: String,
}
