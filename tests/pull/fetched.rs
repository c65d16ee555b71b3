//! Entries that a pull can't fetch, or not as they are, and its messages about them.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

use mlcube_ssh_harness::{Cube, Document, Scene, Task, Tmpfs};

/// A cube whose files are on the host, and the folder of its workspace there.
fn pushed_to(scene: Scene) -> (Scene, Cube, Document, PathBuf) {
    let cube = scene.cube("digits").task(&Task::named("train")).with_file("data.csv", "1,2\n");
    let document = scene.document(&cube, &[]);
    let document =
        scene.tool("mlcube-ssh-push").reads_document(&document).run().succeeds().document();
    let workspace = scene.host.remote_root().join("digits/workspace");
    (scene, cube, document, workspace)
}

fn pushed() -> (Scene, Cube, Document, PathBuf) {
    pushed_to(Scene::new())
}

#[test]
fn list_shows_sizes_and_times_and_fetches_nothing() {
    let (scene, cube, document, there) = pushed();
    fs::create_dir(there.join("model")).unwrap();
    fs::write(there.join("model/a\nb\x1b[31m"), "x".repeat(1500)).unwrap();
    scene
        .sh(&format!("touch -d '2026-11-24 06:18:31Z' '{}'/model/*", there.display()))
        .run()
        .succeeds();
    symlink("../data.csv", there.join("model/link")).unwrap();
    let shown = scene.pull(&document, &["--list", "--dry-run"]);
    shown.succeeds().says("ssh ").never_says("--files-from").never_says("ln -s");
    let listed = scene.pull(&document, &["--list"]);
    let text = listed.succeeds().stdout.clone();
    assert!(text.contains("    1.5 kB  2026-11-24 06:18:31  model/a\\nb\\u{1b}[31m\n"), "{text}");
    assert!(
        text.contains("  model/\n") && text.contains("  model/link -> ../data.csv\n"),
        "{text}"
    );
    assert_eq!(text.lines().count(), 4, "{text}");
    let part = scene.pull(&document, &["--list", "data*"]);
    assert_eq!(part.succeeds().stdout.clone().lines().count(), 1);
    assert!(!cube.workspace().join("model").exists());
}

#[test]
fn more_than_the_free_space_is_refused_with_the_five_largest() {
    let (scene, cube, document, there) = pushed();
    for size in 1..=6_u8 {
        fs::write(there.join(format!("f{size}")), vec![size; usize::from(size) * 1_000_000])
            .unwrap();
    }
    fs::remove_dir_all(cube.workspace()).unwrap();
    let Some(_disk) = Tmpfs::mount(&cube.workspace(), "8m") else { return };
    let refused = scene.pull(&document, &[]);
    refused.exits(125).says("free").says("f6 (6.0 MB)").says("f2 (2.0 MB)");
    assert!(!refused.stderr.contains("f1"), "five are enough");
    assert_eq!(fs::read_dir(cube.workspace()).unwrap().count(), 0, "nothing moved");
    scene.pull(&document, &["f6"]).succeeds();
    assert_eq!(fs::metadata(cube.workspace().join("f6")).unwrap().len(), 6_000_000);
}

