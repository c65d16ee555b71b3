//! Looks up the value of a key: `_select_impl` of OmegaConf's `Container`.

use crate::error::{Error, ErrorKind, Result};
use crate::resolve::path::{index, split};
use crate::resolve::{OmegaConf, Resolved};
use crate::tree::{Content, NodeId, Raw, Value};
use crate::yaml::Key;

impl OmegaConf<'_> {
    /// Returns the value of a key such as `a.b[0]`; `None` if it doesn't exist. The key starts at the top unless it
    /// begins with a dot. `OmegaConf.select`.
    ///
    /// # Errors
    /// When an interpolation on the way can't be resolved, when a scalar is on the way, and, with `refuse_missing`,
    /// when a value on the way is `???`.
    pub fn select(
        &mut self,
        from: NodeId,
        key: &str,
        refuse_missing: bool,
    ) -> Result<Option<Resolved>> {
        let (from, key) = self.start(from, key)?;
        if key.is_empty() {
            return Ok(Some(Resolved::Node(from)));
        }
        let parts = split(key);
        let Some((last, above)) = parts.split_last() else {
            return Err(Error::new(format!("'{key}' isn't a key")));
        };
        let Some(at) = self.container(from, above, last, refuse_missing)? else { return Ok(None) };
        match self.step(at, last, refuse_missing)? {
            None => Ok(None),
            Some(child) => self.dereference(child).map(Some),
        }
    }

    /// Returns the map or list at the end of a path, in which the caller looks up `next`; `None` if it doesn't exist.
    fn container(
        &mut self,
        from: NodeId,
        path: &[String],
        next: &str,
        refuse_missing: bool,
    ) -> Result<Option<NodeId>> {
        let mut at = from;
        for (index, part) in path.iter().enumerate() {
            let Some(child) = self.step(at, part, refuse_missing)? else { return Ok(None) };
            let Some(container) = self.container_behind(child)? else {
                let next = path.get(index + 1).map_or(next, String::as_str);
                let way = path[..=index].join(".");
                return Err(Error::of_kind(
                    ErrorKind::ConfigType,
                    format!("{way} is neither a map nor a list, and has no {next}"),
                ));
            };
            at = container;
        }
        Ok(Some(at))
    }

    /// Returns the value of a key, unless it is null or `???`: `DictConfig.get`.
    ///
    /// # Errors
    /// When its interpolation can't be resolved.
    pub fn get(&mut self, map: NodeId, key: &Key) -> Result<Option<Resolved>> {
        let Some(child) = self.tree.child(map, key) else { return Ok(None) };
        if self.tree.value(child).is_missing() {
            return Ok(None);
        }
        let found = self.dereference(child)?;
        Ok(if self.raw_of(&found) == Raw::Null { None } else { Some(found) })
    }

    /// Returns the node if it is a map.
    ///
    /// # Errors
    /// With this message, when it isn't one.
    pub fn expect_map(&self, found: &Resolved, message: &str) -> Result<NodeId> {
        match found {
            Resolved::Node(id) if matches!(self.tree.value(*id), Value::Map(Content::Items(_))) => {
                Ok(*id)
            }
            Resolved::Node(id) => {
                Err(Error::new(message).at(|| self.tree.path(*id), self.tree.node(*id).origin))
            }
            Resolved::Raw(_) => Err(Error::new(message)),
        }
    }

    /// Returns where a key starts: one leading dot means the enclosing map or list, each further dot the one around
    /// that.
    fn start<'k>(&self, from: NodeId, key: &'k str) -> Result<(NodeId, &'k str)> {
        let Some(mut rest) = key.strip_prefix('.') else { return Ok((self.tree.root(from), key)) };
        let mut at = from;
        while let Some(further) = rest.strip_prefix('.') {
            let above = self.tree.node(at).parent;
            at = above.ok_or_else(|| Error::new(format!("'{key}' goes up beyond the top")))?;
            rest = further;
        }
        Ok((at, rest))
    }

    /// Returns the child of a map or a list.
    fn step(&self, at: NodeId, part: &str, refuse_missing: bool) -> Result<Option<NodeId>> {
        let key = match self.tree.value(at) {
            Value::List(_) if !self.tree.value(at).is_null() => Key::Int(index(part)?),
            _ => Key::from(part),
        };
        let child = self.tree.child(at, &key);
        match child {
            Some(child) if refuse_missing && self.tree.value(child).is_missing() => {
                Err(Error::of_kind(
                    ErrorKind::MissingMandatoryValue,
                    format!("{} is ???", self.tree.path(child)),
                ))
            }
            child => Ok(child),
        }
    }
}
