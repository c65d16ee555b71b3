//! Every shape that public cubes have, set up and run on a real host: podman builds there from what was pushed.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use mlcube_ssh_harness::{Cube, Scene, Task};
use serde_json::json;

/// Copies its input to its output, and says so with words that only the image holds.
fn copies(input: &str) -> Task {
    Task::named("copy")
        .reads("data", input)
        .writes("out", "out/")
        .does("echo copying; cat $data > $out/copy")
}

/// Sets the cube up and runs it with the wrapper, as a user would; what the run wrote on standard output.
fn configured_and_run(scene: &Scene, mlcube: &Path, words: &[&str]) -> String {
    let mlcube = format!("--mlcube={}", mlcube.display());
    let words = [&[mlcube.as_str(), "--platform=gpu1"], words].concat();
    scene.mlcube_ssh(&["configure"]).args(&words).run().succeeds();
    let run = scene.mlcube_ssh(&["run"]).args(&words).arg("--task=copy").run();
    run.succeeds().stdout.clone()
}

/// The cube's task ran in its image, and made this of its input.
fn copied(scene: &Scene, cube: &Cube, content: &str) {
    assert_eq!(configured_and_run(scene, cube.root(), &[]), "copying\n");
    assert_eq!(cube.result("out/copy"), content);
}

/// A cube in `lab/cube` that is built from `context` works.
fn works_when_built_from(context: &str) {
    let scene = Scene::new();
    let cube = Cube::built_from(&scene.home().join("lab/cube"), context)
        .task(&copies("data.csv"))
        .with_file("data.csv", "1,2\n");
    copied(&scene, &cube, "1,2\n");
}

#[test]
fn built_from_its_own_folder() {
    works_when_built_from(".");
}

#[test]
fn built_from_a_folder_in_it() {
    works_when_built_from("build");
}

#[test]
fn built_from_a_folder_beside_it() {
    works_when_built_from("../project");
}

#[test]
fn built_from_the_folder_around_it() {
    works_when_built_from("../");
}

#[test]
fn without_a_build_context() {
    let scene = Scene::new();
    let cube = scene.cube("cube").section("docker", json!({"image": "mlcube-ssh/test:0.0.2"}));
    let cube = cube.task(&copies("data.csv")).with_file("data.csv", "1,2\n");
    copied(&scene, &cube, "1,2\n");
}

#[test]
fn an_image_that_is_fetched_and_not_built() {
    let scene = Scene::new();
    // No registry is at hand: podman fetches from an archive by the same command.
    let recipe = scene.cube("recipe").task(&copies("data.csv"));
    let archive = scene.host.folder().join("image.tar");
    let make = "ssh there \"podman build --quiet -t made:1 '$RECIPE' && podman save --quiet -o '$ARCHIVE' made:1\"";
    let make = scene.sh(make).env("RECIPE", recipe.root()).env("ARCHIVE", &archive);
    make.run().succeeds();
    let cube = Cube::built_from(&scene.home().join("cube"), "elsewhere")
        .task(&copies("data.csv"))
        .with_file("data.csv", "1,2\n");
    fs::remove_dir_all(cube.root().join("elsewhere")).unwrap();
    let image = format!("docker-archive:{}", archive.display());
    let cube = cube.section("docker", json!({ "image": image }));
    // podman can't tell whether it has an archive, and fetches it again before the task.
    assert!(configured_and_run(&scene, cube.root(), &[]).ends_with("\ncopying\n"));
    assert_eq!(cube.result("out/copy"), "1,2\n");
}

#[test]
fn another_file_than_mlcube_yaml() {
    let scene = Scene::new();
    let cube = scene.cube("cube").task(&copies("data.csv")).with_file("data.csv", "1,2\n");
    let file = cube.root().join("mlcube_gpu.yaml");
    fs::rename(cube.root().join("mlcube.yaml"), &file).unwrap();
    configured_and_run(&scene, &file, &[]);
    assert_eq!(cube.result("out/copy"), "1,2\n");
}

