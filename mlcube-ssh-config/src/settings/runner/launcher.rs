//! The setting `launcher`: what starts a job on the host.

use crate::settings::runner::section::{Invalid, Section};

/// What starts a job on the host, and ends it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slurm {
    /// Options for `sbatch`, each in one word.
    pub args: Vec<String>,
    /// Whether `configure` is a batch job, too, and not a process of the login node.
    pub configures_in_job: bool,
    /// Seconds between two questions to Slurm while nothing happens.
    pub poll: u32,
}

/// The keys of `launcher`.
pub const LAUNCHER_KEYS: [&str; 4] = ["type", "args", "configure", "poll"];

/// Seconds between two questions to Slurm, unless `launcher.poll` says otherwise. Every question of every user is
/// answered by one daemon, and sites ask not to poll more often.
const POLL: u32 = 10;

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

impl Launcher {
    pub(crate) fn from_section(section: &Section<'_>) -> Result<Self, Invalid> {
        let kind = section.text("type")?;
        match kind.as_deref() {
            Some("slurm") => {}
            None | Some("direct") => {
                let of_slurm = section.entries().find(|(key, _)| *key != "type");
                return match of_slurm {
                    None if kind.is_none() => Ok(Self::Unset),
                    None => Ok(Self::Direct),
                    Some((key, _)) => Err(section
                        .invalid(key, "is for 'type: slurm'; add that, or remove it".to_owned())),
                };
            }
            Some(other) => {
                return Err(section.invalid(
                    "type",
                    format!("'{}' is neither 'direct' nor 'slurm'", other.escape_debug()),
                ));
            }
        }
        let configure = section.text("configure")?;
        let configures_in_job = match configure.as_deref() {
            None | Some("direct") => false,
            Some("slurm") => true,
            Some(other) => {
                return Err(section.invalid(
                    "configure",
                    format!("'{}' is neither 'direct' nor 'slurm'", other.escape_debug()),
                ));
            }
        };
        Ok(Self::Slurm(Slurm {
            args: section.words("args", &check_option)?,
            configures_in_job,
            poll: section.seconds("poll")?.unwrap_or(POLL).max(1),
        }))
    }
}

impl Launcher {
    /// Returns the seconds between two questions about a job. Only questions to Slurm cost anything.
    #[must_use]
    pub fn poll(&self) -> u32 {
        match self {
            Self::Unset | Self::Direct => POLL,
            Self::Slurm(slurm) => slurm.poll,
        }
    }
}

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

    fn launcher(settings: &Value) -> Result<Launcher, String> {
        let map = settings.as_object().unwrap();
        Launcher::from_section(&Section::new("runner.launcher", map, &LAUNCHER_KEYS))
            .map_err(|invalid| invalid.to_string())
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
            poll: 10,
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
