//! A job starts only if its inputs exist on the remote.

use std::fs;
use std::os::unix::fs::symlink;

use mlcube_ssh_harness::{Cube, Scene, Task};
use serde_json::json;

fn cube(scene: &Scene) -> Cube {
    let make = Task::named("make")
        .reads("data", "data.csv")
        .writes("model", "model/")
        .does("echo m > $model/m");
    let use_it = Task::named("use")
        .reads("model", "model/")
        .writes("score", "score.txt")
        .does("cat $model/m > $score");
    scene.cube("digits").task(&make).task(&use_it).with_file("data.csv", "1\n")
}

#[test]
fn a_missing_input_is_named_with_host_path_and_remedy_and_nothing_starts() {
    let scene = Scene::new();
    let cube = cube(&scene);
    let document = scene.configured(&cube, &["--task=make"]);
    let there = scene.host.remote_root().join("digits/workspace/data.csv");
    fs::remove_file(&there).unwrap();
    let refused = scene.exec(&document, &["run", "-q"]);
    refused.exits(125).complains(&[
        "make.data",
        there.to_str().unwrap(),
        "exists locally and wasn't sent",
        "--no-push",
    ]);
    assert_eq!(refused.document().at("/failed/kind"), "ours");
    assert!(!there.exists(), "mlcube would have made it");
    fs::create_dir(&there).unwrap();
    let typed = cube.section("tasks", json!({"make": {"parameters": {"inputs": {"data": {"type": "file", "default": "data.csv"}}}}}));
    let document =
        document.with("/config/tasks", scene.document(&typed, &[]).at("/config/tasks").clone());
    scene.exec(&document, &["run", "-q"]).exits(125).complains(&[
        "isn't a file",
        "data.csv",
        "move ",
        "away on the remote",
    ]);
}

#[test]
fn a_folder_in_the_place_of_a_file_and_the_other_way_round() {
    let scene = Scene::new();
    let typed = |name: &str, kind: &str| {
        let inputs = json!({"data": {"type": kind, "default": "data.it"}});
        let tasks = json!({"make": {"parameters": {"inputs": inputs}}});
        scene.cube(name).task(&Task::named("make")).section("tasks", tasks)
    };
    for (kind, wanted) in [("file", "file"), ("directory", "folder")] {
        let cube = typed(kind, kind);
        let local = cube.workspace().join("data.it");
        match kind {
            "file" => fs::create_dir(&local).unwrap(),
            _ => fs::write(&local, "1").unwrap(),
        }
        let document = scene.configured(&cube, &["--task=make"]);
        let there = scene.host.remote_root().join(kind).join("workspace/data.it");
        let refused = scene.exec(&document, &["run", "-q"]);
        refused.exits(125).complains(&[
            &format!("make.data on 'there' isn't a {wanted}: {}", there.display()),
            &format!("{} is of the wrong kind, too", local.display()),
            &format!("replace it by the {wanted}, and move {} away on the remote", there.display()),
        ]);
        if kind == "file" {
            // As `data=$UNSET` in a script means the workspace.
            let refused =
                scene.exec(&scene.document(&cube, &["--task=make", "data="]), &["run", "-q"]);
            refused.exits(125).complains(&["is a folder that holds something: give data=FILE"]);
            refused.never_says("replace").never_says("away");
        }
        // As told.
        fs::remove_file(&local).or_else(|_| fs::remove_dir(&local)).unwrap();
        fs::remove_file(&there).or_else(|_| fs::remove_dir(&there)).unwrap();
        match kind {
            "file" => fs::write(&local, "1").unwrap(),
            _ => fs::create_dir(&local).unwrap(),
        }
        scene.tool("mlcube-ssh-push").arg("-q").reads_document(&document).run().succeeds();
        scene.exec(&document, &["run", "-q"]).succeeds();
    }
}

