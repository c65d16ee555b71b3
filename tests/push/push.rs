//! What a push sends where, and what it doesn't touch.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use mlcube_ssh_harness::{Account, Cube, Document, HostOptions, Place, Scene, Task, files_below};

fn pushed(scene: &Scene, cube: &Cube) -> Document {
    scene.push(&scene.document(cube, &[]), &["-q"]).succeeds().is_silent().document()
}

fn train() -> Task {
    Task::named("train").reads("data", "data.csv")
}

#[test]
fn a_cube_that_keeps_to_itself_lies_under_its_own_name() {
    let scene = Scene::new();
    let cube = scene.cube("digits").task(&train()).with_file("data.csv", "1,2\n");
    let document = pushed(&scene, &cube);
    let there = scene.host.remote_root().join("digits");
    for name in ["mlcube.yaml", "Dockerfile", "tasks/train", "workspace/data.csv"] {
        assert_eq!(
            fs::read(there.join(name)).unwrap(),
            fs::read(cube.root().join(name)).unwrap(),
            "{name}"
        );
    }
    assert_eq!(document.at("/remote/cube").as_str(), there.to_str());
    assert_eq!(document.at("/remote/workspace").as_str(), there.join("workspace").to_str());
    let names: Vec<_> = fs::read_dir(scene.host.remote_root())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert!(names.iter().all(|name| name == "digits" || name == ".mlcube-ssh"), "{names:?}");
}

#[test]
fn a_build_context_outside_lies_in_the_same_relative_place() {
    let scene = Scene::new();
    let cube = Cube::built_from(&scene.home().join("mnist/mlcube"), "../project")
        .task(&train())
        .with_file("data.csv", "1\n");
    fs::write(scene.home().join("mnist/unrelated"), "not asked for").unwrap();
    let document = pushed(&scene, &cube);
    let there = scene.host.remote_root().join("mnist");
    assert!(
        there.join("mlcube/workspace/data.csv").exists()
            && there.join("project/Dockerfile").exists()
    );
    assert!(!there.join("unrelated").exists(), "only what the cube declares moves");
    assert_eq!(document.at("/remote/cube").as_str(), there.join("mlcube").to_str());
}

#[test]
fn a_build_context_without_a_recipe_is_no_part_of_what_is_sent() {
    let scene = Scene::new();
    // Many cubes that fetch their image declare such a context; cloned into the home, it is the home.
    let cube = scene.cube("digits").task(&train()).with_file("data.csv", "1\n");
    let docker = serde_json::json!({"image": "mlcube-ssh/test:0.0.1", "build_context": "../"});
    let cube = cube.section("docker", docker.clone());
    let document = scene.document(&cube, &[]);
    scene.push(&document, &["-q"]).succeeds();
    let there = scene.host.remote_root();
    assert_eq!(document.at("/remote/base").as_str(), there.join("digits").to_str());
    assert!(there.join("digits/mlcube.yaml").exists() && !there.join("digits/.ssh").exists());
    // A base that doesn't hold what is declared is told; the one that is advised works.
    let lab = scene.home().join("lab");
    let cube =
        Cube::built_from(&lab.join("cube"), "../").task(&train()).with_file("data.csv", "1\n");
    let config = |base: &str| {
        let config = scene.tool("mlcube-ssh-config").args(["--platform=gpu1", "--mlcube"]);
        config.arg(cube.root()).arg(format!("-Prunner.base={base}")).run()
    };
    config("workspace")
        .exits(125)
        .complains(&["isn't below the base", "a folder that holds the cube"]);
    scene.push(&config("..").succeeds().document(), &["-q"]).succeeds();
    assert!(there.join("lab/cube/mlcube.yaml").exists());
}

#[test]
fn a_base_that_is_the_home_folder_is_refused() {
    let scene = Scene::new();
    let cube = Cube::built_from(&scene.home().join("digits"), "../project")
        .task(&train())
        .with_file("data.csv", "1\n");
    let config = scene
        .tool("mlcube-ssh-config")
        .args(["--platform=gpu1", "--mlcube"])
        .arg(cube.root())
        .run();
    let refused = if config.status == 0 { scene.push(&config.document(), &["-q"]) } else { config };
    refused.exits(125).complains(&["home folder", scene.home().to_str().unwrap()]);
    assert_eq!(scene.host.sshd.logins(), 0);
}

