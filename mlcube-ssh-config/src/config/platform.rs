//! A platform of the settings file: `system_settings.py` of `mlcube`.

use omegaconf::yaml::Key;
use omegaconf::{Error, NodeId, Origin, Raw, Value};

use crate::config::composition::Composition;
use crate::config::runners::RunnerKind;
use crate::text::similar::did_you_mean;

/// A platform's section and its runner.
pub(crate) struct Platform {
    pub(crate) section: NodeId,
    pub(crate) runner: RunnerKind,
}

/// What the settings file says of a platform.
struct WrittenPlatform {
    section: NodeId,
    /// The name of its runner.
    runner: String,
    /// The Python package that contains the runner.
    package: String,
}

impl Composition<'_> {
    /// Returns the platform of this name, whose runner must be one that is supported.
    pub(crate) fn platform(&mut self, settings: NodeId, name: &str) -> omegaconf::Result<Platform> {
        let WrittenPlatform { section, runner, package } = self.written_platform(settings, name)?;
        let Some(kind) = RunnerKind::of_package(&package) else {
            let origin = self.conf.tree.origin(section);
            return Err(Error::new(format!(
                "the platform uses the runner '{runner}', and mlcube-ssh needs the runner 'ssh'"
            ))
            .hint("write 'runner: ssh' in the platform's section, or choose another platform with --platform")
            .at(|| format!("{}.runner", self.conf.tree.path(section)), origin));
        };
        Ok(Platform { section, runner: kind })
    }

    /// Returns whether the platform of this name uses the ssh runner.
    pub(crate) fn uses_ssh(&mut self, settings: NodeId, name: &str) -> omegaconf::Result<bool> {
        let package = self.written_platform(settings, name)?.package;
        Ok(RunnerKind::of_package(&package) == Some(RunnerKind::Ssh))
    }

    /// Returns what the settings file says of a platform. The platforms of the installed runners exist even if the file
    /// doesn't list them.
    fn written_platform(
        &mut self,
        settings: NodeId,
        name: &str,
    ) -> omegaconf::Result<WrittenPlatform> {
        let runners = self.settings_section(settings, "runners")?;
        let platforms = self.settings_section(settings, "platforms")?;
        if self.conf.tree.get(platforms, name).is_none() && name == "docker" {
            let section = RunnerKind::Docker.defaults(&mut self.conf.tree)?;
            let (runner, package) = ("docker".to_owned(), "mlcube_docker".to_owned());
            return Ok(WrittenPlatform { section, runner, package });
        }
        let Some(found) = self.conf.get(platforms, &Key::from(name))? else {
            let origin = self.conf.tree.origin(platforms);
            return Err(Error::new(format!("unknown platform '{name}'"))
                .hint(self.others(platforms, name))
                .at(|| "platforms".to_owned(), origin));
        };
        let section =
            self.conf.expect_map(&found, &format!("the platform '{name}' must be a map"))?;
        let (runner, package) = self.runner_and_package(runners, section)?;
        Ok(WrittenPlatform { section, runner, package })
    }

    /// Returns the section `runners` or `platforms`, which may be absent but not null.
    fn settings_section(&mut self, settings: NodeId, name: &str) -> omegaconf::Result<NodeId> {
        if self.conf.tree.get(settings, name).is_none() {
            return self
                .conf
                .tree
                .add(Value::empty_map(), Origin::Written(self.sources.settings, 1));
        }
        let origin = self
            .conf
            .tree
            .get(settings, name)
            .map_or(Origin::Written(self.sources.settings, 1), |id| self.conf.tree.origin(id));
        let wrong = || Error::new("this must be a map").at(|| name.to_owned(), origin);
        let found = self.conf.get(settings, &Key::from(name))?.ok_or_else(wrong)?;
        self.conf.expect_map(&found, "this must be a map")
    }

    /// Returns what to choose in place of the platform `name`.
    fn others(&self, platforms: NodeId, name: &str) -> String {
        let names: Vec<String> =
            self.conf.tree.keys(platforms).iter().map(ToString::to_string).collect();
        if names.is_empty() {
            "add a section for it below 'platforms' in the settings file".to_owned()
        } else {
            let meant = did_you_mean(name, names.iter().map(String::as_str));
            format!(
                "{meant}choose one of {} with --platform, or add a section for it below 'platforms' in the settings file",
                names.join(", ")
            )
        }
    }

    /// Returns the runner that a platform names, and its package: that in `runners`, or one of the runner's name.
    fn runner_and_package(
        &mut self,
        runners: NodeId,
        section: NodeId,
    ) -> omegaconf::Result<(String, String)> {
        let origin = self.conf.tree.origin(section);
        let missing = || {
            Error::new("the platform doesn't say its runner")
                .hint("write 'runner: ssh' in the platform's section")
                .at(|| format!("{}.runner", self.conf.tree.path(section)), origin)
        };
        let missing = missing();
        let found = self.conf.get(section, &Key::from("runner"))?.ok_or(missing)?;
        let Raw::Text(name) = self.conf.raw_of(&found) else {
            return Err(Error::new("the runner has to be text")
                .at(|| format!("{}.runner", self.conf.tree.path(section)), origin));
        };
        let package = match self.conf.get(runners, &Key::from(name.as_str()))? {
            None => format!("mlcube_{name}"),
            Some(entry) => {
                let entry = self.conf.expect_map(&entry, "a runner must be a map")?;
                match self
                    .conf
                    .get(entry, &Key::from("pkg"))?
                    .map(|package| self.conf.raw_of(&package))
                {
                    Some(Raw::Text(package)) => package,
                    _ => {
                        return Err(Error::new("the runner doesn't say its package, 'pkg'")
                            .at(|| format!("runners.{name}"), origin));
                    }
                }
            }
        };
        Ok((name, package))
    }
}
