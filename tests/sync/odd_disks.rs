//! Disks that fold names, store no long ones, round times or don't report their free space, folders that can't be
//! written, and files with holes. On either side what can't be stored is skipped and named, and everything else is
//! done.
#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

use std::fs;
use std::fs::{File, Permissions};
use std::io::Write;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use mlcube_ssh_harness::{
    Cube, Document, HostOptions, OddDisk, Outcome, Scene, Task, Tmpfs, files_below, random,
};

use crate::pushed_cube::{kept_aside, pull, push, pushed};

fn write(folder: &Path, files: &[(&str, &str)]) {
    for (name, content) in files {
        fs::create_dir_all(folder.join(name).parent().unwrap()).unwrap();
        fs::write(folder.join(name), content).unwrap();
    }
}

fn read(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(name)).unwrap_or_else(|problem| format!("{name}: {problem}"))
}

const TWO_FORMS: [&str; 2] = ["\u{e9}.txt", "e\u{301}.txt"];

#[test]
fn names_that_the_local_disk_takes_for_one_are_skipped_and_named() {
    let scene = Scene::new();
    let (cube, document, there) = pushed(&scene);
    let Some(disk) = OddDisk::mount(&cube.workspace(), &["names fold"]) else { return };
    let here = cube.workspace();
    write(&there, &[("Model.pt", "large"), ("model.pt", "small"), ("score", "1"), ("Out/x", "x")]);
    write(&there, &[("out/y", "y"), (TWO_FORMS[0], "one form"), (TWO_FORMS[1], "the other")]);
    let pulled = pull(&scene, &document);
    pulled.exits(125).says("skipped model.pt").says("skipped out:").says("hint: rename");
    assert_eq!(read(&here, "Model.pt"), "large");
    assert_eq!(read(&here, "score"), "1");
    let forms = TWO_FORMS.map(|name| read(&there, name));
    let names: Vec<_> = files_below(disk.path());
    assert_eq!(
        names.len(),
        5,
        "data.csv, Model.pt, score, one of the two forms and Out/x: {names:?}"
    );
    // Nothing swaps, and nothing is sent in another's place, however often.
    for _ in 0..2 {
        pull(&scene, &document).exits(125).never_says("fetched");
        push(&scene, &document).succeeds().says("nothing to send");
    }
    assert_eq!(
        (read(&there, "Model.pt"), read(&there, "model.pt")),
        ("large".into(), "small".into())
    );
    assert_eq!(TWO_FORMS.map(|name| read(&there, name)), forms);
    // What is edited here goes to the entry that it came from.
    write(&here, &[("Model.pt", "edited")]);
    push(&scene, &document).succeeds();
    assert_eq!(
        (read(&there, "Model.pt"), read(&there, "model.pt")),
        ("edited".into(), "small".into())
    );
    assert_eq!(fs::read_dir(&there).unwrap().count(), 8);
}

#[test]
fn a_name_that_comes_later_does_not_replace_the_one_that_is_taken_for_it() {
    let scene = Scene::new();
    let (cube, document, there) = pushed(&scene);
    let Some(_disk) = OddDisk::mount(&cube.workspace(), &["names fold"]) else { return };
    write(&there, &[("model.pt", "first")]);
    pull(&scene, &document).succeeds();
    write(&there, &[("Model.pt", "second"), ("b", "b")]);
    let pull = scene.tool("mlcube-ssh-pull").arg("--overwrite").reads_document(&document).run();
    pull.exits(125).says("skipped Model.pt");
    assert_eq!(
        (read(&cube.workspace(), "model.pt"), read(&cube.workspace(), "b")),
        ("first".into(), "b".into())
    );
}

#[test]
fn a_disk_that_keeps_names_in_another_form_does_not_get_them() {
    let scene = Scene::new();
    let (cube, document, there) = pushed(&scene);
    let Some(disk) = OddDisk::mount(&cube.workspace(), &["names nfd"]) else { return };
    write(&there, &[(TWO_FORMS[0], "one"), ("plain", "x")]);
    pull(&scene, &document).exits(125).says("skipped \u{e9}.txt").says("fetched 1 file");
    assert_eq!(files_below(disk.path()).len(), 2);
    push(&scene, &document).succeeds().says("nothing to send");
}

#[test]
fn names_that_the_remote_disk_takes_for_one_are_skipped_and_named() {
    let scene = Scene::new();
    let (cube, document, there) = pushed(&scene);
    let Some(_disk) = OddDisk::mount(&there, &["names fold"]) else { return };
    write(&cube.workspace(), &[("Model.pt", "large"), ("model.pt", "small"), ("score", "1")]);
    write(&cube.workspace(), &[("DATA.csv", "other")]);
    for _ in 0..2 {
        push(&scene, &document)
            .exits(125)
            .says("skipped model.pt")
            .says("DATA.csv")
            .says("hint: rename");
        assert_eq!((read(&there, "Model.pt"), read(&there, "score")), ("large".into(), "1".into()));
        assert_eq!((read(&there, "data.csv"), files_below(&there).len()), ("1,2\n".into(), 3));
    }
    pull(&scene, &document).succeeds().says("nothing to fetch");
    assert_eq!(read(&cube.workspace(), "model.pt"), "small");
}

