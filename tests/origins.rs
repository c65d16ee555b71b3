//! Two cubes of one name don't mix; the same cube from another machine takes its tree over.
#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

use std::fs;
use std::os::unix::fs::PermissionsExt;

use mlcube_ssh_harness::{Cube, Outcome, Scene, Task};

fn cube(scene: &Scene, folder: &str, content: &str) -> Cube {
    let cube = Cube::new(&scene.home().join(folder));
    cube.task(&Task::named("train").reads("data", "data.csv")).with_file("data.csv", content)
}

fn push(scene: &Scene, cube: &Cube, words: &[&str]) -> Outcome {
    let document = scene.document(cube, words);
    scene.tool("mlcube-ssh-push").arg("-q").reads_document(&document).run()
}

/// This machine forgets all that it knows, as a fresh checkout on another one would.
fn forget(scene: &Scene) {
    fs::remove_dir_all(scene.home().join(".local/state/mlcube-ssh")).unwrap();
}

#[test]
fn another_cube_of_the_same_name_is_refused_with_the_way_out() {
    let scene = Scene::new();
    let (one, two) = (cube(&scene, "one/mlcube", "1"), cube(&scene, "two/mlcube", "2"));
    push(&scene, &one, &[]).succeeds();
    let refused = push(&scene, &two, &[]);
    refused.exits(125).complains(&[
        "there",
        "mlcube",
        one.root().to_str().unwrap(),
        "remote_name",
        "adopt",
    ]);
    let root = scene.host.remote_root();
    assert_eq!(fs::read_to_string(root.join("mlcube/workspace/data.csv")).unwrap(), "1");
    push(&scene, &two, &["-Prunner.remote_name=second"]).succeeds();
    assert_eq!(fs::read_to_string(root.join("second/workspace/data.csv")).unwrap(), "2");
    push(&scene, &one, &[]).succeeds();
}

#[test]
fn a_fresh_checkout_adopts_and_loses_nothing() {
    let scene = Scene::new();
    let cube = cube(&scene, "digits", "1");
    push(&scene, &cube, &[]).succeeds();
    forget(&scene);
    let there = scene.host.remote_root().join("digits/workspace/data.csv");
    fs::write(&there, "changed there").unwrap();
    push(&scene, &cube, &[]).exits(125).complains(&["-Prunner.adopt=true"]);
    push(&scene, &cube, &["-Prunner.adopt=true"]).succeeds();
    assert_eq!(fs::read_to_string(&there).unwrap(), "changed there", "nobody knows which is right");
    push(&scene, &cube, &[]).succeeds();
}

#[test]
fn who_it_was_is_for_its_owner_alone() {
    let scene = Scene::new();
    let cube = cube(&scene, "digits", "1");
    push(&scene, &cube, &[]).succeeds();
    let there = scene.host.remote_root().join(".mlcube-ssh/digits/origin");
    assert!(fs::read_to_string(&there).unwrap().contains(cube.root().to_str().unwrap()));
    for file in [there, scene.home().join(".local/state/mlcube-ssh/id")] {
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600, "{file:?}");
    }
}

#[test]
fn the_same_cube_by_another_name_of_the_host_is_the_same() {
    let mut scene = Scene::new();
    let cube = cube(&scene, "digits", "1");
    push(&scene, &cube, &[]).succeeds();
    let config = fs::read_to_string(scene.home().join(".ssh/config")).unwrap();
    fs::write(scene.home().join(".ssh/config"), config.replace("Host there", "Host there alias"))
        .unwrap();
    scene.set("/host", "alias");
    push(&scene, &cube, &[]).succeeds();
}
