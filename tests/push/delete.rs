//! `push --delete`: deletes on the host what was pushed from this machine and is gone locally, and nothing else.
#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use mlcube_ssh_harness::{Cube, Outcome, Scene, Task, files_below};

/// A cube whose tree was pushed once.
fn pushed() -> (Scene, Cube, PathBuf) {
    let scene = Scene::new();
    let cube = scene.cube("digits").task(&Task::named("train")).with_file("data.csv", "1\n");
    let write = |name: &str| {
        let path = cube.root().join(name);
        fs::create_dir_all(path.parent().unwrap_or(&path)).unwrap();
        fs::write(path, name).unwrap();
    };
    for name in ["old/deep/one.py", "old/two *.py", "kept.py", "cache.bin"] {
        write(name);
    }
    push(&scene, &cube, &[]).succeeds();
    let there = scene.host.remote_root().join("digits");
    (scene, cube, there)
}

fn push(scene: &Scene, cube: &Cube, words: &[&str]) -> Outcome {
    let document = scene.document(cube, &[]);
    scene.tool("mlcube-ssh-push").args(words).reads_document(&document).run()
}

fn remove(cube: &Cube, name: &str) {
    let path = cube.root().join(name);
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    removed.unwrap();
}

#[test]
fn what_is_gone_locally_is_deleted_by_name_when_asked() {
    let (scene, cube, there) = pushed();
    remove(&cube, "old");
    push(&scene, &cube, &[]).succeeds();
    assert!(there.join("old/deep/one.py").exists(), "nothing is deleted unasked");
    // Remembered over pushes that didn't delete.
    let deleted = push(&scene, &cube, &["--delete"]);
    deleted.succeeds().says("deleted old/deep/one.py").says("deleted old/two *.py");
    assert!(!there.join("old").exists() && there.join("kept.py").exists());
    assert_eq!(deleted.document().at("/steps/push/deleted/0"), "old/two *.py");
    push(&scene, &cube, &["--delete"]).succeeds().never_says("deleted");
}

#[test]
fn what_others_put_on_the_remote_what_is_ignored_and_the_workspace_stay() {
    let (scene, cube, there) = pushed();
    fs::write(there.join("old/theirs"), "not from here").unwrap();
    fs::write(cube.root().join(".mlcubeignore"), "cache.bin\n").unwrap();
    remove(&cube, "old");
    remove(&cube, "workspace/data.csv");
    push(&scene, &cube, &["--delete"]).succeeds();
    for stays in ["old/theirs", "cache.bin", "workspace/data.csv", "kept.py"] {
        assert!(there.join(stays).exists(), "{stays}");
    }
    assert!(!there.join("old/deep").exists());

    // What was ignored for a while is known still: nobody else has changed it, and it goes when it's gone.
    let ignores = cube.root().join(".mlcubeignore");
    fs::write(cube.root().join("cache.bin"), "edited").unwrap();
    fs::rename(&ignores, cube.root().join("patterns")).unwrap();
    push(&scene, &cube, &[]).succeeds().says("sent").never_says("backup");
    fs::rename(cube.root().join("patterns"), &ignores).unwrap();
    push(&scene, &cube, &[]).succeeds();
    let again = push(&scene, &cube, &["--if-changed"]).succeeds().document();
    assert_eq!(again.at("/steps/push/changed"), &false);
    remove(&cube, "cache.bin");
    remove(&cube, ".mlcubeignore");
    push(&scene, &cube, &["--delete"]).succeeds().says("deleted cache.bin");
    assert!(!there.join("cache.bin").exists());
}

#[test]
fn nothing_behind_a_link_that_leads_out_is_deleted() {
    let (scene, cube, there) = pushed();
    let outside = scene.host.folder().join("outside");
    fs::create_dir_all(outside.join("deep")).unwrap();
    fs::write(outside.join("deep/one.py"), "theirs").unwrap();
    fs::remove_dir_all(there.join("old")).unwrap();
    std::os::unix::fs::symlink(&outside, there.join("old")).unwrap();
    remove(&cube, "old");
    push(&scene, &cube, &["--delete"]).succeeds();
    assert!(outside.join("deep/one.py").exists());
}

