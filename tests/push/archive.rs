//! New entries are sent as one archive: what arrives, what is left when it is cut off, and what goes wrong.
#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::PathBuf;

use mlcube_ssh_harness::{
    Cube, Document, HostOptions, Outcome, Scene, Task, Tmpfs, eventually, files_below, random,
    whole_tree,
};

/// The first lines of a tar that does something else with an archive only.
const TELLS_ITS_VERSION: &str = "case $1 in --version) exec /usr/bin/tar --version ;; esac\n";

/// A cube with enough in its workspace for a stream.
fn many(scene: &Scene) -> Cube {
    let cube = scene.cube("digits").task(&Task::named("train"));
    fs::create_dir(cube.workspace().join("many")).unwrap();
    for number in 0..150 {
        let file = cube.workspace().join(format!("many/{number:03}"));
        fs::write(file, random(number, 4_000)).unwrap();
    }
    cube
}

fn there(scene: &Scene) -> PathBuf {
    scene.host.remote_root().join("digits/workspace")
}

/// What is on its way to the host, or was left there.
fn incoming(scene: &Scene) -> Vec<PathBuf> {
    files_below(&scene.host.remote_root().join(".mlcube-ssh/digits/incoming"))
}

/// Lets the host unpack slowly.
fn unpacks_slowly(scene: &Scene) {
    let slowly = "import sys, time\nfor piece in iter(lambda: sys.stdin.buffer.read(16384), b\"\"):\n    sys.stdout.buffer.write(piece); sys.stdout.flush(); time.sleep(0.01)";
    let unpack = format!("{TELLS_ITS_VERSION}python3 -c '{slowly}' | /usr/bin/tar \"$@\"");
    scene.host.has_program("tar", &unpack);
}

/// A push during which the host is gone when so many bytes of the file `zlarge` have come; afterwards all is well
/// again.
fn cut_off_after(scene: &mut Scene, document: &Document, bytes: u64) -> Outcome {
    unpacks_slowly(scene);
    let running = scene.tool("mlcube-ssh-push").arg("-q").reads_document(document).start();
    eventually("so much of the large file has come", || {
        incoming(scene).iter().any(|path| {
            path.ends_with("zlarge") && fs::metadata(path).is_ok_and(|it| it.len() > bytes)
        })
    });
    scene.host.sshd.stop();
    let failed = running.wait();
    scene.host.sshd.comes_back();
    scene.host.loses_program("tar");
    failed
}

#[test]
fn everything_arrives_as_it_is() {
    let scene = Scene::new();
    let cube = many(&scene);
    let workspace = cube.workspace();
    let odd = "it's a \"name\" with $HOME; `touch canary` *\n\té -rf \\, &";
    fs::write(workspace.join(odd), "odd").unwrap();
    fs::write(workspace.join("-e"), "an option").unwrap();
    fs::create_dir_all(workspace.join("empty/folder")).unwrap();
    fs::set_permissions(workspace.join("empty"), fs::Permissions::from_mode(0o2750)).unwrap();
    symlink("many/001", workspace.join("link")).unwrap();
    symlink("nowhere", workspace.join("many/dangling")).unwrap();
    symlink("loop", workspace.join("many/loop")).unwrap();
    fs::hard_link(workspace.join("many/002"), workspace.join("twin")).unwrap();
    fs::set_permissions(workspace.join("many/003"), fs::Permissions::from_mode(0o500)).unwrap();
    scene.sh("touch -d '2001-02-03 04:05:06.789' digits/workspace/many/004").run().succeeds();
    fs::write(cube.root().join(".mlcubeignore"), "/workspace/many/00?\n!/workspace/many/00[0-4]\n")
        .unwrap();
    let document = scene.document(&cube, &[]);
    let pushed = scene.push(&document, &["-v"]);
    pushed.succeeds().says("as one archive").says("mlcube-ssh-push: sent workspace/many/149\n");
    for number in 5..10 {
        fs::remove_file(workspace.join(format!("many/00{number}"))).unwrap();
    }
    assert_eq!(
        whole_tree(&there(&scene)),
        whole_tree(&workspace),
        "ignored files stay, the rest is the same"
    );
    assert_eq!(fs::metadata(there(&scene).join("twin")).unwrap().nlink(), 1, "two files there");
    let receipt = pushed.document();
    // With the five files of the cube, and the one that says what stays.
    assert_eq!(receipt.at("/steps/push/files_sent"), 145 + 3 + 6);
    assert!(receipt.at("/steps/push/bytes_sent").as_u64().unwrap() > 145 * 4_000);
    let again = scene.push(&document, &[]).succeeds().document();
    assert_eq!(again.at("/steps/push/changed"), false);
    assert_eq!(incoming(&scene), [] as [PathBuf; 0]);
}

