//! The engine options, such as `--gpus`, for a platform named `docker` or `singularity`: `CliParser.parse_extra_arg` of
//! `mlcube`.

use omegaconf::yaml::Key;
use omegaconf::{NodeId, Origin, Value};

use crate::config::composition::Composition;

/// The flags, each with its key in the sections `docker` and `singularity`.
const KEYS: [(&str, &str, &str); 6] = [
    ("network", "--network", "--network"),
    ("security", "--security-opt", "--security"),
    ("gpus", "--gpus", "--nv"),
    ("memory", "--memory", "--vm-ram"),
    ("cpu", "--cpuset-cpus", "--vm-cpu"),
    ("mount", "--mount_opts", "--mount_opts"),
];

impl Composition<'_> {
    /// Adds the options to the overrides, in the section of the engine after which the platform is named.
    pub(crate) fn engine_options(
        &mut self,
        overrides: NodeId,
        platform: &str,
        options: &[(&'static str, String)],
    ) -> omegaconf::Result<()> {
        if platform != "docker" && platform != "singularity" {
            return Ok(());
        }
        let section = self.conf.tree.add(Value::empty_map(), Origin::Computed)?;
        for (flag, docker, singularity) in KEYS {
            let given = options
                .iter()
                .find(|(name, value)| *name == flag && (flag == "gpus" || !value.is_empty()));
            let Some((_, value)) = given else { continue };
            let (key, value) = match (platform, flag) {
                ("docker", "gpus") => (docker, value.trim()),
                ("docker", _) => (docker, value.as_str()),
                (_, "gpus") => (singularity, ""),
                _ => (singularity, value.as_str()),
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
