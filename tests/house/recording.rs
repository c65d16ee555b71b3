//! The recording that the README shows: of what it is made, and what it doesn't show.
#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

use std::fs;

use mlcube_ssh_harness::{Scene, repository};
use serde_json::Value;

fn recording() -> String {
    fs::read_to_string(repository().join("scripts/example/demo.cast")).unwrap()
}

/// What the recording's terminal was sent.
fn shown() -> String {
    let recording = recording();
    let events = recording.lines().skip(1).map(|line| serde_json::from_str::<Value>(line).unwrap());
    events.map(|event| event[2].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_picture_is_that_of_the_recording() {
    let scene = Scene::new();
    let script = scene.invocation(&repository().join("scripts/record"));
    let drawn = script.arg("--svg").arg(repository().join("scripts/example/demo.cast")).run();
    let kept = fs::read_to_string(repository().join("scripts/example/demo.svg")).unwrap();
    assert!(drawn.succeeds().stdout == kept, "scripts/record writes both anew");
    let readme = fs::read_to_string(repository().join("README.md")).unwrap();
    assert!(readme.contains("(scripts/example/demo.svg)"));
}

#[test]
fn the_recording_is_of_the_demo_and_shows_nobodys_folders() {
    let shown = shown();
    let demo = fs::read_to_string(repository().join("scripts/demo")).unwrap();
    let commands: Vec<&str> =
        shown.split("\r\n").filter_map(|line| line.strip_prefix("$ ")).collect();
    assert!(commands.len() >= 2, "{commands:?}");
    for command in commands {
        let words: Vec<&str> = command.split(' ').take(2).collect();
        assert!(demo.contains(&format!("show {}", words.join(" "))), "{command}");
    }
    // Nobody's folders, and no package index.
    for word in ["/root", ".cache", "/tmp", "http"] {
        assert!(!shown.contains(word), "the recording shows {word}");
    }
}