#[test]
fn a_first_push_of_large_files_uses_rsync() {
    let scene = Scene::new();
    let cube = scene.cube("digits").task(&Task::named("train"));
    for number in 0..2 {
        fs::create_dir_all(cube.workspace()).unwrap();
        fs::write(cube.workspace().join(format!("{number}.pt")), vec![number + 1; 32 << 20])
            .unwrap();
    }
    let document = scene.document(&cube, &[]);
    scene.push(&document, &["-v"]).succeeds().never_says("as one archive");
    assert_eq!(whole_tree(&there(&scene)), whole_tree(&cube.workspace()));
}

#[test]
fn new_entries_in_existing_folders() {
    let scene = Scene::new();
    let cube = scene.cube("digits").task(&Task::named("train")).with_file("many/old/a", "1");
    let document = scene.document(&cube, &[]);
    scene.push(&document, &[]).succeeds();
    fs::write(there(&scene).join("many/old/theirs"), "2").unwrap();
    for number in 0..120 {
        let (folder, name) = (["many", "many/old", "many/new"][number % 3], number);
        fs::create_dir_all(cube.workspace().join(folder)).unwrap();
        fs::write(cube.workspace().join(folder).join(format!("{name}")), random(1, 3_000)).unwrap();
    }
    scene.push(&document, &["-v"]).succeeds().says("as one archive");
    let theirs = there(&scene).join("many/old/theirs");
    assert_eq!(fs::read_to_string(&theirs).unwrap(), "2");
    fs::remove_file(theirs).unwrap();
    assert_eq!(whole_tree(&there(&scene)), whole_tree(&cube.workspace()));
}

#[test]
fn a_cut_off_archive_places_nothing_incomplete_and_the_next_push_resumes() {
    let mut scene = Scene::new();
    let cube = many(&scene);
    fs::write(cube.workspace().join("zlarge"), random(7, 6_000_000)).unwrap();
    let document = scene.document(&cube, &[]);
    let failed = cut_off_after(&mut scene, &document, 3_000_000);
    failed.exits(255).complains(&["there", "connection", "run this step again"]);
    assert_eq!(failed.document().at("/steps/push/files").as_u64(), Some(151 + 5));
    assert_eq!(fs::read_dir(there(&scene)).unwrap().count(), 0, "nothing is in its place yet");
    let again = scene.push(&failed.document(), &["-q"]).succeeds().is_silent().document();
    assert_eq!(whole_tree(&there(&scene)), whole_tree(&cube.workspace()));
    let sent = again.at("/steps/push/bytes_sent").as_u64().unwrap();
    assert!(sent < 4_000_000, "{sent} bytes went: nothing was resumed");
    assert_eq!(incoming(&scene), [] as [PathBuf; 0]);
}

#[test]
fn without_a_tar_or_a_zstd_that_fits_rsync_does_it() {
    for missing in ["tar", "zstd"] {
        let scene = Scene::with(HostOptions::default().without(missing));
        let cube = many(&scene);
        scene.push(&scene.document(&cube, &[]), &["-q"]).succeeds().is_silent();
        assert_eq!(whole_tree(&there(&scene)), whole_tree(&cube.workspace()), "without {missing}");
        assert_eq!(incoming(&scene), [] as [PathBuf; 0]);
    }
}

