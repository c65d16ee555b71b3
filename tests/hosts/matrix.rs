//! Clients and hosts of other ages and kinds, each with each: Debian 11, 12 (this machine), 13 and sid, a host whose
//! programs are busybox, and dropbear as the ssh server.
//!
//! By default one pair of each release but sid runs, which changes every day; with `MLCUBE_SSH_MATRIX=all scripts/test
//! matrix` every pair.
#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use mlcube_ssh_harness::{
    Cube, Document, HostOptions, Python, Root, Scene, Task, eventually, whole_tree,
};
use serde_json::json;

/// More than rsync is asked for in one piece, and more than goes as a handful.
const MANY: usize = 2000;

/// Where the client's programs come from, or the host's.
#[derive(Clone, Copy, PartialEq)]
enum Age {
    Debian11,
    /// This machine.
    Debian12,
    Debian13,
    Sid,
}

impl Age {
    /// The name of its root; none for this machine.
    fn release(self) -> Option<&'static str> {
        match self {
            Age::Debian11 => Some("bullseye"),
            Age::Debian12 => None,
            Age::Debian13 => Some("trixie"),
            Age::Sid => Some("sid"),
        }
    }

    /// Whether mlcube's usual requirements don't start with its python.
    fn has_new_python(self) -> bool {
        matches!(self, Age::Debian13 | Age::Sid)
    }

    /// Its python, for which mlcube is installed.
    fn python(self) -> &'static str {
        match self {
            Age::Debian11 => "3.9",
            Age::Debian12 => "3.11",
            Age::Debian13 => "3.13",
            Age::Sid => "3.14",
        }
    }
}

/// The usual requirements of a settings file.
const MLCUBE: &str = "mlcube==0.0.9 mlcube-docker==0.0.9";

/// A user of one age whose host is of another; none where a root is missing.
fn scene(client: Age, host: Age) -> Option<Scene> {
    let mut options = HostOptions::default();
    if let Some(release) = host.release() {
        options = options.root(Root::of(release)?);
    }
    let mut scene = with_client(client, options)?;
    if host != Age::Debian12 {
        let python = Python::wheels_for(host.python());
        let requirements = format!("--no-index --find-links {} {}", python.display(), MLCUBE);
        scene.set(
            "/interpreter",
            json!({"type": "virtualenv", "python": "python3", "location": "~/envs", "name": "cube",
                   "requirements": requirements}),
        );
    }
    Some(scene)
}

fn with_client(client: Age, options: HostOptions) -> Option<Scene> {
    let root = match client.release() {
        Some(release) => Some(Root::of(release)?),
        None => None,
    };
    let mut scene = Scene::with(options);
    if let Some(root) = root {
        scene.lives_in(root);
    }
    Some(scene)
}

/// A cube with a task that changes every file of its workspace, one that has to be ended, and one that waits.
fn cube(scene: &Scene) -> Cube {
    let change = Task::named("change")
        .reads("data", "many/")
        .writes("out", "out/")
        .does("for file in $data/*; do echo changed >> \"$file\"; echo made > \"$out/${file##*/}\"; done; echo counted");
    let stubborn = Task::named("stubborn")
        .does("trap '' TERM INT HUP; echo started; while :; do sleep 0.1; done");
    let waits = Task::named("waits").writes("end", "end/").does(
        "echo started; until [ -e $end/go ]; do sleep 0.1; done; echo late > $end/result; echo done",
    );
    // The image is made from a folder beside the workspace, which is large.
    let cube = Cube::built_from(&scene.home().join("digits"), "project")
        .task(&change)
        .task(&stubborn)
        .task(&waits);
    for number in 0..MANY {
        let folder = cube.workspace().join("many");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(format!("it's {number}")), format!("{number}\n")).unwrap();
    }
    let odd = cube.workspace().join("odd");
    fs::create_dir_all(odd.join("empty")).unwrap();
    fs::write(odd.join("a\nb \"c\" *"), "odd").unwrap();
    fs::write(odd.join("run me"), "#!/bin/sh\n").unwrap();
    fs::set_permissions(odd.join("run me"), fs::Permissions::from_mode(0o755)).unwrap();
    symlink("run me", odd.join("link")).unwrap();
    fs::File::create(odd.join("holes")).unwrap().set_len(50_000_000).unwrap();
    cube
}

fn there(scene: &Scene) -> PathBuf {
    scene.host.remote_root().join("digits")
}

/// Says a verb of the wrapper for the cube.
fn words<'a>(verb: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&[verb, "--mlcube=digits", "--platform=gpu1"], more].concat()
}

/// A user of one age on a host of another.
fn pair(client: Age, host: Age) {
    let Some(mut scene) = scene(client, host) else { return };
    let cube = cube(&scene);
    if host.has_new_python() {
        takes_the_advice_for_a_new_python(&mut scene);
    }
    everything(&scene, &cube);
}

/// What the usual requirements lead to, and the line that is advised instead.
fn takes_the_advice_for_a_new_python(scene: &mut Scene) {
    let failed = scene.mlcube_ssh(&words("configure", &[])).run();
    failed.exits(125).says("too new").says("--no-deps");
    let (_, advice) = failed.stderr.split_once("set runner.interpreter.requirements: '").unwrap();
    let (line, _) = advice.split_once('\'').unwrap();
    scene.set("/interpreter/requirements", line);
}

/// Everything that a user does with a cube, on this host.
fn everything(scene: &Scene, cube: &Cube) {
    scene.mlcube_ssh(&words("configure", &[])).run().succeeds();
    the_pipeline_runs(scene, cube);
    what_differs_is_found(scene, cube);
    many_files_go_and_come(scene, cube);
    ctrl_c_ends_a_job(scene);
    a_detached_job_is_taken_up(scene, cube);
}

