//! Variables that the cube passes to its container by name (`-e NAME` in `docker.gpu_args`): the engine reads them in
//! the environment of the remote `mlcube`, which contains no local variables.

use serde_json::{Map, Value};

/// The keys of mlcube's runners whose words become words of the engine.
const ARGUMENTS: [&str; 3] = ["cpu_args", "gpu_args", "env_args"];

/// Returns a warning for each variable that the cube passes and that isn't set on the remote, as far as `is_set` knows.
pub(crate) fn unset(
    config: &Map<String, Value>,
    is_set: &dyn Fn(&str) -> bool,
) -> impl Iterator<Item = String> {
    let keys = ["docker", "singularity"]
        .into_iter()
        .flat_map(|section| ARGUMENTS.into_iter().map(move |key| (section, key)));
    let mut warnings = Vec::new();
    for (section, key) in keys {
        let words = config.get(section).and_then(|section| section.get(key)?.as_str());
        for name in names(words.unwrap_or_default()) {
            if !is_set(name) {
                warnings.push(format!(
                    "{section}.{key} passes the variable {name} to the container, and it isn't set on the remote unless --env {name} passes it or the remote account sets it"
                ));
            }
        }
    }
    warnings.dedup();
    warnings.into_iter()
}

/// Returns the names in `-e NAME`, `--env NAME`, `-eNAME` and `--env=NAME`; `NAME=VALUE` includes the value and is left
/// out.
fn names(words: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut words = words.split_whitespace();
    while let Some(word) = words.next() {
        let name = match word {
            "-e" | "--env" => words.next(),
            _ => word.strip_prefix("--env=").or_else(|| {
                word.strip_prefix("-e").filter(|name| !word.starts_with("--") && !name.is_empty())
            }),
        };
        names.extend(name.filter(|name| !name.contains('=')));
    }
    names
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn the_forms_in_which_docker_takes_a_variable() {
        let words = "--gpus=all -e TOKEN --env HF -eA --env=B -e C=1 --env-file x --entrypoint e";
        assert_eq!(names(words), ["TOKEN", "HF", "A", "B"]);
        assert_eq!(names("-e"), Vec::<&str>::new());
    }
}