#[test]
fn nothing_behind_a_link_within_the_tree_is_deleted() {
    let (scene, cube, there) = pushed();
    let write = |name: &str| {
        fs::create_dir_all(cube.root().join(name).parent().unwrap()).unwrap();
        fs::write(cube.root().join(name), name).unwrap();
    };
    for name in ["sets/x", "sets/y", "lib/a", "src/a"] {
        write(name);
    }
    push(&scene, &cube, &[]).succeeds();
    // The folder moves into the workspace, a copy is given up, and links keep the old names.
    fs::rename(cube.root().join("sets"), cube.root().join("workspace/sets")).unwrap();
    fs::remove_dir_all(cube.root().join("lib")).unwrap();
    for (target, name) in [("workspace/sets", "sets"), ("src", "lib")] {
        std::os::unix::fs::symlink(target, cube.root().join(name)).unwrap();
        fs::remove_dir_all(there.join(name)).unwrap();
    }
    push(&scene, &cube, &[]).succeeds();
    fs::write(there.join("workspace/sets/x"), "a job's result").unwrap();
    remove(&cube, "kept.py");
    push(&scene, &cube, &["--delete"]).succeeds().says("deleted kept.py").never_says("sets");
    let read = |name: &str| fs::read_to_string(there.join(name)).unwrap();
    assert_eq!(read("workspace/sets/x"), "a job's result");
    assert_eq!((read("workspace/sets/y"), read("src/a")), ("sets/y".into(), "src/a".into()));
}

#[test]
fn more_than_was_allowed_is_refused() {
    let (scene, cube, there) = pushed();
    remove(&cube, "old");
    let refused = push(&scene, &cube, &["--delete", "--max-delete=1"]);
    refused.exits(125).complains(&["2 files", "--max-delete=1"]);
    assert!(there.join("old/deep/one.py").exists());
    let shown = push(&scene, &cube, &["--delete", "--dry-run"]);
    assert!(shown.succeeds().stderr.contains("old/deep/one.py"), "{shown}");
    push(&scene, &cube, &["--delete", "--max-delete=2"]).succeeds();
    assert!(!there.join("old").exists());
}

#[test]
fn a_name_that_is_no_text_never_stands_for_another() {
    let (scene, cube, there) = pushed();
    let odd = OsStr::from_bytes(b"a\xff");
    for name in [odd, OsStr::new("a\u{fffd}")] {
        fs::write(cube.root().join(name), "x").unwrap();
    }
    push(&scene, &cube, &[]).succeeds();
    fs::remove_file(cube.root().join(odd)).unwrap();
    push(&scene, &cube, &["--delete"]).succeeds().says("deleted a\u{fffd}");
    assert!(there.join("a\u{fffd}").exists() && !there.join(odd).exists());
    push(&scene, &cube, &["--delete"]).succeeds().never_says("deleted");
}

#[test]
fn what_a_push_that_failed_has_brought_can_be_deleted_too() {
    let (scene, cube, there) = pushed();
    fs::write(cube.root().join("stale.py"), "x").unwrap();
    scene.after_rsync("exit 12");
    push(&scene, &cube, &[]).exits(125);
    assert!(there.join("stale.py").exists());
    scene.real_rsync();
    remove(&cube, "stale.py");
    push(&scene, &cube, &["--delete"]).succeeds().says("deleted stale.py");
    assert!(!there.join("stale.py").exists());
}

