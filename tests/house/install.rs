//! `scripts/install`: what it installs where, and that it removes all of it.
#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use mlcube_ssh_harness::{Invocation, Scene, Task, repository};

const PROGRAMS: [&str; 6] = [
    "mlcube-ssh",
    "mlcube-ssh-config",
    "mlcube-ssh-exec",
    "mlcube-ssh-interp",
    "mlcube-ssh-pull",
    "mlcube-ssh-push",
];

/// Every installed file.
fn installed() -> Vec<String> {
    let mut files = ["document.schema.json", "installed", "mlcube-ssh.mk", "settings.schema.json"]
        .map(|name| format!("share/mlcube-ssh/{name}"))
        .to_vec();
    for program in PROGRAMS {
        files.extend([
            format!("bin/{program}"),
            format!("share/man/man1/{program}.1"),
            format!("share/bash-completion/completions/{program}"),
            format!("share/zsh/site-functions/_{program}"),
            format!("share/fish/vendor_completions.d/{program}.fish"),
        ]);
    }
    files.sort();
    files
}

/// A scene with a checkout in its home, whose `cargo build` gives the programs that are built already.
fn scene_with_a_checkout() -> Scene {
    let scene = Scene::new();
    let copy = format!(
        "mkdir 'check out' && cp -R '{}' 'check out/scripts'",
        repository().join("scripts").display()
    );
    scene.sh(&copy).run().succeeds();
    scene.has_program(
        "cargo",
        "while [ \"$1\" != --target-dir ]; do shift; done\nmkdir -p \"$2/release\"\n\
         for program in config interp push exec pull; do\n\
         cp \"$(command -v mlcube-ssh-$program)\" \"$2/release/\"\ndone",
    );
    scene
}

fn install(scene: &Scene, words: &[&str]) -> Invocation {
    scene.invocation(&scene.home().join("check out/scripts/install")).args(words)
}

/// The files below a folder, by their paths in it.
fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap().map(Result::unwrap) {
            let path: PathBuf = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(folder).unwrap().display().to_string());
            }
        }
    }
    found.sort();
    found
}

#[test]
fn everything_is_installed_below_the_prefix_and_works() {
    let scene = scene_with_a_checkout();
    let prefix = scene.home().join("a place");
    for _ in 0..2 {
        install(&scene, &["--prefix", prefix.to_str().unwrap()]).run().succeeds();
        assert_eq!(files(&prefix), installed(), "a second time changes nothing");
    }
    let wrapper = prefix.join("bin/mlcube-ssh");
    assert_eq!(fs::metadata(&wrapper).unwrap().permissions().mode() & 0o777, 0o755);

    // Without the programs in PATH: it takes those beside it, also by way of a link.
    fs::remove_dir_all(scene.home().join("check out")).unwrap();
    std::os::unix::fs::symlink(&wrapper, scene.home().join("bin/mlcube")).unwrap();
    let _cube = scene.cube("cube").task(&Task::named("greet"));
    let called = scene.invocation(&scene.home().join("bin/mlcube")).env("PATH", "/usr/bin:/bin");
    let shown = called.args(["show_config", "--mlcube=cube", "--platform=gpu1"]).run();
    assert!(shown.succeeds().stdout.contains("runner:"));
}

#[test]
fn uninstall_removes_what_was_installed_and_nothing_else() {
    let scene = scene_with_a_checkout();
    let prefix = scene.home().join(".local");
    fs::create_dir_all(prefix.join("bin")).unwrap();
    fs::write(prefix.join("bin/mlcube-ssh-mine"), "").unwrap();
    install(&scene, &["--uninstall"]).run().succeeds();
    assert_eq!(files(&prefix), ["bin/mlcube-ssh-mine"]);

    install(&scene, &[]).run().succeeds();
    assert!(prefix.join("bin/mlcube-ssh").exists());
    install(&scene, &["--uninstall"]).run().succeeds();
    assert_eq!(files(&prefix), ["bin/mlcube-ssh-mine"]);
    assert!(!prefix.join("share/mlcube-ssh").exists());
}

#[test]
fn packagers_get_it_below_their_own_root() {
    let scene = scene_with_a_checkout();
    let root = scene.home().join("root");
    install(&scene, &["--prefix=/usr"]).env("DESTDIR", &root).run().succeeds();
    assert_eq!(files(&root.join("usr")), installed());
}

#[test]
fn what_cant_be_done_is_said_in_one_line() {
    let scene = scene_with_a_checkout();
    install(&scene, &["--frob"]).run().exits(125).says("--frob");
    for words in [&["--prefix="][..], &["--prefix", ""], &["--prefix"]] {
        install(&scene, words).run().exits(125).says("install: error: --prefix needs a folder");
    }
    let homeless = install(&scene, &[]).without_env("HOME").run();
    homeless.exits(125).says("install: error: HOME isn't set").says("hint: write --prefix=DIR");
    fs::write(scene.home().join("file"), "").unwrap();
    scene.has_program("cargo", "echo built >&2; exit 1");
    let unwritable = install(&scene, &["--prefix=file/p"]).run();
    unwritable.exits(125).never_says("built").says("file'").says("hint: choose another folder");
    scene.has_program("cargo", "exit 101");
    let failed = install(&scene, &["--prefix=p"]).run();
    failed.exits(125).says("nothing was installed");
    assert!(!scene.home().join("p").exists());
}
