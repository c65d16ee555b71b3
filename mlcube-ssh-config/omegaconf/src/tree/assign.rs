//! Sets a key: `_set_item_impl` of OmegaConf's containers.

use crate::error::{Error, Result};
use crate::origin::Origin;
use crate::tree::{Content, NodeId, Tree, Value};
use crate::yaml::Key;

impl Tree {
    /// Sets a key to a scalar.
    ///
    /// A map or a list that is set to null or `???` keeps its type, because what is merged into it later must fit.
    ///
    /// # Errors
    /// As [`Tree::add`] and [`Tree::replace`].
    pub fn set(
        &mut self,
        parent: NodeId,
        key: Key,
        value: Value,
        origin: Origin,
    ) -> Result<NodeId> {
        let old = self.child(parent, &key).map(|old| self.value(old));
        let value = match (old, &value) {
            (Some(Value::Map(_)), Value::Null) => Value::Map(Content::Null),
            (Some(Value::List(_)), Value::Null) => Value::List(Content::Null),
            (Some(Value::Map(_)), value) if value.is_missing() => Value::Map(Content::Missing),
            (Some(Value::List(_)), value) if value.is_missing() => Value::List(Content::Missing),
            _ => value,
        };
        let new = self.add(value, origin)?;
        self.replace(parent, key, new)?;
        Ok(new)
    }

    /// Sets a key to a node that has no parent yet.
    ///
    /// # Errors
    /// When the parent is null or `???`.
    pub fn replace(&mut self, parent: NodeId, key: Key, new: NodeId) -> Result<()> {
        match self.value(parent) {
            Value::Map(Content::Items(_)) | Value::List(Content::Items(_)) => {}
            _ => {
                return Err(Error::new("nothing can be set in what is null or ???")
                    .at(|| self.path(parent), self.node(parent).origin));
            }
        }
        if let Some(old) = self.child(parent, &key) {
            let mut replaced = vec![old];
            replaced.extend_from_slice(&self.node(old).replaced);
            self.node_mut(new).replaced.extend(replaced);
        }
        self.put(parent, key, new);
        Ok(())
    }

    /// Sets a key to a copy of a node.
    ///
    /// # Errors
    /// As [`Tree::copy`] and [`Tree::replace`].
    pub fn set_copy(&mut self, parent: NodeId, key: Key, of: NodeId) -> Result<NodeId> {
        let copy = self.copy(of)?;
        self.replace(parent, key, copy)?;
        Ok(copy)
    }
}