#[test]
fn what_cannot_be_deleted_holds_nothing_up() {
    let Some((account, scene)) = Scene::with_an_ordinary_user() else { return };
    let cube = scene.cube("digits").task(&Task::named("train")).with_file("data.csv", "1\n");
    for name in ["lib/old.py", "lib/own.py", "gone.py"] {
        fs::create_dir_all(cube.root().join("lib")).unwrap();
        fs::write(cube.root().join(name), name).unwrap();
    }
    push(&scene, &cube, &[]).succeeds();
    let there = scene.host.remote_root().join("digits");
    fs::set_permissions(there.join("lib"), Permissions::from_mode(0o555)).unwrap();
    account.owns(&there.join("lib"));
    remove(&cube, "lib/old.py");
    remove(&cube, "gone.py");
    fs::write(cube.root().join("new.py"), "new").unwrap();
    let pushed = push(&scene, &cube, &["--delete"]);
    pushed.exits(125).says("deleted gone.py").says("can't delete 'lib/old.py' on 'there': mv: ");
    pushed.says("sent new.py");
    pushed.says("Permission denied").says("hint: make its folder writable");
    assert!(there.join("new.py").exists() && !there.join("gone.py").exists());
    // What another user's sticky folder protects gets the same answer as an immutable file.
    scene
        .sh("chown -R 0:0 \"$IT\" && chmod 1777 \"$IT\"")
        .env("IT", there.join("lib"))
        .run()
        .succeeds();
    let pushed = push(&scene, &cube, &["--delete"]);
    pushed.exits(125).says("Operation not permitted").says("lsattr");
    account.owns(&there.join("lib"));
    fs::set_permissions(there.join("lib"), Permissions::from_mode(0o755)).unwrap();
    push(&scene, &cube, &["--delete"]).succeeds().says("deleted lib/old.py");
    // The same holds for permissions that the account can't set: all else is sent, and recorded.
    let data = cube.workspace().join("data.csv");
    fs::set_permissions(&data, Permissions::from_mode(0o600)).unwrap();
    fs::write(cube.root().join("new.py"), "newer").unwrap();
    let there_data = there.join("workspace/data.csv");
    scene.sh("chown 0:0 \"$IT\"").env("IT", &there_data).run().succeeds();
    let denied = "can't set the permissions of 'data.csv' on 'there'";
    push(&scene, &cube, &[]).exits(125).says("sent new.py").says(denied);
    fs::write(cube.root().join("new.py"), "newest").unwrap();
    push(&scene, &cube, &[]).exits(125).says("sent new.py").says(denied).never_says("warning");
    push(&scene, &cube, &["--if-changed"]).exits(125).says(denied).never_says("nothing to send");
    account.owns(&there_data);
    let pushed = push(&scene, &cube, &["--if-changed"]).succeeds().document();
    assert_eq!(pushed.at("/steps/push/changed"), &true);
    assert_eq!(fs::metadata(&there_data).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(there.join("lib/own.py").exists() && !there.join("lib/old.py").exists());
}

#[test]
fn what_rsync_leaves_out_is_all_that_the_next_push_does_not_know() {
    let (scene, cube, there) = pushed();
    fs::write(there.join("old/own"), "a job's").unwrap();
    remove(&cube, "old");
    fs::write(cube.root().join("old"), "a file by now").unwrap();
    fs::write(there.join("kept.py"), "somebody else's").unwrap();
    for edit in ["1", "22", "333"] {
        fs::write(cube.root().join("kept.py"), edit).unwrap();
        let cube = cube.clone().with_file("data.csv", edit);
        let push = push(&scene, &cube, &["--if-changed"]);
        push.exits(125)
            .says("warning: skipped old: 'there' doesn't have")
            .never_says("was cut off");
        assert_eq!(push.document().at("/steps/push/left_out"), &serde_json::json!(["old"]));
        // Each backup is named once.
        assert_eq!(push.stderr.contains("warning: 'kept.py' on 'there' was changed"), edit == "1");
        assert_eq!(fs::read_to_string(there.join("kept.py")).unwrap(), edit);
        assert_eq!(fs::read_to_string(there.join("workspace/data.csv")).unwrap(), edit);
    }
    assert_eq!(fs::read_to_string(there.join("old/own")).unwrap(), "a job's");
    let mut backups = files_below(&there.with_file_name(".mlcube-ssh/digits/replaced"));
    backups.retain(|path| !path.ends_with("workspace/data.csv"));
    let kept: Vec<_> = backups.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    assert_eq!(kept, ["somebody else's"], "{backups:?}");
    // Nothing new isn't nothing to do.
    push(&scene, &cube, &["--if-changed"]).exits(125);
    fs::remove_dir_all(there.join("old")).unwrap();
    push(&scene, &cube, &["--if-changed"]).succeeds();
    assert_eq!(fs::read_to_string(there.join("old")).unwrap(), "a file by now");
}
