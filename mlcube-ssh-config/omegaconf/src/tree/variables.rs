//! Which variables of the environment a value was made of, because a source that is traced asked for them.
//!
//! Every node knows what it was made of: `Tree::add` stamps it with all that was read since the last [`Reading`] began.

use std::collections::BTreeSet;
use std::rc::Rc;

/// What was read for a value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    names: Option<Rc<BTreeSet<String>>>,
    /// Whether text of a traced source is in it: a text that comes out as an interpolation is filled in once more.
    pub(crate) is_traced: bool,
}

impl Reading {
    /// Notes a variable.
    pub(crate) fn add(&mut self, name: &str) {
        Rc::make_mut(self.names.get_or_insert_default()).insert(name.to_owned());
    }

    /// Notes all that another value was made of.
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
