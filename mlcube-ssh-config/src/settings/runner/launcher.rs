//! The setting `launcher`: what starts a job on the host.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::settings::invalid::Invalid;
use crate::settings::quantity::Seconds;

/// What starts a job on the host, and ends it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "Section")]
pub enum Launcher {
    /// The login itself, because the settings name nothing else: the job is a process of the host.
    #[default]
    Unset,
    /// The same, because the settings say so.
    Direct,
    /// Slurm: the job is a batch job of a cluster, and the host is one of its login nodes.
    Slurm(Slurm),
}

/// How jobs are submitted to Slurm.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema)]
pub struct Slurm {
    /// Options for `sbatch`, each in one word.
    pub args: Vec<String>,
    /// Whether `configure` is a batch job, too, and not a process of the login node.
    pub configures_in_job: bool,
    /// How long Slurm isn't asked while nothing happens.
    pub poll: Seconds,
}

/// The section as it is written. A misspelt key must not change what a job asks for.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a map")]
#[schemars(extend("if" = {"properties": {"type": {"const": "direct"}}}))]
#[schemars(extend("then" = {"properties": {"args": false, "configure": false, "poll": false}}))]
struct Section {
    /// What starts a job. Default: `direct`.
    r#type: Option<Kind>,
    /// Options for `sbatch`, each in one word (`--time=4:00:00`). For `type: slurm`.
    args: Option<Vec<String>>,
    /// Where the image is built: `slurm`, in a job, or `direct`, on the login node (the default). For `type: slurm`.
    configure: Option<Kind>,
    /// The time between two questions to Slurm: seconds, or a time like `1m`. Default: 10 seconds. For `type: slurm`.
    poll: Option<Seconds>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Kind {
    /// The login itself.
    Direct,
    /// Slurm's `sbatch`.
    Slurm,
}

/// The time between two questions to Slurm, unless `launcher.poll` says otherwise. Every question of every user is
/// answered by one daemon, and sites ask not to poll more often.
const POLL: Seconds = Seconds::of::<10>();

impl TryFrom<Section> for Launcher {
    type Error = Invalid;

