//! The JSON document that the programs pass on.

use std::fmt;

use serde_json::Value;

use crate::Schema;

/// A document, read as any JSON reader would: the tests must not see it through the types of the tools.
#[derive(Debug, Clone, PartialEq)]
#[must_use = "a document is there to be looked at or handed on"]
pub struct Document(Value);

impl Document {
    /// Reads one that a program wrote.
    ///
    /// # Errors
    /// When the text is not one JSON object, or not what the schema of documents describes.
    pub fn parse(text: &str) -> Result<Document, String> {
        let document = Document::unchecked(text)?;
        match &Schema::document().problems(&document.0)[..] {
            [] => Ok(document),
            problems => Err(format!("not what its schema says: {}", problems.join(", "))),
        }
    }

    /// Reads any JSON object.
    pub(crate) fn unchecked(text: &str) -> Result<Document, String> {
        match serde_json::from_str(text) {
            Ok(Value::Object(object)) => Ok(Document(Value::Object(object))),
            Ok(other) => Err(format!("not an object: {other}")),
            Err(err) => Err(err.to_string()),
        }
    }

    /// The value at a JSON pointer (`/steps/push/changed`), null where there is none.
    pub fn at(&self, pointer: &str) -> &Value {
        self.0.pointer(pointer).unwrap_or(&Value::Null)
    }

    /// The same with another value at a JSON pointer, whose parent must be there.
    pub fn with(&self, pointer: &str, value: impl Into<Value>) -> Document {
        let mut changed = self.0.clone();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        changed.pointer_mut(parent).unwrap()[key] = value.into();
        Document(changed)
    }

    /// The same without what differs from run to run: times, ids, and what the link and the disk of the moment say.
    pub fn but_for_times(&self) -> Document {
        let mut same = self.0.clone();
        forget(&mut same, &["seconds", "job", "bytes_sent", "free_bytes"]);
        Document(same)
    }
}

impl fmt::Display for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.0)
    }
}

fn forget(value: &mut Value, keys: &[&str]) {
    match value {
        Value::Object(map) => {
            map.retain(|key, _| !keys.contains(&key.as_str()));
            map.values_mut().for_each(|value| forget(value, keys));
        }
        Value::Array(list) => list.iter_mut().for_each(|value| forget(value, keys)),
        _ => {}
    }
}