#[test]
fn files_arrive_as_they_are() {
    let scene = Scene::new();
    let cube = scene.cube("digits").task(&train()).with_file("data.csv", "1\n");
    let odd = "it's a \"name\" with $HOME; `touch canary` *\n\té -rf";
    fs::write(cube.root().join(odd), "odd").unwrap();
    fs::write(cube.root().join("-e"), "an option").unwrap();
    fs::create_dir_all(cube.root().join("empty/folder")).unwrap();
    symlink("data.csv", cube.workspace().join("link")).unwrap();
    symlink("nowhere", cube.workspace().join("dangling")).unwrap();
    fs::write(cube.root().join("script"), "#!/bin/sh\n").unwrap();
    fs::set_permissions(cube.root().join("script"), fs::Permissions::from_mode(0o750)).unwrap();
    scene.sh("touch -d '2001-02-03 04:05:06' digits/script").run().succeeds();
    let _document = pushed(&scene, &cube);
    let there = scene.host.remote_root().join("digits");
    assert_eq!(fs::read_to_string(there.join(odd)).unwrap(), "odd");
    assert_eq!(fs::read_to_string(there.join("-e")).unwrap(), "an option");
    assert!(there.join("empty/folder").is_dir());
    assert_eq!(fs::read_link(there.join("workspace/link")).unwrap(), Path::new("data.csv"));
    assert_eq!(fs::read_link(there.join("workspace/dangling")).unwrap(), Path::new("nowhere"));
    let (here, there) = (
        fs::metadata(cube.root().join("script")).unwrap(),
        fs::metadata(there.join("script")).unwrap(),
    );
    assert_eq!((there.mode() & 0o777, there.mtime()), (0o750, here.mtime()));
    assert!(!scene.host.home().join("canary").exists());
}

#[test]
fn entries_that_the_remote_has_are_not_sent_again() {
    let scene = Scene::new();
    let cube = scene.cube("digits").task(&train()).with_file("data.csv", "1\n");
    let first = pushed(&scene, &cube);
    assert_eq!(first.at("/steps/push/changed"), true);
    let second = pushed(&scene, &cube);
    assert_eq!(second.at("/steps/push/changed"), false);
    assert_eq!(second.at("/steps/push/files_sent"), 0);
    fs::create_dir(cube.workspace().join("empty")).unwrap();
    let again = scene.tool("mlcube-ssh-push").reads_document(&second).run();
    again.succeeds().says("sent folders to 'there', and no file");
    cube.now_does("train", "echo more");
    let third = pushed(&scene, &cube);
    assert_eq!(third.at("/steps/push/changed"), true);
    assert_eq!(third.at("/steps/push/files_sent"), 1);
    assert_eq!(third.at("/steps/push/context_changed"), true);
    let there = fs::read_to_string(scene.host.remote_root().join("digits/tasks/train")).unwrap();
    assert_eq!(there, "echo more");
}

#[test]
fn if_changed_needs_no_connection_when_nothing_changed_locally() {
    let mut scene = Scene::new();
    let cube = scene.cube("digits").task(&train()).with_file("data.csv", "1\n");
    let document = pushed(&scene, &cube);
    scene.masters().kill();
    scene.host.sshd.stop();
    let unchanged = || {
        scene.tool("mlcube-ssh-push").args(["-q", "--if-changed"]).reads_document(&document).run()
    };
    unchanged().succeeds().is_silent();
    // An edit of the same length, a moment later, is a change all the same.
    fs::write(cube.workspace().join("data.csv"), "2\n").unwrap();
    unchanged().exits(255).complains(&["there"]);
}

