//! Two accounts of the remote in one group, and a folder of that group.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use mlcube_ssh_harness::{Account, Scene, Task};

#[test]
fn the_second_member_of_a_group_is_told_whose_the_tree_is() {
    let Some((first, scene)) = Scene::with_an_ordinary_user() else { return };
    let Some(second) = Account::with_shell(&scene.place().folder("homes"), "sh") else { return };
    second.joins_group_of(&first);
    let root = scene.host.remote_root();
    fs::set_permissions(&root, Permissions::from_mode(0o2775)).unwrap();
    let cube = scene.cube("digits").task(&Task::named("train")).with_file("data.csv", "1\n");
    let document = scene.document(&cube, &[]);
    let push = || scene.tool("mlcube-ssh-push").arg("-q").reads_document(&document).run();
    push().succeeds();
    scene.has_ssh_config(&format!("User {}\nControlPath none", second.name()));
    scene.masters().kill();
    let refused = push();
    refused.exits(125).complains(&[first.name(), "shared: true"]);
    assert_eq!(fs::read_to_string(root.join("digits/workspace/data.csv")).unwrap(), "1\n");
}
