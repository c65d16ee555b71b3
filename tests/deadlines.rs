//! Every wait has a limit: for a host that takes no more of what is sent, or sends no more of what is fetched.
#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

use std::fs;

use mlcube_ssh_harness::{Cube, Document, HostOptions, Scene, Task, eventually};

/// More than a session's window and the pipes on the way hold, in bytes.
const MUCH: usize = 12 << 20;

/// A cube with much data, and a host that may be silent for two seconds.
fn with_much_data(options: HostOptions) -> (Scene, Cube, Document) {
    let mut scene = Scene::with(options);
    scene.set("/answer_timeout", 2);
    let task = Task::named("train").reads("data", "data.bin").writes("out", "out.bin");
    let cube = scene.cube("digits").task(&task);
    fs::write(cube.root().join("workspace/data.bin"), noise()).unwrap();
    let document = scene.document(&cube, &[]);
    (scene, cube, document)
}

/// Bytes that no compression makes fewer.
fn noise() -> Vec<u8> {
    let mut state = 1_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33).to_le_bytes()[0]
    };
    (0..MUCH).map(|_| next()).collect()
}

#[test]
fn a_host_that_takes_no_more_of_an_archive() {
    let (scene, _cube, document) = with_much_data(HostOptions::default());
    scene
        .host
        .has_program("tar", "case $* in *-x*) kill -STOP $$ ;; esac; exec /usr/bin/tar \"$@\"");
    let failed = scene.tool("mlcube-ssh-push").arg("-q").reads_document(&document).run();
    failed.exits(255).complains(&["'there'", "for 2 seconds", "answer_timeout"]);
    failed.never_says("lost");
}

#[test]
fn a_host_that_takes_an_archive_slowly() {
    let (scene, _cube, document) = with_much_data(HostOptions::default());
    let slowly =
        "{ for i in 1 2 3 4 5 6 7 8 9 10 11 12; do head -c 1000000; sleep 0.3; done; cat; }";
    scene.host.has_program(
        "tar",
        &format!(
            "case $* in *-x*) {slowly} | /usr/bin/tar \"$@\" ;; *) exec /usr/bin/tar \"$@\" ;; esac"
        ),
    );
    scene.tool("mlcube-ssh-push").arg("-q").reads_document(&document).run().succeeds();
}

#[test]
fn an_rsync_there_that_stops() {
    let (scene, cube, document) = with_much_data(HostOptions::default());
    scene.tool("mlcube-ssh-push").arg("-q").reads_document(&document).run().succeeds();
    fs::write(cube.root().join("workspace/data.bin"), "changed").unwrap();
    scene.host.has_program(
        "rsync",
        "case $* in *--server*) kill -STOP $$ ;; esac; exec /usr/bin/rsync \"$@\"",
    );
    let failed = scene.tool("mlcube-ssh-push").arg("-q").reads_document(&document).run();
    failed.exits(255).complains(&["'there'", "for 2 seconds", "answer_timeout"]);
    failed.never_says("lost");
    eventually("the local rsync has ended", || {
        scene.place().processes().with("--out-format").is_empty()
    });
}

#[test]
fn a_host_that_sends_no_more() {
    let (scene, _cube, document) = with_much_data(HostOptions::default());
    scene.tool("mlcube-ssh-push").arg("-q").reads_document(&document).run().succeeds();
    let out = scene.host.remote_root().join("digits/workspace");
    for n in 0..200 {
        fs::write(out.join(format!("result{n}")), "1\n").unwrap();
    }
    for stopped in ["tar", "rsync"] {
        let line = format!(
            "case $* in *--server* | *--create*) kill -STOP $$ ;; esac; exec /usr/bin/{stopped} \"$@\""
        );
        scene.host.has_program(stopped, &line);
        let failed = scene.tool("mlcube-ssh-pull").arg("-q").reads_document(&document).run();
        failed.exits(255).complains(&["'there'", "for 2 seconds", "answer_timeout"]);
        failed.never_says("lost");
        scene.host.loses_program(stopped);
        fs::write(out.join("large"), noise()).unwrap();
    }
}
