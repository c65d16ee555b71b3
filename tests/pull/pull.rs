//! A pull fetches the workspace, and writes nothing else and nowhere else.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use mlcube_ssh_harness::{Cube, Document, Scene, Task};
use serde_json::json;

/// A cube whose files are on the host, and the folder of its workspace there.
fn pushed() -> (Scene, Cube, Document, PathBuf) {
    let scene = Scene::new();
    let task = Task::named("train")
        .reads("data", "data.csv")
        .writes("model", "model/")
        .writes("score", "score.txt");
    let cube = scene.cube("digits").task(&task).with_file("data.csv", "1,2\n");
    let document = scene.document(&cube, &[]);
    let document =
        scene.tool("mlcube-ssh-push").reads_document(&document).run().succeeds().document();
    let workspace = scene.host.remote_root().join("digits/workspace");
    (scene, cube, document, workspace)
}

#[test]
fn pull_fetches_the_workspace_unchanged() {
    let (scene, cube, document, there) = pushed();
    let odd = "it's a \"name\" with $HOME; `touch canary` *\n\té -rf";
    fs::create_dir_all(there.join("model/empty")).unwrap();
    fs::write(there.join("model").join(odd), "odd").unwrap();
    symlink("../data.csv", there.join("model/link")).unwrap();
    let pulled = scene.pull(&document, &["-q"]);
    let document = pulled.succeeds().is_silent().document();
    assert_eq!(document.at("/steps/pull/changed"), true);
    assert_eq!(cube.result(&format!("model/{odd}")), "odd");
    assert!(cube.workspace().join("model/empty").is_dir());
    assert_eq!(
        fs::read_link(cube.workspace().join("model/link")).unwrap(),
        PathBuf::from("../data.csv")
    );
    assert!(!scene.home().join("canary").exists());
    let again = scene.pull(&document, &["-q"]).succeeds().document();
    assert_eq!(again.at("/steps/pull/changed"), false);
}

#[test]
fn it_works_again_and_alone() {
    let (scene, cube, document, there) = pushed();
    for round in ["one", "two"] {
        fs::write(there.join("score.txt"), round).unwrap();
        scene.pull(&document, &["-q"]).succeeds();
        assert_eq!(cube.result("score.txt"), round);
    }
}

#[test]
fn pull_fetches_only_the_requested_paths() {
    let (scene, cube, document, there) = pushed();
    for name in ["model/last.bin", "model/first.bin", "logs/today", "huge"] {
        fs::create_dir_all(there.join(name).parent().unwrap()).unwrap();
        fs::write(there.join(name), name).unwrap();
    }
    scene.pull(&document, &["-q", "model/last*", "logs/"]).succeeds();
    assert_eq!(cube.result("model/last.bin"), "model/last.bin");
    assert_eq!(cube.result("logs/today"), "logs/today");
    assert!(
        !cube.workspace().join("huge").exists()
            && !cube.workspace().join("model/first.bin").exists()
    );
}

#[test]
fn patterns_are_not_for_a_shell_and_stay_inside() {
    let (scene, cube, document, there) = pushed();
    fs::write(there.join("a b; touch canary"), "odd").unwrap();
    scene.pull(&document, &["-q", "a b; touch canary"]).succeeds();
    assert_eq!(cube.result("a b; touch canary"), "odd");
    for outside in ["../mlcube.yaml", "/etc/passwd", "model/../../mlcube.yaml"] {
        scene.pull(&document, &["-q", outside]).exits(125).complains(&[outside]);
    }
    assert!(!scene.host.home().join("canary").exists());
}

#[test]
fn a_declared_output_that_did_not_come_is_named_after_a_run_that_went_well() {
    let (scene, _, document, there) = pushed();
    fs::create_dir_all(there.join("model")).unwrap();
    let ran = json!({"changed": true, "seconds": 1.0, "phase": "run", "status": 0});
    let document = document.with("/steps/exec", ran);
    let missing = scene.pull(&document, &["-q"]);
    missing.exits(125).complains(&["score.txt"]);
    fs::write(there.join("score.txt"), "0.9").unwrap();
    scene.pull(&missing.document(), &["-q"]).succeeds();
}

