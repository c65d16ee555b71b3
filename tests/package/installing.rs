//! Installing the wheel, and removing it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use mlcube_ssh_harness::{
    Installed, Invocation, Outcome, Python, Scene, Task, files_below, packed, repository,
};

use crate::user::{RELEASES, without_programs};

/// The files below a folder, but for what running Python leaves.
fn files(folder: &Path) -> BTreeSet<PathBuf> {
    let found = files_below(folder).into_iter();
    found.filter(|path| !path.iter().any(|part| part == "__pycache__")).collect()
}

/// mlcube, typed by a user of an environment whose programs nobody started before.
fn mlcube(scene: &Scene, environment: &Installed, words: &[&str]) -> Outcome {
    let called = scene.invocation(&environment.program("mlcube")).args(words);
    called.env("PYTHONDONTWRITEBYTECODE", "1").run()
}

#[test]
fn in_a_folder_with_a_blank_beside_mlcommons_package_and_removed_again() {
    let scene = Scene::new();
    without_programs(&scene);
    let _cube = scene.cube("cube").task(&Task::named("greet").does("echo hello"));
    let folder = scene.home().join("my environment");
    let environment = Installed::without_the_wheel(RELEASES[0], &folder);
    let (before, wheel) = (files(&folder), packed(".whl"));
    let command = |verb| [verb, "--mlcube=cube", "--platform=gpu1"];

    environment.pip(&["install", wheel.to_str().unwrap(), "mlcube-ssh==0.0.9"]);
    let both = mlcube(&scene, &environment, &command("configure"));
    both.succeeds().says("warning: mlcube-remote ").says("MLCommons' mlcube-ssh 0.0.9");
    both.says("hint: `pip uninstall mlcube-ssh`").says("mlcube-ssh-push: sent");
    let critical = scene.invocation(&environment.program("mlcube")).args(["--log-level=critical"]);
    critical.args(command("run")).run().succeeds().never_says("mlcube-remote");

    // The other one goes, and takes no file of this one with it.
    environment.pip(&["uninstall", "--yes", "mlcube-ssh"]);
    let ran = mlcube(&scene, &environment, &command("run"));
    assert_eq!(ran.succeeds().never_says("mlcube-remote").stdout, "hello\n");
    let shown = mlcube(&scene, &environment, &command("show_config"));
    assert!(shown.succeeds().never_says("Traceback").stdout.contains("host: there"), "{shown}");

    environment.pip(&["uninstall", "--yes", "mlcube-remote"]);
    assert_eq!(files(&folder), before, "no file is left");
    let held = scene.sh(&format!("/usr/bin/python3 -m zipfile -l '{}'", wheel.display())).run();
    assert!(
        !held.succeeds().stdout.contains("mlcube_ssh/"),
        "a file of MLCommons' package: {held}"
    );
}

#[test]
fn everything_is_in_the_environment_and_works_without_a_path() {
    let scene = Scene::new();
    without_programs(&scene);
    let environment = Installed::beside_mlcube(RELEASES[0]);
    for program in ["", "-config", "-interp", "-push", "-exec", "-pull"] {
        let name = format!("mlcube-ssh{program}");
        let called = scene.invocation(&environment.program(&name)).env("PATH", "/usr/bin:/bin");
        assert!(called.arg("--version").run().succeeds().stdout.starts_with(&format!("{name} ")));
        let page = environment.folder().join(format!("share/man/man1/{name}.1"));
        assert!(fs::read_to_string(page).unwrap().contains(".TH"), "the page of {name}");
    }
    assert!(environment.folder().join("share/mlcube-ssh/settings.schema.json").exists());
    let rules = environment.folder().join("share/mlcube-ssh/mlcube-ssh.mk");
    let _cube = scene.cube("cube").task(&Task::named("greet").does("echo hello"));
    let makefile = format!("MLCUBE_PLATFORM = gpu1\ninclude {}\n", rules.display());
    fs::write(scene.home().join("cube/Makefile"), makefile).unwrap();
    let made = scene.sh("make -C cube mlcube-config").run();
    made.succeeds();
    assert!(
        made.stdout.contains(&environment.program("mlcube-ssh").display().to_string()),
        "{made}"
    );
}

