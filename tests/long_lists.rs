//! A pull that fetches many files by rsync: it asks for them in pieces, and gets nothing but what it asked for.
#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

use std::fs;
use std::path::{Path, PathBuf};

use mlcube_ssh_harness::{Cube, Document, Outcome, Scene, Task};

/// More than one piece.
const MANY: usize = 2100;

/// A cube in whose workspace there a task has changed many files that were fetched before.
fn many() -> (Scene, Cube, Document) {
    let scene = Scene::new();
    let cube = scene.cube("digits").task(&Task::named("train"));
    let document = scene.document(&cube, &[]);
    scene.tool("mlcube-ssh-push").reads_document(&document).run().succeeds();
    let folder = there(&scene).join("it's many");
    fs::create_dir(&folder).unwrap();
    write_all(&folder, "old");
    pull(&scene, &document, &[]).succeeds();
    write_all(&folder, "changed");
    (scene, cube, document)
}

fn there(scene: &Scene) -> PathBuf {
    scene.host.remote_root().join("digits/workspace")
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

#[test]
fn many_are_asked_for_in_pieces_and_nothing_else_comes() {
    let (scene, cube, document) = many();
    fs::write(there(&scene).join(".mlcubeignore"), "!*\n").unwrap();
    fs::write(cube.workspace().join("mine"), "edited here").unwrap();
    fs::write(there(&scene).join("mine"), "there, too").unwrap();
    fs::write(cube.root().join(".mlcubeignore"), "ignored\n").unwrap();
    fs::write(cube.workspace().join("ignored"), "mine").unwrap();
    fs::write(there(&scene).join("ignored"), "theirs").unwrap();
    let pulled = pull(&scene, &document, &["-v"]);
    pulled.succeeds().never_says("--files-from=:").never_says("--keep-dirlinks");
    // rsync checks names only against a list that it has sent itself.
    assert_eq!(pulled.stderr.matches("--files-from=-").count(), 2, "{}", pulled.stderr);
    assert_eq!(came(&cube), MANY);
    assert_eq!(cube.result("mine"), "edited here");
    assert_eq!(cube.result("ignored"), "mine");
    assert!(!cube.workspace().join(".mlcubeignore").exists());
}

#[test]
fn what_a_dry_run_shows_fetches_the_same() {
    let (scene, cube, document) = many();
    let shown = pull(&scene, &document, &["--dry-run"]).succeeds().stderr.clone();
    fs::remove_dir_all(cube.workspace()).unwrap();
    scene.sh("sh -eu").reads(shown).run().succeeds();
    assert_eq!(came(&cube), MANY);
}
