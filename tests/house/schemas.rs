//! The JSON Schemas: the kept ones are those of the types, say something of every field, and are the installed ones.
#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

use std::fs;

use mlcube_ssh_harness::{Scene, Schema, repository};
use serde_json::Value;

#[test]
fn the_kept_schemas_are_those_of_the_types() {
    let scene = Scene::new();
    for (kind, kept) in
        [("schema-document", Schema::document()), ("schema-settings", Schema::settings())]
    {
        let printed = scene.tool("mlcube-ssh-config").arg(format!("--generate={kind}")).run();
        let file = kept.file();
        assert!(
            printed.succeeds().stdout == fs::read_to_string(&file).unwrap(),
            "the types have changed; accept their schema: target/debug/mlcube-ssh-config --generate={kind} > {}",
            file.strip_prefix(repository()).unwrap().display()
        );
    }
}

/// Adds the fields below a place of a schema that have no description.
fn undescribed(schema: &Value, place: &str, found: &mut Vec<String>) {
    let Value::Object(map) = schema else { return };
    for (key, inner) in map {
        let place = format!("{place}/{key}");
        if key == "properties"
            && !["if", "then"].iter().any(|end| place.ends_with(&format!("{end}/{key}")))
        {
            for (field, schema) in inner.as_object().unwrap() {
                if schema.get("description").is_none() {
                    found.push(format!("{place}/{field}"));
                }
            }
        }
        undescribed(inner, &place, found);
    }
}

#[test]
fn every_field_of_the_schemas_has_a_description() {
    for schema in [Schema::document(), Schema::settings()] {
        let text = fs::read_to_string(schema.file()).unwrap();
        let mut found = Vec::new();
        undescribed(&serde_json::from_str(&text).unwrap(), "", &mut found);
        assert_eq!(found, [""; 0]);
        assert!(!text.contains("[`"), "a link of rustdoc, which nobody can follow");
    }
}
