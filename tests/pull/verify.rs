//! Both sides compared by content.

#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use mlcube_ssh_harness::{Cube, Document, HostOptions, Outcome, Scene, Task, files_below};

/// Writes a file without a trace: its size and time stay.
fn flips(path: &Path, text: &str) {
    let modified = fs::metadata(path).unwrap().modified().unwrap();
    assert_eq!(fs::metadata(path).unwrap().len(), text.len() as u64);
    fs::write(path, text).unwrap();
    fs::File::options().write(true).open(path).unwrap().set_modified(modified).unwrap();
}

#[test]
fn verify_names_files_that_differ_only_in_content() {
    let scene = Scene::new();
    let cube = scene.cube("digits").task(&Task::named("train")).with_file("data.csv", "1,2\n");
    let document = scene.document(&cube, &[]);
    scene.tool("mlcube-ssh-push").reads_document(&document).run().succeeds();
    let there = scene.host.remote_root().join("digits");
    fs::write(there.join("workspace/score"), "0.9").unwrap();
    scene.tool("mlcube-ssh-pull").reads_document(&document).run().succeeds();
    let verify = |tool| scene.tool(tool).arg("--verify").reads_document(&document).run();
    for tool in ["mlcube-ssh-push", "mlcube-ssh-pull"] {
        verify(tool).succeeds().says("no file differs from that on 'there'");
    }
    flips(&there.join("workspace/data.csv"), "1,3\n");
    flips(&cube.workspace().join("score"), "0.8");
    flips(&there.join("tasks/train"), ";");
    let pushed = verify("mlcube-ssh-push");
    pushed
        .exits(125)
        .says("data.csv")
        .says("score")
        .says("tasks/train")
        .says("3 files differ in content");
    assert_eq!(pushed.document().at("/failed/step"), "push");
    let pulled = verify("mlcube-ssh-pull");
    pulled.exits(125).says("data.csv").says("score").says("2 files differ in content");
    assert_eq!(cube.result("score"), "0.8", "nothing was transferred");
    assert_eq!(fs::read_to_string(there.join("workspace/data.csv")).unwrap(), "1,3\n");
}

#[test]
fn checksum_transfers_files_that_differ_only_in_content() {
    let scene = Scene::new();
    let (cube, document, there) = pushed(&scene);
    let tree = scene.host.remote_root().join("digits");
    let run = |tool, words: &[&str]| scene.tool(tool).args(words).reads_document(&document).run();
    // As a job writes through a memory map.
    flips(&there.join("data.csv"), "1,3\n");
    let unseen = run("mlcube-ssh-pull", &["-q"]);
    unseen.succeeds();
    assert_eq!(cube.result("data.csv"), "1,2\n", "size and time are the same");
    let seen = run("mlcube-ssh-pull", &["--checksum"]);
    assert_eq!(seen.succeeds().document().at("/steps/pull/files_sent"), 1);
    assert_eq!(cube.result("data.csv"), "1,3\n");
    let aside = files_below(&scene.home().join(".local/state/mlcube-ssh"));
    assert!(aside.iter().any(|path| fs::read(path).unwrap() == b"1,2\n"), "it is kept aside");
    flips(&cube.workspace().join("set/train.csv"), "3,5\n");
    flips(&cube.root().join("tasks/train"), ";");
    assert_eq!(run("mlcube-ssh-push", &[]).succeeds().document().at("/steps/push/changed"), false);
    run("mlcube-ssh-push", &["--checksum"]).succeeds();
    assert_eq!(fs::read_to_string(there.join("set/train.csv")).unwrap(), "3,5\n");
    assert_eq!(fs::read_to_string(tree.join("tasks/train")).unwrap(), ";");
    for tool in ["mlcube-ssh-push", "mlcube-ssh-pull"] {
        run(tool, &["--verify"]).succeeds().says("no file differs from that on 'there'");
        let nothing = run(tool, &["--checksum"]).succeeds().document();
        assert_eq!(nothing.at(&format!("/steps/{}/changed", &tool[11..])), false);
    }
}

#[test]
fn checksum_works_on_a_host_with_one_session_at_a_time() {
    let scene = Scene::with(HostOptions::default().config("MaxSessions 1"));
    let (cube, document, there) = pushed(&scene);
    let run =
        |tool: &str| scene.tool(tool).args(["-q", "--checksum"]).reads_document(&document).run();
    flips(&cube.workspace().join("set/train.csv"), "3,5\n");
    run("mlcube-ssh-push").succeeds().says("by content alone");
    assert_eq!(fs::read_to_string(there.join("set/train.csv")).unwrap(), "3,5\n");
    flips(&there.join("data.csv"), "1,3\n");
    run("mlcube-ssh-pull").succeeds().says("by content alone");
    assert_eq!(cube.result("data.csv"), "1,3\n");
}