#[test]
fn code_whose_names_the_remote_disk_takes_for_one_is_neither_lost_nor_mixed() {
    let scene = Scene::new();
    let (cube, document, _) = pushed(&scene);
    let tree = scene.host.remote_root().join("digits");
    let Some(_disk) = OddDisk::mount(&tree, &["names fold"]) else { return };
    write(cube.root(), &[("lib/Model.py", "model"), ("Two.py", "one"), ("two.py", "another")]);
    for _ in 0..2 {
        push(&scene, &document).exits(125).says("skipped two.py").says("hint: rename");
        assert_eq!(
            (read(&tree, "lib/Model.py"), read(&tree, "Two.py")),
            ("model".into(), "one".into())
        );
    }
    fs::remove_file(cube.root().join("two.py")).unwrap();
    // Renamed by case alone.
    fs::rename(cube.root().join("lib/Model.py"), cube.root().join("lib/model.py")).unwrap();
    push(&scene, &document)
        .exits(125)
        .says("skipped lib/model.py")
        .says("--delete` deletes the former");
    let deleting = || scene.tool("mlcube-ssh-push").arg("--delete").reads_document(&document).run();
    deleting().succeeds().says("deleted lib/Model.py");
    let names = fs::read_dir(tree.join("lib")).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(names.collect::<Vec<_>>(), ["model.py"]);
    assert_eq!(read(&tree, "lib/model.py"), "model");
    deleting().succeeds().says("nothing to send");
    // In another normal form, as unpacking on another machine leaves it.
    write(cube.root(), &[("lib/e\u{301}.py", "accent")]);
    push(&scene, &document).succeeds();
    fs::rename(cube.root().join("lib/e\u{301}.py"), cube.root().join("lib/\u{e9}.py")).unwrap();
    deleting().succeeds().says("deleted lib/");
    assert_eq!(read(&tree, "lib/\u{e9}.py"), "accent");
    deleting().succeeds().says("nothing to send");
    // What was a workspace is none of the code's, however it is spelt.
    let runs = cube.root().join("runs/A");
    write(&runs, &[("data.csv", "1,2\n")]);
    let of_run = scene.document(&cube, &["--workspace", runs.to_str().unwrap()]);
    push(&scene, &of_run).succeeds();
    write(&tree, &[("runs/A/r", "RESULT")]);
    fs::remove_dir_all(runs).unwrap();
    write(cube.root(), &[("runs/a/r", "code")]);
    push(&scene, &document).exits(125).says("skipped runs/a");
    assert_eq!(read(&tree, "runs/A/r"), "RESULT");
}

#[test]
fn one_name_that_is_too_long_for_a_disk_does_not_stop_the_rest() {
    let scene = Scene::new();
    let (cube, document, there) = pushed(&scene);
    let long = "x".repeat(200);
    // Some names of our own are longer, too.
    let Some(disk) = OddDisk::mount(&cube.workspace(), &["name-bytes 20"]) else { return };
    write(&there, &[(&format!("{long}/in it"), "x"), (&format!("d/{long}"), "x"), ("z", "z")]);
    pull(&scene, &document).exits(125).says(&format!("skipped d/{long}")).says("fetched 1 file");
    assert_eq!((read(&cube.workspace(), "z"), files_below(disk.path()).len()), ("z".into(), 2));
    assert!(!cube.workspace().join(".mlcube-ssh-partial").exists());
    // Nobody expects a disk to refuse such a short one.
    write(&there, &[("a name of thirty bytes for it", "x"), ("zz", "zz")]);
    for _ in 0..2 {
        pull(&scene, &document).exits(125).says("skipped a name of thirty bytes for it");
        assert_eq!(read(&cube.workspace(), "zz"), "zz");
    }
    drop(disk);
    fs::remove_dir_all(&there).unwrap();
    fs::create_dir(&there).unwrap();
    let Some(disk) = OddDisk::mount(&there, &["name-bytes 150"]) else { return };
    fs::remove_dir_all(cube.workspace()).unwrap();
    write(&cube.workspace(), &[(&format!("d/{long}"), "x"), ("new", "z")]);
    push(&scene, &document).exits(125).says(&format!("d/{long}"));
    assert_eq!((read(&there, "new"), files_below(disk.path()).len()), ("z".into(), 1));
}

