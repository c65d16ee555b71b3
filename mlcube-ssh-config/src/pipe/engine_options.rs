//! The options of `mlcube run` for the container engine, such as `--gpus`.
//!
//! The list is mlcube's own, and closed: the remote `mlcube` would refuse any other option. Whatever else an engine
//! takes is given as an override, `-Pdocker.cpu_args=--shm-size=1g`.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use clap::builder::PossibleValue;
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};

/// An engine option, and what `mlcube run` makes of it.
#[derive(Debug)]
pub struct EngineOption {
    /// The flag without its dashes, which is the name in the document, too.
    pub name: &'static str,
    /// The key that it sets in the section `docker`.
    pub docker: &'static str,
    /// The key that it sets in the section `singularity`.
    pub singularity: &'static str,
    value_name: &'static str,
    help: &'static str,
    /// The only values that it takes, each with its help; empty if it takes any.
    values: &'static [(&'static str, &'static str)],
}

/// All engine options, in the order in which mlcube writes them into the configuration: `CliParser.parse_extra_arg` in
/// its `parser.py`.
pub static ENGINE_OPTIONS: [EngineOption; 6] = [
    option("network", "NETWORK", "Attach the container to NETWORK", ["--network", "--network"]),
    option(
        "security",
        "OPTION",
        "Give the security option OPTION to the container",
        ["--security-opt", "--security"],
    ),
    option(
        "gpus",
        "GPUS",
        "Give GPUS to the container: `all`, a number, or `device=0,1`",
        ["--gpus", "--nv"],
    ),
    option("memory", "SIZE", "Limit the container's memory to SIZE", ["--memory", "--vm-ram"]),
    option("cpu", "CPUS", "Limit the container to CPUS", ["--cpuset-cpus", "--vm-cpu"]),
    EngineOption {
        values: &[("rw", "Read and write"), ("ro", "Read only")],
        ..option("mount", "MODE", "Mount the inputs in MODE", ["--mount_opts", "--mount_opts"])
    },
];

const fn option(
    name: &'static str,
    value_name: &'static str,
    help: &'static str,
    [docker, singularity]: [&'static str; 2],
) -> EngineOption {
    EngineOption { name, docker, singularity, value_name, help, values: &[] }
}

impl EngineOption {
    /// Refuses what the command line refuses.
    pub(crate) fn check(name: &str, value: &str) -> Result<()> {
        let Some(option) = ENGINE_OPTIONS.iter().find(|option| option.name == name) else {
            let names: Vec<_> = ENGINE_OPTIONS.iter().map(|option| option.name).collect();
            bail!("'{}' isn't an option; the options are {}", name.escape_debug(), names.join(", "))
        };
        let values: Vec<_> = option.values.iter().map(|(value, _)| *value).collect();
        if !values.is_empty() && !values.contains(&value) {
            bail!("{name}: '{}' isn't {}", value.escape_debug(), values.join(" or "));
        }
        Ok(())
    }

    /// Returns whether the singularity of a Linux host takes what mlcube makes of it: none has `--vm-ram` or `--vm-cpu`.
    pub(crate) fn is_for_singularity(name: &str) -> bool {
        let mut options = ENGINE_OPTIONS.iter().filter(|option| option.name == name);
        !options.any(|option| option.singularity.starts_with("--vm-"))
    }

    fn arg(&self) -> Arg {
        let arg = Arg::new(self.name).long(self.name).value_name(self.value_name).help(self.help);
        if self.values.is_empty() {
            // A negative number means none to mlcube.
            return arg.allow_hyphen_values(self.name == "gpus");
        }
        let values = self.values.iter();
        arg.value_parser(
            values.map(|(value, help)| PossibleValue::new(*value).help(*help)).collect::<Vec<_>>(),
        )
    }
}

/// The engine options of a command line, by name.
#[derive(Clone, Debug, Default)]
pub struct GivenEngineOptions(pub BTreeMap<&'static str, String>);

impl GivenEngineOptions {
    /// Takes those that aren't given from `earlier`.
    pub fn fill(&mut self, earlier: &BTreeMap<String, String>) {
        for option in &ENGINE_OPTIONS {
            if let Some(value) = earlier.get(option.name) {
                self.0.entry(option.name).or_insert_with(|| value.clone());
            }
        }
    }
}

impl Args for GivenEngineOptions {
    fn augment_args(command: Command) -> Command {
        command.args(ENGINE_OPTIONS.iter().map(EngineOption::arg))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for GivenEngineOptions {
    fn from_arg_matches(matches: &ArgMatches) -> clap::error::Result<Self> {
        let value = |option: &EngineOption| matches.get_one::<String>(option.name).cloned();
        let given = ENGINE_OPTIONS.iter().map(|option| Some((option.name, value(option)?)));
        Ok(Self(given.flatten().collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> clap::error::Result<()> {
        self.0.extend(Self::from_arg_matches(matches)?.0);
        Ok(())
    }
}