#[test]
fn checksum_knows_names_that_are_no_text() {
    let scene = Scene::new();
    let names: [&[u8]; 4] = [b"a\xff", b"b\xfe/c\nd", b"e\\#012f", b"g\rh"];
    let (cube, document, there) = pushed(&scene);
    let here = cube.workspace();
    let path = |top: &Path, name: &[u8]| top.join(OsStr::from_bytes(name));
    for name in names {
        fs::create_dir_all(path(&here, name).parent().unwrap()).unwrap();
        fs::write(path(&here, name), "1").unwrap();
    }
    let run = |tool: &str, words: &[&str]| {
        scene.tool(tool).arg("-q").args(words).reads_document(&document).run()
    };
    run("mlcube-ssh-push", &[]).succeeds();
    for (text, tool, from, to) in
        [("2", "mlcube-ssh-push", &here, &there), ("3", "mlcube-ssh-pull", &there, &here)]
    {
        for name in names {
            flips(&path(from, name), text);
        }
        run(tool, &["--checksum"]).succeeds().says("by content alone");
        for name in names {
            assert_eq!(
                fs::read_to_string(path(to, name)).unwrap(),
                text,
                "{}",
                name.escape_ascii()
            );
        }
    }
}

/// A cube that is the same here and there.
fn pushed(scene: &Scene) -> (Cube, Document, PathBuf) {
    let cube = scene.cube("digits").task(&Task::named("train")).with_file("data.csv", "1,2\n");
    let cube = cube.with_file("set/train.csv", "3,4\n");
    let document = scene.document(&cube, &[]);
    scene.tool("mlcube-ssh-push").arg("-q").reads_document(&document).run().succeeds();
    (cube, document, scene.host.remote_root().join("digits/workspace"))
}

/// Moves a folder to another disk, so to speak, and leaves a link; gives the folder's new place.
fn becomes_a_link(scene: &Scene, folder: &Path) -> PathBuf {
    let disk = scene.place().path().join("disk");
    fs::rename(folder, &disk).unwrap();
    symlink(&disk, folder).unwrap();
    disk
}

fn verify(scene: &Scene, tool: &str, document: &Document) -> Outcome {
    scene.tool(tool).arg("--verify").reads_document(document).run()
}

/// Both tools find both sides the same; then, of a file behind the link, that one byte isn't, and what it is called.
fn finds_a_flipped_byte(scene: &Scene, document: &Document, file: &Path, name: &str) {
    let tools = ["mlcube-ssh-push", "mlcube-ssh-pull"];
    for tool in tools {
        verify(scene, tool, document).succeeds().says("no file differs from that on 'there'");
    }
    flips(file, "3,5\n");
    for tool in tools {
        let found = verify(scene, tool, document);
        found
            .exits(125)
            .says(&format!(": the local {name} differs from that on"))
            .says("1 file differs in content");
    }
}

#[test]
fn a_workspace_that_is_a_local_link() {
    let mut scene = Scene::new();
    let disk = scene.place().path().join("disk");
    scene.follows_links_to(&disk);
    let (cube, document, _) = pushed(&scene);
    let disk = becomes_a_link(&scene, &cube.workspace());
    finds_a_flipped_byte(&scene, &document, &disk.join("set/train.csv"), "set/train.csv");
}

#[test]
fn a_workspace_that_is_a_remote_link() {
    let scene = Scene::new();
    let (_, document, there) = pushed(&scene);
    let disk = becomes_a_link(&scene, &there);
    finds_a_flipped_byte(&scene, &document, &disk.join("set/train.csv"), "set/train.csv");
}

#[test]
fn a_folder_that_is_a_remote_link_of_the_user() {
    let scene = Scene::new();
    let (_, document, there) = pushed(&scene);
    let disk = becomes_a_link(&scene, &there.join("set"));
    verify(&scene, "mlcube-ssh-push", &document)
        .succeeds()
        .says("no file differs from that on 'there'");
    flips(&disk.join("train.csv"), "3,5\n");
    let found = verify(&scene, "mlcube-ssh-push", &document);
    found
        .exits(125)
        .says(": the local set/train.csv differs from that on")
        .says("1 file differs in content");
    // Nothing was made or written there.
    assert!(there.join("set").is_symlink());
}

#[test]
fn a_folder_that_is_a_local_link_of_the_user() {
    let mut scene = Scene::new();
    let disk = scene.place().path().join("disk");
    scene.follows_links_to(&disk);
    let (cube, document, _) = pushed(&scene);
    let disk = becomes_a_link(&scene, &cube.workspace().join("set"));
    verify(&scene, "mlcube-ssh-pull", &document)
        .succeeds()
        .says("no file differs from that on 'there'");
    flips(&disk.join("train.csv"), "3,5\n");
    let found = verify(&scene, "mlcube-ssh-pull", &document);
    found
        .exits(125)
        .says(": the local set/train.csv differs from that on")
        .says("1 file differs in content");
}

#[test]
fn a_file_where_the_other_side_has_a_folder() {
    let scene = Scene::new();
    let (cube, document, there) = pushed(&scene);
    fs::remove_dir_all(there.join("set")).unwrap();
    fs::write(there.join("set"), "x").unwrap();
    for tool in ["mlcube-ssh-push", "mlcube-ssh-pull"] {
        let found = verify(&scene, tool, &document);
        found
            .exits(125)
            .says(": the local set differs from that on")
            .says("1 file differs in content");
    }
    assert_eq!(cube.result("set/train.csv"), "3,4\n");
}

#[test]
fn a_push_that_never_was_makes_nothing_on_the_remote() {
    let scene = Scene::new();
    let cube = scene.cube("digits").task(&Task::named("train")).with_file("data.csv", "1\n");
    let document = scene.document(&cube, &[]);
    verify(&scene, "mlcube-ssh-push", &document).exits(125).says("data.csv differs from that on");
    assert!(!scene.host.remote_root().exists());
}
