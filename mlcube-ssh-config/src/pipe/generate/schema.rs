//! The JSON Schemas of the document and of the settings file, made from the types that they are read into.
//!
//! In draft 7, which every editor knows.

use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use serde_json::{Map, Value, json};

use crate::pipe::document::Document;
use crate::settings::runner::Runner;

/// What OmegaConf replaces by another value (`${oc.env:NAME}`), which may have any type.
const INTERPOLATION: &str = r"\$\{";

/// Returns the schema of a document as the steps write it.
pub(super) fn document() -> Schema {
    let settings =
        SchemaSettings::draft07().for_serialize().with_transform(RecursiveTransform(unwrap));
    settings.into_generator().into_root_schema_for::<Document>()
}

/// Returns the schema of a settings file. It knows the keys of the ssh runner; a platform of another runner may have
/// any.
pub(super) fn settings() -> Value {
    // Without references: an editor takes a description beside one for none.
    let settings = SchemaSettings::draft07().with(|settings| {
        settings.meta_schema = None;
        settings.inline_subschemas = true;
    });
    let settings = settings.with_transform(RecursiveTransform(unwrap));
    let mut runner = settings.into_generator().into_root_schema_for::<Runner>();
    accept_interpolations(&mut runner);
    let is_of_ssh = json!({
        "type": "object",
        "properties": {"runner": {"const": "ssh"}},
        "required": ["runner"],
    });
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Settings of MLCube",
        "description": "The settings file of mlcube and mlcube-ssh, ~/mlcube.yaml or $MLCUBE_SYSTEM_SETTINGS.",
        "type": "object",
        "properties": {
            "runners": {
                "description": "The runners by their names, each with its Python package.",
                "type": "object",
                "additionalProperties": {
                    "type": ["object", "string"],
                    "properties": {"pkg": {"description": "The Python package.", "type": "string"}},
                },
            },
            "platforms": {
                "description": "The platforms by the names that --platform takes.",
                "type": "object",
                "additionalProperties": {
                    "type": ["object", "string"],
                    "pattern": INTERPOLATION,
                    "required": ["runner"],
                    "properties": {"runner": {"description": "The runner: `ssh` for mlcube-ssh.", "type": "string"}},
                    "if": is_of_ssh,
                    "then": runner,
                },
            },
        },
    })
}

/// Joins the lines of a description: a comment has them for its source file.
fn unwrap(schema: &mut Schema) {
    if let Some(Value::String(description)) = schema.get_mut("description") {
        *description = description.replace('\n', " ");
    }
}

/// Lets each setting of a section be an interpolation, and a setting that isn't required null.
fn accept_interpolations(section: &mut Schema) {
    let required = section.get("required").cloned().unwrap_or_default();
    let is_required =
        |key: &String| required.as_array().is_some_and(|keys| keys.contains(&json!(key)));
    let properties = section.get_mut("properties").and_then(Value::as_object_mut);
    for (key, setting) in properties.into_iter().flatten() {
        accept_interpolation(setting, !is_required(key));
    }
}

fn accept_interpolation(setting: &mut Value, is_optional: bool) {
    // All or nothing is allowed.
    let Some(Ok(schema)) = setting.is_object().then(|| <&mut Schema>::try_from(setting)) else {
        return;
    };
    accept_interpolations(schema);
    for key in ["items", "additionalProperties"] {
        if let Some(inner) = schema.get_mut(key) {
            accept_interpolation(inner, false);
        }
    }
    let schema = schema.ensure_object();
    let choice = ["oneOf", "anyOf"].into_iter().find(|key| schema.contains_key(*key));
    if let Some(Value::Array(choices)) = choice.and_then(|key| schema.get_mut(key)) {
        let text = [json!({"type": "string", "pattern": INTERPOLATION})].into_iter();
        let null = is_optional.then(|| json!({"type": "null"}));
        choices.extend(text.chain(null).filter(|more| !choices.contains(more)).collect::<Vec<_>>());
    } else {
        accept_types(schema, is_optional);
    }
}

/// Adds text that is an interpolation to the types of a schema, and null.
fn accept_types(schema: &mut Map<String, Value>, is_optional: bool) {
    let mut types = match schema.get("type") {
        None => return,
        Some(Value::Array(types)) => types.clone(),
        Some(one) => vec![one.clone()],
    };
    let pattern = match schema.get("pattern").and_then(Value::as_str) {
        _ if !types.contains(&json!("string")) => Some(INTERPOLATION.to_owned()),
        pattern => pattern.map(|pattern| format!("{pattern}|{INTERPOLATION}")),
    };
    schema.extend(pattern.map(|pattern| ("pattern".to_owned(), json!(pattern))));
    let more = ["string", "null"].into_iter().take(if is_optional { 2 } else { 1 });
    types.extend(more.map(Value::from).filter(|more| !types.contains(more)).collect::<Vec<_>>());
    let types = if types.len() == 1 { types.remove(0) } else { Value::Array(types) };
    schema.insert("type".to_owned(), types);
}
