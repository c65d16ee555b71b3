//! The JSON Schemas that the repository keeps.

use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;

use jsonschema::Validator;
use serde_json::Value;

use crate::repository;

/// A kept schema, which a process compiles once.
#[derive(Debug)]
pub struct Schema {
    name: &'static str,
    compiled: OnceLock<Validator>,
}

impl Schema {
    /// The one of a document.
    pub fn document() -> &'static Schema {
        static DOCUMENT: Schema = Schema { name: "document", compiled: OnceLock::new() };
        &DOCUMENT
    }

    /// The one of a settings file.
    pub fn settings() -> &'static Schema {
        static SETTINGS: Schema = Schema { name: "settings", compiled: OnceLock::new() };
        &SETTINGS
    }

    /// Its file in the repository.
    pub fn file(&self) -> PathBuf {
        repository().join(format!("mlcube-ssh-config/schema/{}.schema.json", self.name))
    }

    /// What a value has that the schema doesn't allow, with the place of each.
    pub fn problems(&self, value: &Value) -> Vec<String> {
        let compile = || {
            let schema: Value = serde_json::from_slice(&fs::read(self.file()).unwrap()).unwrap();
            jsonschema::validator_for(&schema).unwrap()
        };
        let problems = self.compiled.get_or_init(compile).iter_errors(value);
        problems.map(|problem| format!("{}: {problem}", problem.instance_path())).collect()
    }
}