#[test]
fn a_result_that_only_the_remote_has_is_kept() {
    let scene = Scene::new();
    let cube = scene.cube("digits").task(&train()).with_file("data.csv", "1\n");
    let _document = pushed(&scene, &cube);
    let result = scene.host.remote_root().join("digits/workspace/model.bin");
    fs::write(&result, "a day of training").unwrap();
    let cube = cube.with_file("data.csv", "1,2\n");
    let _document = pushed(&scene, &cube);
    assert_eq!(fs::read_to_string(result).unwrap(), "a day of training");
    let data =
        fs::read_to_string(scene.host.remote_root().join("digits/workspace/data.csv")).unwrap();
    assert_eq!(data, "1,2\n");
}

#[test]
fn a_workspace_outside_the_cube_is_sent() {
    let scene = Scene::new();
    let cube = scene.cube("digits").task(&train());
    let elsewhere = scene.place().folder("odd 'place' $HOME");
    fs::write(elsewhere.join("data.csv"), "elsewhere").unwrap();
    let document = scene.document(&cube, &["--workspace", elsewhere.to_str().unwrap()]);
    let document = scene.push(&document, &["-q"]).succeeds().document();
    let there = Path::new(document.at("/remote/workspace").as_str().unwrap());
    assert_eq!(fs::read_to_string(there.join("data.csv")).unwrap(), "elsewhere");
    assert!(there.starts_with(scene.host.remote_root()));
}

#[test]
fn a_remote_root_below_the_home_is_found_in_the_remote_home() {
    for root in ["~/cubes of mine", "cubes/deep/er", "~/x"] {
        let place = Place::new();
        let Some(account) = Account::with_shell(place.path(), "fish") else { return };
        let mut scene = Scene::at(place, HostOptions::default().account(&account));
        scene.set("/remote_root", root);
        let cube = scene.cube("digits").task(&train()).with_file("data.csv", "1\n");
        let document = pushed(&scene, &cube);
        let shown = scene.tool("mlcube-ssh-push").arg("-n").reads_document(&document).run();
        shown.succeeds().says("the remote home isn't known");
        let there =
            account.home().join(root.trim_start_matches("~/")).join("digits/workspace/data.csv");
        assert!(there.exists(), "{root}");
    }
}

#[test]
fn what_a_remote_shell_would_act_on_is_refused_by_name_before_contact() {
    let scene = Scene::new();
    for (parameter, path) in [
        ("data", "$(touch canary)"),
        ("data", "a b"),
        ("data", "x;y"),
        ("data", "a\nb"),
        ("data", "é"),
    ] {
        let cube = scene.cube("digits").task(&Task::named("train").reads(parameter, path));
        let config = scene
            .tool("mlcube-ssh-config")
            .arg("-q")
            .args(["--platform=gpu1", "--mlcube"])
            .arg(cube.root())
            .run();
        let refused =
            if config.status == 0 { scene.push(&config.document(), &["-q"]) } else { config };
        refused.exits(125).complains(&["train", parameter]);
    }
    assert_eq!(scene.host.sshd.logins(), 0);
}

#[test]
fn two_pushes_at_once_leave_one_whole_tree() {
    let scene = Scene::new();
    let cube = scene.cube("digits").task(&train()).with_file("data.csv", &"1,2\n".repeat(100_000));
    let document = scene.document(&cube, &[]);
    let start = |_| scene.tool("mlcube-ssh-push").arg("-q").reads_document(&document).start();
    let running: Vec<_> = (0..3).map(start).collect();
    for one in running {
        let _ended = one.wait().succeeds();
    }
    let there =
        fs::read_to_string(scene.host.remote_root().join("digits/workspace/data.csv")).unwrap();
    assert_eq!(there, cube.result("data.csv"));
}

#[test]
fn a_remote_folder_that_is_a_link_of_its_user_is_kept_and_followed() {
    let scene = Scene::new();
    let cube = scene.cube("digits").with_file("data.csv", "1").task(&Task::named("train"));
    let document = scene.document(&cube, &[]);
    scene.tool("mlcube-ssh-push").reads_document(&document).run().succeeds();
    let scratch = scene.place().folder("scratch");
    let there = scene.host.remote_root().join("digits/workspace");
    std::os::unix::fs::symlink(&scratch, there.join("big")).unwrap();
    fs::create_dir(cube.workspace().join("big")).unwrap();
    fs::write(cube.workspace().join("big/set"), "one").unwrap();
    scene.tool("mlcube-ssh-push").reads_document(&document).run().succeeds();
    assert!(there.join("big").is_symlink());
    assert_eq!(fs::read_to_string(scratch.join("set")).unwrap(), "one");
    fs::write(scratch.join("set"), "the job's").unwrap();
    scene.tool("mlcube-ssh-push").reads_document(&document).run().succeeds();
    assert_eq!(fs::read_to_string(scratch.join("set")).unwrap(), "the job's");
}