fn the_pipeline_runs(scene: &Scene, cube: &Cube) {
    let ran = scene.mlcube_ssh(&words("run", &["--task=change"])).run();
    assert_eq!(ran.succeeds().stdout, "counted\n");
    assert_eq!(cube.result("many/it's 7"), "7\nchanged\n");
    assert_eq!(fs::read_dir(cube.workspace().join("out")).unwrap().count(), MANY);
    assert_eq!(whole_tree(&cube.workspace()), whole_tree(&there(scene).join("workspace")));
}

/// Writes a file without a trace: its size and time stay.
fn flips(path: &Path, text: &str) {
    let modified = fs::metadata(path).unwrap().modified().unwrap();
    fs::write(path, text).unwrap();
    fs::File::options().write(true).open(path).unwrap().set_modified(modified).unwrap();
}

fn step(scene: &Scene, tool: &str, words: &[&str]) -> mlcube_ssh_harness::Outcome {
    let document = document(scene);
    scene.tool(tool).args(words).reads_document(&document).run()
}

fn document(scene: &Scene) -> Document {
    let config = scene.tool("mlcube-ssh-config").args(["--platform=gpu1", "--mlcube=digits"]);
    config.run().succeeds().document()
}

fn what_differs_is_found(scene: &Scene, cube: &Cube) {
    for tool in ["mlcube-ssh-push", "mlcube-ssh-pull"] {
        step(scene, tool, &["--verify"]).succeeds();
    }
    flips(&there(scene).join("workspace/odd/run me"), "#!/bin/s_\n");
    for tool in ["mlcube-ssh-push", "mlcube-ssh-pull"] {
        step(scene, tool, &["--verify"]).exits(125).says("odd/run me");
    }
    let seen = step(scene, "mlcube-ssh-pull", &["--checksum"]);
    assert_eq!(seen.succeeds().document().at("/steps/pull/files_sent"), 1);
    assert_eq!(cube.result("odd/run me"), "#!/bin/s_\n");
}

fn many_files_go_and_come(scene: &Scene, cube: &Cube) {
    let (here, workspace) = (cube.workspace(), there(scene).join("workspace"));
    for number in 0..MANY {
        fs::write(here.join(format!("many/it's {number}")), "from here").unwrap();
    }
    fs::write(cube.root().join("old.py"), "old").unwrap();
    step(scene, "mlcube-ssh-push", &[]).succeeds();
    assert_eq!(whole_tree(&here), whole_tree(&workspace));
    fs::remove_file(cube.root().join("old.py")).unwrap();
    step(scene, "mlcube-ssh-push", &["--delete"]).succeeds().says("deleted old.py");
    assert!(!there(scene).join("old.py").exists());
    for number in 0..MANY {
        fs::write(workspace.join(format!("many/it's {number}")), "from the host").unwrap();
    }
    step(scene, "mlcube-ssh-pull", &[]).succeeds();
    assert_eq!(whole_tree(&here), whole_tree(&workspace));
}

fn ctrl_c_ends_a_job(scene: &Scene) {
    let mut running = scene.mlcube_ssh(&words("run", &["--task=stubborn"])).start();
    eventually("the task has started", || running.stdout().contains("started"));
    running.says("");
    running.ctrl_c();
    running.wait().exits(130).says("ended");
    eventually("what the run started is gone", || scene.jobs().is_empty());
}

fn a_detached_job_is_taken_up(scene: &Scene, cube: &Cube) {
    let detached = scene.mlcube_ssh(&words("run", &["--task=waits", "--detach"])).run();
    detached.succeeds().says("mlcube-ssh attach ");
    let attached = scene.mlcube_ssh(&words("attach", &["--task=waits"])).start();
    eventually("the job is followed", || attached.stdout().contains("started"));
    fs::write(there(scene).join("workspace/end/go"), "").unwrap();
    assert!(attached.wait().succeeds().stdout.ends_with("done\n"));
    assert_eq!(cube.result("end/result"), "late\n");
}

#[test]
fn debian_11_to_debian_11() {
    pair(Age::Debian11, Age::Debian11);
}

#[test]
fn debian_13_to_debian_13() {
    pair(Age::Debian13, Age::Debian13);
}

#[test]
fn debian_12_to_busybox() {
    let Some(root) = Root::of_busybox() else { return };
    let Some(scene) = with_client(Age::Debian12, HostOptions::default().root(root)) else { return };
    everything(&scene, &cube(&scene));
}

#[test]
#[ignore = "MLCUBE_SSH_MATRIX=all scripts/test matrix"]
fn debian_12_to_dropbear() {
    let Some(options) = HostOptions::default().dropbear() else { return };
    let Some(scene) = with_client(Age::Debian12, options) else { return };
    everything(&scene, &cube(&scene));
}

/// Tests of one pair each, which `scripts/test` runs when all are asked for.
macro_rules! pairs {
    ($($name:ident: $client:expr => $host:expr;)*) => {
        $(
            #[test]
            #[ignore = "MLCUBE_SSH_MATRIX=all scripts/test matrix"]
            fn $name() {
                pair($client, $host);
            }
        )*
    };
}

pairs! {
    debian_11_to_debian_12: Age::Debian11 => Age::Debian12;
    debian_12_to_debian_11: Age::Debian12 => Age::Debian11;
    debian_12_to_debian_13: Age::Debian12 => Age::Debian13;
    debian_12_to_sid: Age::Debian12 => Age::Sid;
    sid_to_sid: Age::Sid => Age::Sid;
    debian_13_to_debian_12: Age::Debian13 => Age::Debian12;
    sid_to_debian_12: Age::Sid => Age::Debian12;
    debian_13_to_debian_11: Age::Debian13 => Age::Debian11;
}
