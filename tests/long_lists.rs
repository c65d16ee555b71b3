//! The names of what a pull fetches go there first when they are many.
#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use mlcube_ssh_harness::{Cube, Document, Outcome, Scene, Task};

const MANY: usize = 1200;

/// A cube in whose workspace there a task has changed many files that were fetched before.
fn many() -> (Scene, Cube, Document) {
    let scene = Scene::new();
    let cube = scene.cube("digits").task(&Task::named("train"));
    let document = scene.document(&cube, &[]);
    scene.tool("mlcube-ssh-push").reads_document(&document).run().succeeds();
    let folder = scene.host.remote_root().join("digits/workspace/it's many");
    fs::create_dir(&folder).unwrap();
    write_all(&folder, "old");
    pull(&scene, &document, &[]).succeeds();
    write_all(&folder, "changed");
    (scene, cube, document)
}

fn write_all(folder: &Path, content: &str) {
    for number in 0..MANY {
        fs::write(folder.join(format!("{number}\n")), content).unwrap();
    }
}

fn pull(scene: &Scene, document: &Document, words: &[&str]) -> Outcome {
    scene.tool("mlcube-ssh-pull").args(words).reads_document(document).run()
}

/// How many of the changed files are here.
fn came(cube: &Cube) -> usize {
    let files = fs::read_dir(cube.workspace().join("it's many")).unwrap().flatten();
    files.filter(|file| fs::read(file.path()).unwrap() == b"changed").count()
}

/// The folder there for what is on its way.
fn incoming(scene: &Scene) -> PathBuf {
    scene.host.remote_root().join(".mlcube-ssh/digits/incoming")
}

#[test]
fn many_names_go_there_first() {
    let (scene, cube, document) = many();
    let pulled = pull(&scene, &document, &["-v"]);
    pulled.succeeds().says("'exec cp /dev/stdin /").says("--files-from=:/");
    pulled.never_says("--files-from=-");
    assert_eq!(came(&cube), MANY);
    let pair = fs::read_dir(incoming(&scene)).unwrap().next().unwrap().unwrap().path();
    assert_eq!(fs::metadata(&pair).unwrap().permissions().mode() & 0o777, 0o700);
    let list = fs::read_dir(pair.join("tmp")).unwrap().next().unwrap().unwrap().path();
    assert!(fs::read(&list).unwrap().ends_with(b"/999\n\0"), "the list is on its way still");
    // An old list goes, and a short one stays here.
    scene.sh(&format!("touch -d '20 minutes ago' '{}'", list.display())).run().succeeds();
    fs::write(scene.host.remote_root().join("digits/workspace/one"), "x").unwrap();
    pull(&scene, &document, &["-v"]).succeeds().says("--files-from=-").never_says("cp /dev/stdin");
    assert!(!list.exists());
}

#[test]
fn a_list_that_was_changed_there_brings_nothing_that_never_comes() {
    let (scene, cube, document) = many();
    let there = scene.host.remote_root().join("digits/workspace");
    for name in [".git/hooks/pre-push", "it's many/.git/config", "it's many/.mlcube-ssh/state"] {
        fs::create_dir_all(there.join(name).parent().unwrap()).unwrap();
        fs::write(there.join(name), "planted").unwrap();
    }
    let more = r".git/hooks/pre-push\0it's many/.git/config\0it's many/.mlcube-ssh/state\0";
    scene.host.has_program("cp", &format!("cat >\"$2\"\nprintf \"{more}\" >>\"$2\""));
    let _fetched_or_refused = pull(&scene, &document, &["-v"]).says("--files-from=:");
    assert_eq!(came(&cube), MANY);
    assert!(!cube.workspace().join(".git").exists());
}

#[test]
fn where_none_can_be_put_the_names_go_along() {
    for lines in ["exit 1", "cat >/dev/null; echo no room >&2; exit 1"] {
        let (scene, cube, document) = many();
        scene.host.has_program("cp", lines);
        let pulled = pull(&scene, &document, &["-v"]);
        pulled.succeeds().says("cp /dev/stdin").says("--files-from=-");
        assert_eq!(came(&cube), MANY);
    }
    let (scene, cube, document) = many();
    fs::remove_dir_all(incoming(&scene)).unwrap();
    fs::write(incoming(&scene), "in the way").unwrap();
    pull(&scene, &document, &["-v"]).succeeds().says("--files-from=-").never_says("cp /dev/stdin");
    assert_eq!(came(&cube), MANY);
}

#[test]
fn a_connection_that_is_lost_with_the_list() {
    let (scene, _, document) = many();
    scene.host.has_program("cp", "kill -9 $PPID\nsleep 1");
    pull(&scene, &document, &["-q"]).exits(255).complains(&["there", "lost"]);
}

#[test]
fn what_a_dry_run_shows_fetches_the_same() {
    let (scene, cube, document) = many();
    let ran = pull(&scene, &document, &["-v"]).succeeds().stderr.clone();
    let shown = pull(&scene, &document, &["--dry-run"]).succeeds().stderr.clone();
    for what in ["mkdir -p -- ", "'exec cp /dev/stdin ", "--files-from=:"] {
        // But for what has the number of the process in it.
        let start = |text: &str| {
            let line = text.lines().find(|line| line.contains(what)).map(str::to_owned);
            line.and_then(|line| Some(line.split(what).next()?.to_owned()))
        };
        assert!(start(&shown).is_some() && start(&shown) == start(&ran), "{what}");
    }
    fs::remove_dir_all(cube.workspace()).unwrap();
    fs::remove_dir_all(incoming(&scene)).unwrap();
    scene.sh("sh -eu").reads(shown).run().succeeds();
    assert_eq!(came(&cube), MANY);
}