#[test]
fn a_disk_that_does_not_tell_its_free_space_takes_files_all_the_same() {
    let scene = Scene::new();
    let (cube, document, there) = pushed(&scene);
    let Some(_disk) = OddDisk::mount(&cube.workspace(), &["no-statfs"]) else { return };
    let Some(_other) = OddDisk::mount(&there, &["no-statfs"]) else { return };
    write(&there, &[("score", "1")]);
    let pulled = pull(&scene, &document);
    pulled.succeeds();
    assert!(pulled.document().at("/steps/pull/free_bytes").is_null());
    write(&cube.workspace(), &[("data.csv", "2,3\n")]);
    push(&scene, &document).succeeds();
    assert_eq!(
        (read(&cube.workspace(), "score"), read(&there, "data.csv")),
        ("1".into(), "2,3\n".into())
    );
}

#[test]
fn a_file_system_that_ignores_one_of_two_times_keeps_those_of_files() {
    let scene = Scene::new();
    let (cube, document, there) = pushed(&scene);
    let Some(_disk) = OddDisk::mount(&cube.workspace(), &["both-times"]) else { return };
    write(&there, &[("score", "1"), ("d/x", "x")]);
    symlink("x", there.join("d/link")).unwrap();
    pull(&scene, &document).succeeds();
    let time =
        |path: PathBuf| fs::metadata(path).map(|now| (now.mtime(), now.mtime_nsec())).unwrap();
    assert_eq!(time(cube.workspace().join("score")), time(there.join("score")));
    pull(&scene, &document).succeeds().says("nothing to fetch");
    push(&scene, &document).succeeds().says("nothing to send");
}

/// Lets nobody but root write into a folder.
fn lock(folder: &Path) {
    fs::set_permissions(folder, Permissions::from_mode(0o555)).unwrap();
}

#[test]
fn what_would_go_into_a_folder_that_cant_be_written_is_named_and_the_rest_goes() {
    let Some((account, scene)) = Scene::with_an_ordinary_user() else { return };
    let cube = scene.cube("digits").task(&Task::named("train"));
    let (here, there) = (cube.workspace(), scene.host.remote_root().join("digits/workspace"));
    write(&here, &[("pkg/old", "1"), ("pkg/sub/x", "1"), ("root/old", "1"), ("z", "1")]);
    let document = scene.document(&cube, &[]);
    account.owns(scene.home());
    let run = |tool: &str| scene.tool_as(&account, tool).reads_document(&document).run();
    run("mlcube-ssh-push").succeeds();
    for (from, to, tool) in [(&here, &there, "mlcube-ssh-push"), (&there, &here, "mlcube-ssh-pull")]
    {
        lock(&to.join("pkg"));
        std::os::unix::fs::chown(to.join("root"), Some(0), Some(0)).unwrap();
        let content = format!("by {tool}");
        write(
            from,
            &[("pkg/old", &content), (&format!("pkg/{tool}/deep"), "2"), ("pkg/sub/x", &content)],
        );
        write(
            from,
            &[(&format!("pkg/sub/new {tool}"), &content), ("root/old", &content), ("z", &content)],
        );
        account.owns(from);
        // A folder of root's is one only where it receives.
        let moved = run(tool);
        moved.exits(125).says("pkg/old").says(&format!("pkg/{tool}/deep")).says("root/old").says(
            if tool == "mlcube-ssh-push" {
                "gives the files to the account"
            } else {
                "hint: make the folder writable"
            },
        );
        moved.never_says("replaced/");
        assert_eq!(
            (read(to, "z"), read(to, &format!("pkg/sub/new {tool}"))),
            (content.clone(), content)
        );
        assert!(
            read(to, "pkg/old") != read(from, "pkg/old") && !to.join("pkg").join(tool).exists()
        );
        fs::set_permissions(to.join("pkg"), Permissions::from_mode(0o755)).unwrap();
        account.owns(to);
        run(tool).succeeds();
        assert_eq!(
            (read(to, "pkg/old"), read(to, &format!("pkg/{tool}/deep"))),
            (read(from, "pkg/old"), "2".into())
        );
    }
}

