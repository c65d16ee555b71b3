//! The resolvers that make maps and lists: `oc.create`, `oc.dict.keys`, `oc.dict.values`.

use crate::error::{Error, Result};
use crate::load::configuration;
use crate::resolve::{OmegaConf, Resolved};
use crate::tree::{Content, NodeId, Raw, Value};
use crate::yaml::{self, Key};

impl OmegaConf<'_> {
    /// Creates a map or a list whose parent is that of the text.
    pub(super) fn create(&mut self, node: NodeId, value: &Raw) -> Result<NodeId> {
        let origin = self.tree.node(node).origin;
        let created = match value {
            Raw::Null => self.tree.add(Value::Map(Content::Null), origin)?,
            Raw::Text(text) => {
                let yaml = yaml::read_str(text)
                    .map_err(|error| Error::new(format!("oc.create: {error}")))?;
                let yaml = configuration(yaml)
                    .ok_or_else(|| Error::new("oc.create makes maps and lists only"))?;
                self.tree.add_yaml(&yaml, &|_| origin)?
            }
            Raw::List(_) | Raw::Map(_) | Raw::Node(_) => self.tree.add_raw(value, origin)?,
            _ => return Err(Error::new("oc.create makes maps and lists only")),
        };
        self.attach(node, created)?;
        Ok(created)
    }

    fn attach(&mut self, node: NodeId, created: NodeId) -> Result<()> {
        self.tree.node_mut(created).parent = Some(self.parent(node)?);
        Ok(())
    }

    fn map_at(&mut self, node: NodeId, key: &str) -> Result<NodeId> {
        match self.selected(node, key, true)? {
            Some(Resolved::Node(id))
                if matches!(self.tree.value(id), Value::Map(Content::Items(_))) =>
            {
                Ok(id)
            }
            Some(_) => Err(Error::new(format!("{key} isn't a map"))),
            None => Err(Error::new(format!("there is no key {key}"))),
        }
    }

    pub(super) fn keys_of(&mut self, node: NodeId, key: &str) -> Result<NodeId> {
        let map = self.map_at(node, key)?;
        let keys = self.tree.keys(map).iter().map(Raw::from).collect();
        self.create(node, &Raw::List(keys))
    }

    /// Creates a list of interpolations, one for each key.
    pub(super) fn values_of(&mut self, node: NodeId, key: &str) -> Result<NodeId> {
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