#[test]
fn entries_of_another_user_are_named_and_the_rest_is_fetched() {
    let Some((_account, scene)) = Scene::with_an_ordinary_user() else { return };
    let (scene, cube, document, there) = pushed_to(scene);
    fs::create_dir(there.join("closed")).unwrap();
    fs::write(there.join("closed/inside"), "x").unwrap();
    fs::set_permissions(there.join("closed"), fs::Permissions::from_mode(0o700)).unwrap();
    fs::write(there.join("secret.bin"), "x").unwrap();
    fs::set_permissions(there.join("secret.bin"), fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(there.join("score"), "0.9").unwrap();
    scene.pull(&document, &["--verify"]).exits(125).says("score differs");
    let pulled = scene.pull(&document, &[]);
    pulled.exits(125).says("secret.bin").says("closed").says("root").says("chown");
    assert_eq!(cube.result("score"), "0.9");
    assert_eq!(pulled.document().at("/steps/pull/left_out").as_array().unwrap().len(), 2);
    scene
        .pull(&document, &["--verify"])
        .exits(125)
        .says("secret.bin")
        .never_says("secret.bin differs");
    // What came is on record: an edit here is no conflict.
    fs::write(cube.workspace().join("score"), "mine").unwrap();
    let again = scene.pull(&document, &[]);
    again.exits(125);
    assert!(!again.stderr.contains("kept"), "{}", again.stderr);
}

#[test]
fn the_users_own_link_to_a_folder_is_kept_and_followed() {
    let mut scene = Scene::new();
    let disk = scene.place().folder("disk");
    scene.follows_links_to(&disk);
    let (scene, cube, document, there) = pushed_to(scene);
    symlink(&disk, cube.workspace().join("out")).unwrap();
    fs::create_dir(there.join("out")).unwrap();
    fs::write(there.join("out/model"), "one").unwrap();
    scene.pull(&document, &[]).succeeds();
    assert_eq!(fs::read_to_string(disk.join("model")).unwrap(), "one");
    assert!(cube.workspace().join("out").is_symlink());
    let again = scene.pull(&document, &[]).succeeds().document();
    assert_eq!(again.at("/steps/pull/changed"), false, "what lies behind the link is known");
    fs::write(disk.join("model"), "edited here").unwrap();
    fs::write(there.join("out/model"), "and there").unwrap();
    scene.pull(&document, &[]).succeeds().says("out/model");
    assert_eq!(fs::read_to_string(disk.join("model")).unwrap(), "edited here");
}

#[test]
fn a_fetched_link_is_never_written_through() {
    let (scene, cube, document, there) = pushed();
    fs::create_dir_all(there.join("a/b/c")).unwrap();
    fs::create_dir_all(there.join("inner")).unwrap();
    symlink("../..", there.join("a/b/up")).unwrap();
    // By its text it stays in the workspace; by way of `up` it leads out of it.
    symlink("a/b/up/../planted", there.join("chain")).unwrap();
    symlink("inner", there.join("plain")).unwrap();
    fs::create_dir(cube.root().join("planted")).unwrap();
    scene.pull(&document, &[]).exits(125).says("skipped 'chain'");
    assert!(!cube.workspace().join("chain").is_symlink());
    assert!(cube.workspace().join("plain").is_symlink());
    fs::remove_file(there.join("plain")).unwrap();
    fs::create_dir(there.join("plain")).unwrap();
    fs::write(there.join("plain/f"), "x").unwrap();
    for words in [&[] as &[&str], &["plain/f"]] {
        scene.pull(&document, words).exits(125).says("skipped 'plain'");
        assert!(!cube.workspace().join("inner/f").exists(), "written through a link of theirs");
    }
}

#[test]
fn a_folder_that_becomes_a_link_between_list_and_transfer() {
    let (scene, cube, document, there) = pushed();
    let elsewhere = scene.place().folder("elsewhere");
    fs::create_dir(there.join("d")).unwrap();
    fs::write(there.join("d/f"), "x").unwrap();
    // The rsync there makes the exchange before it does its work.
    let bin = scene.host.bin();
    fs::create_dir_all(&bin).unwrap();
    let script = format!(
        "#!/bin/sh\nmv '{t}/d' '{t}/moved' && mkdir -p '{e}' && ln -s '{e}' '{t}/d'\necho x > '{e}/f'\nexec /usr/bin/rsync \"$@\"\n",
        t = there.display(),
        e = elsewhere.join("target").display()
    );
    fs::write(bin.join("rsync"), script).unwrap();
    fs::set_permissions(bin.join("rsync"), fs::Permissions::from_mode(0o755)).unwrap();
    let _fetched_or_refused = scene.pull(&document, &[]);
    assert!(!cube.workspace().join("d").is_symlink(), "a link that leads out was taken");
}

#[test]
fn devices_and_set_uid_bits_stay_on_the_remote() {
    let (scene, cube, document, there) = pushed();
    scene
        .sh(&format!(
            "mkfifo '{0}/pipe' && cp /bin/true '{0}/tool' && chmod 6755 '{0}/tool'",
            there.display()
        ))
        .run()
        .succeeds();
    let pulled = scene.pull(&document, &[]);
    pulled.succeeds().says("pipe");
    assert!(!cube.workspace().join("pipe").exists());
    let mode = fs::metadata(cube.workspace().join("tool")).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o755);
}

#[test]
fn what_has_a_reserved_name_is_named() {
    let scene = Scene::new();
    let task = Task::named("train").writes("kept", "sub/.mlcube-ssh/").writes("score", "score");
    let cube = scene.cube("digits").task(&task);
    let document = scene.document(&cube, &["--task=train"]);
    scene.tool("mlcube-ssh-push").reads_document(&document).run().succeeds();
    let there = scene.host.remote_root().join("digits/workspace");
    let kept = there.join("sub/.mlcube-ssh");
    fs::create_dir_all(&kept).unwrap();
    fs::write(there.join("score"), "1").unwrap();
    // What a later pull brings in its place would be written into the repository.
    symlink("./.git/hooks", there.join("hooks")).unwrap();
    scene.pull(&document, &[]).succeeds().says("skipped hooks").never_says("skipped sub");
    assert!(!cube.workspace().join("hooks").is_symlink());
    fs::write(kept.join("result"), "1").unwrap();
    let pulled = scene.pull(&document, &["-q"]);
    pulled.exits(125).says("skipped sub/.mlcube-ssh and everything below it").says("output kept");
    assert_eq!(pulled.document().at("/steps/pull/outputs"), &serde_json::json!(["score"]));
    assert_eq!(cube.result("score"), "1");
}

