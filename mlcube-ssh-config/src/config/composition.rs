//! The tree on which mlcube's rules work, with the values of the two files and of the command line.

use omegaconf::{Environment, Notice, OmegaConf, Origin, Source};

use crate::config::request::Request;

/// The sources of a composition's values.
#[derive(Debug)]
pub(crate) struct Sources {
    pub(crate) cube: Source,
    pub(crate) settings: Source,
    /// The `-P` words, in order.
    pub(crate) overrides: Vec<Source>,
    /// The `name=value` words, in order.
    pub(crate) arguments: Vec<Source>,
    /// `--workspace`.
    pub(crate) workspace: Source,
}

/// The tree and its sources.
pub(crate) struct Composition<'a> {
    pub(crate) conf: OmegaConf<'a>,
    pub(crate) sources: Sources,
    pub(crate) environment: Environment<'a>,
}

impl<'a> Composition<'a> {
    /// Creates an empty tree that knows the sources of a request; `cube` is the path of the cube's file.
    pub(crate) fn new(request: &Request, cube: &str, environment: Environment<'a>) -> Self {
        let mut conf = OmegaConf::new(environment);
        let mut add = |name: String| conf.tree.add_source(name);
        let arguments = request.arguments.iter().map(|(name, value)| format!("{name}={value}"));
        let workspace = request.workspace.as_deref().unwrap_or_default();
        let sources = Sources {
            cube: add(cube.to_owned()),
            settings: add(request.settings.clone()),
            overrides: request.overrides.iter().map(|word| add(format!("-P{word}"))).collect(),
            arguments: arguments.map(&mut add).collect(),
            workspace: add(format!("--workspace={workspace}")),
        };
        // A cube may read any variable, as in mlcube; tracing keeps such a value local.
        conf.tree.trace(sources.cube);
        Self { conf, sources, environment }
    }

    /// Runs `act` and discards the readings that it notes.
    pub(crate) fn apart<T>(&mut self, act: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.conf.tree.begin_reading();
        let done = act(self);
        self.conf.tree.end_reading(before);
        done
    }

    /// Returns the warnings for the user.
    pub(crate) fn warnings(&self) -> Vec<String> {
        self.conf.notices().filter_map(|notice| self.warning(notice)).collect()
    }

    /// Returns the warning for a notice. A value that looks like a secret becomes part of the document, so the user is
    /// warned.
    fn warning(&self, notice: &Notice) -> Option<String> {
        match notice {
            Notice::Deprecated(message) => Some(message.clone()),
            Notice::Variable { name, key } => {
                let is_set = (self.environment)(name).is_some_and(|value| !value.is_empty());
                (is_secret(name) && is_set).then(|| {
                    format!(
                        "{key} holds the value of ${name}, which looks like a secret, and the document with it; hand it over with --env {name} instead"
                    )
                })
            }
        }
    }
}

impl Sources {
    /// Returns the origin of the `-P` word with this number.
    pub(crate) fn override_at(&self, number: usize) -> Origin {
        self.overrides.get(number).map_or(Origin::Computed, |&source| Origin::Written(source, 0))
    }

    /// Returns the origin of the `name=value` word with this number.
    pub(crate) fn argument_at(&self, number: usize) -> Origin {
        self.arguments.get(number).map_or(Origin::Computed, |&source| Origin::Written(source, 0))
    }
}

/// Returns whether a variable's name suggests that its value is secret.
fn is_secret(name: &str) -> bool {
    let name = name.to_uppercase();
    let words = ["TOKEN", "SECRET", "PASSWORD", "PASSWD", "PASSPHRASE", "CREDENTIAL"];
    words.iter().any(|word| name.contains(word))
        || name.split('_').any(|part| matches!(part, "KEY" | "APIKEY" | "PASS" | "PW" | "PAT"))
}