#[test]
fn what_is_replaced_is_kept_aside_on_another_disk_too() {
    let scene = Scene::new();
    let Some(_state) = Tmpfs::mount(&scene.home().join(".local/state"), "16m") else { return };
    let ours = scene.host.remote_root().join(".mlcube-ssh");
    let Some(_ours) = Tmpfs::mount(&ours, "16m") else { return };
    let (cube, document, there) = pushed(&scene);
    let here = cube.workspace();
    for (from, to, tool, aside) in [
        (&there, &here, "mlcube-ssh-pull", scene.home().join(".local/state")),
        (&here, &there, "mlcube-ssh-push", ours.clone()),
    ] {
        let names = ["d/file", "d/to-link", "d/relinked", "d/to-file"];
        let [file, to_link, relinked, to_file] = names.map(|name| from.join(name));
        write(from, &[(names[0], "a file"), (names[1], "becomes a link")]);
        symlink("file", &relinked).unwrap();
        symlink("file", &to_file).unwrap();
        let run = || scene.tool(tool).reads_document(&document).run();
        run().succeeds();
        fs::write(&file, "another content").unwrap();
        for path in [&to_link, &relinked, &to_file] {
            fs::remove_file(path).unwrap();
        }
        symlink("file", &to_link).unwrap();
        symlink("../data.csv", &relinked).unwrap();
        fs::write(&to_file, "became a file").unwrap();
        run().succeeds();
        assert_eq!(fs::read_link(to.join(names[1])).unwrap(), Path::new("file"));
        assert_eq!(fs::read_link(to.join(names[2])).unwrap(), Path::new("../data.csv"));
        assert_eq!(read(to, names[3]), "became a file");
        let mut aside = kept_aside(&aside);
        aside.retain(|content| !content.is_empty());
        aside.sort();
        assert_eq!(aside, ["a file", "becomes a link"]);
        run().succeeds().says("nothing to ");
        fs::remove_dir_all(from.join("d")).unwrap();
        fs::remove_dir_all(to.join("d")).unwrap();
        let _none_is_left = fs::remove_dir_all(ours.join("digits/replaced"));
    }
}

/// A file of so many bytes, with some content at its end and holes before that.
fn sparse(path: &Path, size: u64) {
    let file = File::create(path).unwrap();
    file.set_len(size).unwrap();
    file.write_all_at(&random(size, 100_000), size - 100_000).unwrap();
}

fn allocated(path: &Path) -> u64 {
    fs::metadata(path).unwrap().blocks() * 512
}

#[test]
fn holes_arrive_as_holes_and_take_no_room() {
    let scene = Scene::new();
    let (cube, document, there) = pushed(&scene);
    let here = cube.workspace();
    let Some(_small) = Tmpfs::mount(&here, "16m") else { return };
    let Some(_small_there) = Tmpfs::mount(&there, "16m") else { return };
    for (from, to, tool, key) in
        [(&here, &there, "mlcube-ssh-push", "push"), (&there, &here, "mlcube-ssh-pull", "pull")]
    {
        // One that is larger than what is free, one that an archive could take, and many small files beside it.
        sparse(&from.join(format!("large of {key}")), 80 << 20);
        sparse(&from.join(format!("few of {key}")), 900 << 10);
        for number in 0..120 {
            write(from, &[(&format!("many of {key}/{number}"), "x")]);
        }
        let moved = scene.tool(tool).reads_document(&document).run();
        let document = moved.succeeds().document();
        for name in [format!("large of {key}"), format!("few of {key}")] {
            assert_eq!(
                fs::metadata(to.join(&name)).unwrap().len(),
                fs::metadata(from.join(&name)).unwrap().len()
            );
            assert!(allocated(&to.join(&name)) < 300_000, "{name}: {}", allocated(&to.join(&name)));
            assert!(
                fs::read(to.join(&name)).unwrap() == fs::read(from.join(&name)).unwrap(),
                "{name}"
            );
        }
        let sent = document.at(&format!("/steps/{key}/bytes_sent")).as_u64().unwrap();
        assert!(sent < 5_000_000, "holes don't travel: {sent}");
    }
}

#[test]
fn what_is_no_hole_still_counts_for_the_free_space() {
    let scene = Scene::new();
    let (cube, document, there) = pushed(&scene);
    let Some(_small) = Tmpfs::mount(&cube.workspace(), "10m") else { return };
    sparse(&there.join("holes"), 80 << 20);
    fs::write(there.join("full"), random(1, 12 << 20)).unwrap();
    pull(&scene, &document).exits(125).says("this pull needs 12.6 MB").says("holes");
    fs::remove_file(there.join("full")).unwrap();
    pull(&scene, &document).succeeds();
}

#[test]
fn what_the_local_disk_rounds_is_the_same_as_before() {
    let scene = Scene::new();
    let (cube, document, there) = pushed(&scene);
    let here = cube.workspace();
    let Some(_disk) = OddDisk::mount(&here, &["two-seconds", "no-modes"]) else { return };
    // What it shows of earlier files has changed for all that anybody knows.
    push(&scene, &document).succeeds();
    for number in 0..120 {
        write(&there, &[(&format!("many/{number}"), "x")]);
    }
    write(&there, &[("score", "one")]);
    let odd = std::time::UNIX_EPOCH + std::time::Duration::new(1_000_000_001, 5);
    File::open(there.join("score")).unwrap().set_modified(odd).unwrap();
    let state = || (fs::metadata(there.join("score")).unwrap().ino(), read(&there, "score"));
    pull(&scene, &document).succeeds().says("fetched");
    let before = state();
    // Nothing is fetched again, nor sent back, nor kept aside.
    for _ in 0..2 {
        pull(&scene, &document).succeeds().says("nothing to fetch");
        push(&scene, &document).succeeds().says("nothing to send");
    }
    assert_eq!((state(), kept_aside(&scene.home().join(".local/state"))), (before, vec![]));
    // What changes on either side goes to the other one.
    write(&there, &[("score", "two")]);
    pull(&scene, &document).succeeds().never_says("kept");
    assert_eq!(read(&here, "score"), "two");
    write(&here, &[("score", "three")]);
    push(&scene, &document).succeeds().never_says("kept");
    assert_eq!(read(&there, "score"), "three");
    let mode = fs::metadata(there.join("many/1")).unwrap().mode() & 0o777;
    assert_eq!(mode, 0o644, "permissions that the disk hasn't aren't sent");
}

