//! What no disk rounds was changed by somebody: a time in whole seconds is a time like any other, and only a file
//! system that was asked is known to store times otherwise.
#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

use std::fs;
use std::fs::File;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mlcube_ssh_harness::{OddDisk, Scene};

use crate::pushed_cube::{kept_aside, pull, push, pushed};

/// A time of 2001, which is odd in whole seconds, and so many milliseconds.
fn time(milliseconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_000_000_001) + Duration::from_millis(milliseconds)
}

fn write(file: &Path, content: &str, milliseconds: u64) {
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, content).unwrap();
    File::open(file).unwrap().set_modified(time(milliseconds)).unwrap();
}

fn read(file: impl AsRef<Path>) -> String {
    let file = file.as_ref();
    fs::read_to_string(file).unwrap_or_else(|problem| format!("{}: {problem}", file.display()))
}

#[test]
fn a_file_with_a_time_in_whole_seconds_is_another_one() {
    let scene = Scene::new();
    let (cube, document, there) = pushed(&scene);
    let here = cube.workspace();
    write(&here.join("conf"), "lr = 2", 639);
    push(&scene, &document).succeeds();
    // As a tar or a zip has kept it.
    write(&there.join("conf"), "lr = 1", 0);
    pull(&scene, &document).succeeds().says("fetched 1 file");
    assert_eq!(read(here.join("conf")), "lr = 1");
    write(&there.join("seed"), "seed = 1", 500);
    pull(&scene, &document).succeeds();
    // As a tool that puts the time back in whole seconds leaves it.
    write(&here.join("seed"), "seed = 7", 0);
    scene.tool("mlcube-ssh-push").arg("--if-changed").reads_document(&document).run().succeeds();
    assert_eq!(read(there.join("seed")), "seed = 7");
    // Nobody ever agreed on these two.
    write(&here.join("other"), "a", 0);
    write(&there.join("other"), "b", 700);
    push(&scene, &document).succeeds().says("kept other");
    assert_eq!((read(here.join("other")), read(there.join("other"))), ("a".into(), "b".into()));
}

#[test]
fn code_of_somebody_else_with_a_time_in_whole_seconds_is_kept_and_named() {
    let scene = Scene::new();
    let (cube, document, there) = pushed(&scene);
    let (code, code_there) = (cube.root().join("f.py"), there.with_file_name("f.py"));
    write(&code, "ours 1", 500);
    push(&scene, &document).succeeds();
    // An even second, less than two seconds away.
    write(&code_there, "THEIRS", 0);
    File::open(&code_there).unwrap().set_modified(time(0) - Duration::from_secs(1)).unwrap();
    write(&code, "ours 22", 900);
    push(&scene, &document).succeeds().says("'f.py' on").says("its backup on the remote is");
    assert_eq!(kept_aside(&scene.host.remote_root()), ["THEIRS"]);
    assert_eq!(read(code_there), "ours 22");
}

#[test]
fn an_old_file_that_is_put_back_on_a_disk_that_rounds_is_sent() {
    let scene = Scene::new();
    let (cube, document, there) = pushed(&scene);
    let here = cube.workspace();
    let odd = ["two-seconds", "no-modes"];
    let Some(disk) = OddDisk::mount(&here, &odd) else { return };
    write(&there.join("f"), "old-1", 300);
    pull(&scene, &document).succeeds();
    let old = fs::metadata(here.join("f")).unwrap().modified().unwrap();
    write(&here.join("f"), "new-2", 90_000);
    push(&scene, &document).succeeds();
    assert_eq!(read(there.join("f")), "new-2");
    fs::write(here.join("f"), "old-1").unwrap();
    File::open(here.join("f")).unwrap().set_modified(old).unwrap();
    push(&scene, &document).succeeds();
    assert_eq!(read(there.join("f")), "old-1");
    pull(&scene, &document).succeeds().says("nothing to fetch");
    assert_eq!(read(here.join("f")), "old-1");
    // What can't be asked any more is what it was.
    write(&there.join("f"), "next", 120_300);
    pull(&scene, &document).succeeds();
    disk.has(&[&odd[..], &["quota"]].concat());
    push(&scene, &document).succeeds().says("nothing to send");
    pull(&scene, &document).succeeds().says("nothing to fetch");
}

#[test]
fn an_edit_within_two_seconds_of_a_pull_is_none_of_a_disk_that_keeps_times() {
    let scene = Scene::new();
    let (cube, document, there) = pushed(&scene);
    let here = cube.workspace().join("f");
    let Some(_disk) = OddDisk::mount(&cube.workspace(), &["no-modes"]) else { return };
    write(&there.join("f"), "older", 0);
    pull(&scene, &document).succeeds();
    fs::write(there.join("f"), "remote").unwrap();
    let edit = format!("printf mine-- >'{}'", here.display());
    scene.after_rsync(&format!("case \"$*\" in *--backup*) {edit} ;; esac"));
    pull(&scene, &document).succeeds();
    scene.real_rsync();
    push(&scene, &document).says("kept f");
    pull(&scene, &document).says("kept f");
    assert_eq!((read(here), read(there.join("f"))), ("mine--".into(), "remote".into()));
}

