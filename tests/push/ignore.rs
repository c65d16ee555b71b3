//! `.mlcubeignore`: what it names is transferred in neither direction, exactly as with git.
#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use mlcube_ssh_harness::{Cube, Document, Scene, Task};

const PATTERNS: &str = "# a comment\n*.log\n!keep.log\n/top\nsub/mid\nfolder/\n**/deep/*.bin\na/**/z\n\\!bang\n\\#hash\ntrailing\\ \nspaced   \n[ab]c\n[!x]y.dat\nclosed/\n!closed/in\nq?k\nunclosed[\n*.tmp/\n/cache/*\n!/cache/readme\n";

const FILES: [&str; 37] = [
    "x.log",
    "keep.log",
    "top",
    "in/top",
    "sub/mid",
    "in/sub/mid",
    "folder/file",
    "in/folder/file",
    "file/folder",
    "deep/x.bin",
    "in/deep/x.bin",
    "deep/in/x.bin",
    "a/z",
    "a/b/z",
    "a/b/c/z",
    "!bang",
    "#hash",
    "trailing ",
    "trailing",
    "spaced",
    "spaced   ",
    "ac",
    "bc",
    "cc",
    "xy.dat",
    "zy.dat",
    "closed/in",
    "closed/other",
    "quk",
    "q/k",
    "unclosed[",
    "work.tmp/file",
    "file.tmp",
    "cache/readme",
    "cache/blob",
    "in/cache/blob",
    "own/x.log",
];

fn cube_with_files(scene: &Scene) -> Cube {
    let cube = scene.cube("digits").task(&Task::named("train").reads("data", "data.csv"));
    let cube = cube.with_file("data.csv", "1\n");
    for file in FILES {
        let path = cube.root().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, file).unwrap();
    }
    fs::write(cube.root().join(".mlcubeignore"), PATTERNS).unwrap();
    fs::write(cube.root().join("own/.mlcubeignore"), "!x.log\n").unwrap();
    cube
}

fn push(scene: &Scene, cube: &Cube) -> Document {
    let document = scene.document(cube, &[]);
    scene.tool("mlcube-ssh-push").arg("-q").reads_document(&document).run().succeeds().document()
}

/// The paths that a line of sh prints about `folder`, each with a NUL.
fn paths(scene: &Scene, line: &str, folder: &Path) -> BTreeSet<PathBuf> {
    let listed = scene.sh(line).env("FOLDER", folder).run();
    listed.succeeds().stdout.split_terminator('\0').map(PathBuf::from).collect()
}

const FILES_IN: &str = "find \"$FOLDER\" -type f -printf '%P\\0'";

/// What git makes of the same patterns, under its own name for them.
const KEPT_BY_GIT: &str =
    "cp -r \"$FOLDER\" \"$FOLDER.git\" && cd \"$FOLDER.git\" && git init -q . &&
find . -name .mlcubeignore -execdir cp '{}' .gitignore ';' &&
git -c core.excludesFile= ls-files -z --others --exclude-standard | sed -z '/\\.gitignore$/d'";

#[test]
fn what_git_would_ignore_is_skipped_and_all_else_is_sent() {
    let scene = Scene::new();
    let cube = cube_with_files(&scene);
    let expected = paths(&scene, KEPT_BY_GIT, cube.root());
    assert!(expected.len() > 15 && expected.len() < FILES.len() - 10, "{expected:?}");
    let _document = push(&scene, &cube);
    assert_eq!(paths(&scene, FILES_IN, &scene.host.remote_root().join("digits")), expected);
}

#[test]
fn git_and_what_is_ignored_are_skipped_and_shown() {
    let scene = Scene::new();
    let cube = cube_with_files(&scene).with_file("secret.log", "s").with_file(".git/config", "c");
    fs::create_dir_all(cube.root().join(".git")).unwrap();
    fs::write(cube.root().join(".git/config"), "c").unwrap();
    let document = scene.document(&cube, &[]);
    let shown =
        scene.tool("mlcube-ssh-push").args(["-v", "--dry-run"]).reads_document(&document).run();
    shown.succeeds();
    for name in [
        "skipped (ignored): .git\n",
        "skipped (ignored): x.log\n",
        "skipped (ignored): secret.log\n",
        "skipped (ignored): closed\n",
    ] {
        assert!(shown.stderr.contains(name), "{name}: {}", shown.stderr);
    }
    let _document = push(&scene, &cube);
    let there = scene.host.remote_root().join("digits");
    assert!(!there.join(".git").exists() && !there.join("workspace/.git").exists());
    assert!(
        !there.join("workspace/secret.log").exists() && there.join("workspace/data.csv").exists()
    );
}

#[test]
fn a_pull_skips_what_is_ignored() {
    let scene = Scene::new();
    let cube = cube_with_files(&scene);
    let document = push(&scene, &cube);
    let there = scene.host.remote_root().join("digits/workspace");
    for name in ["made.log", "made.txt", "folder/big"] {
        fs::create_dir_all(there.join(name).parent().unwrap()).unwrap();
        fs::write(there.join(name), name).unwrap();
    }
    scene.tool("mlcube-ssh-pull").arg("-q").reads_document(&document).run().succeeds();
    assert_eq!(cube.result("made.txt"), "made.txt");
    assert!(
        !cube.workspace().join("made.log").exists() && !cube.workspace().join("folder").exists()
    );
}

#[test]
fn a_change_of_an_ignored_file_is_none() {
    let mut scene = Scene::new();
    let cube = cube_with_files(&scene);
    let document = push(&scene, &cube);
    scene.masters().kill();
    scene.host.sshd.stop();
    fs::write(cube.root().join("x.log"), "another").unwrap();
    fs::write(cube.workspace().join("new.log"), "new").unwrap();
    let push =
        scene.tool("mlcube-ssh-push").args(["-q", "--if-changed"]).reads_document(&document).run();
    assert_eq!(
        push.succeeds().document().at("/steps/push/context_changed"),
        true,
        "never configured"
    );
}
