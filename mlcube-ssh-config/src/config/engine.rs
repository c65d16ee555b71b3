//! The engine options, such as `--gpus`, for a platform named `docker` or `singularity`: `CliParser.parse_extra_arg` of
//! `mlcube`.

use omegaconf::yaml::Key;
use omegaconf::{NodeId, Origin, Value};

use crate::config::composition::Composition;
use crate::pipe::engine_options::{ENGINE_OPTIONS, GivenEngineOptions};

impl Composition<'_> {
    /// Adds the options to the overrides, in the section of the engine after which the platform is named.
    pub(crate) fn engine_options(
        &mut self,
        overrides: NodeId,
        platform: &str,
        options: &GivenEngineOptions,
    ) -> omegaconf::Result<()> {
        if platform != "docker" && platform != "singularity" {
            return Ok(());
        }
        let section = self.conf.tree.add(Value::empty_map(), Origin::Computed)?;
        for option in &ENGINE_OPTIONS {
            let given = options.0.get(option.name);
            // Only `--gpus=` says something without a value: no GPUs.
            let is_gpus = option.name == "gpus";
            let Some(value) = given.filter(|value| is_gpus || !value.is_empty()) else { continue };
            let (key, value) = match platform {
                "docker" if is_gpus => (option.docker, value.trim()),
                "docker" => (option.docker, value.as_str()),
                _ if is_gpus => (option.singularity, ""),
                _ => (option.singularity, value.as_str()),
            };
            self.conf.tree.set(
                section,
                Key::from(key),
                Value::Text(value.to_owned()),
                Origin::Computed,
            )?;
        }
        let top = self.conf.tree.add(Value::empty_map(), Origin::Computed)?;
        self.conf.tree.put(top, Key::from(platform), section);
        self.conf.merge(overrides, top)
    }
}