/// A task may leave a link to `/`.
#[test]
fn push_lists_nothing_behind_a_link_through_which_nothing_is_sent() {
    let scene = Scene::new();
    let cube = scene.cube("digits").with_file("in/data.csv", "1").task(&Task::named("train"));
    let document = scene.document(&cube, &[]);
    let there = scene.host.remote_root().join("digits/workspace");
    let scratch = scene.place().folder("scratch");
    fs::create_dir_all(&there).unwrap();
    std::os::unix::fs::symlink(&scratch, there.join("in")).unwrap();
    std::os::unix::fs::symlink("/", there.join("x")).unwrap();
    let listed = scene.host.folder().join("listed");
    let lines = format!(
        "printf '%s\\n' \"$*\" >>'{}'\nPATH=/usr/bin:/bin exec find \"$@\"",
        listed.display()
    );
    scene.host.has_program("find", &lines);
    scene.push(&document, &["-q"]).succeeds();
    let listed = fs::read_to_string(listed).unwrap();
    assert!(listed.contains("./in/ ") && !listed.contains("./x/"), "{listed}");
    assert_eq!(fs::read_to_string(scratch.join("data.csv")).unwrap(), "1");
}

#[test]
fn permissions_that_change_alone_arrive_and_come_back() {
    let scene = Scene::new();
    let cube = scene.cube("digits").task(&train()).with_file("run", "1").with_file("data.csv", "1");
    let document = pushed(&scene, &cube);
    let there = scene.host.remote_root().join("digits/workspace/run");
    let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
    let chmod = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode));
    chmod(&cube.workspace().join("run"), 0o750).unwrap();
    let sent = scene.tool("mlcube-ssh-push").arg("--if-changed").reads_document(&document).run();
    assert_eq!(sent.succeeds().document().at("/steps/push/files_sent"), 0, "no content");
    assert_eq!(mode(&there), 0o750);
    chmod(&there, 0o640).unwrap();
    let again = scene.push(&document, &["-q"]).succeeds().document();
    assert_eq!((mode(&there), again.at("/steps/push/changed")), (0o640, &false.into()));
    scene.tool("mlcube-ssh-pull").reads_document(&document).run().succeeds();
    assert_eq!(mode(&cube.workspace().join("run")), 0o640);
}

#[test]
fn what_grows_while_it_is_sent_is_no_conflict() {
    let scene = Scene::new();
    let cube = scene.cube("digits").task(&train()).with_file("data.csv", "1").with_file("log", "a");
    let document = pushed(&scene, &cube);
    let cube = cube.with_file("log", "ab").with_file("data.csv", "2");
    scene.before_rsync(&format!("echo more >>'{}'", cube.workspace().join("log").display()));
    scene.push(&document, &["-q"]).succeeds().is_silent();
    scene.real_rsync();
    for text in [cube.result("log"), "and more".to_owned()] {
        fs::write(cube.workspace().join("log"), &text).unwrap();
        scene.push(&document, &["-q"]).succeeds().is_silent();
        let there = scene.host.remote_root().join("digits/workspace/log");
        assert_eq!(fs::read_to_string(there).unwrap(), text);
    }
}