#[test]
fn what_a_remote_disk_rounds_is_neither_fetched_nor_sent_again() {
    let scene = Scene::new();
    let (cube, document, there) = pushed(&scene);
    let here = cube.workspace();
    let Some(_disk) = OddDisk::mount(&there, &["two-seconds", "no-modes"]) else { return };
    let odd = std::time::UNIX_EPOCH + std::time::Duration::new(1_000_000_001, 5);
    for name in ["data.csv", "score", "d/e"] {
        write(&here, &[(name, "one")]);
        File::open(here.join(name)).unwrap().set_modified(odd).unwrap();
    }
    push(&scene, &document);
    let inode = || fs::metadata(here.join("score")).unwrap().ino();
    let before = inode();
    for _ in 0..2 {
        pull(&scene, &document).succeeds().says("nothing to fetch");
        push(&scene, &document).succeeds().says("nothing to send").never_says("kept");
    }
    assert_eq!(inode(), before);
    let mode = fs::metadata(here.join("score")).unwrap().mode() & 0o777;
    assert_eq!(mode, 0o644, "permissions that the disk hasn't aren't fetched");
    write(&there, &[("score", "two")]);
    pull(&scene, &document).succeeds().never_says("kept");
    assert_eq!(read(&here, "score"), "two");
    write(&here, &[("score", "three")]);
    push(&scene, &document).succeeds().never_says("kept").never_says("was written");
    assert_eq!(read(&there, "score"), "three");
    // `clean` knows them as fetched; the disk itself stays.
    let clean = scene.tool("mlcube-ssh-exec").args(["clean", "--yes=workspaces"]);
    clean.reads_document(&document).run().exits(125).says("can't be removed as a whole");
    assert!(files_below(&there).is_empty());
}

#[test]
fn code_on_a_remote_disk_that_rounds_is_sent_once() {
    let scene = Scene::new();
    let cube = scene.cube("digits").task(&Task::named("train"));
    let code = cube.root().join("lib.py");
    let odd = std::time::UNIX_EPOCH + std::time::Duration::new(1_000_000_001, 5);
    let write = |content: &str| {
        fs::write(&code, content).unwrap();
        File::open(&code).unwrap().set_modified(odd).unwrap();
    };
    write("one");
    let tree = scene.host.remote_root().join("digits");
    let Some(_disk) = OddDisk::mount(&tree, &["two-seconds", "no-modes"]) else { return };
    let document = scene.document(&cube, &[]);
    push(&scene, &document).succeeds();
    let changed =
        || push(&scene, &document).succeeds().document().at("/steps/push/changed").clone();
    assert_eq!(changed(), false);
    write("another");
    assert_eq!((changed(), changed()), (true.into(), false.into()));
    assert_eq!(read(&tree, "lib.py"), "another");
}

#[test]
fn permissions_that_were_changed_on_both_sides_stay_and_are_named() {
    let scene = Scene::new();
    let task = Task::named("train").reads("data", "data.csv");
    let cube = scene.cube("digits").task(&task).with_file("data.csv", "1,2\n");
    let document = scene.document(&cube, &[]);
    push(&scene, &document).succeeds();
    let there = scene.host.remote_root().join("digits/workspace/data.csv");
    let here = cube.workspace().join("data.csv");
    let set = |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
    set(&here, 0o755);
    set(&there, 0o600);
    for _ in 0..2 {
        push(&scene, &document).succeeds().says("kept data.csv");
        pull(&scene, &document).succeeds().says("kept data.csv");
        assert_eq!((mode(&here), mode(&there)), (0o755, 0o600));
    }
    let inputs = scene.tool("mlcube-ssh-push").arg("--inputs").reads_document(&document).run();
    inputs.exits(125).says("another input train.data").says("the permissions of '");
    scene.tool("mlcube-ssh-push").arg("--overwrite").reads_document(&document).run().succeeds();
    assert_eq!(mode(&there), 0o755);
    pull(&scene, &document).succeeds().never_says("kept");
}

