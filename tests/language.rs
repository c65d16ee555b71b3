//! The two languages of a configuration, YAML and interpolations, beside what PyYAML and OmegaConf make of the same texts.
//!
//! The tables in `tests/config` were written by the real thing: `yaml.json` by OmegaConf's loader, `grammar.json` by its
//! parser from the expressions of its own `tests/test_grammar.py`, `expressions.json` by `mlcube` with one key `it` added
//! to a cube. A row without a result is refused.
#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use mlcube_ssh::config;
use mlcube_ssh::config::Request;
use mlcube_ssh::pipe::document::Document;
use omegaconf::interpolation;
use omegaconf::interpolation::{Element, Literal, Part};
use omegaconf::yaml;
use omegaconf::yaml::{Data, Key, Yaml};
use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/config")
}

fn table(name: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(folder().join(name)).unwrap()).unwrap()
}

fn float(number: f64) -> Value {
    match serde_json::Number::from_f64(number) {
        Some(number) => Value::Number(number),
        None if number.is_nan() => json!({ "float": "nan" }),
        None => json!({ "float": if number > 0.0 { "inf" } else { "-inf" } }),
    }
}

/// A whole number; beyond 64 bits as Python's JSON reader would see it here.
fn int(number: i128) -> Value {
    serde_json::from_str(&number.to_string()).unwrap()
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
        Data::Map(map) => {
            json!({ "map": map.iter().map(|(name, value)| json!([key(name), of_yaml(value)])).collect::<Vec<_>>() })
        }
    }
}

#[test]
fn yaml_is_read_as_omegaconf_reads_it() {
    for row in table("yaml.json").as_array().unwrap() {
        let text = row[0].as_str().unwrap();
        let read = yaml::read_file(text.as_bytes());
        match row.get(1) {
            Some(value) => assert_eq!(read.as_ref().map(of_yaml).as_ref(), Ok(value), "{text:?}"),
            None => assert!(read.is_err(), "{text:?} is {read:?}"),
        }
    }
}

/// A value without interpolations.
fn of_element(element: &Element) -> Value {
    let literal = |literal: &Literal| match literal {
        Literal::Null => Value::Null,
        Literal::Bool(flag) => json!(flag),
        Literal::Int(number) => int(*number),
        Literal::Float(number) => float(*number),
        Literal::Text(text) => json!(text),
    };
    let text = |parts: &[Part]| match parts {
        [] => json!(""),
        [Part::Text(text)] => json!(text),
        other => panic!("{other:?}"),
    };
    match element {
        Element::Literal(value) => literal(value),
        Element::Composite(parts) | Element::Quoted(parts) => text(parts),
        Element::List(items) => items.iter().map(of_element).collect(),
        Element::Map(pairs) => {
            json!({ "map": pairs.iter().map(|(key, value)| json!([literal(key), of_element(value)])).collect::<Vec<_>>() })
        }
    }
}

#[test]
fn the_grammar_is_omegaconfs() {
    for row in table("grammar.json").as_array().unwrap() {
        let text = row["text"].as_str().unwrap();
        assert_eq!(json!(interpolation::parse(text).is_ok()), row["value"], "{text:?} as a value");
        let element = interpolation::parse_element(text);
        assert_eq!(json!(element.is_ok()), row["element"], "{text:?} as an element: {element:?}");
        if let Some(worth) = row.get("worth") {
            assert_eq!(of_element(&element.unwrap()), *worth, "{text:?}");
        }
    }
}

/// What a cube of this text is resolved to.
fn resolved(folder: &Path, cube: &str) -> Result<config::Resolved, config::Error> {
    let settings = "platforms: {gpu1: {runner: ssh, host: mlbox, platform: docker, remote_root: r, \
                    interpreter: {type: system, python: python3, requirements: ''}}}";
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    fs::write(path("settings.yaml"), settings).unwrap();
    fs::write(path("mlcube.yaml"), cube).unwrap();
    let request = Request {
        mlcube: path("mlcube.yaml"),
        settings: path("settings.yaml"),
        platform: "gpu1".to_owned(),
        working_directory: path(""),
        ..Request::default()
    };
    let variable = |name: &str| match name {
        "MLC_HOST" => Some("box-from-env".to_owned()),
        "MLC_EMPTY" => Some(String::new()),
        "MLC_NUM" => Some("12".to_owned()),
        _ => None,
    };
    config::resolve(&request, &variable)
}

#[test]
fn expressions_are_worth_what_mlcube_says() {
    let folder = TempDir::new().unwrap();
    let table = table("expressions.json");
    for row in table["rows"].as_array().unwrap() {
        let cube = format!("tasks: {{t: }}\n{}it: {}\n", table["base"].as_str().unwrap(), row[0]);
        let found = resolved(folder.path(), &cube);
        match row.get(1) {
            Some(value) => assert_eq!(found.unwrap().config["it"], *value, "{}", row[0]),
            None => assert!(found.is_err(), "{} is {}", row[0], found.unwrap().config["it"]),
        }
    }
}

