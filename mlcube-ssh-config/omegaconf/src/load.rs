//! Reading a file into a tree: `OmegaConf.load` and `OmegaConf.create` of a text.

use indexmap::IndexMap;

use crate::error::{Error, Result};
use crate::origin::{Origin, Source};
use crate::resolve::OmegaConf;
use crate::tree::NodeId;
use crate::yaml::{self, Data, Key, Yaml};

impl OmegaConf<'_> {
    /// Reads the content of a file into a map or a list of its own.
    ///
    /// # Errors
    /// When it isn't YAML, is a single value other than a text, or has an invalid interpolation.
    pub fn load(&mut self, source: Source, content: &[u8]) -> Result<NodeId> {
        let yaml = yaml::read_file(content)
            .map_err(|error| Error::of_yaml(&error, Origin::Written(source, error.mark.line)))?;
        let whole = Origin::Written(source, 0);
        let yaml =
            read_again(yaml).map_err(|error| Error::new(error.to_string()).with_origin(whole))?;
        let yaml = configuration(yaml).ok_or_else(|| {
            Error::new("this is a single value; it must be a map").with_origin(whole)
        })?;
        self.tree.add_yaml(&yaml, &|line| Origin::Written(source, line))
    }
}

/// Parses a file that is one text a second time, as OmegaConf does.
fn read_again(yaml: Yaml) -> std::result::Result<Yaml, yaml::Error> {
    match &yaml.data {
        Data::Text(text) => yaml::read_str(text),
        _ => Ok(yaml),
    }
}

/// Converts YAML to a configuration: null becomes an empty map, a text becomes a map with that key. Returns `None` for
/// a number or a truth value.
pub(crate) fn configuration(yaml: Yaml) -> Option<Yaml> {
    let line = yaml.line;
    let data = match yaml.data {
        Data::Null => Data::Map(IndexMap::new()),
        Data::Text(text) => {
            Data::Map([(Key::Text(text), Yaml { data: Data::Null, line })].into_iter().collect())
        }
        data @ (Data::List(_) | Data::Map(_)) => data,
        _ => return None,
    };
    Some(Yaml { data, line })
}