#[test]
fn what_a_transfer_that_was_cut_off_has_left_goes_with_the_next_one() {
    let scene = Scene::new();
    let (cube, document, there) = pushed(&scene);
    let state = scene.home().join(".local/state/mlcube-ssh");
    let record = fs::read_dir(&state).unwrap().flatten().map(|entry| entry.path());
    let record = record.into_iter().find(|path| path.join("workspace").exists()).unwrap();
    for (top, tool, marker) in [
        (&there, "mlcube-ssh-push", "going-up"),
        (&cube.workspace(), "mlcube-ssh-pull", "going-down"),
    ] {
        write(top, &[("d/x", "x"), ("d/.mlcube-ssh-partial/model", "half of it")]);
        write(top, &[(".mlcube-ssh-partial/other", "half of it")]);
        fs::copy(record.join("workspace"), record.join(marker)).unwrap();
        fs::write(record.join(format!("{marker}.4294967295.new")), "half of a list").unwrap();
        scene.tool(tool).reads_document(&document).run().succeeds();
        assert!(
            !top.join("d/.mlcube-ssh-partial").exists()
                && !top.join(".mlcube-ssh-partial").exists()
        );
        assert!(top.join("d/x").exists());
        // An rsync that outlived its killed transfer may be cut off after the next one, which ended well.
        write(top, &[("d/.mlcube-ssh-partial/model", "half of it")]);
        scene.tool(tool).reads_document(&document).run().succeeds();
        assert!(!top.join("d/.mlcube-ssh-partial").exists() && top.join("d/x").exists());
    }
    // A push since then has settled all of a pull that was killed but for its backups.
    write(&cube.workspace(), &[(".mlcube-ssh-partial/other", "half of it")]);
    fs::write(record.join("unnamed"), "folder").unwrap();
    pull(&scene, &document).succeeds();
    assert!(!cube.workspace().join(".mlcube-ssh-partial").exists());
    // A push that had no plan yet is known by its incoming folder; the next one may skip something.
    fs::write(record.join("incoming"), "0123456789abcdef").unwrap();
    write(&there, &[(".mlcube-ssh-partial/other", "half of it"), ("way/x", "x")]);
    write(&cube.workspace(), &[("way", "in the way")]);
    push(&scene, &document).exits(125).says("skipped 'way'");
    assert!(!there.join(".mlcube-ssh-partial").exists());
    fs::remove_dir_all(there.join("way")).unwrap();
    let unfinished = files_below(&record);
    assert!(!unfinished.iter().any(|path| path.extension().is_some_and(|end| end == "new")));
    // `clean` knows it too.
    write(&there, &[("d/.mlcube-ssh-partial/model", "half of it")]);
    let clean = |words: &[&str]| {
        let clean = scene.tool("mlcube-ssh-exec").arg("clean").args(words);
        clean.reads_document(&document).run().succeeds().stdout.clone()
    };
    assert!(clean(&[]).contains("partial "), "{}", clean(&[]));
    assert!(clean(&["--yes=partial"]).contains("removed partial"));
    assert!(!there.join("d/.mlcube-ssh-partial").exists() && there.join("d/x").exists());
}

#[test]
fn what_the_receiver_refuses_at_the_end_does_not_count_as_transferred() {
    let Some((account, scene)) = Scene::with_an_ordinary_user() else { return };
    let cube = scene.cube("digits").task(&Task::named("train"));
    let (here, there) = (cube.workspace(), scene.host.remote_root().join("digits/workspace"));
    write(&here, &[("d/old", "1")]);
    // No archive of a pull has files of this size.
    let large = "x".repeat(1 << 20);
    let document = scene.document(&cube, &[]);
    account.owns(scene.home());
    let run = |tool: &str| scene.tool_as(&account, tool).reads_document(&document).run();
    run("mlcube-ssh-push").succeeds();
    for (from, to, step) in [(&here, &there, "push"), (&there, &here, "pull")] {
        // The sender has sent the file already when the receiver can't put it in its place.
        let folder = to.join("d");
        scene.before_rsync(&format!("chmod 555 '{}'", folder.display()));
        let [refused, other] = [format!("d/{step}"), format!("{step}ed")];
        write(from, &[(&refused, &large), (&other, &large)]);
        account.owns(from);
        // The second time nothing else is left to do.
        for (files, has_changed) in [(1, true), (0, false)] {
            let moved = run(&format!("mlcube-ssh-{step}"));
            moved.exits(125).says(&format!("skipped {refused}: "));
            let receipt = moved.document();
            let noted = |key: &str| receipt.at(&format!("/steps/{step}/{key}")).clone();
            assert_eq!((noted("files_sent"), noted("changed")), (files.into(), has_changed.into()));
            assert_eq!(noted("left_out").to_string(), format!("[\"{refused}\"]"));
            fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
        }
        assert!(!to.join(&refused).exists() && to.join(&other).exists());
        scene.real_rsync();
        run(&format!("mlcube-ssh-{step}")).succeeds();
        assert_eq!(read(to, &refused), large);
    }
}