#[test]
fn entries_fetched_before_a_failure_are_in_the_sync_state() {
    let (scene, cube, document, there) = pushed();
    fs::write(there.join("score"), "1").unwrap();
    fs::create_dir(cube.workspace().join("locked")).unwrap();
    fs::create_dir(there.join("locked")).unwrap();
    // A folder here that can't be written, even by root: it is on another, full disk.
    let Some(_disk) = Tmpfs::mount(&cube.workspace().join("locked"), "16k") else { return };
    fs::write(there.join("locked/big"), vec![1; 200_000]).unwrap();
    scene.pull(&document, &[]).exits(125).says("room");
    fs::write(there.join("score"), "2").unwrap();
    scene.pull(&document, &["score"]).succeeds();
    assert_eq!(cube.result("score"), "2");
}

#[test]
fn the_first_of_many_kept_or_skipped_entries_are_named() {
    let (scene, cube, document, there) = pushed();
    for number in 10..35 {
        let name = format!("both{number}");
        fs::write(cube.workspace().join(&name), "here").unwrap();
        fs::write(there.join(name), "there, too").unwrap();
        symlink("/elsewhere", there.join(format!("out{number}"))).unwrap();
    }
    let pulled = scene.pull(&document, &["-q"]);
    let named = |name: &str| pulled.stderr.lines().filter(|line| line.contains(name)).count();
    assert_eq!((named("kept both"), named("skipped out")), (20, 20), "{}", pulled.stderr);
    pulled.exits(125).says("both29,").never_says("both30,").says("out29:").never_says("out30:");
    pulled.says("and 5 more; steps.pull.kept in the document lists all\n");
    pulled.says("and 5 more; steps.pull.left_out in the document lists all\n");
    for field in ["kept", "left_out"] {
        let all = pulled.document().at(&format!("/steps/pull/{field}")).clone();
        assert_eq!(all.as_array().unwrap().len(), 25, "{field}");
    }
}

#[test]
fn a_link_to_a_file_is_kept_and_named_as_one() {
    let mut scene = Scene::new();
    let disk = scene.place().folder("disk");
    scene.follows_links_to(&disk);
    let (scene, cube, document, there) = pushed_to(scene);
    fs::write(disk.join("labels"), "cat").unwrap();
    symlink(disk.join("labels"), cube.workspace().join("lf")).unwrap();
    scene.tool("mlcube-ssh-push").reads_document(&document).run().succeeds();
    fs::write(there.join("lf"), "cat and dog").unwrap();
    let pulled = scene.pull(&document, &[]);
    pulled.succeeds().says("kept lf, a link to a file").never_says("changed on both sides");
    assert!(cube.workspace().join("lf").is_symlink());
    assert_eq!(fs::read_to_string(disk.join("labels")).unwrap(), "cat");
}

#[test]
fn two_names_of_one_local_file_are_named_as_such() {
    let mut scene = Scene::new();
    let disk = scene.place().folder("disk");
    scene.follows_links_to(&disk);
    let (scene, cube, document, there) = pushed_to(scene);
    fs::write(disk.join("x"), "1").unwrap();
    for name in ["one", "two"] {
        symlink(&disk, cube.workspace().join(name)).unwrap();
    }
    scene.tool("mlcube-ssh-push").reads_document(&document).run().succeeds();
    for name in ["one", "two"] {
        fs::write(there.join(name).join("x"), name.repeat(name.len() + usize::from(name == "two")))
            .unwrap();
    }
    let pulled = scene.pull(&document, &[]);
    pulled.succeeds().says("which is the same file locally").never_says("during this pull");
}

#[test]
fn the_image_that_mlcube_keeps_in_the_workspace_is_no_result() {
    let mut scene = Scene::new();
    scene.set("/remote", serde_json::json!({"runner": "singularity"}));
    let (mut scene, cube, document, there) = pushed_to(scene);
    for place in [".image", "model", "images"] {
        fs::create_dir(there.join(place)).unwrap();
        fs::write(there.join(place).join("cube.sif"), "x".repeat(1500)).unwrap();
    }
    let local = |place: &str| cube.workspace().join(place).join("cube.sif").exists();
    let says = "skipped the image in .image on 'there' (1.5 kB)";
    scene.pull(&document, &[]).succeeds().says(says);
    assert!(!local(".image") && local("model") && local("images"));
    let verified = scene.pull(&document, &["--verify"]);
    verified.succeeds().never_says(".image");
    scene.pull(&document, &[".image"]).succeeds();
    assert!(local(".image"));
    scene.pull(&document, &[]).succeeds().says("nothing to fetch").never_says("the image in");
    // Where the settings name another folder, `.image` is like any other.
    scene.set("/remote/image_dir", "workspace/images");
    fs::remove_dir_all(cube.workspace()).unwrap();
    fs::create_dir(cube.workspace()).unwrap();
    let document = scene.document(&cube, &[]);
    let fetched = scene.pull(&document, &["--overwrite"]);
    fetched.succeeds().says("skipped the image in images");
    assert!(local(".image") && local("model") && !local("images"));
}
