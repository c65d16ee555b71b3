//! Filling in every interpolation, in the order of the keys: `OmegaConf.resolve`.
//!
//! The order matters: a text that came out with `${` in it is an interpolation again for those that ask for it later.

use crate::error::{Kind, Outcome, Problem};
use crate::resolve::{Evaluation, Resolved};
use crate::tree::{Id, Value};
use crate::yaml::{Key, MAX_DEPTH};

impl Evaluation<'_> {
    /// Resolves everything in a map or a list.
    pub fn resolve_below(&mut self, id: Id) -> Outcome<()> {
        if self.open.contains(&id) || self.open.len() > MAX_DEPTH {
            let origin = self.tree.node(id).origin;
            return Err(Problem::new("it holds itself, by its interpolations")
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

    fn resolve_child(&mut self, parent: Id, key: Key, child: Id) -> Outcome<()> {
        let value = self.tree.value(child);
        if value.is_container() {
            return self.resolve_below(child);
        }
        if !value.is_interpolation() {
            return Ok(());
        }
        let origin = self.tree.node(child).origin;
        let new =
            self.worth(child).map_err(|problem| problem.at(|| self.tree.path(child), origin))?;
        self.tree.replace(parent, key, new)
    }

    /// A new node with what an interpolation is worth.
    fn worth(&mut self, child: Id) -> Outcome<Id> {
        let origin = self.tree.node(child).origin;
        let value = match self.dereference(child) {
            Err(problem) if problem.kind == Kind::ReachesMissing => Value::missing(),
            Err(problem) => return Err(problem),
            Ok(Resolved::Node(target)) if self.tree.value(target).is_container() => {
                self.resolve_below(target)?;
                return self.tree.copy(target);
            }
            Ok(Resolved::Node(target)) => self.tree.value(target).clone(),
            Ok(Resolved::Raw(raw)) => raw.into_scalar()?,
        };
        self.tree.add(value, origin)
    }
}