#[test]
fn without_room_for_the_whole_backup_nothing_is_replaced() {
    let scene = Scene::new();
    let Some(_state) = Tmpfs::mount(&scene.home().join(".local/state"), "1m") else { return };
    let ours = scene.host.remote_root().join(".mlcube-ssh");
    let Some(_ours) = Tmpfs::mount(&ours, "1m") else { return };
    let (cube, document, there) = pushed(&scene);
    let here = cube.workspace();
    for (from, to, tool, aside) in [
        (&there, &here, "mlcube-ssh-pull", scene.home().join(".local/state")),
        (&here, &there, "mlcube-ssh-push", ours.clone()),
    ] {
        fs::write(from.join("large"), random(1, 3_000_000)).unwrap();
        fs::write(from.join("small"), "1").unwrap();
        let run = || scene.tool(tool).args(["-q"]).reads_document(&document).run();
        run().succeeds();
        for name in ["large", "small"] {
            fs::write(from.join(name), "the new one").unwrap();
        }
        let stopped = run();
        stopped.exits(125).says("large").says("room");
        assert_eq!(fs::read(to.join("large")).unwrap(), random(1, 3_000_000), "{tool} {stopped}");
        let aside = kept_aside(&aside);
        assert!(aside.iter().all(|content| content == "1"), "nothing half is left: {stopped}");
        for name in ["large", "small"] {
            fs::remove_file(from.join(name)).unwrap();
            fs::remove_file(to.join(name)).unwrap();
        }
    }
}

/// What doesn't fit on a disk below the workspace leaves what was there, under its own name, whole.
#[test]
fn a_disk_within_the_workspace_that_gets_full_holds_no_half_file() {
    let scene = Scene::new();
    let (cube, document, there) = pushed(&scene);
    let here = cube.workspace();
    for (from, to, tool) in [(&here, &there, "mlcube-ssh-push"), (&there, &here, "mlcube-ssh-pull")]
    {
        let place = to.join(tool);
        fs::create_dir_all(&place).unwrap();
        let Some(_disk) = Tmpfs::mount(&place, "1m") else { return };
        write(from, &[(&format!("{tool}/f"), "agreed")]);
        let run = || scene.tool(tool).reads_document(&document).run();
        run().succeeds();
        fs::write(from.join(tool).join("f"), random(1, 3_000_000)).unwrap();
        let stopped = run();
        stopped.exits(125).says("room");
        assert_eq!(read(to, &format!("{tool}/f")), "agreed", "{stopped}");
        fs::remove_dir_all(from.join(tool)).unwrap();
    }
}

/// Fills a disk but for so many bytes.
fn fill(disk: &Path, but_for: usize) -> PathBuf {
    let path = disk.join("filling");
    let mut filling = File::create(&path).unwrap();
    while filling.write_all(&[0; 4096]).is_ok() {}
    let size = filling.metadata().unwrap().len();
    filling.set_len(size - but_for as u64).unwrap();
    path
}

/// While the state fails, nothing moves in either direction; afterwards everything does.
fn nothing_moves_meanwhile(
    scene: &Scene,
    (cube, document, there): &(Cube, Document, PathBuf),
    words: &[&str],
    mend: impl FnOnce(),
) {
    let here = cube.workspace();
    write(&here, &[("data.csv", "edited")]);
    write(there, &[("score", "1")]);
    for tool in ["mlcube-ssh-push", "mlcube-ssh-pull"] {
        let stopped = scene.tool(tool).arg("-q").reads_document(document).run();
        stopped.exits(125).complains(words);
    }
    assert_eq!(read(there, "data.csv"), "1,2\n");
    assert!(!here.join("score").exists());
    mend();
    push(scene, document).succeeds().never_says("kept");
    pull(scene, document).succeeds().never_says("kept");
    assert_eq!((read(there, "data.csv"), read(&here, "score")), ("edited".into(), "1".into()));
}

#[test]
fn a_state_disk_that_gets_full_in_the_middle_of_a_record_stops_a_transfer_before_anything_moves() {
    let scene = Scene::new();
    let top = scene.home().join(".local/state");
    let Some(_state) = Tmpfs::mount(&top, "1m") else { return };
    let pushed = pushed(&scene);
    // The record of so many names is larger than what is free.
    for number in 0..400 {
        let name = format!("a long name, so that the record is large, {number}");
        fs::write(pushed.0.workspace().join(name), "1").unwrap();
    }
    push(&scene, &pushed.1).succeeds();
    let filling = fill(&top, 16_384);
    let words = ["can't write the sync state", "No space left on device", "make room"];
    nothing_moves_meanwhile(&scene, &pushed, &words, || fs::remove_file(filling).unwrap());
}