#[test]
fn an_accounts_own_options_of_tar_skip_nothing() {
    let scene = Scene::with(HostOptions::default().variable("TAR_OPTIONS", "--exclude=*.o"));
    let cube = many(&scene).with_file("many/a.o", "an object");
    scene.push(&scene.document(&cube, &[]), &["-q"]).succeeds().is_silent();
    assert_eq!(whole_tree(&there(&scene)), whole_tree(&cube.workspace()));
}

/// busybox's tar sets times in whole seconds; all that it brought would count as changed there.
#[test]
fn a_tar_that_keeps_no_nanoseconds_unpacks_nothing() {
    let scene = Scene::new();
    scene.host.has_program("tar", "exec /bin/busybox tar \"$@\"");
    let cube = many(&scene);
    let document = scene.document(&cube, &[]);
    scene.push(&document, &[]).succeeds();
    scene.push(&document, &[]).succeeds().says("nothing to send").never_says("was changed");
    fs::write(cube.workspace().join("many/7"), "edited").unwrap();
    scene.push(&document, &[]).succeeds().never_says("kept");
    assert_eq!(whole_tree(&there(&scene)), whole_tree(&cube.workspace()));
}

#[test]
fn what_a_stream_could_not_put_in_place_is_counted() {
    let scene = Scene::new();
    scene.host.has_program("xargs", "case $* in *mv*) exit 1 ;; esac; exec /usr/bin/xargs \"$@\"");
    let cube = many(&scene);
    let pushed = scene.push(&scene.document(&cube, &[]), &[]);
    let receipt = pushed.succeeds().says("sent 155 files").document();
    assert_eq!(receipt.at("/steps/push/files_sent"), 155);
    assert_eq!(receipt.at("/steps/push/changed"), true);
    assert_eq!(whole_tree(&there(&scene)), whole_tree(&cube.workspace()));
}

#[test]
fn what_was_brought_already_needs_no_more_room() {
    let mut scene = Scene::new();
    let cube = many(&scene);
    fs::write(cube.workspace().join("zlarge"), random(7, 6_000_000)).unwrap();
    let Some(_disk) = Tmpfs::mount(&scene.host.remote_root(), "11m") else { return };
    let document = scene.document(&cube, &[]);
    let failed = cut_off_after(&mut scene, &document, 4_500_000);
    scene.push(&failed.document(), &["-q"]).succeeds().is_silent();
    assert_eq!(whole_tree(&there(&scene)), whole_tree(&cube.workspace()));
}

#[test]
fn a_closed_remote_folder_holds_nothing_else_back() {
    let Some((account, scene)) = Scene::with_an_ordinary_user() else { return };
    let cube = scene.cube("digits").task(&Task::named("train")).with_file("foreign/a", "1");
    let document = scene.document(&cube, &[]);
    scene.push(&document, &["-q"]).succeeds();
    let foreign = there(&scene).join("foreign");
    std::os::unix::fs::chown(&foreign, Some(0), Some(0)).unwrap();
    fs::set_permissions(&foreign, fs::Permissions::from_mode(0o755)).unwrap();
    for number in 0..120 {
        let file = cube.workspace().join(format!("foreign/{number}"));
        fs::write(file, random(number, 3_000)).unwrap();
    }
    for round in ["two", "three"] {
        cube.now_does("train", round);
        fs::write(cube.workspace().join(round), round).unwrap();
        let pushed = scene.push(&document, &["-q"]);
        pushed.exits(125).says("can't store 'foreign/0' and").says("isn't writable");
        let code = scene.host.remote_root().join("digits/tasks/train");
        assert_eq!(fs::read_to_string(code).unwrap(), round);
        assert_eq!(fs::read_to_string(there(&scene).join(round)).unwrap(), round);
    }
    account.owns(&foreign);
    scene.push(&document, &["-q"]).succeeds().is_silent();
    assert_eq!(whole_tree(&there(&scene)), whole_tree(&cube.workspace()));
}