/// Texts that would grow without bound, or go too deep.
fn bombs() -> Vec<String> {
    let tower = |step: &dyn Fn(usize) -> String| (1..12).map(step).collect::<String>();
    let tenfold = |item: String| vec![item; 10].join(", ");
    vec![
        "a0: &a0 x\n".to_owned()
            + &tower(&|n| format!("a{n}: &a{n} [{}]\n", tenfold(format!("*a{}", n - 1)))),
        "a0: &a0 {x: 1, y: 2}\n".to_owned()
            + &tower(&|n| format!("a{n}: &a{n} {{<<: [{}]}}\n", tenfold(format!("*a{}", n - 1)))),
        "a0: x\n".to_owned()
            + &tower(&|n| format!("a{n}: '{}'\n", tenfold(format!("${{a{}}}", n - 1)))),
        // The last one first: the others aren't resolved yet when it asks for them.
        (1..12)
            .rev()
            .map(|n| format!("a{n}: {}\n", format!("${{a{}}}", n - 1).repeat(10)))
            .fold(String::new(), |all, one| all + &one)
            + "a0: ''\n",
        "a0: [x]\n".to_owned()
            + &tower(&|n| format!("a{n}: [{}]\n", tenfold(format!("'${{a{}}}'", n - 1)))),
        format!("a: {}{}\n", "[".repeat(10_000), "]".repeat(10_000)),
        format!("a: {}\n", "{a: ".repeat(10_000)),
        format!("a:\n  {}x\n", "- ".repeat(10_000)),
        format!("a: '{}{}'\n", "${".repeat(10_000), "}".repeat(10_000)),
        format!("a: '${{oc.decode:{}'\n", "[".repeat(10_000)),
        format!("a: {}\n", "x".repeat(yaml::MAX_BYTES)),
        format!("a: [{}]\n", "1,".repeat(yaml::MAX_VALUES)),
    ]
}

#[test]
fn bombs_are_refused() {
    let folder = TempDir::new().unwrap();
    for bomb in bombs() {
        let start = Instant::now();
        let refused = resolved(folder.path(), &format!("tasks: {{t: }}\n{bomb}"));
        let shown: String = bomb.chars().take(40).collect();
        assert!(refused.is_err(), "{shown}");
        // Without a bound none of them ends in a lifetime; how fast they are is a benchmark's business.
        assert!(start.elapsed() < Duration::from_secs(60), "{shown}");
    }
}

/// What the fuzzers found their way with is read again, and any finding with it.
fn corpus(name: &str) -> Vec<Vec<u8>> {
    let entries = fs::read_dir(folder().join("corpus").join(name)).unwrap();
    entries.map(|entry| fs::read(entry.unwrap().path()).unwrap()).collect()
}

#[test]
fn the_corpora_are_read() {
    for bytes in corpus("yaml") {
        let _ = yaml::read_file(&bytes);
    }
    for bytes in corpus("interpolation") {
        let text = String::from_utf8_lossy(&bytes);
        let _ = (interpolation::parse(&text), interpolation::parse_element(&text));
    }
    for bytes in corpus("document") {
        if let Ok(document) = Document::read(&bytes) {
            assert!(Document::read(document.to_text().unwrap().as_bytes()).is_ok());
        }
    }
}

/// Text of all kinds, and of what means something in either language.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        ".{0,60}",
        "[\\[\\]{}:,'\"&*!|>#?%@`~<=$\\\\ \n\t.0-9a-eoxEn_+-]{0,60}",
        "(\\$\\{|\\}|oc\\.env:|[a.\\[\\]',:\\\\ ]){0,30}"
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_yaml_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = yaml::read_file(&bytes);
    }

    #[test]
    fn any_text_is_yaml_or_refused(text in text()) {
        let _ = yaml::read_str(&text);
    }

    #[test]
    fn any_text_is_an_interpolation_or_refused_at_a_place_in_it(text in text()) {
        for error in [interpolation::parse(&text).err(), interpolation::parse_element(&text).err()].into_iter().flatten() {
            prop_assert!(text.is_char_boundary(error.at));
        }
    }

    #[test]
    fn text_without_dollars_is_itself(text in "[^$]{1,40}") {
        prop_assert_eq!(interpolation::parse(&text), Ok(vec![Part::Text(text)]));
    }

    #[test]
    fn what_json_writes_yaml_reads(text in "\\PC{0,40}") {
        let read = yaml::read_str(&serde_json::to_string(&text).unwrap());
        prop_assert_eq!(read.map(|yaml| yaml.data), Ok(Data::Text(text)));
    }

    #[test]
    fn any_value_in_a_cube_resolves_or_is_refused_on_one_line(text in text()) {
        let folder = TempDir::new().unwrap();
        let cube = format!("tasks: {{t: }}\nm: {{a: 1, b: [x]}}\nit: {}\n", serde_json::to_string(&text).unwrap());
        if let Err(error) = resolved(folder.path(), &cube) {
            prop_assert!(!error.to_string().contains('\n'));
        }
    }
}
