//! Progress on a terminal and elsewhere; what is left of a transfer that is cut off.
#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use mlcube_ssh_harness::{Cube, Document, Scene, Task, eventually, random};
use rustix::process::Signal;

/// A cube with a large file in its workspace there, on a host whose rsync sends so many kilobytes a second.
fn slow(kilobytes: u32, size: usize) -> (Scene, Cube, Document, PathBuf) {
    let scene = Scene::new();
    let cube = scene.cube("digits").task(&Task::named("train"));
    let document = scene.document(&cube, &[]);
    scene.tool("mlcube-ssh-push").reads_document(&document).run().succeeds();
    let there = scene.host.remote_root().join("digits/workspace");
    fs::write(there.join("model.bin"), random(1, size)).unwrap();
    is_slow(&scene, kilobytes);
    (scene, cube, document, there)
}

fn is_slow(scene: &Scene, kilobytes: u32) {
    let bin = scene.host.bin();
    fs::create_dir_all(&bin).unwrap();
    let lines = format!(
        "#!/bin/sh\nfirst=$1\nshift\nexec /usr/bin/rsync \"$first\" --bwlimit={kilobytes} \"$@\"\n"
    );
    fs::write(bin.join("rsync"), lines).unwrap();
    fs::set_permissions(bin.join("rsync"), fs::Permissions::from_mode(0o755)).unwrap();
}

fn pull(scene: &Scene, document: &Document, words: &str) -> String {
    let path = scene.home().join("document.json");
    fs::write(&path, document.to_string()).unwrap();
    format!("mlcube-ssh-pull {words} --input {} >/dev/null", path.display())
}

#[test]
fn on_a_terminal_one_line_is_drawn_again() {
    let (scene, cube, document, _) = slow(1_000, 4_000_000);
    let shown = scene.sh_at_a_terminal(&pull(&scene, &document, "")).run();
    let text = shown.succeeds().stdout.clone();
    let drawn: Vec<&str> = text.split('\r').filter(|line| line.contains(" %, ")).collect();
    assert!(drawn.len() > 2, "{text:?}");
    assert!(drawn.iter().all(|line| line.contains("/s")), "{text:?}");
    assert!(drawn.iter().any(|line| line.contains(" left")), "{text:?}");
    assert!(!drawn.iter().any(|line| line.contains('\n')), "one line only: {text:?}");
    assert!(
        text.ends_with(
            "\r\x1b[Kmlcube-ssh-pull: fetched 1 file from 'there', 4.0 MB over the link\r\n"
        ),
        "{text:?}"
    );
    assert_eq!(fs::metadata(cube.workspace().join("model.bin")).unwrap().len(), 4_000_000);
}

#[test]
fn without_a_terminal_progress_is_a_plain_line_and_none_when_quiet() {
    let (scene, cube, document, _) = slow(500, 2_500_000);
    let shown = scene.sh(&pull(&scene, &document, "")).run();
    let lines: Vec<&str> = shown.succeeds().stderr.lines().collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].starts_with("mlcube-ssh-pull: ") && lines[0].contains(" %, "), "{lines:?}");
    assert!(!shown.stderr.contains(['\r', '\x1b']));
    fs::remove_file(cube.workspace().join("model.bin")).unwrap();
    is_slow(&scene, 2_000);
    let quiet = scene.sh_at_a_terminal(&pull(&scene, &document, "-q")).run();
    assert_eq!(quiet.succeeds().stdout, "");
}

/// Waits until some of the file has come, out of sight.
fn some_came(workspace: &Path) {
    let folders = || fs::read_dir(workspace.join(".mlcube-ssh-partial")).into_iter().flatten();
    let has_some = |folder: fs::DirEntry| {
        fs::read_dir(folder.path())
            .into_iter()
            .flatten()
            .flatten()
            .any(|file| file.metadata().is_ok_and(|it| it.len() > 500_000))
    };
    eventually("some of the file came", || folders().flatten().any(has_some));
}

/// Waits for what rsync, which ends after us, keeps.
fn is_kept(path: &Path) {
    eventually(&format!("{} is kept", path.display()), || path.exists());
}

#[test]
fn a_cut_off_pull_keeps_the_old_file_and_the_next_one_resumes() {
    let (scene, cube, document, there) = slow(3_000, 6_000_000);
    let old = "the old one";
    let record = |text: &str| fs::write(there.join("model.bin"), text).unwrap();
    let new = fs::read(there.join("model.bin")).unwrap();
    record(old);
    scene.tool("mlcube-ssh-pull").reads_document(&document).run().succeeds();
    fs::write(there.join("model.bin"), &new).unwrap();
    let running = scene.tool("mlcube-ssh-pull").reads_document(&document).start();
    some_came(&cube.workspace());
    running.ctrl_c();
    running.wait();
    assert_eq!(cube.result("model.bin"), old);
    is_kept(&cube.workspace().join(".mlcube-ssh-partial/model.bin"));
    let again = scene.tool("mlcube-ssh-pull").reads_document(&document).run();
    assert!(fs::read(cube.workspace().join("model.bin")).unwrap() == new);
    let came = again.succeeds().document().at("/steps/pull/bytes_sent").as_u64().unwrap();
    assert!(came < 5_600_000, "{came} bytes came: nothing was resumed");
    assert!(!cube.workspace().join(".mlcube-ssh-partial").exists());
}

#[test]
fn killed_at_any_moment_it_is_the_old_file_or_the_new_one() {
    let (scene, cube, document, there) = slow(20_000, 4_000_000);
    let new = fs::read(there.join("model.bin")).unwrap();
    fs::write(there.join("model.bin"), "old").unwrap();
    scene.tool("mlcube-ssh-pull").reads_document(&document).run().succeeds();
    fs::write(there.join("model.bin"), &new).unwrap();
    for after in [20, 60, 100, 140, 180, 220, 260] {
        let running = scene.tool("mlcube-ssh-pull").reads_document(&document).start();
        thread::sleep(Duration::from_millis(after));
        running.signal(Signal::KILL);
        running.wait();
        let now = fs::read(cube.workspace().join("model.bin")).unwrap();
        assert!(now == b"old" || now == new, "half a file of {} bytes", now.len());
    }
    scene.tool("mlcube-ssh-pull").reads_document(&document).run().succeeds();
    assert!(fs::read(cube.workspace().join("model.bin")).unwrap() == new);
}
