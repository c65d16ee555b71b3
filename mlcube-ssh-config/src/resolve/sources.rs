//! The two files, read into the tree.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};

use omegaconf::yaml::{self, Data, MAX_BYTES, Yaml};
use omegaconf::{Id, Origin, Outcome, Problem, Value, configuration};

use super::composition::Composition;

/// Which file it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    Cube,
    Settings,
}

impl Which {
    fn absent(self) -> &'static str {
        match self {
            Self::Cube => "there is no such file; name the cube's folder or file with --mlcube",
            Self::Settings => {
                "there is no such file; it describes the platforms, in a section 'platforms'"
            }
        }
    }
}

impl Composition<'_> {
    /// Reads a file into a map of its own. A settings file may be absent: None.
    pub(crate) fn load(&mut self, which: Which, path: &str) -> Outcome<Id> {
        let source = match which {
            Which::Cube => self.sources.cube,
            Which::Settings => self.sources.settings,
        };
        let at = |line| Origin::Written(source, line);
        // Nobody writes into a pipe that a stranger's cube holds.
        if which == Which::Cube && fs::metadata(path).is_ok_and(|found| !found.is_file()) {
            let problem = Problem::new("it isn't a regular file");
            return Err(Problem { origin: Some(at(0)), ..problem });
        }
        let bytes = read(path).map_err(|error| match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => Problem::new(which.absent()),
            _ => Problem::new(error.to_string()),
        });
        let file = |problem: Problem| Problem { origin: problem.origin.or(Some(at(0))), ..problem };
        let yaml = yaml::read_file(&bytes.map_err(file)?);
        let yaml = yaml.map_err(|error| Problem {
            origin: Some(at(error.line)),
            ..Problem::new(error.problem)
        })?;
        let yaml = document(yaml).map_err(file)?;
        let root = self.conf.tree.add_yaml(&yaml, &|line| at(line))?;
        match self.conf.tree.value(root) {
            Value::Map(_) => Ok(root),
            _ => Err(file(Problem::new("this is a list; it has to be a map"))),
        }
    }
}

/// A file's value as a configuration. Text is read once more, as OmegaConf does.
fn document(yaml: Yaml) -> Outcome<Yaml> {
    let yaml = match &yaml.data {
        Data::Text(text) => {
            yaml::read_str(text).map_err(|error| Problem::new(error.to_string()))?
        }
        _ => yaml,
    };
    configuration(yaml).ok_or_else(|| Problem::new("this is a single value; it has to be a map"))
}

/// A file's bytes, at most one more than are allowed: also a device or a pipe has an end here.
fn read(path: &str) -> std::io::Result<Vec<u8>> {
    let limit = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}