#[test]
fn a_missing_workspace_is_named() {
    let scene = Scene::new();
    let document = scene.document(&scene.cube("digits").task(&Task::named("train")), &[]);
    scene.pull(&document, &["-q"]).exits(125).complains(&["there", "workspace"]);
}

#[test]
fn nothing_lands_outside_the_workspace() {
    let (scene, cube, document, there) = pushed();
    let elsewhere = scene.place().folder("elsewhere");
    // What comes is a link, and files below it: the one must not lead the other out.
    symlink(&elsewhere, there.join("first")).unwrap();
    fs::create_dir_all(there.join("second")).unwrap();
    fs::write(there.join("second/planted"), "from there").unwrap();
    scene.pull(&document, &["-q"]).exits(125).says("skipped 'first'");
    assert!(
        fs::symlink_metadata(cube.workspace().join("first")).is_err(),
        "a link that leads out stays there"
    );
    fs::remove_file(there.join("first")).unwrap();
    fs::rename(there.join("second"), there.join("first")).unwrap();
    let _kept_or_refused = scene.pull(&document, &["-q"]);
    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0, "a link that came from there led out");
}

#[test]
fn the_local_disk_is_full() {
    let (scene, cube, document, there) = pushed();
    fs::write(there.join("large"), "x".repeat(6_000_000)).unwrap();
    fs::remove_dir_all(cube.workspace()).unwrap();
    let Some(_disk) = mlcube_ssh_harness::Tmpfs::mount(&cube.workspace(), "2m") else { return };
    scene.pull(&document, &["-q"]).exits(125).complains(&["large"]);
    scene.sh(&format!("mount -o remount,size=20m {}", cube.workspace().display())).run().succeeds();
    scene.pull(&document, &["-q"]).succeeds();
    assert_eq!(cube.result("large").len(), 6_000_000);
}

#[test]
fn pull_backs_up_replaced_files_also_within_one_second() {
    let (scene, cube, document, there) = pushed();
    let versions = ["one", "two", "three", "four"];
    for version in versions {
        fs::write(there.join("score.txt"), format!("there {version}")).unwrap();
        fs::write(cube.workspace().join("score.txt"), version).unwrap();
        scene.pull(&document, &["-q", "--overwrite"]).succeeds();
    }
    let kept = scene.sh("cat .local/state/mlcube-ssh/digits-*/replaced/*/score.txt").run();
    assert_eq!(kept.succeeds().stdout, versions.concat());
}

#[test]
fn leftovers_of_a_killed_pull_are_removed_even_without_anything_to_fetch() {
    let (scene, cube, document, _) = pushed();
    scene.pull(&document, &["-q"]).succeeds();
    let partial = cube.workspace().join(".mlcube-ssh-partial");
    // One is held by a pull that lives, on another machine perhaps; of the others nobody knows a process.
    let (alive, dead) = (partial.join("pull-1"), ["pull-4294967295", "pull-0123456789abcdef"]);
    let dead = dead.map(|name| partial.join(name));
    for folder in dead.iter().chain([&alive]) {
        fs::create_dir_all(folder).unwrap();
        fs::write(folder.join(".model.a1b2c3"), "half of it").unwrap();
    }
    let held = fs::File::create(alive.join("lock")).unwrap();
    held.lock().unwrap();
    for _ in 0..2 {
        let again = scene.pull(&document, &["-q"]).succeeds().document();
        assert_eq!(again.at("/steps/pull/changed"), false);
        assert!(!dead.iter().any(|dead| dead.exists()), "they are dead");
        assert!(alive.join(".model.a1b2c3").exists(), "another pull goes on");
    }
    drop(held);
    scene.pull(&document, &["-q"]).succeeds();
    assert!(!partial.exists());
}

#[test]
fn an_output_with_an_absolute_path_is_named_with_its_place() {
    let scene = Scene::new();
    let away = scene.host.folder().join("results");
    let task = Task::named("train").writes("model", away.join("model").to_str().unwrap());
    let cube = scene.cube("digits").task(&task.does(":"));
    let document = scene.document(&cube, &[]);
    scene.tool("mlcube-ssh-push").arg("-q").reads_document(&document).run().succeeds();
    let told = format!(
        "the output train.model is outside the workspace and isn't fetched: {}/model on 'there'",
        away.display()
    );
    scene.tool("mlcube-ssh-pull").reads_document(&document).run().succeeds().says(&told);
}
