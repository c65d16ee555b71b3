//! Merging one configuration into another: `_map_merge` and `_list_merge` of OmegaConf's `BaseContainer`.

use crate::error::{Error, Result};
use crate::resolve::OmegaConf;
use crate::tree::{Content, NodeId, Value};
use crate::yaml::Key;

impl OmegaConf<'_> {
    /// Merges `source` into `target`: maps deeply, lists are replaced, `???` doesn't override.
    ///
    /// The values are copied; `source` doesn't change.
    ///
    /// # Errors
    /// When a list stands where the other has a map.
    pub fn merge(&mut self, target: NodeId, source: NodeId) -> Result<()> {
        match (self.tree.value(target), self.tree.value(source)) {
            (Value::Map(_), Value::Map(_)) => self.merge_maps(target, source),
            (Value::List(_), Value::List(_)) => self.merge_lists(target, source),
            (Value::Map(_), _) => {
                Err(self.mismatch(target, source, "a list can't be merged into a map"))
            }
            _ => Err(self.mismatch(target, source, "a map can't be merged into a list")),
        }
    }

    fn mismatch(&self, target: NodeId, source: NodeId, message: &str) -> Error {
        let other = self.tree.place(self.tree.node(target).origin);
        Error::new(format!("{message} (that of {other})"))
            .at(|| self.tree.path(target), self.tree.node(source).origin)
    }

    fn merge_maps(&mut self, target: NodeId, source: NodeId) -> Result<()> {
        match self.tree.value(source) {
            Value::Map(Content::Items(_)) => {}
            Value::Map(Content::Null) => {
                self.tree.node_mut(target).value = Value::Map(Content::Null);
                return Ok(());
            }
            _ => return Ok(()),
        }
        if self.tree.value(target).is_missing() {
            self.tree.node_mut(target).value = Value::empty_map();
        }
        let origin = self.tree.node(source).origin;
        let target_origin = &mut self.tree.node_mut(target).origin;
        if target_origin.source().is_none() {
            // The value that somebody wrote is the one to correct.
            *target_origin = origin;
        }
        for key in self.tree.keys(source) {
            if let Some(item) = self.tree.child(source, &key) {
                self.merge_item(target, key, item)?;
            }
        }
        Ok(())
    }

    fn merge_item(&mut self, target: NodeId, key: Key, source: NodeId) -> Result<()> {
        let Some(old) = self.tree.child(target, &key) else {
            return self.tree.set_copy(target, key, source).map(|_| ());
        };
        let old = self.apart(|this| this.prepare(target, &key, old, source))?;
        let is_container = |id| self.tree.value(id).is_container();
        match (is_container(old), is_container(source)) {
            (true, true) => self.merge(old, source),
            (false, true) => self.tree.set_copy(target, key, source).map(|_| ()),
            _ if self.tree.value(source).is_missing() => Ok(()),
            (false, false) => self.tree.set_copy(target, key, source).map(|_| ()),
            (true, false) => {
                let (value, origin) =
                    (self.tree.value(source).clone(), self.tree.node(source).origin);
                self.tree.set(target, key, value, origin).map(|_| ())
            }
        }
    }

    /// Prepares the old value: a map that is null becomes an empty one, and an interpolation that stands for a map
    /// becomes a copy of that map.
    fn prepare(
        &mut self,
        target: NodeId,
        key: &Key,
        old: NodeId,
        source: NodeId,
    ) -> Result<NodeId> {
        let source = self.tree.value(source);
        let fills = !source.is_missing() && !source.is_null();
        match self.tree.value(old) {
            Value::Map(Content::Null) if fills => {
                self.tree.node_mut(old).value = Value::empty_map();
            }
            Value::List(Content::Null) if fills => {
                return Err(Error::new("a list that was set to null can't be set again")
                    .at(|| self.tree.path(old), self.tree.node(old).origin));
            }
            value if value.is_interpolation() => {
                if let Some(container) = self.container_if_resolvable(old) {
                    return self.tree.set_copy(target, key.clone(), container);
                }
            }
            _ => {}
        }
        Ok(old)
    }

    /// The map or list that an interpolation stands for. What can't be resolved yet is overridden as text, and
    /// its notices are dropped: they are made again when the value is resolved later.
    fn container_if_resolvable(&mut self, id: NodeId) -> Option<NodeId> {
        let noticed = self.notices.len();
        let container = self.container_behind(id);
        self.notices.truncate(noticed);
        container.ok().flatten()
    }

    fn merge_lists(&mut self, target: NodeId, source: NodeId) -> Result<()> {
        let items = match self.tree.value(source) {
            Value::List(Content::Items(_)) => self.tree.keys(source),
            Value::List(Content::Null) => {
                self.tree.node_mut(target).value = Value::List(Content::Null);
                return Ok(());
            }
            _ => return Ok(()),
        };
        let before = self.tree.copy(target)?;
        let parent = self.tree.node(target).parent;
        let node = self.tree.node(source).clone();
        self.tree.node_mut(target).value = Value::List(Content::Items(Vec::new()));
        for key in items {
            if let Some(item) = self.tree.child(source, &key) {
                let item = self.tree.copy(item)?;
                self.tree.put(target, key, item);
            }
        }
        let target = self.tree.node_mut(target);
        let replaced = [node.replaced, vec![before], std::mem::take(&mut target.replaced)].concat();
        (target.origin, target.replaced, target.parent) = (node.origin, replaced, parent);
        Ok(())
    }
}
