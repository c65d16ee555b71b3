//! Resolves every interpolation, in the order of the keys: `OmegaConf.resolve`.
//!
//! The order matters: a result with `${` in it is an interpolation for every later one that refers to it.

use crate::error::{Error, ErrorKind, Result};
use crate::resolve::{OmegaConf, Resolved};
use crate::tree::{NodeId, Value};
use crate::yaml::{Key, MAX_DEPTH};

impl OmegaConf<'_> {
    /// Resolves every interpolation in a map or a list.
    ///
    /// # Errors
    /// When one of them can't be resolved, or stands for a map or list that it is in.
    pub fn resolve(&mut self, id: NodeId) -> Result<()> {
        if self.open.contains(&id) || self.open.len() > MAX_DEPTH {
            let origin = self.tree.node(id).origin;
            return Err(Error::new("its interpolations make it contain itself")
                .at(|| self.tree.path(id), origin));
        }
        self.open.push(id);
        for key in self.tree.keys(id) {
            if let Some(child) = self.tree.child(id, &key) {
                self.apart(|this| this.resolve_child(id, key, child))?;
            }
        }
        self.open.pop();
        Ok(())
    }

    fn resolve_child(&mut self, parent: NodeId, key: Key, child: NodeId) -> Result<()> {
        let value = self.tree.value(child);
        if value.is_container() {
            return self.resolve(child);
        }
        if !value.is_interpolation() {
            return Ok(());
        }
        let origin = self.tree.node(child).origin;
        let new =
            self.resolved(child).map_err(|problem| problem.at(|| self.tree.path(child), origin))?;
        self.tree.replace(parent, key, new)
    }

    /// Adds a node for the result of an interpolation.
    fn resolved(&mut self, child: NodeId) -> Result<NodeId> {
        let origin = self.tree.node(child).origin;
        let value = match self.dereference(child) {
            Err(problem) if problem.kind() == ErrorKind::InterpolationToMissingValue => {
                Value::missing()
            }
            Err(problem) => return Err(problem),
            Ok(Resolved::Node(target)) if self.tree.value(target).is_container() => {
                self.resolve(target)?;
                return self.tree.copy(target);
            }
            Ok(Resolved::Node(target)) => self.tree.value(target).clone(),
            Ok(Resolved::Raw(raw)) => raw.into_scalar()?,
        };
        self.tree.add(value, origin)
    }
}
