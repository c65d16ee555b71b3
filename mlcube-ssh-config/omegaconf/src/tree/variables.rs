//! The variables of the environment from which a value was made, because a traced source reads them.
//!
//! `Tree::add` gives every node what was read since the last [`Reading`] began.

use std::collections::BTreeSet;
use std::rc::Rc;

/// What was read for a value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    names: Option<Rc<BTreeSet<String>>>,
    /// Whether it contains text of a traced source: a result that is an interpolation is resolved again.
    pub(crate) is_traced: bool,
}

impl Reading {
    /// Notes a variable.
    pub(crate) fn add(&mut self, name: &str) {
        Rc::make_mut(self.names.get_or_insert_default()).insert(name.to_owned());
    }

    /// Notes everything from which another value was made.
    pub(crate) fn extend(&mut self, other: &Self) {
        self.is_traced |= other.is_traced;
        match (&mut self.names, &other.names) {
            (None, _) => self.names.clone_from(&other.names),
            (Some(ours), Some(theirs)) if !Rc::ptr_eq(ours, theirs) => {
                Rc::make_mut(ours).extend(theirs.iter().cloned());
            }
            _ => {}
        }
    }

    /// The names of the variables.
    pub(crate) fn names(&self) -> impl Iterator<Item = &String> {
        self.names.iter().flat_map(|names| names.iter())
    }
}
