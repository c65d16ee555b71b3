//! Which variables of this machine a value was made of, because the cube's file asked for them.
//!
//! A cube may read any variable (`${oc.env:NAME}`), as mlcube lets it; the value stays on this machine. So every node knows
//! what it was made of: [`super::tree::Tree::add`] stamps a node with all that was read since the last [`Reading`] began.

use std::collections::BTreeSet;
use std::rc::Rc;

/// What a value was made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reading {
    names: Option<Rc<BTreeSet<String>>>,
    /// Whether text of the cube's file is in it: a text that comes out as an interpolation is filled in once more.
    pub(crate) is_of_cube: bool,
}

impl Reading {
    /// Notes a variable.
    pub(crate) fn add(&mut self, name: &str) {
        Rc::make_mut(self.names.get_or_insert_default()).insert(name.to_owned());
    }

    /// Notes all that another value was made of.
    pub(crate) fn extend(&mut self, other: &Self) {
        self.is_of_cube |= other.is_of_cube;
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