#[test]
fn a_state_disk_that_fails_to_read_stops_a_transfer_before_anything_moves() {
    let scene = Scene::new();
    let state = scene.home().join(".local/state/mlcube-ssh");
    let pushed = pushed(&scene);
    let Some(disk) = OddDisk::mount(&state, &[]) else { return };
    let record = files_below(&state).into_iter().find(|path| path.ends_with("workspace")).unwrap();
    let record = record.strip_prefix(&state).unwrap().display().to_string();
    for oddity in ["eio", "eio-content"] {
        write(&pushed.0.workspace(), &[("data.csv", "1,2\n")]);
        push(&scene, &pushed.1).succeeds();
        disk.has(&[&format!("{oddity} {record}")]);
        let words = ["can't read the sync state", "Input/output error", "move it away"];
        nothing_moves_meanwhile(&scene, &pushed, &words, || disk.has(&[]));
        fs::remove_file(pushed.2.join("score")).unwrap();
        fs::remove_file(pushed.0.workspace().join("score")).unwrap();
    }
}

#[test]
fn a_home_without_file_locks_is_named() {
    let scene = Scene::new();
    let state = scene.home().join(".local/state/mlcube-ssh");
    let Some(_disk) = OddDisk::mount(&state, &["no-locks"]) else { return };
    let (_cube, document, there) = pushed(&scene);
    // Of another transfer that goes on, which can't be told from one that was killed.
    let record = fs::read_dir(&state).unwrap().map(|entry| entry.unwrap().path());
    let record = record.into_iter().find(|path| path.join("workspace").exists()).unwrap();
    fs::write(record.join("workspace.new"), "half").unwrap();
    write(&there, &[("score", "1")]);
    let pulled = pull(&scene, &document);
    pulled.succeeds().says("has no file locks");
    pulled.says("start no other transfer of this cube");
    assert_eq!(read(&record, "workspace.new"), "half");
}

/// The programs of either machine speak German, as far as it has their translations.
const GERMAN: [(&str, &str); 2] = [("LANGUAGE", "de"), ("LC_ALL", "C.UTF-8")];

/// What has no room on one side, for another reason than that the disk is full, goes when there is some.
fn has_no_room(scene: &Scene, tool: &str, document: &Document, make_room: impl FnOnce()) {
    let german =
        |tool| GERMAN.iter().fold(scene.tool(tool), |tool, (name, value)| tool.env(name, value));
    let run = || german(tool).arg("-q").reads_document(document).run();
    run().exits(125).complains(&["no room left", "df -i", "quota"]);
    make_room();
    run().succeeds();
}

#[test]
fn a_quota_that_is_used_up_and_inodes_are_no_room_either() {
    let options = GERMAN
        .iter()
        .fold(HostOptions::default(), |options, (name, value)| options.variable(name, value));
    let scene = Scene::with(options);
    let (cube, document, there) = pushed(&scene);
    for (from, to, tool) in [
        (cube.workspace(), &there, "mlcube-ssh-push"),
        (there.clone(), &cube.workspace(), "mlcube-ssh-pull"),
    ] {
        let Some(disk) = OddDisk::mount(to, &["quota"]) else { return };
        // What is new goes as an archive, what has changed by rsync.
        for name in [format!("{tool}/new"), "data.csv".to_owned()] {
            disk.has(&["quota"]);
            write(&from, &[(&name, tool)]);
            has_no_room(&scene, tool, &document, || disk.has(&[]));
            assert_eq!(read(to, &name), tool);
        }
        drop(disk);
        let new = to.join("inodes");
        let Some(_disk) = Tmpfs::mount(&new, "4m,nr_inodes=4") else { return };
        let names = ["1", "2", "3", "4", "5"].map(|name| format!("inodes/{name}"));
        for name in &names {
            write(&from, &[(name, "new")]);
        }
        has_no_room(&scene, tool, &document, || {
            let more = format!("mount -o remount,nr_inodes=100 {}", new.display());
            scene.sh(&more).run().succeeds();
        });
        assert!(names.iter().all(|name| read(to, name) == "new"));
    }
}

#[test]
fn a_disk_that_is_full_says_nothing_of_names() {
    let scene = Scene::new();
    let (cube, document, there) = pushed(&scene);
    let word = |from: &Path| write(from, &[("a:b", "1"), (TWO_FORMS[0], "1")]);
    // A folder of our own can still be made, and no file in it.
    for free in [2, 3, 4] {
        for (receiver, sender, tool) in [
            (&there, cube.workspace(), "mlcube-ssh-push"),
            (&cube.workspace(), there.clone(), "mlcube-ssh-pull"),
        ] {
            let Some(_disk) = Tmpfs::mount(receiver, &format!("1m,nr_inodes={}", free + 1)) else {
                return;
            };
            word(&sender);
            let moved = scene.tool(tool).reads_document(&document).run();
            moved.never_says("store the name").never_says("rename the original");
            let has_room = |moved: &Outcome| moved.status == 0 || moved.stderr.contains("room");
            assert!(has_room(&moved), "{moved}");
        }
    }
}
