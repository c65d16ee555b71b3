//! The packages as they are given to users: built with zig, for old releases of Linux. Long, and with the package index:
//! `MLCUBE_SSH_MATRIX=all scripts/test package`.
#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

use std::path::{Path, PathBuf};

use mlcube_ssh_harness::{Python, Root, Scene, Task, files_below, packed_for_users, repository};

use crate::user::without_programs;

/// The one of this kind among them.
fn package(folder: &Path, ending: &str) -> PathBuf {
    let is_it = |path: &PathBuf| path.to_str().unwrap().ends_with(ending);
    files_below(folder).into_iter().find(is_it).unwrap()
}

#[test]
#[ignore = "builds everything once more: MLCUBE_SSH_MATRIX=all scripts/test package"]
fn debian_11_installs_them_and_runs_a_cube_with_mlcube() {
    let Some(root) = Root::of("bullseye") else { return };
    let mut scene = Scene::new();
    let folder = packed_for_users();
    let wheel = package(&folder, ".whl");
    let name = wheel.file_name().unwrap().to_str().unwrap();
    assert!(name.contains("manylinux2014_x86_64.manylinux_2_17_x86_64"), "{name}");
    let text = std::fs::read(
        repository().join("target/package/x86_64-unknown-linux-gnu/release/mlcube-ssh-push"),
    );
    let here = repository().display().to_string();
    let names_us = text.unwrap().windows(here.len()).any(|window| window == here.as_bytes());
    assert!(!names_us, "a program names the folder where it was built");

    scene.lives_in(root);
    without_programs(&scene);
    let wheels = Python::wheels_for("3.9");
    // Its own pip, of 2020.
    let install = format!(
        "python3 -m venv env && env/bin/pip --version && env/bin/pip -q install --no-index '{}' && \
         env/bin/pip -q install --no-index --find-links '{}' mlcube==0.0.9",
        wheel.display(),
        wheels.display()
    );
    let installed = scene.sh(&install).run();
    assert!(installed.succeeds().stdout.starts_with("pip 20."), "{installed}");
    let cube = scene
        .cube("cube")
        .task(&Task::named("greet").writes("out", "out.txt").does("echo hello > $out"));
    for command in ["configure", "run"] {
        let line = format!("env/bin/mlcube {command} --mlcube=cube --platform=gpu1");
        scene.sh(&line).run().succeeds().never_says("Traceback");
    }
    assert_eq!(cube.result("out.txt"), "hello\n");

    let unpack = "dpkg-deb -x '{deb}' root && root/usr/bin/mlcube-ssh --version && \
        tar -xzf '{tar}' && mlcube-ssh-*/bin/mlcube-ssh describe --mlcube=cube --platform=gpu1";
    let unpack = unpack.replace("{deb}", package(&folder, ".deb").to_str().unwrap());
    let unpack = unpack.replace("{tar}", package(&folder, ".tar.gz").to_str().unwrap());
    assert!(scene.sh(&unpack).run().succeeds().stdout.contains("greet"));
}

#[test]
#[ignore = "builds everything once more: MLCUBE_SSH_MATRIX=all scripts/test package"]
fn pipx_installs_the_wheel_and_removes_it() {
    let mut scene = Scene::new();
    without_programs(&scene);
    let wheel = package(&packed_for_users(), ".whl");
    for (name, folder) in
        [("PIPX_HOME", "pipx"), ("PIPX_BIN_DIR", "tool-bin"), ("PIPX_MAN_DIR", "man")]
    {
        let folder = scene.home().join(folder);
        scene.has_variable(name, folder.to_str().unwrap());
    }
    let line = format!(
        "python3 -m venv env && env/bin/pip -q install pipx && \
         env/bin/pipx install '{}' && tool-bin/mlcube-ssh --version",
        wheel.display()
    );
    assert!(scene.sh(&line).run().succeeds().stdout.contains("\nmlcube-ssh 0"));
    assert!(scene.home().join("man/man1/mlcube-ssh.1").exists(), "pipx shows the manual pages");
    scene.sh("env/bin/pipx uninstall mlcube-remote").run().succeeds();
    assert!(files_below(&scene.home().join("tool-bin")).is_empty());
}
