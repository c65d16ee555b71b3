//! Formats values as Python does: `str` and `repr`.

use std::fmt::Write;

use crate::tree::{Content, NodeId, Raw, Tree, Value};
use crate::yaml::float_text;

impl Tree {
    /// The value of a node as resolvers see it; a map or list is passed as a node.
    #[must_use]
    pub fn raw(&self, id: NodeId) -> Raw {
        match self.value(id) {
            Value::Bool(flag) => Raw::Bool(*flag),
            Value::Int(number) => Raw::Int(*number),
            Value::Float(number) => Raw::Float(*number),
            Value::Text(text) => Raw::Text(text.clone()),
            value if value.is_null() => Raw::Null,
            value if value.is_missing() => Raw::Text("???".to_owned()),
            _ => Raw::Node(id),
        }
    }

    /// Formats a value as Python's `str` does, for use within text.
    #[must_use]
    pub fn text_of(&self, raw: &Raw) -> String {
        match raw {
            Raw::Text(text) => text.clone(),
            other => {
                let mut text = String::new();
                self.write_repr(other, &mut text);
                text
            }
        }
    }

    /// Formats a value as Python's `repr` does, for use within a list or a map.
    fn write_repr(&self, raw: &Raw, out: &mut String) {
        match raw {
            Raw::Null => out.push_str("None"),
            Raw::Bool(flag) => out.push_str(if *flag { "True" } else { "False" }),
            Raw::Int(number) => out.push_str(&number.to_string()),
            Raw::Float(number) => out.push_str(&float_text(*number)),
            Raw::Text(text) => write_quoted(text, out),
            Raw::List(items) => self.write_list(items.iter().cloned(), out),
            Raw::Map(pairs) => self
                .write_map(pairs.iter().map(|(key, value)| (Raw::from(key), value.clone())), out),
            Raw::Node(id) => match self.value(*id) {
                Value::List(Content::Items(items)) => {
                    self.write_list(items.iter().map(|&item| self.raw(item)), out);
                }
                Value::Map(Content::Items(map)) => self.write_map(
                    map.iter().map(|(key, &value)| (Raw::from(key), self.raw(value))),
                    out,
                ),
                value if value.is_missing() => out.push_str("'???'"),
                _ => out.push_str("None"),
            },
        }
    }

    fn write_list(&self, items: impl Iterator<Item = Raw>, out: &mut String) {
        out.push('[');
        for (index, item) in items.enumerate() {
            out.push_str(if index > 0 { ", " } else { "" });
            self.write_repr(&item, out);
        }
        out.push(']');
    }

    fn write_map(&self, pairs: impl Iterator<Item = (Raw, Raw)>, out: &mut String) {
        out.push('{');
        for (index, (key, value)) in pairs.enumerate() {
            out.push_str(if index > 0 { ", " } else { "" });
            self.write_repr(&key, out);
            out.push_str(": ");
            self.write_repr(&value, out);
        }
        out.push('}');
    }
}

/// Quotes text as Python does: with single quotes, unless it contains single and no double ones.
fn write_quoted(text: &str, out: &mut String) {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    out.push(quote);
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\\' => out.push_str("\\\\"),
            c if c == quote => out.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(out, "\\x{:02x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push(quote);
}
