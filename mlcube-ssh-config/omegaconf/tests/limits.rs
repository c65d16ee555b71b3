//! Every text becomes a value or an error, in bounded time and memory.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant};

use omegaconf::interpolation::{self, Part};
use omegaconf::yaml::{self, Data};
use omegaconf::{Error, OmegaConf};
use proptest::prelude::*;

#[path = "../fuzz/config_input.rs"]
mod config_input;

/// Reads a text and fills in its interpolations.
fn resolved(text: &str) -> Result<(), Error> {
    let mut conf = OmegaConf::new(&|_| None);
    let source = conf.tree.add_source("text");
    let top = conf.load(source, text.as_bytes())?;
    conf.resolve(top)
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
        // The last one first: the others aren't resolved yet when it refers to them.
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
    for bomb in bombs() {
        let start = Instant::now();
        let refused = resolved(&bomb);
        let shown: String = bomb.chars().take(40).collect();
        assert!(refused.is_err(), "{shown}");
        // Without a bound none of them ends in a lifetime; how fast they are is a benchmark's business.
        assert!(start.elapsed() < Duration::from_secs(60), "{shown}");
    }
}

/// Replays the fuzzers' corpus, and their findings.
#[test]
fn the_corpora_are_read() {
    let packed = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus.tar");
    let packed = fs::read(packed).unwrap();
    let mut archive = tar::Archive::new(packed.as_slice());
    let mut inputs = 0;
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let target = entry.path().unwrap().parent().unwrap().to_str().unwrap().to_owned();
        let mut input = Vec::new();
        entry.read_to_end(&mut input).unwrap();
        replay(&target, &input);
        inputs += 1;
    }
    assert!(inputs > 400, "only {inputs}");
}

fn replay(target: &str, input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    match target {
        "yaml" => drop(yaml::read_file(input)),
        "interpolation" => {
            drop((interpolation::parse(&text), interpolation::parse_element(&text)));
        }
        "config" => config_input::read(input),
        // An entry of a folder.
        _ => assert!(input.is_empty(), "there is no target {target}"),
    }
}

/// Arbitrary text, mixed with signs of both languages.
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
}
