//! The rules of the pipe: what a step reads, writes, and exits with.
#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;

use mlcube_ssh::pipe::engine_options::ENGINE_OPTIONS;
use mlcube_ssh_harness::{Cube, Document, Engine, Invocation, Scene, Task};
use serde_json::json;

/// Every step, as it is called.
const STEPS: [&[&str]; 5] = [
    &["mlcube-ssh-interp"],
    &["mlcube-ssh-push"],
    &["mlcube-ssh-exec", "configure"],
    &["mlcube-ssh-exec", "run"],
    &["mlcube-ssh-pull"],
];

/// The name under which a document keeps what a step did.
fn name_of(step: &[&str]) -> String {
    step[0].replace("mlcube-ssh-", "")
}

fn call(scene: &Scene, step: &[&str]) -> Invocation {
    scene.tool(step[0]).args(&step[1..])
}

/// A scene whose engine there does nothing, a cube, and the document of its task.
fn scene_with_a_document() -> (Scene, Cube, Document) {
    let mut scene = Scene::new();
    let engine = Engine::installed_on(&scene.host, "docker");
    scene.set("/remote/docker", engine.program().to_str().unwrap());
    let cube = scene.cube("digits").task(&Task::named("train").reads("data", "data.csv"));
    let cube = cube.with_file("data.csv", "1,2\n");
    let document = scene.document(&cube, &[]);
    (scene, cube, document)
}

#[test]
fn nothing_on_standard_input_is_125() {
    let scene = Scene::new();
    for step in STEPS {
        let ran = call(&scene, step).reads("").run();
        ran.exits(125).complains(&["standard input"]);
        assert_eq!(ran.stdout, "", "there is no document to hand on");
    }
}

#[test]
fn what_is_no_document_is_125() {
    let (scene, _, document) = scene_with_a_document();
    let text = document.to_string();
    let cut_off = &text[..text.len() / 2];
    let config_is_text = document.with("/config", "text").to_string();
    for step in STEPS {
        for input in [cut_off, "hello", "[]", "{}", "null", "1", "{} {}", "\u{0}", &config_is_text]
        {
            let ran = call(&scene, step).reads(input).run();
            ran.exits(125).complains(&["standard input"]);
            assert_eq!(ran.stdout, "", "{input} isn't handed on");
        }
        call(&scene, step).reads([0xff, 0xfe]).run().exits(125).complains(&[]);
    }
    assert_eq!(scene.host.sshd.logins(), 0);
}

