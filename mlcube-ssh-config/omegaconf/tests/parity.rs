//! Compares YAML, the grammar of interpolations and their values with the results of `PyYAML` and OmegaConf.
//!
//! `tests/parity/regenerate` wrote the tables in `tests/parity` with the Python packages. A row without a value is a
//! text that they refuse. `OMEGACONF_TABLES` names another folder of tables, such as those of random texts that the
//! script makes.
#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

use std::path::PathBuf;
use std::{env, fs};

use omegaconf::interpolation::{self, Element, Literal, Part};
use omegaconf::yaml::{self, Data, Key, Yaml};
use omegaconf::{OmegaConf, Origin};
use serde_json::{Value, json};

fn table(name: &str) -> Value {
    let here = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/parity");
    let folder = env::var_os("OMEGACONF_TABLES").map_or_else(here, PathBuf::from);
    serde_json::from_str(&fs::read_to_string(folder.join(name)).unwrap()).unwrap()
}

/// Reads every row, and shows all that differ.
fn compare(rows: &Value, difference: impl Fn(&Value) -> Option<String>) {
    let rows = rows.as_array().unwrap();
    let differences: Vec<String> = rows.iter().filter_map(difference).collect();
    assert!(
        differences.is_empty(),
        "{} of {} rows differ:\n{}",
        differences.len(),
        rows.len(),
        differences.join("\n")
    );
}

/// How the result of a text differs from the expected one; `None` stands for a refused text.
fn unlike(text: &Value, ours: Option<&Value>, theirs: Option<&Value>) -> Option<String> {
    let shown = |value: Option<&Value>| value.map_or("refused".to_owned(), Value::to_string);
    (ours != theirs).then(|| format!("{text} is {}, not {}", shown(ours), shown(theirs)))
}

fn float(number: f64) -> Value {
    match serde_json::Number::from_f64(number) {
        Some(number) => Value::Number(number),
        None if number.is_nan() => json!({ "float": "nan" }),
        None => json!({ "float": if number > 0.0 { "inf" } else { "-inf" } }),
    }
}

/// A whole number; beyond 64 bits it is compared as a reader of JSON sees it.
fn int(number: i128) -> Value {
    serde_json::from_str(&number.to_string()).unwrap()
}

fn map<'a, K: 'a, V: 'a>(
    pairs: impl Iterator<Item = (&'a K, &'a V)>,
    key: impl Fn(&K) -> Value,
    value: impl Fn(&V) -> Value,
) -> Value {
    json!({ "map": pairs.map(|(name, of)| json!([key(name), value(of)])).collect::<Vec<_>>() })
}

fn of_yaml(yaml: &Yaml) -> Value {
    let key = |key: &Key| match key {
        Key::Text(text) => json!(text),
        Key::Int(number) => int(*number),
        Key::Float(number) => float(*number),
        Key::Bool(flag) => json!(flag),
    };
    match &yaml.data {
        Data::Null => Value::Null,
        Data::Bool(flag) => json!(flag),
        Data::Int(number) => int(*number),
        Data::Float(number) => float(*number),
        Data::Text(text) => json!(text),
        Data::List(items) => items.iter().map(of_yaml).collect(),
        Data::Map(pairs) => map(pairs.iter(), key, of_yaml),
    }
}

#[test]
fn yaml_is_read_as_omegaconf_reads_it() {
    compare(&table("yaml.json"), |row| {
        let ours = yaml::read_file(row[0].as_str().unwrap().as_bytes()).ok().as_ref().map(of_yaml);
        unlike(&row[0], ours.as_ref(), row.get(1))
    });
}

/// An element without interpolations.
fn of_element(element: &Element) -> Value {
    let literal = |literal: &Literal| match literal {
        Literal::Null => Value::Null,
        Literal::Bool(flag) => json!(flag),
        Literal::Int(number) => int(*number),
        Literal::Float(number) => float(*number),
        Literal::Text(text) => json!(text),
    };
    match element {
        Element::Literal(value) => literal(value),
        Element::Composite(parts) | Element::Quoted(parts) => match &parts[..] {
            [] => json!(""),
            [Part::Text(text)] => json!(text),
            other => panic!("{other:?}"),
        },
        Element::List(items) => items.iter().map(of_element).collect(),
        Element::Map(pairs) => {
            map(pairs.iter().map(|(key, value)| (key, value)), literal, of_element)
        }
    }
}

#[test]
fn the_grammar_is_omegaconfs() {
    compare(&table("grammar.json"), |row| {
        let text = row["text"].as_str().unwrap();
        let element = interpolation::parse_element(text);
        let is_value = interpolation::parse(text).is_ok();
        let parsed = json!([is_value, element.is_ok()]);
        let result = row.get("result");
        unlike(&row["text"], Some(&parsed), Some(&json!([row["value"], row["element"]]))).or_else(
            || {
                let ours = result.and(element.as_ref().ok()).map(of_element);
                unlike(&row["text"], ours.as_ref(), result)
            },
        )
    });
}

/// Resolves a key `it` with this text, next to the keys of `base`.
fn resolved(base: &str, text: &str) -> Result<Value, omegaconf::Error> {
    let variable = |name: &str| match name {
        "MLC_HOST" => Some("box-from-env".to_owned()),
        "MLC_EMPTY" => Some(String::new()),
        "MLC_NUM" => Some("12".to_owned()),
        _ => None,
    };
    let mut conf = OmegaConf::new(&variable);
    let source = conf.tree.add_source("base");
    let top = conf.load(source, base.as_bytes())?;
    conf.tree.set(top, "it".into(), omegaconf::Value::Text(text.to_owned()), Origin::Computed)?;
    conf.resolve(top)?;
    Ok(conf.tree.to_json(top)?.remove("it").unwrap())
}

#[test]
fn expressions_resolve_as_in_omegaconf() {
    let table = table("expressions.json");
    let base = table["base"].as_str().unwrap();
    compare(&table["rows"], |row| {
        let ours = resolved(base, row[0].as_str().unwrap()).ok();
        unlike(&row[0], ours.as_ref(), row.get(1))
    });
}
