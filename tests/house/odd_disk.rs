//! The odd disk of the harness has the oddities that it is given, and otherwise works like any disk.
#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

use std::fs;
use std::fs::{File, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use mlcube_ssh_harness::{OddDisk, Place};
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, UTIME_OMIT, statvfs, utimensat};

fn disk(oddities: &[&str]) -> Option<(OddDisk, Place)> {
    let place = Place::new();
    Some((OddDisk::mount(&place.path().join("disk"), oddities)?, place))
}

fn set_modified(path: &Path, seconds: u64) {
    File::options().write(true).open(path).unwrap().set_modified(at(seconds)).unwrap();
}

fn at(seconds: u64) -> std::time::SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

#[test]
fn without_oddities_it_is_a_disk() {
    let Some((disk, _place)) = disk(&[]) else { return };
    let top = disk.path();
    fs::create_dir(top.join("folder")).unwrap();
    fs::write(top.join("folder/file"), vec![7; 300_000]).unwrap();
    fs::set_permissions(top.join("folder/file"), Permissions::from_mode(0o640)).unwrap();
    fs::rename(top.join("folder"), top.join("moved")).unwrap();
    symlink("moved/file", top.join("link")).unwrap();
    fs::hard_link(top.join("moved/file"), top.join("hard")).unwrap();
    assert_eq!(fs::read(top.join("link")).unwrap(), vec![7; 300_000]);
    set_modified(&top.join("hard"), 1_000_000_001);
    let now = fs::metadata(top.join("moved/file")).unwrap();
    assert_eq!((now.mode() & 0o777, now.modified().unwrap()), (0o640, at(1_000_000_001)));
    fs::write(top.join("moved/file"), "short").unwrap();
    assert_eq!(fs::read_to_string(disk.behind().join("hard")).unwrap(), "short");
    let sparse = File::create(top.join("sparse")).unwrap();
    sparse.set_len(1 << 30).unwrap();
    assert_eq!(fs::metadata(top.join("sparse")).unwrap().blocks(), 0);
    assert!(statvfs(top).is_ok());
    fs::remove_dir_all(top.join("moved")).unwrap();
    let mut names: Vec<_> = fs::read_dir(top).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["hard", "link", "sparse"]);
}

#[test]
fn names() {
    let Some((disk, _place)) = disk(&["names fold"]) else { return };
    let path = |name: &str| disk.path().join(name);
    let names = || -> Vec<String> {
        let names = fs::read_dir(disk.path()).unwrap().map(|entry| entry.unwrap().file_name());
        names.map(|name| name.into_string().unwrap()).collect()
    };
    fs::write(path("Model"), "one").unwrap();
    fs::write(path("model"), "two").unwrap();
    assert_eq!(
        (names(), fs::read_to_string(path("MODEL")).unwrap()),
        (vec!["Model".into()], "two".into())
    );
    fs::write(path("new"), "three").unwrap();
    fs::rename(path("new"), path("mOdel")).unwrap();
    assert_eq!(
        (names(), fs::read_to_string(path("model")).unwrap()),
        (vec!["Model".into()], "three".into())
    );
    fs::remove_file(path("model")).unwrap();
    disk.has(&["names nfd"]);
    fs::write(path("\u{e9}"), "").unwrap();
    assert_eq!(names(), ["e\u{301}"]);
    assert!(path("\u{e9}").exists());
    disk.has(&["name-bytes 20"]);
    let refused = fs::write(path(&"x".repeat(21)), "").unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidFilename);
    fs::write(path(&"x".repeat(20)), "").unwrap();
}

#[test]
fn what_fails() {
    let Some((disk, _place)) = disk(&[]) else { return };
    let path = |name: &str| disk.path().join(name);
    fs::create_dir_all(path("a/b")).unwrap();
    fs::write(path("a/file"), "x").unwrap();
    let eio = |problem: std::io::Error| problem.raw_os_error() == Some(5);
    disk.has(&["eio-content a/file", "eio-content a/b"]);
    assert!(eio(fs::read(path("a/file")).unwrap_err()) && path("a/file").exists());
    assert!(eio(fs::read_dir(path("a/b")).unwrap_err()) && path("a/b").exists());
    disk.has(&["eio a"]);
    assert!(eio(fs::metadata(path("a/file")).unwrap_err()));
    disk.has(&["no-statfs", "no-links"]);
    assert_eq!(statvfs(disk.path()).err(), Some(rustix::io::Errno::NOSYS));
    assert_eq!(symlink("x", path("link")).unwrap_err().kind(), ErrorKind::PermissionDenied);
    assert_eq!(fs::read(path("a/file")).unwrap(), b"x");
}

#[test]
fn times_and_permissions() {
    let Some((disk, _place)) = disk(&["two-seconds"]) else { return };
    let file = disk.path().join("file");
    fs::write(&file, "x").unwrap();
    set_modified(&file, 1_000_000_001);
    assert_eq!(fs::metadata(&file).unwrap().modified().unwrap(), at(1_000_000_000));
    disk.has(&["both-times"]);
    set_modified(&file, 5);
    assert_eq!(fs::metadata(&file).unwrap().modified().unwrap(), at(1_000_000_001));
    let time = |tv_sec| Timespec { tv_sec, tv_nsec: 0 };
    let both = Timestamps { last_access: time(5), last_modification: time(5) };
    utimensat(CWD, &file, &both, AtFlags::empty()).unwrap();
    assert_eq!(fs::metadata(&file).unwrap().modified().unwrap(), at(5));
    let one = Timestamps { last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT }, ..both };
    disk.has(&["no-times"]);
    utimensat(CWD, &file, &Timestamps { last_modification: time(9), ..both }, AtFlags::empty())
        .unwrap();
    assert_eq!(fs::metadata(&file).unwrap().modified().unwrap(), at(5));
    disk.has(&["no-modes"]);
    utimensat(CWD, &file, &one, AtFlags::empty()).unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o755);
}