#[test]
fn another_version_is_125_and_named() {
    let (scene, _, document) = scene_with_a_document();
    for step in STEPS {
        let ran =
            call(&scene, step).reads_document(&document.with("/schema", "mlcube-ssh/v2")).run();
        ran.exits(125).complains(&["mlcube-ssh/v2", "mlcube-ssh/v1"]);
    }
    // The version is looked at first: nothing else of a v2 document need make sense.
    call(&scene, STEPS[0])
        .reads(r#"{"schema": "mlcube-ssh/v2"}"#)
        .run()
        .exits(125)
        .complains(&["mlcube-ssh/v2"]);
}

#[test]
fn a_terminal_on_standard_input_is_said_at_once() {
    let scene = Scene::new();
    for step in STEPS {
        let ran = scene.sh_at_a_terminal(&step.join(" ")).run();
        ran.exits(125);
        assert!(
            ran.stdout.contains("standard input") && ran.stdout.contains("--input"),
            "{}",
            ran.stdout
        );
        assert_eq!(ran.stdout.lines().count(), 2, "an error and a hint: {}", ran.stdout);
    }
}

#[test]
fn a_file_that_is_input_and_output_gets_a_hint() {
    let (scene, _, document) = scene_with_a_document();
    let file = scene.home().join("run.json");
    for step in STEPS {
        fs::write(&file, document.to_string()).unwrap();
        scene
            .sh(&format!("{} < run.json > run.json", step.join(" ")))
            .run()
            .exits(125)
            .complains(&["output"]);
    }
}

#[test]
fn a_document_comes_from_a_file_as_from_standard_input() {
    let (scene, _, document) = scene_with_a_document();
    fs::write(scene.home().join("run.json"), document.to_string()).unwrap();
    for step in STEPS {
        let ran = call(&scene, step).args(["--dry-run", "--input", "run.json"]).run();
        assert_eq!(ran.succeeds().document(), document);
        call(&scene, step)
            .args(["-i", "missing.json"])
            .run()
            .exits(125)
            .complains(&["missing.json"]);
    }
}

#[test]
fn an_input_hands_every_engine_option_on() {
    let (scene, cube, _) = scene_with_a_document();
    let given = ENGINE_OPTIONS.iter().map(|option| (option.name, "rw"));
    let words: Vec<_> = given.clone().map(|(name, value)| format!("--{name}={value}")).collect();
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let document = scene.document(&cube, &words);
    let again = |document: &Document| {
        fs::write(scene.home().join("run.json"), document.to_string()).unwrap();
        scene.tool("mlcube-ssh-config").args(["--input", "run.json", "--memory=1g"]).run()
    };
    let mut expected: BTreeMap<_, _> = given.collect();
    expected.insert("memory", "1g");
    assert_eq!(again(&document).succeeds().document().at("/run/options"), &json!(expected));
    let refused = again(&document.with("/run/options/mount", "rx"));
    refused.exits(125).complains(&["run.json", "mount: 'rx' isn't rw or ro"]);
}

#[test]
fn failure_travels_in_silence() {
    let (scene, _, document) = scene_with_a_document();
    for kind in ["ours", "connection", "tool"] {
        let failed = json!({"step": "earlier", "status": 42, "kind": kind, "message": "it broke"});
        let failed = document.with("/failed", failed);
        for step in STEPS {
            let ran = call(&scene, step).reads_document(&failed).run();
            assert_eq!(ran.exits(42).is_silent().document(), failed);
        }
    }
    assert_eq!(scene.host.sshd.logins(), 0);
}

#[test]
fn only_pull_works_after_a_failed_task() {
    let (scene, cube, document) = scene_with_a_document();
    let pushed = call(&scene, STEPS[1]).reads_document(&document).run().succeeds().document();
    let workspace = scene.host.remote_root().join("digits/workspace");
    fs::write(workspace.join("partial"), "half a result").unwrap();
    let failed = json!({"step": "exec", "status": 7, "kind": "task", "message": "the task failed"});
    let failed = pushed.with("/failed", failed);
    for step in &STEPS[..2] {
        assert_eq!(
            call(&scene, step).reads_document(&failed).run().exits(7).is_silent().document(),
            failed
        );
    }
    let pulled = call(&scene, STEPS[4]).reads_document(&failed).run().exits(7).document();
    assert_eq!(pulled.at("/failed"), failed.at("/failed"));
    assert_eq!(cube.result("partial"), "half a result");
}

#[test]
fn a_failed_step_starts_afresh() {
    let (scene, _, document) = scene_with_a_document();
    let steps: [&[&str]; 4] = [STEPS[0], STEPS[1], STEPS[2], STEPS[3]];
    let mut document = document;
    for step in steps {
        let failed =
            json!({"step": name_of(step), "status": 255, "kind": "connection", "message": "lost"});
        let ran = call(&scene, step).reads_document(&document.with("/failed", failed)).run();
        document = ran.succeeds().document();
        assert!(document.at("/failed").is_null(), "{document}");
        assert!(document.at(&format!("/steps/{}", name_of(step))).is_object(), "{document}");
    }
}

#[test]
fn a_step_that_fails_says_so_in_the_document() {
    let (scene, _, document) = scene_with_a_document();
    scene.reaches_port(1, "");
    for step in STEPS {
        let ran = call(&scene, step).reads_document(&document).run();
        let failed = ran.exits(255).complains(&["there"]).document();
        assert_eq!(failed.at("/failed/step"), &json!(name_of(step)));
        assert_eq!(failed.at("/failed/status"), 255);
        assert_eq!(failed.at("/failed/kind"), "connection");
        let message = failed.at("/failed/message").as_str().unwrap();
        assert!(ran.stderr.contains(message), "the message is what was printed: {message}");
        // exec notes its job's id alone: the connection may have broken just when the job was started.
        let receipt = failed.at(&format!("/steps/{}", name_of(step)));
        assert!(
            receipt.is_null() || receipt["status"].is_null() && receipt["job"].is_string(),
            "{failed}"
        );
    }
}

#[test]
fn the_status_of_a_plain_pipe_is_honest() {
    let (scene, cube, _) = scene_with_a_document();
    scene.reaches_port(1, "");
    let line = "mlcube-ssh-config --mlcube=$CUBE --platform=gpu1 | mlcube-ssh-interp | mlcube-ssh-push | mlcube-ssh-exec run | mlcube-ssh-pull";
    let ran = scene.sh(line).env("CUBE", cube.root()).run();
    ran.exits(255).complains(&["mlcube-ssh-interp", "there"]);
    assert_eq!(ran.document().at("/failed/step"), "interp");
    let unknown = scene.sh(line).env("CUBE", scene.home().join("nowhere")).run();
    assert_eq!(unknown.status, 125, "{}", unknown.stderr);
}

#[test]
fn unknown_fields_are_kept_everywhere() {
    let (scene, _, document) = scene_with_a_document();
    let mut document = document
        .with("/later", json!({"a": [1, null]}))
        .with("/run/later", 1)
        .with("/remote/later", true);
    document = document.with("/steps/later", json!({"changed": false})).with("/config/later", "x");
    for step in STEPS {
        document = call(&scene, step).reads_document(&document).run().succeeds().document();
        let receipt = format!("/steps/{}/later", name_of(step));
        document = document.with(&receipt, "kept");
        assert_eq!(document.at("/later/a/1"), &json!(null));
        for (key, value) in
            [("/later/a/0", json!(1)), ("/run/later", json!(1)), ("/remote/later", json!(true))]
        {
            assert_eq!(document.at(key), &value, "{key} after {step:?}");
        }
        assert_eq!(document.at("/steps/later/changed"), false);
        assert_eq!(document.at("/config/later"), "x");
    }
    assert_eq!(
        document.at("/steps/push/later"),
        "kept",
        "a receipt keeps what a later step doesn't know"
    );
}

#[test]
fn every_step_can_run_again_on_its_own_output() {
    let (scene, _, document) = scene_with_a_document();
    let mut first = document;
    for step in STEPS {
        first = call(&scene, step).reads_document(&first).run().succeeds().document();
        if step == ["mlcube-ssh-exec", "run"] {
            continue; // It always starts a new run.
        }
        let second = call(&scene, step).reads_document(&first).run().succeeds().document();
        let receipt = format!("/steps/{}", name_of(step));
        assert_eq!(
            second.at(&format!("{receipt}/changed")),
            false,
            "{step:?} had nothing to do: {second}"
        );
        let third = call(&scene, step).reads_document(&second).run().succeeds().document();
        assert_eq!(
            third.but_for_times().to_string(),
            second.but_for_times().to_string(),
            "{step:?}"
        );
        first = second;
    }
}

#[test]
fn a_closed_standard_output_is_no_panic() {
    let (scene, _, document) = scene_with_a_document();
    fs::write(scene.home().join("run.json"), document.to_string()).unwrap();
    for step in STEPS {
        for line in [
            "< run.json >&-",
            "< run.json | true",
            "--help | true",
            "--version >&-",
            "--help > /dev/full",
        ] {
            scene
                .sh(&format!("{} {line}", step.join(" ")))
                .run()
                .never_says("panicked")
                .never_says("RUST_BACKTRACE");
        }
    }
    scene.sh("mlcube-ssh-push < run.json > /dev/full").run().exits(125).says("space");
    let config = "mlcube-ssh-config --mlcube=digits --platform=gpu1";
    scene.sh(&format!("{config} > /dev/full")).run().exits(125).says("space");
    scene.sh(&format!("{config} >&-; {config} | true")).run().never_says("panicked");
}

#[test]
fn a_dry_run_contacts_nothing_and_writes_no_receipt() {
    let (scene, _, document) = scene_with_a_document();
    for step in STEPS {
        let ran = call(&scene, step).arg("--dry-run").reads_document(&document).run();
        assert_eq!(ran.succeeds().document(), document, "{step:?}");
        assert!(ran.stderr.contains("ssh"), "{step:?} shows what it would run: {}", ran.stderr);
        scene.sh("sh -n").reads(&ran.stderr).run().succeeds();
    }
    assert_eq!((scene.host.sshd.logins(), scene.masters().iter().count()), (0, 0));
    assert!(!scene.host.remote_root().exists());
}

#[test]
fn what_a_dry_run_prints_does_in_a_shell_what_the_step_does() {
    let (scene, cube, document) = scene_with_a_document();
    fs::write(cube.root().join("it's $odd; *"), "content").unwrap();
    for step in &STEPS[..3] {
        let shown =
            call(&scene, step).arg("-n").reads_document(&document).run().succeeds().stderr.clone();
        scene.sh("sh -eu").reads(shown).run().succeeds();
    }
    let there = scene.host.remote_root().join("digits/it's $odd; *");
    assert_eq!(fs::read_to_string(there).unwrap(), "content");
}

#[test]
fn a_dry_run_shows_the_commands_that_run() {
    let (scene, _, document) = scene_with_a_document();
    let step = STEPS[0];
    let shown = call(&scene, step).arg("-n").reads_document(&document).run().stderr;
    let ran = call(&scene, step).arg("-v").reads_document(&document).run();
    let commands: Vec<&str> = shown.lines().filter(|line| line.starts_with("ssh ")).collect();
    assert_eq!(commands.len(), 2, "the login and the session: {shown}");
    // The cipher, and where the name of the host leads, which the socket is named by, are what only ssh can tell; a dry
    // run starts none.
    let ran_lines = ran.stderr.replace(" -o 'Ciphers=^aes128-gcm@openssh.com'", "");
    let without_socket = |line: &str| {
        let (before, socket) = line.split_once("/run/mlcube-ssh/").unwrap_or((line, ""));
        format!("{before} {}", socket.split_once(' ').unwrap_or_default().1)
    };
    for command in commands {
        assert!(
            ran_lines.lines().any(|line| without_socket(line) == without_socket(command)),
            "{command}\nisn't in\n{}",
            ran.stderr
        );
    }
    assert!(
        ran.succeeds().stderr.contains(shown.split("MLCUBE_SSH_END").nth(1).unwrap()),
        "nor is the script"
    );
}

#[test]
fn quiet_is_quiet_and_verbose_shows_the_commands() {
    let (scene, _, document) = scene_with_a_document();
    let mut document = document;
    for step in STEPS {
        let quiet = call(&scene, step).arg("-q").reads_document(&document).run();
        quiet.succeeds().is_silent();
        let verbose = call(&scene, step).arg("-v").reads_document(&document).run();
        assert!(verbose.succeeds().stderr.contains("ssh "), "{step:?}: {}", verbose.stderr);
        document = quiet.document();
    }
    call(&scene, STEPS[0]).args(["-q", "-v"]).run().exits(125);
}

#[test]
fn usage_errors_are_125_and_help_is_0() {
    let scene = Scene::new();
    for step in STEPS.into_iter().chain([["mlcube-ssh-config"].as_slice()]) {
        call(&scene, step).arg("--no-such-option").run().exits(125);
        let help = call(&scene, step).arg("--help").run();
        assert!(
            help.succeeds().is_silent().stdout.contains("--version") || step.len() > 1,
            "{}",
            help.stdout
        );
        let version = scene.tool(step[0]).arg("--version").run();
        assert!(version.succeeds().stdout.starts_with(step[0]), "{}", version.stdout);
    }
}

/// What the fuzz target `document` found its way with is read again, and any finding with it.
#[test]
fn the_corpus_is_read() {
    let packed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/pipe/corpus.tar");
    let packed = fs::read(packed).unwrap();
    let mut archive = tar::Archive::new(packed.as_slice());
    let mut inputs = 0;
    for entry in archive.entries().unwrap() {
        let mut input = Vec::new();
        entry.unwrap().read_to_end(&mut input).unwrap();
        if let Ok(document) = mlcube_ssh::pipe::document::Document::read(&input) {
            let text = document.to_text().unwrap();
            assert!(mlcube_ssh::pipe::document::Document::read(text.as_bytes()).is_ok());
        }
        inputs += 1;
    }
    assert!(inputs > 200, "only {inputs}");
}
