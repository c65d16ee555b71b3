//! Converts nodes to JSON.

use serde_json::{Map, Number, Value as Json};

use crate::error::{Error, Result};
use crate::tree::{Content, NodeId, Tree, Value};

impl Tree {
    /// Returns a node as JSON without resolving it. A number beyond 64 bits gets an exponent.
    ///
    /// # Errors
    /// As [`Tree::to_json`].
    pub fn json(&self, id: NodeId) -> Result<Json> {
        let value = self.value(id);
        match value {
            Value::Bool(flag) => Ok(Json::Bool(*flag)),
            Value::Int(number) => self.int(id, *number).map(Json::Number),
            Value::Float(number) => self.float(id, *number).map(Json::Number),
            Value::Text(text) => Ok(Json::String(text.clone())),
            Value::List(Content::Items(items)) => {
                items.iter().map(|&item| self.json(item)).collect::<Result<_>>().map(Json::Array)
            }
            Value::Map(Content::Items(_)) => self.to_json(id).map(Json::Object),
            value if value.is_missing() => Ok(Json::String("???".to_owned())),
            _ => Ok(Json::Null),
        }
    }

    /// Returns a map as JSON without resolving it; its keys become texts: `OmegaConf.to_container`. A number beyond 64
    /// bits gets an exponent.
    ///
    /// # Errors
    /// When two keys are the same text, or a number is infinite or NaN.
    pub fn to_json(&self, id: NodeId) -> Result<Map<String, Json>> {
        let mut object = Map::new();
        for key in self.keys(id) {
            if let Some(child) = self.child(id, &key) {
                let value = self.json(child)?;
                if object.insert(key.to_string(), value).is_some() {
                    let problem = Error::new("two keys are the same text in JSON; rename one");
                    return Err(problem.at(|| self.path(child), self.node(child).origin));
                }
            }
        }
        Ok(object)
    }

    fn int(&self, id: NodeId, number: i128) -> Result<Number> {
        if let Ok(number) = i64::try_from(number) {
            return Ok(Number::from(number));
        }
        if let Ok(number) = u64::try_from(number) {
            return Ok(Number::from(number));
        }
        #[expect(clippy::cast_precision_loss, reason = "JSON has no larger whole numbers")]
        self.float(id, number as f64)
    }

    fn float(&self, id: NodeId, number: f64) -> Result<Number> {
        Number::from_f64(number).ok_or_else(|| {
            let problem = Error::new("JSON has no infinity and no NaN; quote it, if it is text");
            problem.at(|| self.path(id), self.node(id).origin)
        })
    }
}
