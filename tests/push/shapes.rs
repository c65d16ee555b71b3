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
    let mut scene = Scene::new();
    let cube = scene.cube("cube").task(&copies("data.csv"));
    let disk = scene.place().folder("disk");
    scene.follows_links_to(&disk);
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

/// Runs a cube that is set up, and fetches; nothing is sent. What the run wrote on standard output.
fn run_there(scene: &Scene, cube: &Cube, words: &[&str]) -> String {
    let mlcube = format!("--mlcube={}", cube.root().display());
    let run = scene.mlcube_ssh(&["run", &mlcube, "--platform=gpu1", "--no-push"]).args(words).run();
    run.succeeds().stdout.clone()
}

#[test]
fn absolute_paths_in_the_cube_are_the_same_places_on_the_remote() {
    let scene = Scene::new();
    let (root, there) = (scene.home().join("cube"), scene.host.remote_root().join("cube"));
    let here = |name: &str| root.join(name).display().to_string();
    let copy = |task: &str, input: &str, output: &str| {
        let copies = Task::named(task).reads("data", &here(input)).writes("out", &here(output));
        copies.does("cat $data > $out/copy")
    };
    // Both parameters of both tasks have one name and different places.
    let cube = scene
        .cube("cube")
        .task(&copy("first", "workspace/data.csv", "workspace/one/"))
        .task(&copy("second", "shared/data.csv", "workspace/two/"))
        .with_file("data.csv", "1\n")
        .with_file("2024", "2024\n");
    fs::create_dir(cube.root().join("shared")).unwrap();
    fs::write(cube.root().join("shared/data.csv"), "2\n").unwrap();
    let _document = scene.configured(&cube, &[]);
    // The host of this test shares the disk: what is read there is told by its content.
    fs::write(there.join("workspace/data.csv"), "1 there\n").unwrap();
    fs::write(there.join("shared/data.csv"), "2 there\n").unwrap();
    run_there(&scene, &cube, &["--task=first,second"]);
    assert_eq!(fs::read_to_string(there.join("workspace/one/copy")).unwrap(), "1 there\n");
    assert_eq!(fs::read_to_string(there.join("workspace/two/copy")).unwrap(), "2 there\n");
    assert_eq!(cube.result("one/copy"), "1 there\n", "and it was fetched");
    // Arguments, also to names that YAML would read as numbers.
    fs::write(there.join("workspace/2024"), "2024 there\n").unwrap();
    let data = format!("data={}", here("workspace/2024"));
    let out = format!("out={}", here("workspace/three/"));
    run_there(&scene, &cube, &["--task=first", &data, &out]);
    assert_eq!(cube.result("three/copy"), "2024 there\n");
    run_there(&scene, &cube, &["--task=first", &format!("data={}", here("shared/data.csv"))]);
    assert_eq!(cube.result("one/copy"), "2 there\n");
}

#[test]
fn an_absolute_path_in_the_cube_and_a_workspace_outside() {
    let scene = Scene::new();
    let cube = scene.cube("my cube");
    let input = cube.root().join("shared/data.csv");
    let cube = cube.task(&copies(input.to_str().unwrap()));
    fs::create_dir(cube.root().join("shared")).unwrap();
    fs::write(&input, "1,2\n").unwrap();
    let elsewhere = scene.place().folder("elsewhere");
    let workspace = format!("--workspace={}", elsewhere.display());
    let _document = scene.configured(&cube, &[&workspace]);
    let there = scene.host.remote_root().join("my_cube");
    fs::write(there.join("shared/data.csv"), "there\n").unwrap();
    run_there(&scene, &cube, &["--task=copy", &workspace]);
    assert_eq!(fs::read_to_string(elsewhere.join("out/copy")).unwrap(), "there\n");
    // The cube's own workspace stays here when another one is used.
    let data = format!("data={}", cube.workspace().join("data.csv").display());
    let document = scene.document(&cube, &["--task=copy", &workspace, &data]);
    let refused = scene.tool("mlcube-ssh-push").reads_document(&document).run();
    refused.exits(125).complains(&["copy.data", "workspace/data.csv", "outside"]);
}

#[test]
fn an_output_beside_the_workspace_is_skipped_and_named() {
    let scene = Scene::new();
    let cube = scene.cube("cube");
    let made = cube.root().join("made").display().to_string();
    let task = Task::named("make").writes("out", &format!("{made}/")).does("echo 1 > $out/it");
    let cube = cube.task(&task);
    let document = scene.configured(&cube, &["--task=make"]);
    let ran = scene.tool("mlcube-ssh-exec").arg("run").reads_document(&document).run();
    let pulled = scene.tool("mlcube-ssh-pull").reads_document(&ran.succeeds().document()).run();
    let there = scene.host.remote_root().join("cube/made");
    pulled.succeeds().says("make.out").says(there.to_str().unwrap());
    assert_eq!(fs::read_to_string(there.join("it")).unwrap(), "1\n");
    assert!(!Path::new(&made).exists());
}