#[test]
fn code_that_grows_while_it_is_sent_leaves_no_backups_of_itself() {
    let scene = Scene::new();
    let cube = scene.cube("digits").task(&train());
    let log = cube.root().join("train.log");
    fs::write(&log, "a").unwrap();
    let document = pushed(&scene, &cube);
    scene.before_rsync(&format!("echo more >>'{}'", log.display()));
    for _ in 0..2 {
        fs::write(&log, fs::read_to_string(&log).unwrap() + "line").unwrap();
        scene.push(&document, &["-q"]).succeeds().is_silent();
    }
    // What somebody else wrote there is named all the same.
    fs::write(scene.host.remote_root().join("digits/train.log"), "theirs").unwrap();
    fs::write(&log, "b").unwrap();
    scene
        .push(&document, &["-q"])
        .succeeds()
        .says("'train.log' on 'there' wasn't known to be what this machine has pushed");
}

#[test]
fn code_that_was_a_link_and_is_a_folder_now_leaves_what_it_led_to_alone() {
    let scene = Scene::new();
    let cube = scene.cube("digits").task(&train()).with_file("data.csv", "1");
    fs::create_dir(cube.root().join("one")).unwrap();
    fs::write(cube.root().join("one/x"), "one").unwrap();
    symlink("one", cube.root().join("lib")).unwrap();
    let document = pushed(&scene, &cube);
    fs::remove_file(cube.root().join("lib")).unwrap();
    fs::create_dir(cube.root().join("lib")).unwrap();
    fs::write(cube.root().join("lib/x"), "mine").unwrap();
    scene.push(&document, &["-q"]).succeeds().is_silent();
    let there = |path: &str| fs::read_to_string(scene.host.remote_root().join("digits").join(path));
    assert_eq!((there("one/x").unwrap(), there("lib/x").unwrap()), ("one".into(), "mine".into()));
}

#[test]
fn code_that_was_a_folder_and_is_a_link_now_is_named_and_deleted_on_request() {
    let scene = Scene::new();
    let cube = scene.cube("digits").task(&train()).with_file("data.csv", "1");
    fs::create_dir_all(cube.root().join("other")).unwrap();
    fs::create_dir_all(cube.root().join("lib")).unwrap();
    fs::write(cube.root().join("lib/x"), "1").unwrap();
    fs::write(cube.root().join("other/x"), "2").unwrap();
    let document = pushed(&scene, &cube);
    fs::remove_dir_all(cube.root().join("lib")).unwrap();
    symlink("other", cube.root().join("lib")).unwrap();
    let cube = cube.with_file("data.csv", "1,2");
    let there = scene.host.remote_root().join("digits");
    let refused = scene.push(&document, &["-q"]);
    refused.exits(125).says("skipped lib").says("--delete");
    assert_eq!(refused.document().at("/steps/push/left_out/0"), "lib");
    assert_eq!(
        fs::read_to_string(there.join("workspace/data.csv")).unwrap(),
        "1,2",
        "the rest went"
    );
    let deleting = scene.tool("mlcube-ssh-push").args(["-q", "--delete"]);
    deleting.reads_document(&document).run().succeeds();
    assert_eq!(fs::read_link(there.join("lib")).unwrap(), Path::new("other"));
    assert_eq!(fs::read_to_string(there.join("other/x")).unwrap(), "2");
    drop(cube);
}

#[test]
fn a_pipe_in_the_code_is_skipped_and_named() {
    let scene = Scene::new();
    let cube = scene.cube("digits").task(&train()).with_file("data.csv", "1");
    scene.sh("mkfifo digits/queue").run().succeeds();
    let sent = scene.push(&scene.document(&cube, &[]), &["-q"]);
    let receipt = sent.succeeds().says("skipped queue").document();
    assert_eq!(receipt.at("/steps/push/left_out/0"), "queue");
}

#[test]
fn a_folder_keeps_its_remote_permissions_when_something_in_it_is_sent() {
    let scene = Scene::new();
    let cube = scene.cube("digits").task(&train()).with_file("set/a", "1");
    let document = pushed(&scene, &cube);
    let there = scene.host.remote_root().join("digits/workspace/set");
    fs::set_permissions(&there, fs::Permissions::from_mode(0o700)).unwrap();
    let cube = cube.with_file("set/b", "2").with_file("set/new/c", "3");
    fs::set_permissions(cube.workspace().join("set/new"), fs::Permissions::from_mode(0o750))
        .unwrap();
    scene.push(&document, &["-q"]).succeeds();
    let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
    assert_eq!((mode(&there), mode(&there.join("new"))), (0o700, 0o750));
    assert!(there.join("b").exists() && there.join("new/c").exists());
}

