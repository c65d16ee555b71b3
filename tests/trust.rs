//! What a cube, a host or a document may say, and what only the user may.
#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

use std::fs;
use std::path::PathBuf;

use mlcube_ssh_harness::{Cube, Document, Outcome, Scene, Task};
use serde_json::{Value, json};

/// The steps that read a document, and those of them that log in.
const STEPS: [&[&str]; 6] = [
    &["mlcube-ssh-interp"],
    &["mlcube-ssh-push"],
    &["mlcube-ssh-exec", "configure"],
    &["mlcube-ssh-exec", "run"],
    &["mlcube-ssh-exec", "status"],
    &["mlcube-ssh-pull"],
];

fn cube(scene: &Scene) -> Cube {
    scene.cube("digits").task(&Task::named("train").writes("model", "model/"))
}

fn step(scene: &Scene, words: &[&str], document: &Document) -> Outcome {
    scene.tool(words[0]).args(&words[1..]).reads_document(document).run()
}

/// The file that every planted command of these tests makes.
fn proof(scene: &Scene) -> PathBuf {
    scene.home().join("it-ran")
}

/// An ssh configuration that runs a command as soon as any ssh reads it.
fn evil_ssh_config(scene: &Scene) -> PathBuf {
    let file = scene.home().join("digits/evil");
    let command = format!("touch '{}'", proof(scene).display());
    fs::write(&file, format!("Match exec \"{command}\"\n  ProxyCommand {command}\n")).unwrap();
    file
}

/// No step takes the document, and nothing of it ran.
fn is_refused_everywhere(scene: &Scene, document: &Document, words: &[&str]) {
    for step_words in STEPS {
        for dry in [false, true] {
            let words_here: Vec<&str> =
                step_words.iter().copied().chain(dry.then_some("--dry-run")).collect();
            step(scene, &words_here, document).exits(125).complains(words);
            assert!(!proof(scene).exists(), "{words_here:?}");
        }
    }
    assert_eq!(scene.host.sshd.logins(), 0);
}

#[test]
fn a_cube_sets_nothing_of_the_runner() {
    let scene = Scene::new();
    let cube = cube(&scene);
    let evil = evil_ssh_config(&scene);
    let sections = [
        ("ssh_config", json!(evil)),
        ("authentication", json!({"user": "root"})),
        ("authentication", json!({"identify_file": "k"})),
        ("env", json!(["AWS_SECRET_ACCESS_KEY"])),
        ("environment", json!({"X": "${oc.env:AWS_SECRET_ACCESS_KEY}"})),
        ("setup", json!("touch ~/it-ran")),
        ("remote_name", json!("another")),
        ("base", json!("/")),
        ("adopt", json!(true)),
        ("persist", json!(0)),
    ];
    for (key, value) in sections {
        let runner = Value::Object([(key.to_owned(), value)].into_iter().collect());
        let cube = cube.clone().section("runner", runner);
        let config = scene.tool("mlcube-ssh-config").arg("--platform=gpu1").arg("--mlcube");
        let refused = config.arg(cube.root()).env("AWS_SECRET_ACCESS_KEY", "s3cret").run();
        let section = format!("below platforms.gpu1 in {}", scene.settings_file().display());
        refused.exits(125).complains(&["digits/mlcube.yaml:", &format!("runner.{key}"), &section]);
        refused.never_says("s3cret");
        assert_eq!(refused.stdout, "");
        for words in [["configure", "--dry-run"], ["run", "--dry-run"]] {
            let wrapper = scene.mlcube_ssh(&words).arg("--platform=gpu1").arg("--mlcube");
            let refused = wrapper.arg(cube.root()).env("AWS_SECRET_ACCESS_KEY", "s3cret").run();
            refused.exits(125).says(&format!("runner.{key}")).never_says("s3cret");
        }
        assert!(!proof(&scene).exists());
    }
    assert_eq!(scene.host.sshd.logins(), 0);
}

#[test]
fn what_the_settings_say_too_is_theirs_and_show_config_shows_all() {
    let mut scene = Scene::new();
    scene.set("/setup", ":");
    let runner = json!({"host": "elsewhere", "setup": "touch ~/it-ran", "adopt": null});
    let cube = cube(&scene).section("runner", runner);
    let document = scene.document(&cube, &[]);
    assert_eq!(
        (document.at("/config/runner/setup"), document.at("/remote/host")),
        (&json!(":"), &json!("there"))
    );
    let cube = cube.section("runner", json!({"persist": 7}));
    let shown = scene.mlcube_ssh(&["show_config", "--platform=gpu1"]).arg("--mlcube");
    assert!(shown.arg(cube.root()).run().succeeds().stdout.contains("persist: 7"));
}

