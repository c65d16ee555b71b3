//! The command line: the flags of `mlcube run` and our own.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Parser, ValueEnum, ValueHint};
use clap_complete::engine::{ArgValueCandidates, ArgValueCompleter};
use mlcube_ssh::pipe::engine_options::GivenEngineOptions;
use mlcube_ssh::pipe::exit_status::EXIT_STATUSES;
use mlcube_ssh::pipe::step::CommonArgs;

use crate::candidates;

/// The program's name at the beginning of its messages.
pub(crate) const PROGRAM: &str = "mlcube-ssh-config";

/// Resolve the configuration of an MLCube on a platform and write the document for the next step.
///
/// Merges, weakest first: the runner's defaults, `runner:` of the cube's mlcube.yaml, the platform's section of the
/// settings file (`$MLCUBE_SYSTEM_SETTINGS`, else ~/mlcube.yaml), -P. The result is what `mlcube show_config --resolve`
/// computes. A cube must not set a key of the runner: no document is written for one that does. No host is contacted.
/// The document is sealed with a key in the state folder (`~/.local/state/mlcube-ssh/key`), which is created if it is
/// missing.
#[derive(Parser, Clone, Debug)]
#[command(name = PROGRAM, version, after_help = EXIT_STATUSES, args_override_self = true)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct Args {
    /// Use the cube at PATH: its folder, or the file in it [default: .]
    #[arg(long, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub(crate) mlcube: Option<String>,
    /// Use the platform NAME of the section `platforms` in the settings file
    #[arg(long, value_name = "NAME", add = ArgValueCandidates::new(candidates::platforms))]
    pub(crate) platform: Option<String>,
    /// Run these tasks, in this order [default: the cube's only task]
    #[arg(long, value_name = "TASK,…", add = ArgValueCompleter::new(candidates::tasks))]
    pub(crate) task: Option<String>,
    /// Refuse a cube with several tasks unless --task is given
    #[arg(long)]
    pub(crate) require_task: bool,
    /// Use DIR as the local workspace [default: `workspace` in the cube's folder]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) workspace: Option<String>,
    /// Set a key of the configuration, such as -Prunner.host=HOST; repeatable
    #[arg(short = 'P', short_alias = 'p', value_name = "KEY=VALUE", allow_hyphen_values = true)]
    pub(crate) overrides: Vec<String>,
    /// Add an option for the launcher to runner.launcher.args, such as --launcher-arg=--time=1:00:00; repeatable
    #[arg(long, value_name = "OPTION", allow_hyphen_values = true)]
    pub(crate) launcher_arg: Vec<String>,
    /// Set a parameter of the tasks
    #[arg(value_name = "NAME=VALUE")]
    pub(crate) arguments: Vec<String>,
    #[command(flatten)]
    pub(crate) engine: GivenEngineOptions,
    /// Pass the local variable NAME to the task; its value is read when the task runs, and stored nowhere
    #[arg(long, value_name = "NAME", add = ArgValueCandidates::new(candidates::variables))]
    pub(crate) env: Vec<String>,
    /// Take the flags that aren't given from the document in FILE, and resolve again
    #[arg(short, long, value_name = "FILE")]
    pub(crate) input: Option<PathBuf>,
    /// Write the document as FORMAT: json for the next step, yaml for people
    #[arg(long, value_name = "FORMAT", default_value = "json")]
    pub(crate) format: Format,
    /// Write only the configuration, as `mlcube show_config --resolve` does, instead of the document
    #[arg(long, conflicts_with = "explain")]
    pub(crate) config_only: bool,
    /// Write a description of the cube, as `mlcube describe` does, instead of the document
    #[arg(long, conflicts_with_all = ["explain", "config_only"])]
    pub(crate) describe: bool,
    /// Check the settings file alone: the section of every platform, or of the one that --platform names
    #[arg(long, conflicts_with_all = [
        "explain", "config_only", "describe", "input", "mlcube", "task", "require_task", "workspace", "arguments", "env",
        "gpus", "memory", "cpu", "network", "security", "mount",
    ])]
    pub(crate) validate: bool,
    /// Write which source set KEY, and which values it overrode, instead of the document
    #[arg(long, value_name = "KEY")]
    pub(crate) explain: Option<String>,
    /// Write the answer of --describe, --explain and --validate as one JSON value; the document and the configuration are
    /// JSON anyway
    #[arg(long, conflicts_with = "format")]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

/// How the document is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// One JSON object
    Json,
    /// The same object as YAML
    Yaml,
}

/// Splits every `-PKEY=VALUE` into two words: clap would remove a `=` at the beginning of the value.
pub(crate) fn words() -> Vec<OsString> {
    let mut words = Vec::new();
    let mut split = true;
    for word in std::env::args_os() {
        // Words after `--` aren't options.
        split &= word != "--";
        match word.to_str().and_then(|word| word.split_at_checked(2)) {
            Some(("-P" | "-p", value)) if split && !value.is_empty() => {
                words.extend(["-P".into(), value.into()]);
            }
            _ => words.push(word),
        }
    }
    words
}

impl Args {
    /// Returns the `-P` words; as in `mlcube`, those after `--` come first.
    pub(crate) fn override_words(&self) -> Vec<String> {
        let after_dashes = self.arguments.iter().filter_map(|word| word.strip_prefix("-P"));
        after_dashes.map(str::to_owned).chain(self.overrides.iter().cloned()).collect()
    }

    /// Returns the words that set parameters.
    pub(crate) fn argument_words(&self) -> impl Iterator<Item = &String> {
        self.arguments.iter().filter(|word| !word.starts_with("-P"))
    }
}
