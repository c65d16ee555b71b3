//! Creates nodes from YAML and from computed values, as `OmegaConf.create` does.

use crate::error::{Error, Result};
use crate::origin::Origin;
use crate::tree::{NodeId, Raw, Tree, Value};
use crate::yaml::{Data, Key, Yaml};

impl Tree {
    /// Creates a node for a YAML value and for everything in it; `place` turns a line into an origin.
    ///
    /// # Errors
    /// As [`Tree::add`].
    pub fn add_yaml(&mut self, yaml: &Yaml, place: &dyn Fn(u32) -> Origin) -> Result<NodeId> {
        let origin = place(yaml.line);
        match &yaml.data {
            Data::Null => self.add(Value::Null, origin),
            Data::Bool(flag) => self.add(Value::Bool(*flag), origin),
            Data::Int(number) => self.add(Value::Int(*number), origin),
            Data::Float(number) => self.add(Value::Float(*number), origin),
            Data::Text(text) => self.add(Value::Text(text.clone()), origin),
            Data::List(items) => {
                let id = self.add(Value::empty_list(), origin)?;
                let items = (0i128..).zip(items).map(|(index, item)| (Key::Int(index), item));
                self.fill(id, items, |tree, item| tree.add_yaml(item, place))
            }
            Data::Map(map) => {
                let id = self.add(Value::empty_map(), origin)?;
                self.fill(id, map.iter().map(|(key, value)| (key.clone(), value)), |tree, value| {
                    tree.add_yaml(value, place)
                })
            }
        }
    }

    /// Creates a node for a computed value; nodes in it are copied.
    pub(crate) fn add_raw(&mut self, raw: &Raw, origin: Origin) -> Result<NodeId> {
        match raw {
            Raw::Null => self.add(Value::Null, origin),
            Raw::Bool(flag) => self.add(Value::Bool(*flag), origin),
            Raw::Int(number) => self.add(Value::Int(*number), origin),
            Raw::Float(number) => self.add(Value::Float(*number), origin),
            Raw::Text(text) => self.add(Value::Text(text.clone()), origin),
            Raw::Node(node) => self.copy(*node),
            Raw::List(items) => {
                let id = self.add(Value::empty_list(), origin)?;
                let items = (0i128..).zip(items).map(|(index, item)| (Key::Int(index), item));
                self.fill(id, items, |tree, item| tree.add_raw(item, origin))
            }
            Raw::Map(pairs) => {
                let id = self.add(Value::empty_map(), origin)?;
                for (key, value) in pairs {
                    let key = key.to_key().ok_or_else(|| Error::new("null can't be a key"))?;
                    let value = self.add_raw(value, origin)?;
                    self.put(id, key, value);
                }
                Ok(id)
            }
        }
    }

    fn fill<'a, T: 'a>(
        &mut self,
        id: NodeId,
        items: impl Iterator<Item = (Key, &'a T)>,
        mut make: impl FnMut(&mut Self, &'a T) -> Result<NodeId>,
    ) -> Result<NodeId> {
        for (key, item) in items {
            let child = make(self, item)
                .map_err(|error| error.below(&self.step(id, &key), self.origin(id)))?;
            self.put(id, key, child);
        }
        Ok(id)
    }

    fn step(&self, id: NodeId, key: &Key) -> String {
        match self.value(id) {
            Value::List(_) => format!("[{key}]"),
            _ => key.to_string(),
        }
    }
}