#[test]
fn a_tar_that_brings_nothing_and_reports_success_is_no_success() {
    let scene = Scene::new();
    let document = scene.document(&many(&scene), &[]);
    let tar = "case $1 in --version) echo 'tar (GNU tar) 1.35' ;; *) exec cat >/dev/null ;; esac";
    scene.host.has_program("tar", tar);
    scene.push(&document, &["-q"]).exits(125).complains(&["tar", "there"]);
    scene.host.loses_program("tar");
    scene.push(&document, &["-q"]).succeeds().is_silent();
}

#[test]
fn what_changes_while_it_is_sent_arrives_as_it_is_then() {
    let scene = Scene::new();
    let cube = many(&scene);
    // More than what is on its way at once: some of it is read when the host has got its beginning, and nothing behind
    // it.
    fs::write(cube.workspace().join("large"), random(1, 24_000_000)).unwrap();
    fs::create_dir(cube.workspace().join("many/sub")).unwrap();
    fs::write(cube.workspace().join("many/sub/x"), "x").unwrap();
    let document = scene.document(&cube, &[]);
    let edits = format!(
        "{TELLS_ITS_VERSION}head -c 1000000 >\"$HOME/begun\"; cd '{}' && echo more >>large && cd many && echo more >>010 && rm 011 && echo new >012.new && mv 012.new 012 && rm 013 && ln -s 014 013 && mv sub elsewhere && ln -s . sub\ncat \"$HOME/begun\" - | /usr/bin/tar \"$@\"",
        cube.workspace().display()
    );
    scene.host.has_program("tar", &edits);
    scene.push(&document, &["-q"]).succeeds().is_silent();
    // What is new since it was listed goes the next time, with the link in the place of a folder that hasn't come.
    scene.host.loses_program("tar");
    scene.push(&document, &["-q"]).succeeds().is_silent();
    assert_eq!(whole_tree(&there(&scene)), whole_tree(&cube.workspace()));
    assert_eq!(fs::read_to_string(there(&scene).join("many/012")).unwrap(), "new\n");
}

#[test]
fn what_appears_on_the_remote_meanwhile_is_backed_up() {
    let scene = Scene::new();
    let cube = many(&scene);
    let document = scene.document(&cube, &[]);
    // The tar there lets somebody else be quicker, between the list and what it unpacks.
    let appears = format!(
        "mkdir -p '{0}/many' && echo theirs >'{0}/many/010'; exec /usr/bin/tar \"$@\"",
        there(&scene).display()
    );
    scene.host.has_program("tar", &appears);
    scene
        .push(&document, &["-q"])
        .succeeds()
        .says("'many/010' was written on 'there' during this push");
    assert_eq!(whole_tree(&there(&scene)), whole_tree(&cube.workspace()));
    let replaced = scene
        .sh("cat \"$R\"/*/workspace/many/010")
        .env("R", scene.host.remote_root().join(".mlcube-ssh/digits/replaced"));
    assert_eq!(replaced.run().succeeds().stdout, "theirs\n");
}

#[test]
fn a_workspace_on_another_remote_disk_takes_nothing_from_ours() {
    let scene = Scene::new();
    let cube = many(&scene);
    let document = scene.document(&cube, &[]);
    let disk = scene.place().folder("disk");
    fs::create_dir_all(scene.host.remote_root().join("digits")).unwrap();
    symlink(&disk, there(&scene)).unwrap();
    let Some(_disk) = Tmpfs::mount(&disk, "40m") else { return };
    // Ours has no room for the workspace.
    let state = scene.host.remote_root().join(".mlcube-ssh");
    fs::create_dir_all(&state).unwrap();
    let Some(_small) = Tmpfs::mount(&state, "100k") else { return };
    scene.push(&document, &["-q"]).succeeds().is_silent();
    assert_eq!(whole_tree(&disk), whole_tree(&cube.workspace()));
    fs::write(cube.workspace().join("many/010"), random(1, 300_000)).unwrap();
    scene.push(&document, &["-q"]).succeeds().is_silent();
    assert_eq!(fs::metadata(disk.join("many/010")).unwrap().len(), 300_000);
}

