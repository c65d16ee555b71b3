//! What a push doesn't send, or can't, and what it says of it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use mlcube_ssh_harness::{Cube, Document, Outcome, Scene, Task};

fn push(scene: &Scene, document: &Document) -> Outcome {
    scene.tool("mlcube-ssh-push").arg("-q").reads_document(document).run()
}

#[test]
fn links_that_lead_out_of_what_is_sent_are_named_when_they_are_sent() {
    let scene = Scene::new();
    let lab = scene.home().join("lab");
    let cube = Cube::built_from(&lab.join("cube"), "../project")
        .task(&Task::named("train"))
        .with_file("data.csv", "1\n");
    // Links that are the build context or the workspace itself are followed.
    for (folder, moved) in [(lab.join("project"), "code"), (cube.workspace(), "disk")] {
        fs::rename(&folder, scene.home().join(moved)).unwrap();
        symlink(scene.home().join(moved), &folder).unwrap();
    }
    fs::create_dir_all(lab.join("other")).unwrap();
    let links = [
        ("cube/workspace/data", "/disk/data"),
        ("cube/workspace/up", "../../../beyond"),
        ("cube/workspace/beside", "../../other/x"),
        ("project/lib", "../../lib"),
    ];
    let within = [
        ("cube/workspace/to-code", "../mlcube.yaml"),
        ("cube/workspace/to-context", "../../project/Dockerfile"),
        ("cube/to-data", "workspace/data.csv"),
        ("cube/dangling", "a/../nowhere"),
    ];
    for (link, target) in links.iter().chain(&within) {
        symlink(target, lab.join(link)).unwrap();
    }
    let document = scene.document(&cube, &[]);
    let pushed = push(&scene, &document);
    pushed.succeeds().complains(&[
        "data -> /disk/data",
        "up -> ../../../beyond",
        "beside -> ../../other/x",
        "project/lib -> ../../lib",
        "into the workspace",
        "on there",
    ]);
    for (link, target) in within {
        pushed.never_says(&format!("{target},")).never_says(&format!("{link} "));
    }
    for (link, target) in links.iter().chain(&within) {
        let there = scene.host.remote_root().join("lab").join(link);
        assert_eq!(fs::read_link(there).unwrap(), Path::new(target));
    }
    push(&scene, &document).succeeds().is_silent();
    fs::remove_file(lab.join("project/lib")).unwrap();
    symlink("/opt/lib", lab.join("project/lib")).unwrap();
    push(&scene, &document).succeeds().complains(&["project/lib -> /opt/lib"]).never_says("data");
    for number in 0..7 {
        symlink("/disk/data", cube.workspace().join(format!("l{number}"))).unwrap();
    }
    push(&scene, &document).succeeds().complains(&["l4 -> ", "2 more"]).never_says("l5 -> ");
}
