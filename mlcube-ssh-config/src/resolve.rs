//! The effective configuration: what the Python `mlcube` 0.0.10rc2 computes with `OmegaConf` 2.1.0 from the same files
//! and flags.
//!
//! Weakest first: the runner's defaults, `runner:` of the cube's file, the platform's section of the settings file, `-P`.
//! Maps merge deeply, lists are replaced, a later `???` doesn't override. The Python sources are the reference, and the
//! functions here say which of theirs they follow.

mod assign;
mod build;
mod dotlist;
mod effective;
mod engine;
mod error;
mod evaluate;
mod explain;
mod in_place;
mod interpolate;
mod json;
mod merge;
mod origin;
mod path;
mod paths;
mod platform;
mod problem;
mod raw;
mod resolvers;
mod runners;
mod select;
mod sources;
mod tasks;
mod tree;
mod value;
mod variables;
mod writers;

use serde_json::{Map, Value};

use effective::Parts;
pub use error::Error;
use evaluate::Evaluation;
use origin::{Names, Origin};
use platform::Platform;
use problem::Problem;
pub use runners::RunnerKind;
use sources::Which;
use tasks::Arguments;
use tree::{Id, Tree, Value as TreeValue};

use crate::failure::hinted;
use crate::quote::shell_word;
use crate::runner::UserSettings;
use omegaconf::yaml::Key;

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

/// The effective configuration and where it came from.
#[derive(Debug)]
pub struct Resolved {
    /// The configuration, key for key what `mlcube show_config --resolve` shows.
    pub config: Map<String, Value>,
    /// The folder of the cube, absolute.
    pub root: String,
    /// The name of the cube's file in it.
    pub file: String,
    /// The runner of the platform.
    pub runner: RunnerKind,
    /// What a person should know.
    pub warnings: Vec<String>,
    names: Names,
    tree: Tree,
    top: Id,
}