#[test]
fn an_input_in_the_cube_outside_the_workspace() {
    let scene = Scene::new();
    let cube = scene.cube("cube").task(&copies("../shared/data.csv"));
    fs::create_dir(cube.root().join("shared")).unwrap();
    fs::write(cube.root().join("shared/data.csv"), "1,2\n").unwrap();
    copied(&scene, &cube, "1,2\n");
}

#[test]
fn an_absolute_input_lies_on_the_remote() {
    let scene = Scene::new();
    let there = scene.host.folder().join("datasets");
    fs::create_dir(&there).unwrap();
    fs::write(there.join("data.csv"), "from there\n").unwrap();
    let input = there.join("data.csv").display().to_string();
    let cube = scene.cube("cube").task(&copies(&input));
    copied(&scene, &cube, "from there\n");
}

#[test]
fn a_workspace_outside_the_cube() {
    let scene = Scene::new();
    let cube = scene.cube("cube").task(&copies("data.csv"));
    let elsewhere = scene.place().folder("elsewhere");
    fs::write(elsewhere.join("data.csv"), "1,2\n").unwrap();
    let workspace = format!("--workspace={}", elsewhere.display());
    configured_and_run(&scene, cube.root(), &[&workspace]);
    assert_eq!(fs::read_to_string(elsewhere.join("out/copy")).unwrap(), "1,2\n");
}

#[test]
fn a_workspace_that_is_a_link() {
    let scene = Scene::new();
    let cube = scene.cube("cube").task(&copies("data.csv"));
    let disk = scene.place().folder("disk");
    fs::write(disk.join("data.csv"), "1,2\n").unwrap();
    fs::remove_dir(cube.workspace()).unwrap();
    symlink(&disk, cube.workspace()).unwrap();
    configured_and_run(&scene, cube.root(), &[]);
    assert_eq!(fs::read_to_string(disk.join("out/copy")).unwrap(), "1,2\n");
    assert!(cube.workspace().is_symlink(), "the link stays one");
}

#[test]
fn a_workspace_that_is_a_link_on_the_remote() {
    let scene = Scene::new();
    let cube = scene.cube("cube").task(&copies("data.csv")).with_file("data.csv", "1,2\n");
    let scratch = scene.host.folder().join("scratch");
    let there = scene.host.remote_root().join("cube");
    fs::create_dir_all(&scratch).unwrap();
    fs::create_dir_all(&there).unwrap();
    symlink(&scratch, there.join("workspace")).unwrap();
    configured_and_run(&scene, cube.root(), &[]);
    assert!(there.join("workspace").is_symlink() && scratch.join("out/copy").exists());
    assert_eq!(cube.result("out/copy"), "1,2\n");
}

#[test]
fn an_input_outside_the_cube() {
    let scene = Scene::new();
    let cube = Cube::built_from(&scene.home().join("lab/cube"), "../project")
        .task(&copies("../../data/set/data.csv"));
    fs::create_dir_all(scene.home().join("lab/data/set")).unwrap();
    fs::write(scene.home().join("lab/data/set/data.csv"), "3,4\n").unwrap();
    fs::write(scene.home().join("lab/data/other"), "not declared").unwrap();
    copied(&scene, &cube, "3,4\n");
    let there = scene.host.remote_root().join("lab");
    assert!(there.join("data/set/data.csv").exists() && !there.join("data/other").exists());
    // An argument changes nothing about where things lie.
    let words = ["data=../../data/set/more.csv"];
    let document = scene.document(&cube, &words);
    assert_eq!(document.at("/remote/base").as_str(), there.to_str());
    let refused = scene.tool("mlcube-ssh-push").reads_document(&document).run();
    refused.exits(125).complains(&["copy.data", "../../data/set/more.csv", "outside"]);
}
