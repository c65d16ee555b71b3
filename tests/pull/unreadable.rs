//! What can't be listed on one side, on a disk that fails or with a path that is too long, never counts as absent. What
//! is skipped because something else has its name ends the step with 125.
#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use mlcube_ssh_harness::{Cube, Document, OddDisk, Outcome, Scene, Task, files_below};

fn run(scene: &Scene, tool: &str, document: &Document, words: &[&str]) -> Outcome {
    scene.tool(tool).args(words).reads_document(document).run()
}

/// A cube that is the same on both sides.
fn pushed(scene: &Scene) -> (Cube, Document, PathBuf) {
    let cube = scene.cube("digits").task(&Task::named("train").reads("data", "names"));
    let cube = cube.with_file("good", "1").with_file("bad", "1").with_file("set/in", "1");
    let cube = cube.with_file("names", "1");
    let document = scene.document(&cube, &["--task=train"]);
    run(scene, "mlcube-ssh-push", &document, &["-q"]).succeeds();
    (cube, document, scene.host.remote_root().join("digits/workspace"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

#[test]
fn a_local_disk_that_fails() {
    let scene = Scene::new();
    let (cube, document, there) = pushed(&scene);
    let Some(disk) = OddDisk::mount(&cube.workspace(), &["eio bad", "eio-content set"]) else {
        return;
    };
    fs::write(cube.workspace().join("good"), "1,2").unwrap();
    let sent = run(&scene, "mlcube-ssh-push", &document, &["-q"]);
    sent.exits(125).says("workspace/bad").says("workspace/set").says("Input/output error");
    assert_eq!((read(&there.join("good")), read(&there.join("bad"))), ("1,2".into(), "1".into()));
    for tool in ["mlcube-ssh-push", "mlcube-ssh-pull"] {
        let verified = run(&scene, tool, &document, &["--verify"]);
        verified.exits(125).says("bad").never_says("no file differs");
    }
    for path in ["bad", "set/in", "good"] {
        fs::write(there.join(path), "trained").unwrap();
    }
    let came = run(&scene, "mlcube-ssh-pull", &document, &["-q"]);
    came.exits(125).says("bad").says("set");
    assert_eq!(read(&disk.behind().join("good")), "trained");
    assert_eq!(read(&disk.behind().join("bad")), "1", "nobody knows what it is");
    // What both sides had in common hasn't been forgotten.
    disk.has(&[]);
    run(&scene, "mlcube-ssh-pull", &document, &["-q"]).succeeds().is_silent();
    assert_eq!((cube.result("bad"), cube.result("set/in")), ("trained".into(), "trained".into()));
}

#[test]
fn a_remote_disk_that_fails() {
    let scene = Scene::new();
    let (cube, document, there) = pushed(&scene);
    for path in ["bad", "set/in", "good"] {
        fs::write(there.join(path), "trained").unwrap();
    }
    let Some(disk) = OddDisk::mount(&there, &["eio bad", "eio-content set"]) else { return };
    let came = run(&scene, "mlcube-ssh-pull", &document, &["-q"]);
    came.exits(125).says("bad").says("set").says("Input/output error");
    let results = ["bad", "set/in", "good"].map(|name| cube.result(name));
    assert_eq!(results, ["1", "1", "trained"]);
    for tool in ["mlcube-ssh-push", "mlcube-ssh-pull"] {
        run(&scene, tool, &document, &["--verify"]).exits(125).never_says("no file differs");
    }
    let cube = cube.with_file("good", "mine");
    run(&scene, "mlcube-ssh-push", &document, &["-q"]).exits(125).says("Input/output error");
    disk.has(&[]);
    run(&scene, "mlcube-ssh-push", &document, &["-q"]).succeeds();
    assert_eq!(
        (read(&there.join("good")), read(&there.join("bad"))),
        ("mine".into(), "trained".into())
    );
    run(&scene, "mlcube-ssh-pull", &document, &["-q"]).succeeds().is_silent();
    assert_eq!((cube.result("bad"), cube.result("set/in")), ("trained".into(), "trained".into()));
}

#[test]
fn a_path_that_is_too_long_for_the_system() {
    let scene = Scene::new();
    let (cube, document, there) = pushed(&scene);
    // Deeper than a path may be long: each folder is made in the one before.
    let deep = "cd digits/workspace; for n in $(seq 20); do mkdir $(printf \"%0240d\" $n) && cd $(printf \"%0240d\" $n); done; echo 1 >deep";
    scene.sh(deep).run().succeeds();
    fs::write(cube.workspace().join("good"), "1,2").unwrap();
    let pushed = run(&scene, "mlcube-ssh-push", &document, &["-q"]);
    pushed.exits(125).says("skipped").never_says("there can't read it");
    let after = pushed.document();
    let left_out = after.at("/steps/push/left_out").as_array().unwrap();
    let different: BTreeSet<String> = left_out.iter().map(ToString::to_string).collect();
    assert_eq!(left_out.len(), different.len(), "each is named once");
    assert_eq!(read(&there.join("good")), "1,2");
    let verified = run(&scene, "mlcube-ssh-push", &document, &["--verify"]);
    verified.exits(125).never_says("no file differs");
    // The other way, beside a result.
    scene.sh("rm -rf digits/workspace/0*").run().succeeds();
    scene.sh("rm -rf \"$THERE\"/0*").env("THERE", &there).run().succeeds();
    let deeper = deep.replace("digits/workspace", "\"$THERE\"");
    scene.sh(&deeper).env("THERE", &there).run().succeeds();
    fs::write(there.join("better"), "1,2,3").unwrap();
    let pulled = run(&scene, "mlcube-ssh-pull", &document, &["-q"]);
    pulled.exits(125).says("File name too long");
    assert_eq!(read(&cube.workspace().join("better")), "1,2,3");
    fs::write(cube.workspace().join("good"), "1").unwrap();
    run(&scene, "mlcube-ssh-push", &document, &["-q"]).succeeds();
    assert_eq!(read(&there.join("good")), "1");
    // What removes a folder by its path can't remove this one.
    scene.sh("rm -rf digits/workspace/0*").run().succeeds();
    scene.sh("rm -rf \"$THERE\"/0*").env("THERE", &there).run().succeeds();
}

#[test]
fn something_else_in_the_way_ends_with_125_either_way() {
    let scene = Scene::new();
    let (cube, document, there) = pushed(&scene);
    fs::write(there.join("good"), "trained").unwrap();
    fs::remove_dir_all(cube.workspace().join("set")).unwrap();
    fs::write(cube.workspace().join("set"), "a file").unwrap();
    let came = run(&scene, "mlcube-ssh-pull", &document, &["-q"]);
    came.exits(125).says("skipped set").says("skipped 'set'");
    assert_eq!(came.document().at("/steps/pull/left_out/0"), "set");
    assert_eq!(cube.result("good"), "trained", "the rest was done");
    let cube = cube.with_file("good", "mine");
    let sent = run(&scene, "mlcube-ssh-push", &document, &["-q"]);
    sent.exits(125).says("skipped set").says("skipped 'set'");
    assert_eq!(sent.document().at("/steps/push/left_out/0"), "set");
    assert_eq!(
        (read(&there.join("good")), read(&there.join("set/in"))),
        ("mine".into(), "1".into())
    );
    drop(cube);
}

#[test]
fn a_skipped_input_stops_the_run() {
    let scene = Scene::new();
    let cube = scene.cube("digits").task(&Task::named("train").reads("data", "names/"));
    let cube = cube.with_file("names/a", "old");
    let _document = scene.configured(&cube, &[]);
    // The input moves to another disk, and gets a newer content.
    let disk = scene.place().folder("disk");
    fs::write(disk.join("a"), "new").unwrap();
    fs::remove_dir_all(cube.workspace().join("names")).unwrap();
    symlink(&disk, cube.workspace().join("names")).unwrap();
    let ran =
        scene.mlcube_ssh(&["run", "-q", "--mlcube=digits", "--platform=gpu1", "--task=train"]);
    ran.run().exits(125).says("the input train.data").says("leads to");
    assert_eq!(read(&disk.join("a")), "new");
    fs::remove_file(cube.workspace().join("names")).unwrap();
    scene.sh("mkfifo digits/workspace/names").run().succeeds();
    let there = scene.host.remote_root().join("digits/workspace/names");
    fs::remove_dir_all(there).unwrap();
    let document = scene.document(&cube, &["--task=train"]);
    run(&scene, "mlcube-ssh-push", &document, &["-q"]).exits(125).says("input train.data");
}

#[test]
fn what_fails_behind_a_link_that_is_followed_is_named_too() {
    let scene = Scene::new();
    let cube = scene.cube("digits").task(&Task::named("train").writes("model", "out/"));
    let document = scene.document(&cube, &["--task=train"]);
    run(&scene, "mlcube-ssh-push", &document, &["-q"]).succeeds();
    let disk = scene.host.folder().join("scratch");
    for path in ["closed/result", "score"] {
        fs::create_dir_all(disk.join(path).parent().unwrap()).unwrap();
        fs::write(disk.join(path), "1").unwrap();
    }
    symlink(&disk, scene.host.remote_root().join("digits/workspace/out")).unwrap();
    let Some(odd) = OddDisk::mount(&disk, &["eio-content closed"]) else { return };
    let pulled = run(&scene, "mlcube-ssh-pull", &document, &[]);
    pulled.exits(125).says("out/closed").says("Input/output error");
    assert_eq!(cube.result("out/score"), "1");
    odd.has(&[]);
    run(&scene, "mlcube-ssh-pull", &document, &[]).succeeds();
    assert_eq!(cube.result("out/closed/result"), "1");
}

#[test]
fn a_find_that_cannot_run_is_no_empty_workspace() {
    let scene = Scene::new();
    let (cube, document, there) = pushed(&scene);
    fs::write(there.join("good"), "trained").unwrap();
    // The interpreter of pyenv's shim isn't in the PATH; what find is linked with is missing, or what it reads.
    let shim = "echo \"/usr/bin/env: 'bash': No such file or directory\" >&2; exit 127";
    let works_once = |fails: &str| {
        format!("case \" $* \" in *' / -maxdepth 0 '*) exec /usr/bin/find \"$@\" ;; esac; {fails}")
    };
    for (find, python) in [
        ("exec busybox find \"$@\"".to_owned(), shim),
        (
            works_once(
                "echo 'find: error while loading shared libraries: libm.so.6: cannot open shared object file: No such file or directory' >&2; exit 127",
            ),
            shim,
        ),
        (works_once("echo 'lua: find.lua: No such file or directory' >&2; exit 1"), shim),
    ] {
        scene.host.has_program("find", &find);
        scene.host.has_program("python3", python);
        scene.host.has_program("python", python);
        for (tool, words) in
            [("mlcube-ssh-pull", "-q"), ("mlcube-ssh-pull", "--verify"), ("mlcube-ssh-push", "-q")]
        {
            let ran = run(&scene, tool, &document, &[words]);
            assert!(ran.status != 0, "{find}: {ran}");
            ran.never_says("no file differs");
        }
    }
    for name in ["find", "python3", "python"] {
        scene.host.loses_program(name);
    }
    assert_eq!(cube.result("good"), "1");
    run(&scene, "mlcube-ssh-pull", &document, &["-q"]).succeeds();
    assert_eq!(cube.result("good"), "trained");
}

#[test]
fn an_input_that_stays_other_on_the_remote_stops_the_run() {
    let scene = Scene::new();
    let (cube, document, there) = pushed(&scene);
    // `names` is the input of the chosen task. It is ignored from now on; the remote has the old one.
    fs::write(cube.workspace().join(".mlcubeignore"), "names\n").unwrap();
    fs::write(cube.workspace().join("names"), "edited").unwrap();
    for word in ["--inputs", "--if-changed"] {
        let sent = run(&scene, "mlcube-ssh-push", &document, &["-q", word]);
        sent.exits(125).complains(&["train.data", "as it was before", "names", ".mlcubeignore"]);
    }
    let sent = run(&scene, "mlcube-ssh-push", &document, &["-q"]);
    sent.succeeds().says("warning: 'there' has the input train.data as it was before");
    fs::remove_file(cube.workspace().join(".mlcubeignore")).unwrap();
    run(&scene, "mlcube-ssh-push", &document, &["-q"]).succeeds();
    // Changed on both sides.
    fs::write(cube.workspace().join("names"), "mine").unwrap();
    fs::write(there.join("names"), "the job's own").unwrap();
    for word in ["--inputs", "--if-changed"] {
        let sent = run(&scene, "mlcube-ssh-push", &document, &["-q", word]);
        sent.exits(125).says("another input train.data").says("names' changed on both sides");
    }
    run(&scene, "mlcube-ssh-push", &document, &["-q"]).succeeds().says("kept names");
    run(&scene, "mlcube-ssh-push", &document, &["-q", "--overwrite"]).succeeds();
    run(&scene, "mlcube-ssh-push", &document, &["-q", "--if-changed"]).succeeds().is_silent();
}

#[test]
fn an_output_that_was_kept_has_not_come() {
    let scene = Scene::new();
    let task = Task::named("train").writes("model", "model/").writes("log", "log/");
    let cube = scene.cube("digits").task(&task);
    let document = scene.document(&cube, &["--task=train"]);
    run(&scene, "mlcube-ssh-push", &document, &["-q"]).succeeds();
    let there = scene.host.remote_root().join("digits/workspace");
    for name in ["model", "log"] {
        fs::create_dir_all(there.join(name)).unwrap();
        fs::write(there.join(name).join("r"), "of the job").unwrap();
    }
    let cube = cube.with_file("model/r", "mine");
    let pulled = run(&scene, "mlcube-ssh-pull", &document, &["-q", "--outputs"]);
    pulled.succeeds().says("kept model/r");
    assert_eq!(pulled.document().at("/steps/pull/outputs"), &serde_json::json!(["log"]));
    assert_eq!(cube.result("model/r"), "mine");
    // After a run it isn't what the run has left; the hint can be typed.
    let ran = serde_json::json!({"changed": true, "seconds": 1.0, "phase": "run", "status": 0});
    let pulled = run(&scene, "mlcube-ssh-pull", &document.with("/steps/exec", ran), &["-q"]);
    pulled.exits(125).says("the output model isn't what the run has left: 'model/r'");
    pulled.says(" | mlcube-ssh pull --overwrite` replaces what was kept");
}

#[test]
fn long_paths_come_by_rsync_with_the_rest() {
    let scene = Scene::new();
    let (cube, document, there) = pushed(&scene);
    // How a name of thousands of bytes falls into rsync's buffer decides whether rsync finds it in its own list.
    let deep: PathBuf = (0..14).map(|number| format!("{number:0240}")).collect();
    let names: Vec<_> = (0..14).map(|number| deep.join("x".repeat(80 + 10 * number))).collect();
    for content in ["new", "newer"] {
        fs::create_dir_all(there.join(&deep)).unwrap();
        for name in &names {
            fs::write(there.join(name), content).unwrap();
        }
        fs::write(there.join("good"), content).unwrap();
        // rsync takes such a name for a pattern, so that it goes through the stage.
        fs::write(there.join("good[1]"), content).unwrap();
        let verify = || run(&scene, "mlcube-ssh-pull", &document, &["--verify"]);
        verify().exits(125).says("good").never_says("rsync failed");
        run(&scene, "mlcube-ssh-pull", &document, &["-q"]).succeeds().is_silent();
        verify().succeeds();
        assert!(names.iter().all(|name| read(&cube.workspace().join(name)) == content));
        assert_eq!([cube.result("good"), cube.result("good[1]")], [content, content]);
    }
    let partial = files_below(&cube.workspace());
    assert!(!partial.iter().any(|path| path.ends_with("lock")), "{partial:?}");
}
