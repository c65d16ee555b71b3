//! The effective configuration, as the Python `mlcube` 0.0.10rc2 computes it with `OmegaConf` 2.1.0 from the same files
//! and flags.
//!
//! From weakest to strongest: the runner's defaults, `runner:` of the cube's file, the platform's section of the
//! settings file, `-P`. Maps are merged deeply, lists are replaced, a later `???` doesn't override. The Python sources
//! are the reference; the functions name the Python functions that they follow.

pub(crate) mod composition;
pub(crate) mod effective;
pub(crate) mod engine;
pub(crate) mod error;
pub(crate) mod explain;
pub(crate) mod paths;
pub(crate) mod platform;
pub(crate) mod request;
pub(crate) mod runners;
pub(crate) mod sources;
pub(crate) mod tasks;
pub(crate) mod writers;
pub mod written_names;

use serde_json::{Map, Value};

use omegaconf::yaml::Key;
use omegaconf::{NodeId, Origin, Source, Tree, Value as TreeValue};

use crate::config::composition::Composition;
use crate::config::effective::Parts;
use crate::config::platform::Platform;
use crate::config::sources::Which;
use crate::config::tasks::Arguments;
pub use error::Error;
pub use explain::{Explanation, Overridden};
pub use request::Request;
pub use runners::RunnerKind;

use crate::pipe::failure::hinted;
use crate::settings::runner::UserSettings;
use crate::text::quote::shell_word;

/// The effective configuration and its origins.
#[derive(Debug)]
pub struct Resolved {
    /// The configuration; its keys and values are those of `mlcube show_config --resolve`.
    pub config: Map<String, Value>,
    /// The folder of the cube, absolute.
    pub root: String,
    /// The name of the cube's file in it.
    pub file: String,
    /// The runner of the platform.
    pub runner: RunnerKind,
    /// The warnings for the user.
    pub warnings: Vec<String>,
    cube: Source,
    platform: String,
    settings: String,
    tree: Tree,
    top: NodeId,
}