    fn try_from(section: Section) -> Result<Self, Invalid> {
        if section.r#type == Some(Kind::Slurm) {
            let args = section.args.unwrap_or_default();
            args.iter()
                .try_for_each(|word| check_option(word))
                .map_err(|problem| Invalid::new(problem).below("args"))?;
            return Ok(Self::Slurm(Slurm {
                args,
                configures_in_job: section.configure == Some(Kind::Slurm),
                poll: section.poll.unwrap_or(POLL).max(Seconds::of::<1>()),
            }));
        }
        let of_slurm = [
            ("args", section.args.is_some()),
            ("configure", section.configure.is_some()),
            ("poll", section.poll.is_some()),
        ];
        match of_slurm.iter().find(|(_, is_given)| *is_given) {
            Some((key, _)) => {
                Err(Invalid::new("is for 'type: slurm'; add that, or remove it").below(key))
            }
            None => Ok(section.r#type.map_or(Self::Unset, |_| Self::Direct)),
        }
    }
}

impl Launcher {
    /// Returns the seconds between two questions about a job. Only questions to Slurm cost anything.
    #[must_use]
    pub fn poll(&self) -> u32 {
        match self {
            Self::Unset | Self::Direct => POLL.get(),
            Self::Slurm(slurm) => slurm.poll.get(),
        }
    }
}

/// The options of `sbatch` that a job of ours depends on: its name, folder, log, environment, number, and the signal
/// that means its end.
const OWN_OPTIONS: [&str; 23] = [
    "array",
    "chdir",
    "clusters",
    "container",
    "error",
    "export",
    "export-file",
    "get-user-env",
    "gid",
    "help",
    "ignore-pbs",
    "input",
    "job-name",
    "open-mode",
    "output",
    "parsable",
    "signal",
    "test-only",
    "uid",
    "usage",
    "version",
    "wait",
    "wrap",
];

/// The letters of those that have one.
const OWN_LETTERS: &str = "aDMeioJWVh";

/// The letters of options without a value.
const FLAG_LETTERS: &str = "HIkOQsv";

/// Refuses a word that isn't one whole option of `sbatch`, or is an option that jobs of ours set themselves.
///
/// # Errors
/// What is wrong with the word.
pub fn check_option(word: &str) -> Result<(), String> {
    let shown = word.escape_debug();
    if word.chars().any(char::is_control) {
        return Err(format!("'{shown}' holds a control character"));
    }
    let name = match word.strip_prefix("--") {
        Some(long) => long.split('=').next().unwrap_or(long),
        // Letters without a value may precede another one: -va1-3.
        None => match word.strip_prefix('-').and_then(|short| {
            let rest = short.trim_start_matches(|letter| FLAG_LETTERS.contains(letter));
            rest.chars().next().or_else(|| short.chars().next())
        }) {
            Some(letter) if OWN_LETTERS.contains(letter) => return Err(own(&shown.to_string())),
            Some(letter) if letter.is_ascii_alphabetic() => return Ok(()),
            // sbatch would take it for the script of the job.
            _ => {
                return Err(format!(
                    "'{shown}' is no option; write an option and its value in one word, like --partition=gpu or -pgpu"
                ));
            }
        },
    };
    if name.is_empty() {
        return Err(format!("'{shown}' names no option"));
    }
    // sbatch takes the beginning of a name for the name.
    if OWN_OPTIONS.iter().any(|option| option.starts_with(name)) {
        return Err(own(&shown.to_string()));
    }
    Ok(())
}

fn own(shown: &str) -> String {
    format!("'{shown}' is an option that a job of mlcube-ssh sets itself, or can't have; remove it")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::settings::read::setting;

    fn launcher(settings: &Value) -> Result<Launcher, String> {
        setting("runner.launcher", settings).map_err(|invalid| invalid.to_string())
    }

    #[test]
    fn jobs_are_started_directly_unless_the_settings_say_otherwise() {
        assert_eq!(launcher(&json!({})), Ok(Launcher::Unset));
        assert_eq!(launcher(&json!({"type": "direct"})), Ok(Launcher::Direct));
        let slurm = launcher(
            &json!({"type": "slurm", "args": ["--time=1:00", "-pgpu"], "configure": "slurm"}),
        );
        let expected = Slurm {
            args: vec!["--time=1:00".to_owned(), "-pgpu".to_owned()],
            configures_in_job: true,
            poll: Seconds::of::<10>(),
        };
        assert_eq!(slurm, Ok(Launcher::Slurm(expected)));
        for (settings, problem) in [
            (json!({"type": "pbs"}), "runner.launcher.type: 'pbs' is neither"),
            (json!({"args": []}), "runner.launcher.args: is for 'type: slurm'"),
            (json!({"type": "slurm", "configure": "node"}), "runner.launcher.configure: 'node'"),
            (json!({"type": "slurm", "args": "--time=1"}), "runner.launcher.args: wants a list"),
        ] {
            assert!(launcher(&settings).unwrap_err().starts_with(problem), "{settings}");
        }
    }

    #[test]
    fn an_option_of_ours_and_a_word_that_is_none_are_refused() {
        for word in [
            "--output=x",
            "--out=x",
            "-ox",
            "--array=1-3",
            "-a1",
            "--wrap=id",
            "--job-name=x",
            "--export=NONE",
            "-D/",
            "gpu",
            "--",
            "-",
            "--time=1\n2",
            "-W",
            "-va1-3",
            "-HQW",
            "-vgpu=1 2\u{7f}",
            "--outp=x",
            "--cluster=x",
            "-Mx",
            "--signal=B:USR1@60",
            "--help",
        ] {
            assert!(check_option(word).is_err(), "{word}");
        }
        for word in [
            "--gres=gpu:1",
            "-c8",
            "--requeue",
            "--exclusive",
            "--nodelist=n[1-3]",
            "--wckey=x",
            "-n1",
            "-H",
            "-svpgpu",
            "--hold",
            "--dependency=afterok:1",
            "--begin=now+1hour",
        ] {
            assert_eq!(check_option(word), Ok(()), "{word}");
        }
    }
}