#[test]
fn the_word_of_the_command_line_travels_with_the_document() {
    let scene = Scene::new();
    let setup = format!("-Prunner.setup=touch '{}'", proof(&scene).display());
    let document = scene.document(&cube(&scene), &[&setup]);
    step(&scene, &["mlcube-ssh-push"], &document).succeeds();
    assert!(proof(&scene).exists());
    fs::write(scene.home().join("run.json"), document.to_string()).unwrap();
    let again = scene.tool("mlcube-ssh-config").args(["--input", "run.json"]).run();
    assert_eq!(
        again.succeeds().document().at("/run/runner_overrides"),
        document.at("/run/runner_overrides")
    );
}

#[test]
fn a_strangers_document_logs_in_nowhere_else() {
    let scene = Scene::new();
    let cube = cube(&scene);
    let document = scene.document(&cube, &[]);
    let evil = evil_ssh_config(&scene);
    for (key, value) in [
        ("ssh_config", json!(evil)),
        ("setup", json!("touch ~/it-ran")),
        ("environment", json!({"X": "y"})),
        ("env", json!(["HOME"])),
        ("host", json!("elsewhere")),
        ("authentication", json!({"user": "root"})),
        ("remote_root", json!("/")),
        ("adopt", json!(true)),
    ] {
        let forged = document.with(&format!("/config/runner/{key}"), value);
        is_refused_everywhere(
            &scene,
            &forged,
            &[&format!("runner.{key}"), "gpu1", "mlcube-ssh-config"],
        );
    }
}

#[test]
fn a_strangers_document_names_no_other_place() {
    let scene = Scene::new();
    let document = scene.document(&cube(&scene), &[]);
    for (pointer, value) in [
        ("/remote/host", "elsewhere"),
        ("/remote/user", "root"),
        ("/remote/base", "~/thesis"),
        ("/remote/workspace", "~/thesis"),
        ("/remote/state", "~/.ssh"),
    ] {
        let key = pointer.replace("/remote/", "remote.");
        is_refused_everywhere(&scene, &document.with(pointer, value), &[&key]);
    }
    let ssh = scene.home().join(".ssh");
    let elsewhere = document.with("/config/runtime/workspace", ssh.to_str().unwrap());
    is_refused_everywhere(&scene, &elsewhere, &["workspace"]);
    let no_cube = document.with("/run/mlcube", ssh.join("config").to_str().unwrap());
    is_refused_everywhere(&scene, &no_cube, &["document"]);
}

#[test]
fn words_for_the_runner_of_a_strangers_document_are_not_taken() {
    let scene = Scene::new();
    let document = scene.document(&cube(&scene), &[]);
    let evil = format!("runner.ssh_config={}", evil_ssh_config(&scene).display());
    let forged = document.with("/run/runner_overrides", json!([evil]));
    is_refused_everywhere(&scene, &forged, &["-Prunner.ssh_config"]);
    fs::write(scene.home().join("run.json"), forged.to_string()).unwrap();
    let again = scene.tool("mlcube-ssh-config").args(["--input", "run.json"]).run();
    again.exits(125).complains(&["run.json", "-Prunner.ssh_config"]);
    let ssh = scene.home().join(".ssh");
    let forged = document.with("/run/workspace", ssh.to_str().unwrap());
    fs::write(scene.home().join("run.json"), forged.to_string()).unwrap();
    let again = scene.tool("mlcube-ssh-config").args(["--input", "run.json"]).run();
    again.exits(125).complains(&["run.json", "--workspace"]);
}

#[test]
fn a_document_of_another_machine_counts_where_the_settings_say_the_same() {
    let mut scene = Scene::new();
    let document = scene.document(&cube(&scene), &[]);
    // Another machine: the same files, another key.
    fs::remove_dir_all(scene.home().join(".local/state/mlcube-ssh")).unwrap();
    step(&scene, &["mlcube-ssh-push"], &document).succeeds();
    scene.set("/setup", ":");
    step(&scene, &["mlcube-ssh-push"], &document).exits(125).complains(&["runner.setup"]);
}
