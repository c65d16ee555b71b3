//! `KEY=VALUE` words of a command line: `OmegaConf.from_dotlist` and `OmegaConf.update`.

use crate::error::{Error, Result};
use crate::origin::Origin;
use crate::resolve::{OmegaConf, index, split_key};
use crate::tree::{Content, NodeId, Value};
use crate::yaml::{self, Data, Key, Yaml};

impl OmegaConf<'_> {
    /// Builds a configuration from `KEY=VALUE` words, such as `a.b=1` and `l[0]=x`; later words win. Each has an
    /// origin.
    ///
    /// # Errors
    /// When a value isn't YAML, or a key goes through null, `???` or beyond the end of a list.
    pub fn from_dotlist<'w>(
        &mut self,
        words: impl IntoIterator<Item = (&'w str, Origin)>,
    ) -> Result<NodeId> {
        let root = self.tree.add(Value::empty_map(), Origin::Computed)?;
        for (word, origin) in words {
            let (key, value) = match word.split_once('=') {
                None => (word, Yaml { data: Data::Null, line: 1 }),
                Some((key, text)) => (
                    key,
                    yaml::read_str(text).map_err(|error| {
                        Error::of_yaml(&error, origin).at(|| key.to_owned(), origin)
                    })?,
                ),
            };
            self.update(root, key, &value, origin)
                .map_err(|problem| problem.at(|| key.to_owned(), origin))?;
        }
        Ok(root)
    }

    /// Sets a key. Each value on the way that is neither a map nor a list is replaced by a map.
    fn update(&mut self, root: NodeId, key: &str, value: &Yaml, origin: Origin) -> Result<()> {
        let parts = split_key(key);
        let (last, above) =
            parts.split_last().ok_or_else(|| Error::new(format!("'{key}' isn't a key")))?;
        let mut at = root;
        for part in above {
            at = self.descend(at, part, origin)?;
        }
        let key = self.place(at, last)?;
        let new = self.tree.add_yaml(value, &|_| origin)?;
        let old = self.tree.child(at, &key).filter(|&old| self.tree.value(old).is_container());
        match (old, self.tree.value(new).clone()) {
            (Some(old), new_value) if new_value.is_container() => self.merge(old, new),
            (_, new_value) if new_value.is_container() => self.tree.replace(at, key, new),
            (_, new_value) => self.tree.set(at, key, new_value, origin).map(|_| ()),
        }
    }

    fn descend(&mut self, at: NodeId, part: &str, origin: Origin) -> Result<NodeId> {
        let key = self.place(at, part)?;
        let child =
            self.tree.child(at, &key).filter(|&child| self.tree.value(child).is_container());
        let child = if let Some(child) = child {
            child
        } else {
            let map = self.tree.add(Value::empty_map(), origin)?;
            self.tree.replace(at, key, map)?;
            map
        };
        if self.tree.value(child).is_null() || self.tree.value(child).is_missing() {
            let place = self.tree.place(self.tree.node(child).origin);
            return Err(Error::new(format!("{place} sets it to null or ???"))
                .at(|| self.tree.path(child), origin));
        }
        Ok(child)
    }

    /// Returns the key that a part of a path names: in a list it is an index, counted from the end if it is negative.
    fn place(&self, at: NodeId, part: &str) -> Result<Key> {
        let Value::List(Content::Items(items)) = self.tree.value(at) else {
            return Ok(Key::from(part));
        };
        let length = i128::try_from(items.len()).unwrap_or(i128::MAX);
        let place = index(part)?;
        let place = if place < 0 { place + length } else { place };
        if (0..length).contains(&place) {
            Ok(Key::Int(place))
        } else {
            let values = if length == 1 { "value" } else { "values" };
            Err(Error::new(format!("the list has {length} {values}, and none at [{part}]")))
        }
    }
}
