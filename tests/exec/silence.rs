//! What a terminal shows while a job writes nothing.

use std::fs;

use mlcube_ssh_harness::{Engine, Scene, Task};

#[test]
fn a_silent_job_has_one_line_on_a_terminal() {
    let mut scene = Scene::new();
    let engine = Engine::installed_on(&scene.host, "docker");
    // Below a line that isn't whole nothing can be drawn: it would be erased, too.
    engine.runs("echo begun; sleep 5; printf half; sleep 5; echo ' done'");
    scene.set("/remote/docker", engine.program().to_str().unwrap());
    let document = scene.document(&scene.cube("digits").task(&Task::named("train")), &[]);
    let document = scene.push(&document, &["-q"]).succeeds().document();
    fs::write(scene.home().join("run.json"), document.to_string()).unwrap();
    let run = |words: &str| format!("mlcube-ssh-exec {words} run --input run.json >/dev/null");
    let shown = scene.sh_at_a_terminal(&run("")).run().succeeds().stdout.clone();
    let (silent, half) = shown.split_once("half").unwrap();
    let drawn: Vec<&str> = silent.split('\r').filter(|line| line.contains("no output")).collect();
    assert!(drawn.len() > 1, "{shown:?}");
    let first = drawn[0];
    assert!(first.contains(" since the start, no output for 0:0"), "{first:?}");
    assert!(!drawn.iter().any(|line| line.contains('\n')), "one line only: {shown:?}");
    assert!(silent.ends_with("\r\x1b[K"), "it is erased: {shown:?}");
    assert!(half.starts_with(" done"), "{shown:?}");
    engine.runs("sleep 4");
    let quiet = scene.sh_at_a_terminal(&run("-q")).run().succeeds().stdout.clone();
    assert!(!quiet.contains("no output"), "{quiet:?}");
    scene.sh(&run("")).run().succeeds().never_says("no output");
}
