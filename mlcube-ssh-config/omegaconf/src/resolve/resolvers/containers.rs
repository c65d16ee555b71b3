//! The resolvers that make maps and lists: `oc.create`, `oc.dict.keys`, `oc.dict.values`.

use crate::error::{Outcome, Problem};
use crate::resolve::{Evaluation, Resolved};
use crate::tree::Raw;
use crate::tree::{Content, Id, Value};
use crate::yaml::{self, Data, Key};

impl Evaluation<'_> {
    /// A map or a list of its own, with the same parent as the text.
    pub(super) fn create(&mut self, node: Id, value: &Raw) -> Outcome<Id> {
        let origin = self.tree.node(node).origin;
        let created = match value {
            Raw::Null => self.tree.add(Value::Map(Content::Null), origin)?,
            Raw::Text(text) => {
                let yaml = yaml::read_str(text)
                    .map_err(|error| Problem::new(format!("oc.create: {error}")))?;
                let yaml = configuration(yaml)
                    .ok_or_else(|| Problem::new("oc.create makes maps and lists only"))?;
                self.tree.add_yaml(&yaml, &|_| origin)?
            }
            Raw::List(_) | Raw::Map(_) | Raw::Node(_) => self.tree.add_raw(value, origin)?,
            _ => return Err(Problem::new("oc.create makes maps and lists only")),
        };
        self.attach(node, created)?;
        Ok(created)
    }

    fn attach(&mut self, node: Id, created: Id) -> Outcome<()> {
        self.tree.node_mut(created).parent = Some(self.parent(node)?);
        Ok(())
    }

    fn map_at(&mut self, node: Id, key: &str) -> Outcome<Id> {
        match self.selected(node, key, true)? {
            Some(Resolved::Node(id))
                if matches!(self.tree.value(id), Value::Map(Content::Here(_))) =>
            {
                Ok(id)
            }
            Some(_) => Err(Problem::new(format!("{key} is no map"))),
            None => Err(Problem::new(format!("there is no key {key}"))),
        }
    }

    pub(super) fn keys_of(&mut self, node: Id, key: &str) -> Outcome<Id> {
        let map = self.map_at(node, key)?;
        let keys = self.tree.keys(map).iter().map(Raw::from).collect();
        self.create(node, &Raw::List(keys))
    }

    /// A list of interpolations, one for each key.
    pub(super) fn values_of(&mut self, node: Id, key: &str) -> Outcome<Id> {
        let map = self.map_at(node, key)?;
        let values = self
            .tree
            .keys(map)
            .iter()
            .map(|name: &Key| Raw::Text(format!("${{{key}.{name}}}")))
            .collect();
        self.create(node, &Raw::List(values))
    }
}

/// What a YAML text is as a configuration: null an empty map, text a map of that key, a number nothing.
pub fn configuration(yaml: yaml::Yaml) -> Option<yaml::Yaml> {
    let line = yaml.line;
    let data = match yaml.data {
        Data::Null => Data::Map(indexmap::IndexMap::new()),
        Data::Text(text) => Data::Map(
            [(Key::Text(text), yaml::Yaml { data: Data::Null, line })].into_iter().collect(),
        ),
        data @ (Data::List(_) | Data::Map(_)) => data,
        _ => return None,
    };
    Some(yaml::Yaml { data, line })
}