/// Computes the effective configuration. `environment` returns the value of a variable.
///
/// # Errors
/// If `mlcube` would refuse the input, or if it would grow without limit.
pub fn resolve(
    request: &Request,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<Resolved, Error> {
    let (root, file) = paths::cube(&request.mlcube, &request.working_directory);
    let cube = paths::join(&root, &file);
    let mut composition = Composition::new(request, &cube, environment);
    let computed = compute(&mut composition, request, &root, &cube);
    Resolved::new(composition, request, root, file, computed)
}

/// Computes the configuration of a platform from the settings file alone, without a cube; `None` if the platform doesn't
/// use the ssh runner.
///
/// # Errors
/// If the settings file can't be used, or its section of the platform refers to something in a cube.
pub fn resolve_settings(
    request: &Request,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<Resolved>, Error> {
    let (root, file) = paths::cube(&request.mlcube, &request.working_directory);
    let cube = paths::join(&root, &file);
    let mut composition = Composition::new(request, &cube, environment);
    let computed = compute_settings(&mut composition, request, &root);
    let Some(computed) = computed.transpose() else { return Ok(None) };
    Resolved::new(composition, request, root, file, computed).map(Some)
}

fn compute_settings(
    composition: &mut Composition<'_>,
    request: &Request,
    root: &str,
) -> Result<Option<(NodeId, RunnerKind)>, omegaconf::Error> {
    let settings = composition.load(Which::Settings, &request.settings)?;
    // The section of another runner may refer to a cube.
    if !composition.apart(|this| this.uses_ssh(settings, &request.platform))? {
        return Ok(None);
    }
    let platform = composition.apart(|this| this.platform(settings, &request.platform))?;
    let cube = composition.conf.tree.add(TreeValue::empty_map(), Origin::Computed)?;
    let tasks = composition.conf.tree.add(TreeValue::empty_map(), Origin::Computed)?;
    composition.conf.tree.put(cube, Key::from("tasks"), tasks);
    finish(composition, request, root, platform, cube).map(Some)
}

fn compute(
    composition: &mut Composition<'_>,
    request: &Request,
    root: &str,
    cube: &str,
) -> Result<(NodeId, RunnerKind), omegaconf::Error> {
    let settings = composition.load(Which::Settings, &request.settings)?;
    let platform = composition.apart(|this| this.platform(settings, &request.platform))?;
    let cube = composition.load(Which::Cube, cube)?;
    finish(composition, request, root, platform, cube)
}

/// Combines a platform and a cube with the command line.
fn finish(
    composition: &mut Composition<'_>,
    request: &Request,
    root: &str,
    platform: Platform,
    cube: NodeId,
) -> Result<(NodeId, RunnerKind), omegaconf::Error> {
    let words = request.overrides.iter().enumerate();
    let words =
        words.map(|(number, word)| (word.as_str(), composition.sources.override_at(number)));
    let overrides = composition.conf.from_dotlist(words)?;
    composition.engine_options(overrides, &request.platform, &request.options)?;
    let home = (composition.environment)("HOME");
    let workspace = request
        .workspace
        .as_deref()
        .map(|path| composition.local_workspace(path, home.as_deref(), &request.working_directory))
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
    Ok((composition.effective(&parts)?, runner))
}

fn arguments(request: &Request) -> Arguments {
    let words = request.arguments.iter().enumerate();
    words.map(|(index, (name, value))| (name.clone(), (value.clone(), index))).collect()
}

impl Resolved {
    fn new(
        composition: Composition<'_>,
        request: &Request,
        root: String,
        file: String,
        computed: Result<(NodeId, RunnerKind), omegaconf::Error>,
    ) -> Result<Self, Error> {
        let computed = computed.and_then(|(top, runner)| {
            let config = composition.conf.tree.to_json(top)?;
            Ok((config, top, runner))
        });
        let warnings = composition.warnings();
        let Composition { conf, sources, .. } = composition;
        let (config, top, runner) = computed.map_err(|problem| Error::new(&conf.tree, &problem))?;
        Ok(Self {
            config,
            root,
            file,
            runner,
            warnings,
            cube: sources.cube,
            platform: request.platform.clone(),
            settings: request.settings.clone(),
            tree: conf.tree,
            top,
        })
    }

    /// Returns the settings of the runner. The author of a value decides whether it is valid: a cube defines what to
    /// run; only the user defines the host, the account and the programs.
    ///
    /// # Errors
    /// If the cube's file sets one of them; the error has its line and the remedy.
    pub fn user_settings(&self) -> anyhow::Result<UserSettings> {
        let set = writers::set_by_cube(&self.tree, self.cube, self.top);
        if set.is_empty() {
            return Ok(UserSettings::new(&self.config));
        }
        let refused: Vec<String> = set
            .iter()
            .map(|setting| format!("{}: {}", self.tree.place(setting.origin), setting.key))
            .collect();
        let words: Vec<String> = set
            .iter()
            .map(|setting| shell_word(&format!("-P{}={}", setting.key, setting.written)))
            .collect();
        let lines: Vec<String> = set.iter().map(writers::CubeSetting::in_section).collect();
        Err(hinted(
            format!("{}: only the settings file and -Prunner.… may set this", refused.join(", ")),
            format!(
                "remove it from the cube's file; if you want it, write {} below platforms.{} in {}, or give {}",
                lines.join(", "),
                self.platform,
                self.settings,
                words.join(" ")
            ),
        ))
    }

    /// Returns the local variables that the cube's file reads and that are part of the value of a key, or of a map
    /// around it. `parts` is the key, part by part.
    #[must_use]
    pub fn variables(&self, parts: &[&str]) -> Vec<String> {
        self.tree.variables(self.top, parts)
    }

    /// Returns the source that set a key, and what it overrode; for a map or a list, that of all its values.
    ///
    /// `None` if the key doesn't exist.
    #[must_use]
    pub fn explain(&self, key: &str) -> Option<Vec<Explanation>> {
        explain::explain(&self.tree, self.top, key)
    }

    /// Returns every key, dotted.
    #[must_use]
    pub fn keys(&self) -> Vec<String> {
        explain::keys(&self.tree, self.top)
    }

    /// Returns the source that set the value of a key (`/home/me/mlcube.yaml:4`), or that of the deepest existing key
    /// above it.
    #[must_use]
    pub fn place(&self, key: &str) -> String {
        explain::place(&self.tree, self.top, key)
    }
}