#[test]
fn a_dry_run_can_be_pasted_whatever_the_cubes_folder_is_called() {
    let scene = Scene::new();
    let name = "a\nMLCUBE_SSH_END\ntouch pwned\nb";
    let cube = scene.cube(name).task(&train()).with_file("data.csv", "1,2\n");
    let document = scene.document(&cube, &[]);
    let shown = scene.tool("mlcube-ssh-push").arg("-n").reads_document(&document).run();
    shown.never_says("the remote home isn't known");
    scene.sh(&shown.succeeds().stderr).run().succeeds();
    assert!(!scene.home().join("pwned").exists(), "{shown}");
    let arrived = files_below(&scene.host.remote_root());
    assert!(arrived.iter().any(|path| path.ends_with("workspace/data.csv")), "{shown}");
}

/// sshd starts every session in the account's folder, and the scripts follow HOME, which a host may set to another one.
#[test]
fn a_home_that_is_not_the_folder_of_the_login_is_compared_too() {
    let mut scene = Scene::new();
    scene.set("/remote_root", "~/cubes");
    let cube = scene.cube("digits").task(&Task::named("train"));
    let document = pushed(&scene, &cube);
    assert!(scene.host.home().join("cubes/digits/mlcube.yaml").exists());
    let verify = scene.tool("mlcube-ssh-push").arg("--verify").reads_document(&document);
    verify.run().succeeds().says("no file differs");
}

#[test]
fn a_state_folder_that_can_not_be_one_is_named_with_the_variable() {
    let scene = Scene::new();
    let document = scene.document(&scene.cube("digits").task(&train()), &[]);
    for place in ["/dev/null", "/proc/none"] {
        let push = scene.tool("mlcube-ssh-push").env("XDG_STATE_HOME", place);
        push.reads_document(&document).run().exits(125).complains(&[place, "set XDG_STATE_HOME"]);
    }
}

#[test]
fn what_another_kind_of_entry_replaces_is_kept_and_named() {
    let scene = Scene::new();
    let cube = scene.cube("digits").task(&Task::named("train")).with_file("data.csv", "1,2\n");
    let document = scene.document(&cube, &[]);
    let push = || scene.tool("mlcube-ssh-push").reads_document(&document).run();
    push().succeeds();
    let there = scene.host.remote_root().join("digits");
    let backup_of = |place: &str| {
        let files = files_below(&scene.host.remote_root());
        let mut kept = files.into_iter().filter(|path| path.iter().any(|part| part == "replaced"));
        kept.find(|path| path.ends_with(place))
    };
    // rsync calls the folder and the file in their places new.
    fs::write(there.join("lib"), "THEIRS").unwrap();
    fs::create_dir(cube.root().join("lib")).unwrap();
    fs::write(cube.root().join("lib/a.py"), "ours").unwrap();
    symlink("elsewhere", there.join("link.py")).unwrap();
    fs::write(cube.root().join("link.py"), "ours").unwrap();
    let pushed = push();
    pushed.succeeds().says("'lib' on").says("'link.py' on").says("its backup on the remote is");
    assert_eq!(fs::read_to_string(backup_of("code/lib").unwrap()).unwrap(), "THEIRS");
    assert!(backup_of("code/link.py").is_some());
    // A job makes a file between the listing and the transfer.
    let result = there.join("workspace/d");
    fs::create_dir(cube.workspace().join("d")).unwrap();
    fs::write(cube.workspace().join("d/x"), "ours").unwrap();
    let make = format!("printf RESULT >'{}'", result.display());
    scene.before_rsync(&format!("case \"$*\" in *--backup*) {make} ;; esac"));
    push().succeeds().says("'d' was written on");
    assert_eq!(fs::read_to_string(backup_of("workspace/d").unwrap()).unwrap(), "RESULT");
    scene.real_rsync();
    push().succeeds().says("nothing to send").never_says("backup");
}