#[test]
fn names_that_are_no_text() {
    let scene = Scene::new();
    let cube = many(&scene);
    let odd = cube.workspace().join(OsStr::from_bytes(b"od\xffd"));
    fs::create_dir(&odd).unwrap();
    fs::write(odd.join(OsStr::from_bytes(b"a\xfe")), "1").unwrap();
    let document = scene.document(&cube, &[]);
    scene.push(&document, &["-v"]).succeeds().says("as one archive");
    assert_eq!(whole_tree(&there(&scene)), whole_tree(&cube.workspace()));
    for number in 0..120 {
        fs::write(odd.join(format!("{number}")), random(number, 3_000)).unwrap();
    }
    scene.push(&document, &["-q"]).succeeds().is_silent();
    assert_eq!(whole_tree(&there(&scene)), whole_tree(&cube.workspace()));
}

#[test]
fn a_disk_that_fills_up_on_the_way() {
    let scene = Scene::new();
    let cube = many(&scene);
    let Some(_disk) = Tmpfs::mount(&scene.host.remote_root(), "1300k") else { return };
    let document = scene.document(&cube, &[]);
    // The room that is asked for is there; small files take more.
    let failed = scene.push(&document, &["-q"]);
    failed.exits(125).complains(&["there", "room"]);
    let grow = format!("mount -o remount,size=40m {}", scene.host.remote_root().display());
    scene.sh(&grow).run().succeeds();
    scene.push(&failed.document(), &["-q"]).succeeds().is_silent();
    assert_eq!(whole_tree(&there(&scene)), whole_tree(&cube.workspace()));
}

#[test]
fn how_far_it_is_is_shown() {
    let scene = Scene::new();
    let cube = many(&scene);
    fs::write(cube.workspace().join("zlarge"), random(7, 9_000_000)).unwrap();
    let path = scene.home().join("document.json");
    fs::write(&path, scene.document(&cube, &[]).to_string()).unwrap();
    unpacks_slowly(&scene);
    let line = format!("mlcube-ssh-push -v --input {} >/dev/null", path.display());
    let shown = scene.sh_at_a_terminal(&line).run().succeeds().stdout.clone();
    let drawn: Vec<&str> = shown.split('\r').filter(|line| line.contains(" %, ")).collect();
    assert!(drawn.len() > 5, "{drawn:?}");
    assert!(drawn.iter().any(|line| line.contains("/s, 0:00:0") && line.contains(" left")));
    assert!(drawn.iter().any(|line| line.ends_with("workspace/zlarge\x1b[K")), "{drawn:?}");
    let per_cent = |line: &&str| line.split(' ').next().unwrap().parse::<u8>().unwrap();
    assert!(drawn.iter().map(per_cent).is_sorted(), "{drawn:?}");
}

#[test]
fn what_a_dry_run_shows_brings_the_same_without_a_stream() {
    let scene = Scene::new();
    let cube = many(&scene);
    let document = scene.document(&cube, &[]);
    let shown = scene.push(&document, &["--dry-run"]).succeeds().stderr.clone();
    assert!(shown.contains("# 155 files of ") && shown.contains("as one archive"), "{shown}");
    assert_eq!(scene.host.sshd.logins(), 0);
    scene.sh("sh -eu").reads(shown).run().succeeds();
    assert_eq!(whole_tree(&there(&scene)), whole_tree(&cube.workspace()));
}
