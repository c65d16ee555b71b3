//! What a push doesn't send, or can't, and its messages about that.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use mlcube_ssh_harness::{Cube, Scene, Task};

#[test]
fn links_that_lead_out_of_what_is_sent_are_named_when_they_are_sent() {
    let mut scene = Scene::new();
    let (lab, moved) = (scene.home().join("lab"), scene.home().join("moved"));
    fs::create_dir_all(&moved).unwrap();
    scene.follows_links_to(&moved);
    let cube = Cube::built_from(&lab.join("cube"), "../project")
        .task(&Task::named("train"))
        .with_file("data.csv", "1\n");
    // Links that are the build context or the workspace itself are followed.
    for (folder, moved) in [(lab.join("project"), "moved/code"), (cube.workspace(), "moved/disk")] {
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
    let pushed = scene.push(&document, &["-q"]);
    for word in [
        "warning: sent links",
        "data -> /disk/data",
        "up -> ../../../beyond",
        "beside -> ../../other/x",
        "project/lib -> ../../lib",
        "hint: put the target into the workspace, or that of a link of the code into the cube's folder",
        "on 'there'",
    ] {
        pushed.succeeds().says(word);
    }
    for (link, target) in within {
        pushed.never_says(&format!("{target},")).never_says(&format!("{link} "));
    }
    for (link, target) in links.iter().chain(&within) {
        let there = scene.host.remote_root().join("lab").join(link);
        assert_eq!(fs::read_link(there).unwrap(), Path::new(target));
    }
    scene.push(&document, &["-q"]).succeeds().is_silent();
    fs::remove_file(lab.join("project/lib")).unwrap();
    symlink("/opt/lib", lab.join("project/lib")).unwrap();
    let pushed = scene.push(&document, &["-q"]);
    pushed.succeeds().says("project/lib -> /opt/lib").never_says("data");
    pushed.says("hint: put the target into the cube's folder or its build context, or provide it");
    for number in 0..7 {
        symlink("/disk/data", cube.workspace().join(format!("l{number}"))).unwrap();
    }
    scene.push(&document, &["-q"]).succeeds().says("l4 -> ").says("2 more").never_says("l5 -> ");
}

#[test]
fn what_an_ordinary_user_cant_read_is_named_and_the_rest_goes() {
    let Some((account, scene)) = Scene::with_an_ordinary_user() else { return };
    account.owns(scene.home());
    let cube = scene.cube("digits").task(&Task::named("train")).with_file("data.csv", "1\n");
    let cube = cube.with_file("secret.bin", "x").with_file("closed/inside", "x");
    fs::write(cube.root().join("key.pem"), "x").unwrap();
    fs::create_dir(cube.root().join("lib")).unwrap();
    fs::write(cube.root().join("lib/code"), "x").unwrap();
    for (name, mode) in
        [("workspace/secret.bin", 0o000), ("workspace/closed", 0o600), ("key.pem", 0o000)]
    {
        let path = cube.root().join(name);
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    let config = scene.tool_as(&account, "mlcube-ssh-config").arg("--platform=gpu1");
    let document = config.arg("--mlcube").arg(cube.root()).run().succeeds().document();
    let push = |words: &[&str]| {
        let push = scene.tool_as(&account, "mlcube-ssh-push").arg("-q").args(words);
        push.reads_document(&document).run()
    };
    let pushed = push(&[]);
    pushed.exits(125).says("workspace/secret.bin").says("workspace/closed").says("digits/key.pem");
    pushed.says("and 2 more; the rest was done").never_says("inside");
    let there = scene.host.remote_root().join("digits");
    assert_eq!(fs::read_to_string(there.join("workspace/data.csv")).unwrap(), "1\n");
    assert!(there.join("Dockerfile").exists() && !there.join("workspace/closed").exists());
    let document = pushed.document();
    assert_eq!(document.at("/failed/kind"), "ours");
    assert_eq!(document.at("/steps/push/changed"), true);
    let left_out = document.at("/steps/push/left_out").clone();
    assert_eq!(left_out, serde_json::json!(["key.pem", "closed", "secret.bin"]));
    push(&["--verify"]).exits(125).says("workspace/secret.bin").never_says("secret.bin differs");
    // Said every time, as long as it is so.
    push(&["--if-changed"]).exits(125).says("workspace/secret.bin");
    fs::write(cube.root().join(".mlcubeignore"), "secret.bin\nclosed\nkey.pem\n").unwrap();
    push(&[]).succeeds().is_silent();
    // A file in a folder that can't be entered isn't gone.
    fs::set_permissions(cube.root().join("lib"), fs::Permissions::from_mode(0o000)).unwrap();
    push(&["--delete"]).exits(125).says("digits/lib").never_says("deleted");
    assert!(there.join("lib/code").exists());
}

#[test]
fn a_remote_folder_that_its_user_cant_enter_holds_nothing_else_up() {
    let Some((account, scene)) = Scene::with_an_ordinary_user() else { return };
    let cube = scene.cube("digits").task(&Task::named("train")).with_file("data.csv", "1\n");
    let cube = cube.with_file("spool/r", "old");
    let document = scene.document(&cube, &[]);
    scene.push(&document, &["-q"]).succeeds();
    let there = scene.host.remote_root().join("digits/workspace");
    // A folder that can be written and not listed isn't empty.
    fs::write(there.join("spool/r"), "a newer result").unwrap();
    account.owns(&there.join("spool"));
    fs::set_permissions(there.join("spool"), fs::Permissions::from_mode(0o300)).unwrap();
    let folder = scene.place().folder("disk");
    for closed in [there.join("closed"), folder.join("closed")] {
        fs::create_dir(&closed).unwrap();
        fs::write(closed.join("inside"), "a container's").unwrap();
        fs::set_permissions(closed, fs::Permissions::from_mode(0o700)).unwrap();
    }
    symlink(folder, there.join("linked")).unwrap();
    let cube = cube.with_file("data.csv", "2\n");
    scene.push(&document, &["-q"]).succeeds().is_silent();
    assert_eq!(fs::read_to_string(there.join("data.csv")).unwrap(), "2\n");
    let verify = scene.tool("mlcube-ssh-push").arg("--verify").reads_document(&document).run();
    verify.exits(125).says("no readable file differs from that on").says("can't compare 'spool'");
    let cube = cube.with_file("closed/inside", "mine");
    scene.push(&document, &["-q"]).exits(125).says("closed").never_says("spool");
    assert_eq!(fs::read_to_string(there.join("closed/inside")).unwrap(), "a container's");
    let _cube = cube.with_file("spool/r", "edited");
    scene.push(&document, &["-q"]).exits(125).says("spool");
    assert_eq!(fs::read_to_string(there.join("spool/r")).unwrap(), "a newer result");
}

#[test]
fn a_state_folder_is_never_sent_though_another_one_is_in_use() {
    let scene = Scene::new();
    let cube = scene.cube("digits").task(&Task::named("train"));
    let former = cube.root().join("state");
    let tool = |name: &str| scene.tool(name).env("XDG_STATE_HOME", &former);
    let config = tool("mlcube-ssh-config").args(["--platform=gpu1", "--mlcube"]);
    let document = config.arg(cube.root()).run().succeeds().document();
    tool("mlcube-ssh-push").reads_document(&document).run().succeeds();
    scene
        .sh(&format!("cp -a '{}' '{}'", former.display(), cube.workspace().display()))
        .run()
        .succeeds();
    // The name alone says nothing.
    let other = cube.root().join("other/mlcube-ssh");
    fs::create_dir_all(&other).unwrap();
    fs::write(other.join("id"), "mine").unwrap();
    scene.push(&scene.document(&cube, &["-Prunner.adopt=true"]), &["-q"]).succeeds();
    let there = scene.host.remote_root().join("digits");
    for state in ["state/mlcube-ssh", "workspace/state/mlcube-ssh"] {
        assert!(!there.join(state).exists(), "{state}");
    }
    assert!(there.join("other/mlcube-ssh/id").exists());
}

#[test]
fn a_remote_link_whose_name_is_no_text_is_named_and_nothing_goes_through_it() {
    let scene = Scene::new();
    let cube = scene.cube("digits").task(&Task::named("train"));
    let name = OsStr::from_bytes(b"link-\xff");
    let here = cube.workspace().join(name);
    fs::create_dir(&here).unwrap();
    fs::write(here.join("model"), "1").unwrap();
    let document = scene.document(&cube, &[]);
    scene.push(&document, &["-q"]).succeeds();
    // rsync takes the path of a followed link as text.
    let (there, disk) = (
        scene.host.remote_root().join("digits/workspace").join(name),
        scene.place().folder("scratch"),
    );
    fs::create_dir_all(&disk).unwrap();
    fs::rename(&there, disk.join("moved")).unwrap();
    symlink(disk.join("moved"), &there).unwrap();
    fs::write(here.join("model"), "edited").unwrap();
    fs::write(disk.join("moved/score"), "1").unwrap();
    fs::write(cube.workspace().join("other"), "1").unwrap();
    scene
        .push(&document, &["-q"])
        .exits(125)
        .says("skipped")
        .says("link-")
        .says("the rest was done");
    assert!(there.with_file_name("other").exists());
    let pull = scene.tool("mlcube-ssh-pull").arg("-q").reads_document(&document).run();
    pull.exits(125).says("skipped").says("link-");
    assert_eq!(fs::read_to_string(disk.join("moved/model")).unwrap(), "1");
    assert_eq!(fs::read_to_string(here.join("model")).unwrap(), "edited");
    assert!(!here.join("score").exists());
}

#[test]
fn a_link_that_was_pushed_becomes_the_folder_that_it_is_locally_now() {
    let mut scene = Scene::new();
    let disk = scene.place().folder("disk");
    fs::create_dir_all(&disk).unwrap();
    fs::write(disk.join("data"), "1").unwrap();
    let cube = scene.cube("digits").task(&Task::named("train")).with_file("model", "1");
    let here = cube.workspace();
    symlink(&disk, here.join("listed")).unwrap();
    symlink("model", here.join("own")).unwrap();
    symlink("model", here.join("changed")).unwrap();
    scene.push(&scene.document(&cube, &[]), &["-q"]).succeeds();
    let there = scene.host.remote_root().join("digits/workspace");
    assert!(there.join("listed").is_symlink() && there.join("own").is_symlink());
    // The user lists one, replaces the second, and the third is another one on the remote, too.
    scene.follows_links_to(&disk);
    fs::remove_file(there.join("changed")).unwrap();
    let elsewhere = scene.place().folder("elsewhere");
    symlink(&elsewhere, there.join("changed")).unwrap();
    for name in ["own", "changed"] {
        fs::remove_file(here.join(name)).unwrap();
        fs::create_dir(here.join(name)).unwrap();
        fs::write(here.join(name).join("data"), "2").unwrap();
    }
    // The file along that link looks as it does locally; it isn't compared either.
    let changed = here.join("changed");
    let copied = format!("cp -a '{}' '{}'", changed.display(), elsewhere.display());
    scene.sh(&copied).run().succeeds();
    let document = scene.document(&cube, &[]);
    let by_content = scene.tool("mlcube-ssh-push").args(["-q", "--checksum"]);
    by_content.reads_document(&document).run().exits(125).says("skipped 'changed'");
    for name in ["listed", "own"] {
        fs::remove_dir_all(there.join(name)).unwrap();
    }
    let pushed = scene.push(&document, &["-q"]);
    pushed
        .exits(125)
        .says("skipped 'changed'")
        .never_says("skipped 'listed'")
        .never_says("during this push");
    for (name, content) in [("listed", "1"), ("own", "2")] {
        assert!(!there.join(name).is_symlink(), "{name}");
        assert_eq!(fs::read_to_string(there.join(name).join("data")).unwrap(), content);
    }
    assert_eq!(fs::read_link(there.join("changed")).unwrap(), elsewhere);
    assert_eq!(fs::read_to_string(there.join("model")).unwrap(), "1");
    fs::remove_file(there.join("changed")).unwrap();
    scene.push(&document, &["-q"]).succeeds().is_silent();
    scene.push(&document, &["-q"]).succeeds().is_silent();
}

#[test]
fn code_in_a_read_only_folder_holds_nothing_else_back() {
    let Some((_account, scene)) = Scene::with_an_ordinary_user() else { return };
    let cube = scene.cube("digits").task(&Task::named("train"));
    // As Go and conda make them.
    let folder = cube.root().join("one more");
    let locks = |mode| fs::set_permissions(&folder, fs::Permissions::from_mode(mode)).unwrap();
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("a"), "1").unwrap();
    fs::write(folder.join("b"), "1").unwrap();
    locks(0o555);
    let document = scene.document(&cube, &[]);
    scene.push(&document, &["-q"]).succeeds();
    fs::write(folder.join("a"), "22").unwrap();
    let there = scene.host.remote_root().join("digits");
    for round in ["1", "2"] {
        fs::write(cube.workspace().join("data"), round).unwrap();
        let pushed = scene.push(&document, &["-q"]);
        pushed.exits(125).says(
            "can't store 'one more/a' on 'there': its folder, or one above it, isn't writable",
        );
        pushed.says("chmod u+w").never_says("status 11");
        assert_eq!(fs::read_to_string(there.join("workspace/data")).unwrap(), round);
    }
    locks(0o755);
    scene.push(&document, &["-q"]).succeeds().is_silent();
    assert_eq!(fs::read_to_string(there.join("one more/a")).unwrap(), "22");
}
