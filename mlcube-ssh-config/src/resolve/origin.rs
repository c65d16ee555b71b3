//! Which source set a value, and where in it.

/// Where a value came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The runner's defaults.
    Default,
    /// The cube's file, at this line.
    Cube(u32),
    /// The settings file, at this line.
    Settings(u32),
    /// The `-P` of this number, from 0, on the command line.
    Override(usize),
    /// The `name=value` of this number.
    Argument(usize),
    /// `--workspace`.
    Workspace,
    /// Nobody wrote it: where the cube lies, what is normalised.
    Computed,
}

/// What the sources are called, for people.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    pub(crate) cube: String,
    pub(crate) settings: String,
    pub(crate) platform: String,
    pub(crate) overrides: Vec<String>,
    pub(crate) arguments: Vec<String>,
    pub(crate) workspace: String,
}

impl Names {
    /// The source and its line: `/home/me/mlcube.yaml:12`, `-Prunner.host=x`.
    pub(crate) fn place(&self, origin: Origin) -> String {
        let numbered = |list: &[String], index: usize| list.get(index).cloned().unwrap_or_default();
        match origin {
            Origin::Default => "default".to_owned(),
            Origin::Cube(line) => format!("{}:{line}", self.cube),
            Origin::Settings(line) => format!("{}:{line}", self.settings),
            Origin::Override(index) => format!("-P{}", numbered(&self.overrides, index)),
            Origin::Argument(index) => numbered(&self.arguments, index),
            Origin::Workspace => format!("--workspace={}", self.workspace),
            Origin::Computed => "computed".to_owned(),
        }
    }
}
