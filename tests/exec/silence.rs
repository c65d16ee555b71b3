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

#[test]
fn a_build_has_one_line_on_a_terminal_and_its_log_if_it_fails() {
    let mut scene = Scene::new();
    let program = scene.host.bin().join("docker");
    scene.set("/remote/docker", program.to_str().unwrap());
    let document = scene.document(&scene.cube("digits").task(&Task::named("train")), &[]);
    let document = scene.push(&document, &["-q"]).succeeds().document();
    fs::write(scene.home().join("run.json"), document.to_string()).unwrap();
    let configure = |words: &str| {
        let line = format!("mlcube-ssh-exec {words} configure --input run.json >/dev/null");
        scene.sh_at_a_terminal(&line).run()
    };
    let builds = |steps: &str| {
        scene.host.has_program("docker", &format!("case $1 in pull|build) {steps} ;; esac"));
    };
    let builds_at_once = |end: &str| builds(&format!("echo STEP 1; echo STEP 2; {end}"));
    builds("echo STEP 1; sleep 2; echo STEP 2");
    let shown = configure("").succeeds().stdout.clone();
    assert!(shown.contains("  STEP 1\x1b[K") && !shown.contains("STEP 1\r\n"), "{shown:?}");
    assert!(shown.contains("\r\x1b[Kmlcube-ssh-exec: configured the cube"), "{shown:?}");
    let whole = configure("-v").succeeds().stdout.clone();
    assert!(whole.contains("STEP 1\r\nSTEP 2\r\n"), "{whole:?}");
    builds_at_once("exit 0");
    assert_eq!(configure("-q").succeeds().stdout, "");
    let quiet = || scene.sh("mlcube-ssh-exec -q configure --input run.json >/dev/null").run();
    quiet().succeeds().is_silent();
    builds_at_once("echo it broke; exit 3");
    let failed = configure("").stdout;
    assert!(failed.contains("STEP 1\r\nSTEP 2\r\nit broke\r\n"), "{failed:?}");
    quiet().says("STEP 1\nSTEP 2\nit broke\n");
}
