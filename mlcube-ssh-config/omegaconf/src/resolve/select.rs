//! Finding the value of a key: `_select_impl` of OmegaConf's `Container`.

use crate::error::{Kind, Outcome, Problem};
use crate::resolve::path;
use crate::resolve::{Evaluation, Resolved};
use crate::tree::Raw;
use crate::tree::{Content, Id, Value};
use crate::yaml::{Key, parse_int};

impl Evaluation<'_> {
    /// The value of a key; without a dot in front it is one from the top. None: there is no such key.
    pub fn select(
        &mut self,
        from: Id,
        key: &str,
        refuse_missing: bool,
    ) -> Outcome<Option<Resolved>> {
        let (from, key) = self.start(from, key)?;
        if key.is_empty() {
            return Ok(Some(Resolved::Node(from)));
        }
        let parts = path::split(key);
        let Some((last, above)) = parts.split_last() else {
            return Err(Problem::new(format!("'{key}' is no key")));
        };
        let mut at = from;
        for (index, part) in above.iter().enumerate() {
            let Some(child) = self.step(at, part, refuse_missing)? else { return Ok(None) };
            let way = || parts[..=index].join(".");
            at = self.container_behind(child)?.ok_or_else(|| {
                Problem::of_kind(
                    Kind::NotAContainer,
                    format!(
                        "{} is neither a map nor a list, and has no {}",
                        way(),
                        parts[index + 1]
                    ),
                )
            })?;
        }
        match self.step(at, last, refuse_missing)? {
            None => Ok(None),
            Some(child) => self.dereference(child).map(Some),
        }
    }

    /// The value of a key, if it has one that is neither null nor `???`.
    pub fn get(&mut self, map: Id, key: &Key) -> Outcome<Option<Resolved>> {
        let Some(child) = self.tree.child(map, key) else { return Ok(None) };
        if self.tree.value(child).is_missing() {
            return Ok(None);
        }
        let found = self.dereference(child)?;
        Ok(if self.raw_of(&found) == Raw::Null { None } else { Some(found) })
    }

    /// The map that was found, or a problem with this message.
    pub fn map(&self, found: &Resolved, message: &str) -> Outcome<Id> {
        match found {
            Resolved::Node(id) if matches!(self.tree.value(*id), Value::Map(Content::Here(_))) => {
                Ok(*id)
            }
            Resolved::Node(id) => {
                Err(Problem::new(message).at(|| self.tree.path(*id), self.tree.node(*id).origin))
            }
            Resolved::Raw(_) => Err(Problem::new(message)),
        }
    }

    /// Where a key starts: one dot is the map or list around, each further one the one around that.
    fn start<'k>(&self, from: Id, key: &'k str) -> Outcome<(Id, &'k str)> {
        let Some(mut rest) = key.strip_prefix('.') else { return Ok((self.tree.root(from), key)) };
        let mut at = from;
        while let Some(further) = rest.strip_prefix('.') {
            let above = self.tree.node(at).parent;
            at = above.ok_or_else(|| Problem::new(format!("'{key}' goes up beyond the top")))?;
            rest = further;
        }
        Ok((at, rest))
    }

    /// The child of a map or a list.
    fn step(&self, at: Id, part: &str, refuse_missing: bool) -> Outcome<Option<Id>> {
        let key = match self.tree.value(at) {
            Value::List(_) if !self.tree.value(at).is_null() => Key::Int(index(part)?),
            _ => Key::from(part),
        };
        let child = self.tree.child(at, &key);
        match child {
            Some(child) if refuse_missing && self.tree.value(child).is_missing() => {
                Err(Problem::of_kind(Kind::Missing, format!("{} is ???", self.tree.path(child))))
            }
            child => Ok(child),
        }
    }
}

/// A place in a list.
pub fn index(part: &str) -> Outcome<i128> {
    parse_int(part, 10).ok_or_else(|| {
        Problem::new(format!("'{part}' is no place in a list, which is a number from 0"))
    })
}