/// Computes the effective configuration. `environment` looks a variable up.
///
/// # Errors
/// Whatever `mlcube` would refuse, and what would grow without bound.
pub fn resolve(
    request: &Request,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<Resolved, Error> {
    let (root, file) = paths::cube(&request.mlcube, &request.working_directory);
    let names = names(request, &paths::join(&root, &file));
    let mut evaluation = Evaluation::new(&names, environment);
    let computed = compute(&mut evaluation, request, &root).and_then(|(top, runner)| {
        let config = evaluation.tree.json_map(top)?;
        Ok((config, top, runner))
    });
    let Evaluation { tree, warnings, .. } = evaluation;
    match computed {
        Ok((config, top, runner)) => {
            Ok(Resolved { config, root, file, runner, warnings, names, tree, top })
        }
        Err(problem) => Err(Error::new(&names, &problem)),
    }
}

/// The settings of the runner as the settings file alone gives them, without any cube and without a command line.
///
/// # Errors
/// When the settings file can't be used, or its section of the platform needs something of a cube.
pub fn settings_alone(
    request: &Request,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<UserSettings, Error> {
    let (root, file) = paths::cube(&request.mlcube, &request.working_directory);
    let names = names(request, &paths::join(&root, &file));
    let mut evaluation = Evaluation::new(&names, environment);
    let computed = (|| {
        let settings = evaluation.load(Which::Settings, &request.settings)?;
        let platform = evaluation.apart(|this| this.platform(settings, &request.platform))?;
        let cube = evaluation.tree.add(TreeValue::empty_map(), Origin::Computed)?;
        let tasks = evaluation.tree.add(TreeValue::empty_map(), Origin::Computed)?;
        evaluation.tree.put(cube, Key::from("tasks"), tasks);
        let (top, _) = finish(&mut evaluation, request, &root, platform, cube)?;
        evaluation.tree.json_map(top)
    })();
    computed
        .map(|config| UserSettings::new(&config))
        .map_err(|problem| Error::new(&names, &problem))
}

fn compute(
    evaluation: &mut Evaluation<'_>,
    request: &Request,
    root: &str,
) -> Result<(Id, RunnerKind), Problem> {
    let settings = evaluation.load(Which::Settings, &request.settings)?;
    let platform = evaluation.apart(|this| this.platform(settings, &request.platform))?;
    let cube = evaluation.load(Which::Cube, &evaluation.names.cube.clone())?;
    finish(evaluation, request, root, platform, cube)
}

/// Puts a platform and a cube together with the command line.
fn finish(
    evaluation: &mut Evaluation<'_>,
    request: &Request,
    root: &str,
    platform: Platform,
    cube: Id,
) -> Result<(Id, RunnerKind), Problem> {
    let overrides = evaluation.overrides(&request.overrides)?;
    evaluation.engine_options(overrides, &request.platform, &request.options)?;
    let home = (evaluation.environment)("HOME");
    let workspace = request
        .workspace
        .as_deref()
        .map(|path| workspace(path, home.as_deref(), &request.working_directory))
        .transpose()?;
    let arguments = arguments(request);
    let runner = platform.runner;
    let parts = Parts {
        cube,
        overrides,
        platform,
        root,
        workspace: workspace.as_deref(),
        arguments: &arguments,
    };
    Ok((evaluation.effective(&parts)?, runner))
}

fn workspace(path: &str, home: Option<&str>, working_directory: &str) -> Result<String, Problem> {
    if path.starts_with("storage:") {
        let problem = Problem::new("storage: is not supported; name a folder");
        return Err(Problem { origin: Some(Origin::Workspace), ..problem });
    }
    Ok(paths::absolute(&paths::expand_user(path, home), working_directory))
}

fn arguments(request: &Request) -> Arguments {
    let words = request.arguments.iter().enumerate();
    words.map(|(index, (name, value))| (name.clone(), (value.clone(), index))).collect()
}

fn names(request: &Request, cube: &str) -> Names {
    Names {
        cube: cube.to_owned(),
        platform: request.platform.clone(),
        settings: request.settings.clone(),
        overrides: request.overrides.clone(),
        arguments: request
            .arguments
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect(),
        workspace: request.workspace.clone().unwrap_or_default(),
    }
}

impl Resolved {
    /// The settings of the runner. Who wrote a value decides: a cube says what to run, and only the user where, as whom and
    /// with what.
    ///
    /// # Errors
    /// When the cube's file sets one of them, with its line and the remedy.
    pub fn user_settings(&self) -> anyhow::Result<UserSettings> {
        let set = writers::set_by_cube(&self.tree, self.top);
        if set.is_empty() {
            return Ok(UserSettings::new(&self.config));
        }
        let names = &self.names;
        let refused: Vec<String> = set
            .iter()
            .map(|setting| format!("{}:{}: {}", names.cube, setting.line, setting.key))
            .collect();
        let words: Vec<String> = set
            .iter()
            .map(|setting| shell_word(&format!("-P{}={}", setting.key, setting.written)))
            .collect();
        let lines: Vec<String> = set.iter().map(writers::CubeSetting::in_section).collect();
        Err(hinted(
            format!(
                "{}: a cube may not set this, only the settings file and -Prunner.… may",
                refused.join(", ")
            ),
            format!(
                "remove it from the cube's file; if you want it, write {} below platforms.{} in {}, or give {}",
                lines.join(", "),
                names.platform,
                names.settings,
                words.join(" ")
            ),
        ))
    }

    /// The variables of this machine that the value of a key, or a map around it, was made of because the cube's file asks
    /// for them. `parts` is the key, part by part.
    #[must_use]
    pub fn variables(&self, parts: &[&str]) -> Vec<String> {
        let mut reading = variables::Reading::default();
        let mut at = Some(self.top);
        let mut parts = parts.iter();
        while let Some(id) = at {
            let Some(part) = parts.next() else {
                self.tree.made_of_whole(id, &mut reading);
                break;
            };
            reading.extend(&self.tree.node(id).made_of);
            at = self.tree.get(id, part);
        }
        reading.names().cloned().collect()
    }

    /// Which source set a key, and what it overrode; for a map or a list, that of everything in it.
    ///
    /// None: there is no such key.
    #[must_use]
    pub fn explain(&self, key: &str) -> Option<String> {
        explain::explain(&self.tree, &self.names, self.top, key)
    }

    /// The source that set the value of a key (`/home/me/mlcube.yaml:4`), or that of the deepest key above it.
    #[must_use]
    pub fn place(&self, key: &str) -> String {
        explain::place(&self.tree, &self.names, self.top, key)
    }
}