#[test]
fn the_same_programs_give_the_same_wheel_whose_list_is_whole() {
    let scene = Scene::new();
    let wheel = packed(".whl");
    let package = repository().join("scripts/package");
    let again = scene.home().join("again");
    let built = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().to_owned();
    let call = scene.invocation(&package).arg("--from").arg(built).arg("--output").arg(&again);
    let made = call.arg("wheel").run();
    let name = wheel.file_name().unwrap();
    assert_eq!(made.succeeds().stdout.lines().next().unwrap(), again.join(name).to_str().unwrap());
    assert!(fs::read(again.join(name)).unwrap() == fs::read(&wheel).unwrap(), "the bytes differ");
    scene.sh("cd again && sha256sum --check --quiet SHA256SUMS").run().succeeds();
    // The oldest glibc that the programs start with is the one that the name tells.
    let needed = made.stderr.split("need glibc ").nth(1).unwrap().split(' ').next().unwrap();
    let tag = format!("manylinux_{}_", needed.replace('.', "_"));
    assert!(name.to_str().unwrap().contains(&tag), "{name:?}, {needed}");
}

fn package(scene: &Scene, words: &[&str]) -> Invocation {
    scene.invocation(&repository().join("scripts/package")).args(words)
}

#[test]
fn what_cant_be_packed_is_said_in_two_lines() {
    let scene = Scene::new();
    fs::create_dir(scene.home().join("empty")).unwrap();
    for (words, told) in [
        (&["--frob"][..], "unknown word '--frob'"),
        (&["--from="], "--from needs a folder"),
        (&["--output"], "--output needs a folder"),
        (
            &["--from", "empty", "--output=out", "wheel"],
            "there is no program mlcube-ssh-config in 'empty'",
        ),
    ] {
        let refused = package(&scene, words).run();
        refused.exits(125).says(&format!("package: error: {told}")).says("package: hint: ");
    }
    assert!(files_below(&scene.home().join("out")).is_empty());
}

#[test]
fn a_target_folder_works_too() {
    let scene = Scene::new();
    without_programs(&scene);
    let python = Python::with_release(RELEASES[0]).join("bin/python");
    let folder = scene.home().join("my packages");
    let install = ["-m", "pip", "--quiet", "install", "--no-index", "--target"];
    let installed = scene.invocation(&python).args(install).arg(&folder).arg(packed(".whl"));
    installed.run().succeeds();
    let _cube = scene.cube("cube").task(&Task::named("greet"));
    let words = ["-m", "mlcube", "run", "--mlcube=cube", "--platform=gpu1", "--dry-run"];
    let shown = scene.invocation(&python).args(words).env("PYTHONPATH", &folder).run();
    shown.succeeds().says("ssh -o ");
}

#[test]
fn uv_installs_it_as_a_tool() {
    let mut scene = Scene::new();
    without_programs(&scene);
    for (name, folder) in
        [("UV_TOOL_DIR", "tools"), ("UV_TOOL_BIN_DIR", "tool-bin"), ("UV_CACHE_DIR", "uv")]
    {
        let folder = scene.home().join(folder);
        scene.has_variable(name, folder.to_str().unwrap());
    }
    let uv = |words: &[&str]| scene.invocation(&Python::uv()).arg("tool").args(words).run();
    uv(&["install", "--offline", "--no-index", packed(".whl").to_str().unwrap()]).succeeds();
    let version = scene.sh("tool-bin/mlcube-ssh --version").run();
    assert!(version.succeeds().stdout.starts_with("mlcube-ssh "), "{version}");
    uv(&["uninstall", "mlcube-remote"]).succeeds();
    assert!(files_below(&scene.home().join("tool-bin")).is_empty());
}
