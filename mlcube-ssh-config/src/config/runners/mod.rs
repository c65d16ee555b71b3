//! The `runner` section: the defaults of the runners, and their checks.

pub(crate) mod docker;
pub(crate) mod ssh;

use omegaconf::yaml::Key;
use omegaconf::{Error, NodeId, Origin, Tree, Value};

use crate::config::composition::Composition;

/// A runner whose configuration is supported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunnerKind {
    /// The ssh runner, which these programs replace.
    Ssh,
    /// The local docker runner: its configuration can be shown, but nothing can be run with it.
    Docker,
}

impl RunnerKind {
    /// Returns the runner that a Python package contains.
    pub(crate) fn of_package(package: &str) -> Option<Self> {
        match package {
            "mlcube_ssh" => Some(Self::Ssh),
            "mlcube_docker" => Some(Self::Docker),
            _ => None,
        }
    }

    /// Returns the runner's defaults.
    pub(crate) fn defaults(self, tree: &mut Tree) -> omegaconf::Result<NodeId> {
        match self {
            Self::Ssh => ssh::defaults(tree),
            Self::Docker => docker::defaults(tree),
        }
    }
}

impl Composition<'_> {
    /// Merges the defaults below the section if the section lacks one of them: `merge_with_logging`.
    pub(crate) fn fill_in_defaults(
        &mut self,
        config: NodeId,
        runner: RunnerKind,
    ) -> omegaconf::Result<()> {
        let defaults = runner.defaults(&mut self.conf.tree)?;
        let section = self.runner_section(config)?;
        let given = |key: &Key| {
            self.conf
                .tree
                .child(section, key)
                .is_some_and(|child| !self.conf.tree.value(child).is_missing())
        };
        if self.conf.tree.keys(defaults).iter().all(given) {
            return Ok(());
        }
        self.conf.tree.replace(config, Key::from("runner"), defaults)?;
        self.conf.merge(defaults, section)
    }

    /// Completes the section as the runner does after everything is merged.
    pub(crate) fn finish_runner(
        &mut self,
        config: NodeId,
        runner: RunnerKind,
    ) -> omegaconf::Result<()> {
        match runner {
            RunnerKind::Ssh => self.finish_ssh(config),
            RunnerKind::Docker => self.check_docker(config),
        }
    }

    /// Returns the `runner` section, which must be a map.
    pub(crate) fn runner_section(&mut self, config: NodeId) -> omegaconf::Result<NodeId> {
        let key = Key::from("runner");
        let wrong = "this must be a map";
        let origin = self
            .conf
            .tree
            .child(config, &key)
            .map_or(Origin::Computed, |child| self.conf.tree.origin(child));
        let found = self
            .conf
            .get(config, &key)?
            .ok_or_else(|| Error::new(wrong).at(|| "runner".to_owned(), origin))?;
        self.conf.expect_map(&found, wrong)
    }
}

/// Creates a map of scalars from a table of defaults.
fn table(tree: &mut Tree, rows: &[(&str, Value)]) -> omegaconf::Result<NodeId> {
    let map = tree.add(Value::empty_map(), Origin::Default)?;
    for (key, value) in rows {
        let value = tree.add(value.clone(), Origin::Default)?;
        tree.put(map, Key::from(*key), value);
    }
    Ok(map)
}
