//! Combines the sources: `MLCubeConfig.create_mlcube_config` of `mlcube/config.py`.

use omegaconf::yaml::Key;
use omegaconf::{Error, NodeId, Origin, Value};

use crate::config::composition::Composition;
use crate::config::paths;
use crate::config::platform::Platform;
use crate::config::runners::RunnerKind;
use crate::config::tasks::Arguments;

/// The sources of a configuration, all in the tree already, and the values computed from the command line.
pub(crate) struct Parts<'a> {
    pub(crate) cube: NodeId,
    pub(crate) overrides: NodeId,
    pub(crate) platform: Platform,
    /// The folder of the cube.
    pub(crate) root: &'a str,
    /// The workspace, if it isn't the default one in the cube's folder.
    pub(crate) workspace: Option<&'a str>,
    pub(crate) arguments: &'a Arguments,
}

impl Composition<'_> {
    /// Returns the effective configuration, resolved: a map.
    pub(crate) fn effective(&mut self, parts: &Parts<'_>) -> omegaconf::Result<NodeId> {
        let Parts { cube: config, overrides, platform: Platform { section, runner }, .. } = *parts;
        self.apart(|this| this.conf.merge(config, overrides))?;
        let computed = self.computed(parts, section)?;
        self.apart(|this| this.conf.merge(config, computed))?;
        let (workspace, origin) = self.workspace(parts);
        self.conf.tree.set(config, Key::from("workspace"), workspace, origin)?;
        self.apart(|this| this.fill_in_defaults(config, runner))?;
        if runner == RunnerKind::Docker {
            self.apart(|this| this.merge_docker_section(config))?;
        }
        self.apart(|this| this.conf.merge(config, overrides))?;
        self.apart(|this| this.finish_runner(config, runner))?;
        self.apart(|this| this.normalize_tasks(config, parts.arguments))?;
        self.apart(|this| this.conf.resolve(config))?;
        Ok(config)
    }

    /// Returns `runtime` and `runner` as a configuration that is merged like the others.
    fn computed(&mut self, parts: &Parts<'_>, section: NodeId) -> omegaconf::Result<NodeId> {
        let top = self.conf.tree.add(Value::empty_map(), Origin::Computed)?;
        let runtime = self.conf.tree.add(Value::empty_map(), Origin::Computed)?;
        self.conf.tree.set(
            runtime,
            Key::from("root"),
            Value::Text(parts.root.to_owned()),
            Origin::Computed,
        )?;
        let (workspace, origin) = self.workspace(parts);
        self.conf.tree.set(runtime, Key::from("workspace"), workspace, origin)?;
        self.conf.tree.put(top, Key::from("runtime"), runtime);
        self.conf.tree.set_copy(top, Key::from("runner"), section)?;
        Ok(top)
    }

    fn workspace(&self, parts: &Parts<'_>) -> (Value, Origin) {
        match parts.workspace {
            None => (Value::Text("${runtime.root}/workspace".to_owned()), Origin::Computed),
            Some(path) => {
                (Value::Text(path.to_owned()), Origin::Written(self.sources.workspace, 0))
            }
        }
    }

    /// Returns the absolute path of the folder that `--workspace` names.
    pub(crate) fn local_workspace(
        &self,
        path: &str,
        home: Option<&str>,
        working_directory: &str,
    ) -> omegaconf::Result<String> {
        if path.starts_with("storage:") {
            let origin = Origin::Written(self.sources.workspace, 0);
            return Err(Error::new("storage: is not supported")
                .hint("name a folder with --workspace")
                .with_origin(origin));
        }
        Ok(paths::absolute(&paths::expand_user(path, home), working_directory))
    }
}
