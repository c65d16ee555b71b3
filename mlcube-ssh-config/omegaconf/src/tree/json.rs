//! From nodes to JSON.

use serde_json::{Map, Number, Value as Json};

use crate::error::{Outcome, Problem};
use crate::tree::{Content, Id, Tree, Value};

impl Tree {
    /// A node as JSON. A number beyond 64 bits becomes one with an exponent.
    pub fn json(&self, id: Id) -> Outcome<Json> {
        let value = self.value(id);
        match value {
            Value::Bool(flag) => Ok(Json::Bool(*flag)),
            Value::Int(number) => self.int(id, *number).map(Json::Number),
            Value::Float(number) => self.float(id, *number).map(Json::Number),
            Value::Text(text) => Ok(Json::String(text.clone())),
            Value::List(Content::Here(items)) => {
                items.iter().map(|&item| self.json(item)).collect::<Outcome<_>>().map(Json::Array)
            }
            Value::Map(Content::Here(_)) => self.json_map(id).map(Json::Object),
            value if value.is_missing() => Ok(Json::String("???".to_owned())),
            _ => Ok(Json::Null),
        }
    }

    /// A map as JSON, whose keys are texts.
    pub fn json_map(&self, id: Id) -> Outcome<Map<String, Json>> {
        let mut object = Map::new();
        for key in self.keys(id) {
            if let Some(child) = self.child(id, &key) {
                let value = self.json(child)?;
                if object.insert(key.to_string(), value).is_some() {
                    let problem = Problem::new("two keys are the same text in JSON; rename one");
                    return Err(problem.at(|| self.path(child), self.node(child).origin));
                }
            }
        }
        Ok(object)
    }

    fn int(&self, id: Id, number: i128) -> Outcome<Number> {
        if let Ok(number) = i64::try_from(number) {
            return Ok(Number::from(number));
        }
        if let Ok(number) = u64::try_from(number) {
            return Ok(Number::from(number));
        }
        #[expect(clippy::cast_precision_loss, reason = "JSON has no larger whole numbers")]
        self.float(id, number as f64)
    }

    fn float(&self, id: Id, number: f64) -> Outcome<Number> {
        Number::from_f64(number).ok_or_else(|| {
            let problem = Problem::new("JSON has no infinity and no NaN; quote it, if it is text");
            problem.at(|| self.path(id), self.node(id).origin)
        })
    }
}