#[test]
fn a_disk_that_rounds_below_a_workspace_is_asked_by_itself() {
    let mut scene = Scene::new();
    // Locally a link that the user lists, on the remote a folder.
    let usb = scene.place().folder("usb");
    let Some(_disk) = OddDisk::mount(&usb, &["two-seconds", "no-modes"]) else { return };
    scene.follows_links_to(&usb);
    let (cube, document, there) = pushed(&scene);
    let here = cube.workspace();
    symlink(&usb, here.join("usb")).unwrap();
    write(&there.join("usb/f"), "one", 300);
    pull(&scene, &document).succeeds().says("fetched 1 file");
    pull(&scene, &document).succeeds().says("nothing to fetch");
    push(&scene, &document).succeeds().says("nothing to send");
    write(&usb.join("f"), "edit", 90_000);
    push(&scene, &document).succeeds().never_says("kept");
    assert_eq!(read(there.join("usb/f")), "edit");
    write(&there.join("usb/f"), "there", 180_000);
    pull(&scene, &document).succeeds().never_says("kept");
    assert_eq!(read(usb.join("f")), "there");
    assert!(kept_aside(&scene.home().join(".local/state")).len() <= 1, "that of the last pull");
}

#[test]
fn a_remote_disk_that_rounds_is_known_beside_one_that_does_not() {
    let scene = Scene::new();
    let (cube, document, there) = pushed(&scene);
    let here = cube.workspace();
    let odd = ["two-seconds", "no-modes"];
    let Some(disk) = OddDisk::mount(&there, &odd) else { return };
    let elsewhere = scene.place().folder("elsewhere");
    symlink(&elsewhere, there.join("out")).unwrap();
    for name in ["a", "b"] {
        write(&here.join(name), name, 500);
    }
    write(&here.join("out/y"), "y", 500);
    let follow =
        || scene.tool("mlcube-ssh-push").arg("--follow-link=out").reads_document(&document).run();
    follow().succeeds();
    follow().succeeds().says("nothing to send");
    write(&here.join("a"), "edited", 90_000);
    push(&scene, &document).succeeds().says("sent a").never_says("kept");
    write(&here.join("out/y"), "edited", 90_000);
    push(&scene, &document).succeeds().says("sent out/y").never_says("kept");
    assert_eq!(
        (read(there.join("a")), read(elsewhere.join("y"))),
        ("edited".into(), "edited".into())
    );
    assert!(
        !there.join(".mlcube-ssh-partial").exists()
            && !elsewhere.join(".mlcube-ssh-partial").exists()
    );
    // A full disk can't be asked; it is what it was.
    disk.has(&[&odd[..], &["quota"]].concat());
    push(&scene, &document).succeeds().says("nothing to send");
    pull(&scene, &document).says("nothing to fetch");
    assert_eq!(read(here.join("b")), "b");
}

/// Writes as many files as go in one archive.
fn write_many(folder: &Path) {
    for number in 0..120 {
        write(&folder.join(format!("many/{number}")), "x", 500 + number);
    }
}

#[test]
fn an_archive_gives_its_files_their_times_on_a_remote_disk_that_ignores_one_of_two() {
    let scene = Scene::new();
    let Some(_disk) = OddDisk::mount(&scene.host.remote_root(), &["both-times"]) else { return };
    let (cube, document, there) = pushed(&scene);
    push(&scene, &document).succeeds().says("nothing to send");
    write_many(&cube.workspace());
    push(&scene, &document).succeeds().says("sent 120 files");
    let time = |file: &Path| fs::metadata(file).unwrap().modified().unwrap();
    assert_eq!(time(&there.join("many/7")), time(&cube.workspace().join("many/7")));
    pull(&scene, &document).succeeds().says("nothing to fetch");
    push(&scene, &document).succeeds().says("nothing to send");
    assert!(kept_aside(scene.home()).is_empty());
}

/// Nobody can tell there what was sent from what was written since: it is fetched once more, and never again.
#[test]
fn on_a_disk_that_stores_no_times_at_all_both_sides_agree_after_one_more_transfer() {
    for is_remote in [true, false] {
        let scene = Scene::new();
        let (cube, document, there) = pushed(&scene);
        let here = cube.workspace();
        let top = if is_remote { scene.host.remote_root() } else { here.clone() };
        let Some(_disk) = OddDisk::mount(&top, &["no-times"]) else { return };
        write_many(&here);
        write(&there.join("score"), "1", 0);
        for (edited, other) in [(&here, &there), (&there, &here), (&here, &there)] {
            for _ in 0..2 {
                push(&scene, &document).succeeds().never_says("kept");
                pull(&scene, &document).succeeds().never_says("kept");
            }
            push(&scene, &document).succeeds().says("nothing to send");
            pull(&scene, &document).succeeds().says("nothing to fetch");
            for name in ["score", "many/7"] {
                assert_eq!(read(edited.join(name)), read(other.join(name)));
                let longer = read(edited.join(name)) + "2";
                fs::write(edited.join(name), longer).unwrap();
            }
        }
    }
}
