//! Both sides compared by content.

#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

use std::fs;
use std::path::Path;

use mlcube_ssh_harness::{Scene, Task};

/// Writes a file without a trace: its size and time stay.
fn flips(path: &Path, text: &str) {
    let modified = fs::metadata(path).unwrap().modified().unwrap();
    assert_eq!(fs::metadata(path).unwrap().len(), text.len() as u64);
    fs::write(path, text).unwrap();
    fs::File::options().write(true).open(path).unwrap().set_modified(modified).unwrap();
}

#[test]
fn what_differs_only_by_content_is_named_and_stays() {
    let scene = Scene::new();
    let cube = scene.cube("digits").task(&Task::named("train")).with_file("data.csv", "1,2\n");
    let document = scene.document(&cube, &[]);
    scene.tool("mlcube-ssh-push").reads_document(&document).run().succeeds();
    let there = scene.host.remote_root().join("digits");
    fs::write(there.join("workspace/score"), "0.9").unwrap();
    scene.tool("mlcube-ssh-pull").reads_document(&document).run().succeeds();
    let verify = |tool| scene.tool(tool).arg("--verify").reads_document(&document).run();
    for tool in ["mlcube-ssh-push", "mlcube-ssh-pull"] {
        verify(tool).succeeds().says("the same here and on there");
    }
    flips(&there.join("workspace/data.csv"), "1,3\n");
    flips(&cube.workspace().join("score"), "0.8");
    flips(&there.join("tasks/train"), ";");
    let pushed = verify("mlcube-ssh-push");
    pushed.exits(125).says("data.csv").says("score").says("tasks/train").says("3 files are not");
    assert_eq!(pushed.document().at("/failed/step"), "push");
    let pulled = verify("mlcube-ssh-pull");
    pulled.exits(125).says("data.csv").says("score").says("2 files are not");
    assert_eq!(cube.result("score"), "0.8", "nothing was transferred");
    assert_eq!(fs::read_to_string(there.join("workspace/data.csv")).unwrap(), "1,3\n");
}
