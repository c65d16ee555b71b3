//! How much of a cube is sent, and what is refused before anything is.

use std::fs;

use mlcube_ssh_harness::{Cube, HostOptions, Scene, Task, Tmpfs, random};

fn cube(scene: &Scene) -> Cube {
    let make = Task::named("make").reads("data", "data.csv").writes("model", "model/");
    let use_it = Task::named("use")
        .reads("model", "model/")
        .reads("names", "names/")
        .writes("score", "score.txt");
    let cube = scene.cube("digits").task(&make).task(&use_it).with_file("data.csv", "1\n");
    cube.with_file("names/mary", "m").with_file("model/old", "o").with_file("unrelated", "u")
}

#[test]
fn only_inputs_are_sent_and_not_what_an_earlier_task_makes() {
    let scene = Scene::new();
    let cube = cube(&scene);
    let push = |words: &[&str], tasks: &str| {
        let document = scene.document(&cube, &[tasks]);
        scene
            .tool("mlcube-ssh-push")
            .arg("-q")
            .args(words)
            .reads_document(&document)
            .run()
            .succeeds()
            .is_silent();
    };
    push(&["--inputs"], "--task=make,use");
    let there = scene.host.remote_root().join("digits/workspace");
    assert!(there.join("data.csv").exists() && there.join("names/mary").exists());
    assert!(!there.join("model").exists() && !there.join("unrelated").exists());
    assert!(scene.host.remote_root().join("digits/Dockerfile").exists());
    push(&["--inputs"], "--task=use");
    assert!(there.join("model/old").exists() && !there.join("unrelated").exists());
    push(&[], "--task=use");
    assert!(there.join("unrelated").exists());
}

#[test]
fn more_than_is_free_on_the_remote_is_refused_with_the_largest() {
    let scene = Scene::new();
    let cube = cube(&scene);
    let Some(_small) = Tmpfs::mount(&scene.host.remote_root(), "10m") else { return };
    fs::write(cube.workspace().join("huge.bin"), random(1, 12 << 20)).unwrap();
    let document = scene.document(&cube, &[]);
    let push = scene.tool("mlcube-ssh-push").arg("-q").reads_document(&document).run();
    push.exits(125).complains(&["there", "free", "huge.bin", "12.5 MB"]);
    assert!(!scene.host.remote_root().join("digits/mlcube.yaml").exists(), "nothing has moved");
}

#[test]
fn an_rsync_that_sends_nothing_and_reports_success_is_no_success() {
    let scene = Scene::with(HostOptions::default().without("tar"));
    let document = scene.document(&cube(&scene), &[]);
    scene.has_program("rsync", "exit 0");
    let push = scene.tool("mlcube-ssh-push").arg("-q").reads_document(&document).run();
    push.exits(125).complains(&["rsync", "there"]);
    fs::remove_file(scene.home().join("bin/rsync")).unwrap();
    scene.tool("mlcube-ssh-push").reads_document(&document).run().succeeds();
}
