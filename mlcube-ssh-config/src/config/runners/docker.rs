//! The docker runner's section: `Config` of `mlcube_docker/docker_run.py`.

use omegaconf::yaml::Key;
use omegaconf::{Content, Error, NodeId, Raw, Tree, Value};

use crate::config::composition::Composition;

pub(crate) fn defaults(tree: &mut Tree) -> omegaconf::Result<NodeId> {
    let text = |text: &str| Value::Text(text.to_owned());
    crate::config::runners::table(
        tree,
        &[
            ("runner", text("docker")),
            ("image", text("${docker.image}")),
            ("docker", text("docker")),
            ("env_args", Value::empty_map()),
            ("gpu_args", text("")),
            ("cpu_args", text("")),
            ("build_args", Value::empty_map()),
            ("build_context", text(".")),
            ("build_file", text("Dockerfile")),
            ("build_strategy", text("pull")),
            ("--network", Value::Null),
            ("--security-opt", Value::Null),
            ("--gpus", Value::Null),
            ("--memory", Value::Null),
            ("--cpuset-cpus", Value::Null),
            ("--mount_opts", text("")),
        ],
    )
}

impl Composition<'_> {
    /// Merges the cube's own `docker` section into the runner's.
    pub(crate) fn merge_docker_section(&mut self, config: NodeId) -> omegaconf::Result<()> {
        let section = self.runner_section(config)?;
        let merged = self.conf.tree.copy(section)?;
        self.conf.tree.adopt(config, Key::from("runner"), merged);
        let key = Key::from("docker");
        if let Some(docker) = self
            .conf
            .tree
            .child(config, &key)
            .filter(|&child| !self.conf.tree.value(child).is_missing())
        {
            let found = self.conf.dereference(docker)?;
            let docker = self.conf.expect_map(&found, "docker must be a map")?;
            self.conf.merge(merged, docker)?;
        }
        self.conf.tree.replace(config, Key::from("runner"), merged)
    }

    pub(crate) fn check_docker(&mut self, config: NodeId) -> omegaconf::Result<()> {
        let section = self.runner_section(config)?;
        self.refuse_unknown(section)?;
        for key in ["image", "docker", "build_strategy"] {
            self.present_text(section, key)?;
        }
        let strategy = self.present_text(section, "build_strategy")?;
        if !["pull", "auto", "always"].contains(&strategy.as_str()) {
            return Err(self.invalid(
                section,
                "build_strategy",
                "this has to be pull, auto or always",
            ));
        }
        self.arguments_to_text(section, "build_args", "--build-arg")?;
        self.arguments_to_text(section, "env_args", "-e")
    }

    fn refuse_unknown(&mut self, section: NodeId) -> omegaconf::Result<()> {
        let known = defaults(&mut self.conf.tree)?;
        match self
            .conf
            .tree
            .keys(section)
            .into_iter()
            .find(|key| self.conf.tree.child(known, key).is_none())
        {
            Some(key) => {
                Err(self.invalid(section, &key.to_string(), "the docker runner has no such key"))
            }
            None => Ok(()),
        }
    }

    fn present_text(&mut self, section: NodeId, key: &str) -> omegaconf::Result<String> {
        match self.conf.get(section, &Key::from(key))?.map(|found| self.conf.raw_of(&found)) {
            Some(Raw::Text(text)) if text.is_empty() || !text.trim().is_empty() => Ok(text),
            _ => Err(self.invalid(section, key, "this has to be text")),
        }
    }

    fn invalid(&self, section: NodeId, key: &str, message: &str) -> Error {
        let origin = self
            .conf
            .tree
            .get(section, key)
            .map_or(self.conf.tree.origin(section), |child| self.conf.tree.origin(child));
        Error::new(message).at(|| format!("{}.{key}", self.conf.tree.path(section)), origin)
    }

    /// Converts a map of arguments to the words of a command line.
    fn arguments_to_text(
        &mut self,
        section: NodeId,
        key: &str,
        flag: &str,
    ) -> omegaconf::Result<()> {
        let key = Key::from(key);
        let Some(found) = self.conf.get(section, &key)? else { return Ok(()) };
        let omegaconf::Resolved::Node(map) = found else { return Ok(()) };
        if !matches!(self.conf.tree.value(map), Value::Map(Content::Items(_))) {
            return Ok(());
        }
        let mut words = Vec::new();
        for name in self.conf.tree.keys(map) {
            let value = match self.conf.tree.child(map, &name) {
                Some(child) if self.conf.tree.value(child).is_missing() => {
                    return Err(Error::new("this is ???")
                        .at(|| self.conf.tree.path(child), self.conf.tree.origin(child)));
                }
                Some(child) => self.conf.dereference(child)?,
                None => continue,
            };
            let value = self.conf.raw_of(&value);
            words.push(format!("{flag} {name}={}", self.conf.tree.text_of(&value)));
        }
        let origin = self.conf.tree.origin(map);
        self.conf.tree.set(section, key, Value::Text(words.join(" ")), origin).map(|_| ())
    }
}