#[test]
fn an_input_that_an_earlier_task_produces_may_be_missing() {
    let scene = Scene::new();
    let cube = cube(&scene);
    let document = scene.configured(&cube, &["--task=make,use"]);
    scene.exec(&document, &["run", "-q"]).succeeds();
    let alone = scene.document(&cube, &["--task=use"]);
    let model = scene.host.remote_root().join("digits/workspace/model");
    fs::remove_dir_all(&model).unwrap();
    scene.exec(&alone, &["run", "-q"]).exits(125).complains(&[
        "use.model",
        "no directory",
        model.to_str().unwrap(),
        "run the task make, which produces it: mlcube-ssh run --mlcube=",
        "--platform=gpu1 --task=make",
    ]);
}

#[test]
fn a_path_of_the_remotes_own_is_looked_for_on_the_remote() {
    let scene = Scene::new();
    let task = Task::named("make")
        .reads("data", "$DATA_THERE/set.csv")
        .writes("out", "out/")
        .does("cat $data > $out/copy");
    let cube = scene.cube("digits").task(&task);
    let mut scene = scene;
    scene.set("/environment", json!({"DATA_THERE": scene.host.folder().join("data")}));
    let document = scene.configured(&cube, &["--task=make"]);
    let file = scene.host.folder().join("data/set.csv");
    scene
        .exec(&document, &["run", "-q"])
        .exits(125)
        .complains(&["make.data", file.to_str().unwrap()]);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, "set").unwrap();
    scene.exec(&document, &["run", "-q"]).succeeds();
    let copy = scene.host.remote_root().join("digits/workspace/out/copy");
    assert_eq!(fs::read_to_string(copy).unwrap(), "set");
}

#[test]
fn a_missing_input_gets_the_hint_to_put_it_into_the_workspace() {
    let scene = Scene::new();
    let cube = cube(&scene);
    let local = cube.workspace().join("data.csv");
    let document = scene.configured(&cube, &["--task=make"]);
    fs::remove_file(scene.host.remote_root().join("digits/workspace/data.csv")).unwrap();
    fs::remove_file(&local).unwrap();
    let put = format!("hint: put the data into {}", local.display());
    scene.exec(&document, &["run", "-q"]).exits(125).complains(&["make.data", &put]);
    symlink("/nowhere/data.csv", &local).unwrap();
    scene
        .exec(&document, &["run", "-q"])
        .exits(125)
        .complains(&["is a broken link to /nowhere/data.csv"]);
}

#[test]
fn the_command_for_the_task_that_makes_an_input_makes_that_input() {
    let scene = Scene::new();
    let cube = cube(&scene);
    let document = scene.configured(&cube, &["--task=make"]);
    scene.exec(&document, &["run", "-q"]).succeeds();
    let other =
        scene.document(&cube, &["--task=use", "-Pdocker.tty=true", "model=other/", "score=s"]);
    scene.exec(&other, &["run", "-q"]).exits(125).complains(&[
        "use.model",
        "run the task make, which produces it: mlcube-ssh run --mlcube=",
        "--task=make -Pdocker.tty=true model=other/",
    ]);
    let local = cube.workspace().join("other");
    symlink("/nowhere/model", &local).unwrap();
    let refused = scene.exec(&other, &["run", "-q"]);
    refused.exits(125).complains(&["use.model", "is a broken link to /nowhere/model"]);
}

#[test]
fn a_broken_remote_link_is_named_as_one() {
    let scene = Scene::new();
    let link = scene.host.folder().join("data");
    symlink("/nowhere/data", &link).unwrap();
    let task = Task::named("make").reads("data", link.to_str().unwrap()).writes("out", "out/");
    let document = scene.configured(&scene.cube("digits").task(&task), &["--task=make"]);
    let broken = format!("a broken link, {}", link.display());
    scene.exec(&document, &["run", "-q"]).exits(125).complains(&["make.data", &broken, "replace "]);
}
