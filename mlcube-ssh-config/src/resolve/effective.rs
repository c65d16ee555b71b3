//! Putting the sources together: `MLCubeConfig.create_mlcube_config` of `mlcube/config.py`.

use super::evaluate::Evaluation;
use super::origin::Origin;
use super::platform::Platform;
use super::problem::Outcome;
use super::runners::RunnerKind;
use super::tasks::Arguments;
use super::tree::{Id, Value};
use omegaconf::yaml::Key;

/// The sources of a configuration, each in the tree already, and what is computed from the command line.
pub(crate) struct Parts<'a> {
    pub(crate) cube: Id,
    pub(crate) overrides: Id,
    pub(crate) platform: Platform,
    /// The folder of the cube.
    pub(crate) root: &'a str,
    /// The workspace, if it isn't the one in the cube's folder.
    pub(crate) workspace: Option<&'a str>,
    pub(crate) arguments: &'a Arguments,
}

impl Evaluation<'_> {
    /// The effective configuration, resolved: a map.
    pub(crate) fn effective(&mut self, parts: &Parts<'_>) -> Outcome<Id> {
        let Parts { cube: config, overrides, platform: Platform { section, runner }, .. } = *parts;
        self.apart(|this| this.merge(config, overrides))?;
        let computed = self.computed(parts, section)?;
        self.apart(|this| this.merge(config, computed))?;
        let (workspace, origin) = workspace(parts);
        self.tree.set(config, Key::from("workspace"), workspace, origin)?;
        self.apart(|this| this.fill_in_defaults(config, runner))?;
        if runner == RunnerKind::Docker {
            self.apart(|this| this.merge_docker_section(config))?;
        }
        self.apart(|this| this.merge(config, overrides))?;
        self.apart(|this| this.finish_runner(config, runner))?;
        self.apart(|this| this.normalize_tasks(config, parts.arguments))?;
        self.apart(|this| this.resolve_below(config))?;
        Ok(config)
    }

    /// `runtime` and `runner`, as a configuration that is merged like the others.
    fn computed(&mut self, parts: &Parts<'_>, section: Id) -> Outcome<Id> {
        let top = self.tree.add(Value::empty_map(), Origin::Computed)?;
        let runtime = self.tree.add(Value::empty_map(), Origin::Computed)?;
        self.tree.set(
            runtime,
            Key::from("root"),
            Value::Text(parts.root.to_owned()),
            Origin::Computed,
        )?;
        let (workspace, origin) = workspace(parts);
        self.tree.set(runtime, Key::from("workspace"), workspace, origin)?;
        self.tree.put(top, Key::from("runtime"), runtime);
        self.tree.set_copy(top, Key::from("runner"), section)?;
        Ok(top)
    }
}

fn workspace(parts: &Parts<'_>) -> (Value, Origin) {
    match parts.workspace {
        None => (Value::Text("${runtime.root}/workspace".to_owned()), Origin::Computed),
        Some(path) => (Value::Text(path.to_owned()), Origin::Workspace),
    }
}
