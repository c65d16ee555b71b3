//! The resolvers that OmegaConf itself registers, such as `${oc.env:HOME}`.

mod containers;

use crate::error::{Error, ErrorKind, Result};
use crate::resolve::{Notice, OmegaConf, Resolved};
use crate::tree::{NodeId, Raw};
use crate::yaml::{parse_float, parse_int};

impl OmegaConf<'_> {
    /// Calls the resolver of a name, for the text of `node`.
    pub(super) fn call(
        &mut self,
        node: NodeId,
        name: &str,
        arguments: &[Raw],
        written: &[&str],
    ) -> Result<Resolved> {
        let raw = match (name, arguments) {
            ("oc.env", [Raw::Text(key)]) => {
                self.variable(node, key).map(Raw::Text).ok_or_else(|| unset(key))?
            }
            ("oc.env", [Raw::Text(key), default]) => match self.variable(node, key) {
                Some(value) => Raw::Text(value),
                None if *default == Raw::Null => Raw::Null,
                None => Raw::Text(self.text_of(default)),
            },
            ("env", [_] | [_, _]) => self.old_env(node, written)?,
            ("oc.decode", [Raw::Null]) => Raw::Null,
            ("oc.decode", [Raw::Text(text)]) => self.decode(node, text)?,
            ("oc.create", [value]) => Raw::Node(self.create(node, value)?),
            ("oc.select", [Raw::Text(key)]) => self.select_or(node, key, &Raw::Null)?,
            ("oc.select", [Raw::Text(key), default]) => self.select_or(node, key, default)?,
            ("oc.deprecated", [Raw::Text(key)]) => return self.deprecated(node, key, DEPRECATED),
            ("oc.deprecated", [Raw::Text(key), Raw::Text(message)]) => {
                return self.deprecated(node, key, message);
            }
            ("oc.dict.keys", [Raw::Text(key)]) => Raw::Node(self.keys_of(node, key)?),
            ("oc.dict.values", [Raw::Text(key)]) => Raw::Node(self.values_of(node, key)?),
            (
                "oc.env" | "env" | "oc.decode" | "oc.create" | "oc.select" | "oc.deprecated"
                | "oc.dict.keys" | "oc.dict.values",
                _,
            ) => {
                return Err(Error::new(format!(
                    "{name} doesn't take these arguments; text that looks like a number needs quotes"
                )));
            }
            _ => {
                return Err(Error::new(format!(
                    "there is no resolver '{name}'; did you mean oc.env?"
                )));
            }
        };
        Ok(match raw {
            Raw::Node(id) => Resolved::Node(id),
            raw => Resolved::Raw(raw),
        })
    }

    /// `oc.env`: a variable of the environment.
    fn variable(&mut self, node: NodeId, name: &str) -> Option<String> {
        let value = (self.environment)(name)?;
        let asks = self.tree.node(node);
        if self.tree.is_traced(asks.origin) || asks.made_of.is_traced || self.tree.reading.is_traced
        {
            self.tree.reading.add(name);
        }
        let key = self.tree.path(node);
        self.notices.insert(Notice::Variable { name: name.to_owned(), key });
        Some(value)
    }

    /// `env`, the older form: takes its arguments as they are written, and converts what looks like a number.
    fn old_env(&mut self, node: NodeId, written: &[&str]) -> Result<Raw> {
        let arguments: Vec<String> =
            written.iter().map(|text| text.replace("\\ ", " ").replace("\\,", ",")).collect();
        if arguments.iter().any(|argument| argument.contains("${")) {
            return Err(Error::new("env takes no interpolations; use oc.env"));
        }
        let value = self.variable(node, &arguments[0]);
        value
            .or(arguments.get(1).cloned())
            .map(|text| primitive(&text))
            .ok_or_else(|| unset(&arguments[0]))
    }

    fn select_or(&mut self, node: NodeId, key: &str, default: &Raw) -> Result<Raw> {
        let found = self.selected(node, key, false)?;
        Ok(match found {
            Some(Resolved::Node(id)) if self.tree.value(id).is_missing() => default.clone(),
            Some(found) => self.raw_of(&found),
            None => default.clone(),
        })
    }

    /// As [`OmegaConf::select`], except that a scalar on the way counts as a missing key.
    pub(super) fn selected(
        &mut self,
        node: NodeId,
        key: &str,
        refuse_missing: bool,
    ) -> Result<Option<Resolved>> {
        let parent = self.parent(node)?;
        match self.select(parent, key, refuse_missing) {
            Err(problem) if problem.kind() == ErrorKind::ConfigType => Ok(None),
            found => found,
        }
    }

    fn deprecated(&mut self, node: NodeId, key: &str, message: &str) -> Result<Resolved> {
        let found = self
            .selected(node, key, false)?
            .ok_or_else(|| Error::new(format!("oc.deprecated: there is no key {key}")))?;
        let new = match found {
            Resolved::Node(id) => self.tree.path(id),
            Resolved::Raw(_) => key.to_owned(),
        };
        let old = self.tree.path(node);
        let message = message.replace("$OLD_KEY", &old).replace("$NEW_KEY", &new);
        self.notices.insert(Notice::Deprecated(message));
        Ok(found)
    }
}

const DEPRECATED: &str = "'$OLD_KEY' is deprecated. Change your code and config to use '$NEW_KEY'";

fn unset(name: &str) -> Error {
    Error::new(format!(
        "the variable {name} isn't set; set it, or write a default: ${{oc.env:{name},default}}"
    ))
}

/// `decode_primitive` of OmegaConf.
fn primitive(text: &str) -> Raw {
    match text.to_lowercase().as_str() {
        "true" => Raw::Bool(true),
        "false" => Raw::Bool(false),
        _ => match (parse_int(text, 10), parse_float(text)) {
            (Some(number), _) => Raw::Int(number),
            (None, Some(number)) => Raw::Float(number),
            (None, None) => Raw::Text(text.to_owned()),
        },
    }
}
