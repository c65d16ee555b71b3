//! A real Apptainer, called by mlcube's own singularity runner.

use mlcube_ssh_harness::{Apptainer, Document, HostOptions, Processes, Python, Scene, Task};
use serde_json::json;

/// A document of a host with Apptainer, whose image does these lines of sh. What the host has in its environment is
/// kept out of the container.
fn scene(lines: &str) -> Option<(Scene, Document)> {
    let mut scene = Scene::new();
    let apptainer = Apptainer::of(&mut scene)?;
    scene.set("/remote/run_args", "--userns --cleanenv");
    let task = Task::named("train").writes("model", "model/");
    let cube = apptainer.image(scene.cube("digits").task(&task), lines);
    let document = scene.configured(&cube, &[]);
    Some((scene, document))
}

#[test]
fn variables_and_results_go_through() {
    let Some((scene, document)) =
        scene("echo \"token: $TOKEN\"; echo best >$model/best; chmod 700 $model; exit 4")
    else {
        return;
    };
    let document = document.with("/run/env", json!(["TOKEN"]));
    let run = scene.tool("mlcube-ssh-exec").arg("run").env("TOKEN", "s3 'cr$t\nof two lines");
    let ran = run.reads_document(&document).run();
    ran.exits(4).says("token: s3 'cr$t\nof two lines\n");
    assert_eq!(ran.document().at("/failed/kind"), "task");
    scene.tool("mlcube-ssh-pull").reads_document(&ran.document()).run().exits(4);
    assert_eq!(
        std::fs::read_to_string(scene.home().join("digits/workspace/model/best")).unwrap(),
        "best\n"
    );
    scene.exec(&document, &["clean", "--yes=all", "--force"]).succeeds();
}

#[test]
fn gpus_are_asked_for_in_words_that_it_takes() {
    let mut scene = Scene::new();
    let Some(apptainer) = Apptainer::of(&mut scene) else { return };
    scene.set("/remote/run_args", "--userns --cleanenv");
    let cube = scene.cube("digits").task(&Task::named("train"));
    let cube = apptainer.image(cube, "echo \"gpus: ${CUDA_VISIBLE_DEVICES-any}\"");
    let _configured = scene.configured(&cube, &[]);
    for (given, devices) in [("--gpus=0,1", "0,1"), ("--gpus=all", "any")] {
        let document = scene.document(&cube, &[given]);
        let ran = scene.exec(&document, &["run"]);
        ran.succeeds().says(&format!("gpus: {devices}\n"));
    }
    // What mlcube makes of these is for a virtual machine of macOS.
    for option in ["--memory=1g", "--cpu=2"] {
        let refused = scene.exec(&scene.document(&cube, &[option]), &["run"]);
        refused.exits(125).complains(&[option.split('=').next().unwrap(), "run_args"]);
    }
}

#[test]
fn ctrl_c_ends_what_ignores_it_in_a_container_without_our_environment() {
    // What runs in the container has nothing else that would tell it from that of another test.
    let mark = format!("left-by-{}", std::process::id());
    let lines = format!(
        "trap '' TERM INT
        (setsid sh -c 'while :; do sleep 0.2; done' {mark}) &
        echo started; while :; do sleep 0.2; done"
    );
    let Some((scene, document)) = scene(&lines) else { return };
    let mut running = scene.tool("mlcube-ssh-exec").arg("run").reads_document(&document).start();
    running.says("started");
    let left = || Processes::with_words(&format!("done {mark}"));
    assert!(!left().is_empty());
    running.ctrl_c();
    running.wait().exits(130).says("with all its processes and containers");
    assert!(left().is_empty(), "{:?}", left());
}

#[test]
fn what_apptainer_itself_fails_at_is_no_failure_of_the_task() {
    let mut scene = Scene::new();
    let Some(apptainer) = Apptainer::of(&mut scene) else { return };
    let cube = apptainer.image(scene.cube("digits").task(&Task::named("train")), "echo ran");
    let document = scene.document(&cube, &["--task=train"]);
    let pushed = scene.tool("mlcube-ssh-push").arg("-q").reads_document(&document).run();
    let document = pushed.succeeds().document();
    let configured = scene.exec(&document, &["configure"]);
    configured.succeeds().says("warning: the image's file exists already");
    configured.says("built nothing");
    let image = scene.host.folder().join("images/cube");
    std::fs::remove_dir_all(&image).unwrap();
    std::fs::write(&image, "no image").unwrap();
    let ran = scene.exec(&document, &["run"]);
    ran.exits(125).says("the container engine on 'there' failed with status 255: FATAL:   ");
    assert_eq!(ran.document().at("/failed/kind"), "ours");
}

#[test]
fn a_host_without_apptainer_is_named() {
    let options = HostOptions::default().without("singularity").without("apptainer");
    let mut scene = Scene::with(options);
    scene.set("/platform", "singularity");
    scene.set("/interpreter/python", Python::with_singularity().to_str().unwrap());
    scene.set("/remote", json!({"runner": "singularity", "image_dir": scene.host.folder()}));
    let singularity = json!({"image": "none.sif"});
    let cube = scene.cube("digits").task(&Task::named("train"));
    let document = scene.document(&cube.section("singularity", singularity), &["--task=train"]);
    let pushed = scene.tool("mlcube-ssh-push").arg("-q").reads_document(&document).run();
    let document = pushed.succeeds().document();
    for verb in ["configure", "run"] {
        let failed = scene.exec(&document, &[verb]);
        failed.exits(125).says("singularity: not found on this host").says("install singularity");
    }
    // One that can be called, and an image that nobody put there.
    scene.host.has_program("apptainer", "echo apptainer version 1.4.5");
    let failed = scene.exec(&document, &["configure"]);
    failed.exits(125).says("SIF recipe file does not exist").says("put the image's file into");
}
