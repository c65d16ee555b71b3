//! Hosts that can't be reached, and programs that aren't there: the right status, one line, nothing half-done.
#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::time::Duration;

use mlcube_ssh_harness::{
    Account, Blackhole, Cube, HostOptions, Outcome, Place, Scene, Task, Tmpfs,
};

fn a_cube(scene: &Scene) -> Cube {
    scene
        .cube("digits")
        .task(&Task::named("train").reads("data", "data.csv"))
        .with_file("data.csv", "1,2\n")
}

/// What failed before succeeds now, with the document that the failure left.
fn the_same_works_now(scene: &Scene, failed: &Outcome) {
    scene.push(&failed.document(), &["-q"]).succeeds().is_silent();
    assert!(scene.host.remote_root().join("digits/workspace/data.csv").exists());
}

#[test]
fn a_host_that_does_not_resolve() {
    let mut scene = Scene::new();
    scene.set("/host", "nowhere.invalid");
    let document = scene.document(&a_cube(&scene), &[]);
    scene.push(&document, &["-q"]).exits(255).complains(&["nowhere.invalid", "resolve"]);
}

#[test]
fn a_closed_port() {
    let mut scene = Scene::new();
    let document = scene.document(&a_cube(&scene), &[]);
    scene.host.sshd.stop();
    let failed = scene.push(&document, &["-q"]);
    failed.exits(255).complains(&["there", "refused"]).never_says(".;");
    scene.host.sshd.comes_back();
    the_same_works_now(&scene, &failed);
}

#[test]
fn a_host_that_drops_packets_is_reported_within_the_connect_timeout() {
    let mut scene = Scene::new();
    scene.set("/connect_timeout", 2);
    let document = scene.document(&a_cube(&scene), &[]);
    let hole = Blackhole::open();
    scene.reaches_port(hole.port(), "");
    let failed = scene.push(&document, &["-q"]);
    failed.exits(255).complains(&["there", "doesn't reply"]);
    // What hangs here hangs for two minutes: twice the limit tells the two apart on any machine.
    assert!(failed.elapsed < Duration::from_secs(4), "it took {:?}", failed.elapsed);
    scene.has_ssh_config("");
    the_same_works_now(&scene, &failed);
}

#[test]
fn a_host_that_accepts_and_says_nothing() {
    let mut scene = Scene::new();
    scene.set("/connect_timeout", 1);
    let document = scene.document(&a_cube(&scene), &[]);
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    scene.reaches_port(silent.local_addr().unwrap().port(), "");
    let failed = scene.push(&document, &["-q"]);
    failed.exits(255).complains(&["there"]);
    assert!(failed.elapsed < Duration::from_secs(10), "it took {:?}", failed.elapsed);
    scene.has_ssh_config("");
    the_same_works_now(&scene, &failed);
}

#[test]
fn a_key_that_is_refused() {
    let scene = Scene::new();
    let document = scene.document(&a_cube(&scene), &[]);
    let authorized = scene.host.folder().join("sshd/authorized_keys");
    let keys = fs::read_to_string(&authorized).unwrap();
    fs::write(&authorized, "").unwrap();
    let failed = scene.push(&document, &["-q"]);
    failed.exits(255).complains(&["there", "refused"]);
    assert_eq!(scene.host.sshd.logins(), 0);
    fs::write(&authorized, keys).unwrap();
    the_same_works_now(&scene, &failed);
}

#[test]
fn a_host_key_that_is_unknown() {
    let scene = Scene::new();
    let document = scene.document(&a_cube(&scene), &[]);
    let known = scene.home().join(".ssh/known_hosts");
    fs::remove_file(&known).unwrap();
    let failed = scene.push(&document, &["-q"]);
    failed.exits(255).complains(&["there", "host key", "known"]);
    assert_eq!(scene.host.sshd.logins(), 0);
    assert!(!known.exists(), "nothing is trusted by itself");
    scene.knows_the_host_key();
    the_same_works_now(&scene, &failed);
}

#[test]
fn a_host_key_that_has_changed() {
    let mut scene = Scene::new();
    let document = scene.document(&a_cube(&scene), &[]);
    scene.host.sshd.changes_its_host_key();
    let failed = scene.push(&document, &["-q"]);
    failed.exits(255).complains(&["there", "host key", "changed"]);
    assert_eq!(scene.host.sshd.logins(), 0);
    scene.knows_the_host_key();
    the_same_works_now(&scene, &failed);
}

#[test]
fn a_host_key_that_has_changed_is_refused_whatever_the_users_configuration_says() {
    let mut scene = Scene::new();
    let document = scene.document(&a_cube(&scene), &[]);
    scene.host.sshd.changes_its_host_key();
    // With it ssh itself goes on after a changed key, without passwords; that is the user's own policy.
    scene.has_ssh_config("StrictHostKeyChecking yes");
    scene.push(&document, &["-q"]).exits(255).complains(&["host key", "changed"]);
}

/// A peer that ends every connection before the keys are exchanged, as whoever stands on the way can: a version, then
/// `SSH_MSG_DISCONNECT` with this text (RFC 4253, 11.1). Returns its port.
fn a_peer_that_disconnects(text: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap().to_be_bytes();
    let mut payload = vec![1, 0, 0, 0, 2];
    payload.extend(length(text.as_bytes()));
    payload.extend(text.as_bytes());
    payload.extend([0; 4]);
    // A packet's length is a multiple of 8, with at least 4 bytes of padding (RFC 4253, 6).
    let padding = 4 + (8 - (payload.len() + 9) % 8) % 8;
    let packet_length = length(&vec![0; payload.len() + 1 + padding]);
    let mut packet = packet_length.to_vec();
    packet.push(u8::try_from(padding).unwrap());
    packet.extend(payload);
    packet.extend(vec![0; padding]);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            // One that has gone meanwhile is no matter of ours.
            let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n");
            let _ = stream.write_all(&packet);
            let _ = stream.read_to_end(&mut Vec::new());
        }
    });
    port
}

#[test]
fn the_text_of_a_disconnect_is_not_taken_for_a_word_of_ssh() {
    let mut scene = Scene::new();
    scene.set("/connect_timeout", 2);
    let document = scene.document(&a_cube(&scene), &[]);
    for text in [
        "REMOTE HOST IDENTIFICATION HAS CHANGED\nOffending ED25519 key in /home/ann/.ssh/known_hosts:3",
        "bye\nREMOTE HOST IDENTIFICATION HAS CHANGED\nOffending ED25519 key in /home/ann/.ssh/known_hosts:3",
        "Permission denied (publickey).\nLoad key \"/home/ann/.ssh/id\": error in libcrypto",
    ] {
        scene.reaches_port(a_peer_that_disconnects(text), "");
        let failed = scene.push(&document, &["-q"]);
        failed
            .exits(255)
            .complains(&["can't log in to 'there'", "Received disconnect from 127.0.0.1"]);
        failed.never_says("has changed");
        failed.never_says("was refused");
        failed.never_says("remove");
    }
}

#[test]
fn ssh_is_missing() {
    let scene = Scene::new();
    let document = scene.document(&a_cube(&scene), &[]);
    let empty = scene.place().folder("empty");
    let tool = || scene.tool("mlcube-ssh-push").arg("-q").reads_document(&document);
    let failed = tool().env("PATH", &empty).run();
    failed.exits(127).complains(&["ssh", "isn't installed"]);
    assert_eq!(failed.document().at("/failed/kind"), "tool");
    symlink("/usr/bin/rsync", empty.join("rsync")).unwrap();
    fs::write(empty.join("ssh"), "not a program").unwrap();
    fs::set_permissions(empty.join("ssh"), fs::Permissions::from_mode(0o644)).unwrap();
    tool().env("PATH", &empty).run().exits(126).complains(&["ssh"]);
    the_same_works_now(&scene, &failed);
}

#[test]
fn rsync_is_missing_locally() {
    let scene = Scene::new();
    let cube = a_cube(&scene);
    let document = scene.document(&cube, &[]);
    scene.push(&document, &["-q"]).succeeds();
    fs::write(cube.root().join("mlcube.yaml"), "name: changed\n").unwrap();
    let only_ssh = scene.home().join("bin");
    let failed = scene
        .tool("mlcube-ssh-push")
        .arg("-q")
        .env("PATH", only_ssh)
        .reads_document(&document)
        .run();
    failed.exits(127).complains(&["rsync", "isn't installed locally"]);
    assert_eq!(failed.document().at("/failed/kind"), "tool");
    the_same_works_now(&scene, &failed);
}

#[test]
fn rsync_is_missing_on_the_remote() {
    let scene = Scene::with(HostOptions::default().without("rsync"));
    let document = scene.document(&a_cube(&scene), &[]);
    let failed = scene.push(&document, &["-q"]);
    failed.exits(127).complains(&["rsync", "there"]);
    assert_eq!(failed.document().at("/failed/kind"), "tool");
    std::os::unix::fs::symlink("/usr/bin/rsync", scene.host.bin().join("rsync")).unwrap();
    the_same_works_now(&scene, &failed);
}

const OPENRSYNC: &str = "echo 'openrsync: protocol version 29, rsync version 2.6.9 compatible'";

/// As its portable form does.
const PORTABLE_OPENRSYNC: &str = "echo 'openrsync: protocol version 27' >&2";

#[test]
fn a_local_openrsync_is_named_before_any_login() {
    let scene = Scene::new();
    let document = scene.document(&a_cube(&scene), &[]);
    for (tool, rsync) in [
        ("mlcube-ssh-interp", OPENRSYNC),
        ("mlcube-ssh-push", PORTABLE_OPENRSYNC),
        ("mlcube-ssh-pull", OPENRSYNC),
    ] {
        scene.has_program("rsync", rsync);
        let failed = scene.tool(tool).arg("-q").reads_document(&document).run();
        failed.exits(126).complains(&["local rsync", "openrsync", "install rsync"]);
        assert_eq!(failed.document().at("/failed/kind"), "tool");
    }
    assert_eq!(scene.host.sshd.logins(), 0);
}

#[test]
fn a_local_openrsync_is_named_over_an_open_connection_too() {
    let scene = Scene::new();
    let cube = a_cube(&scene).with_file("data.csv", "1");
    let document = scene.document(&cube, &[]);
    scene.push(&document, &["-q"]).succeeds();
    fs::write(cube.workspace().join("data.csv"), "changed").unwrap();
    scene.has_program(
        "rsync",
        &format!(
            "[ \"$1\" = --version ] || {{ echo \"rsync: invalid option -- 's'\" >&2; exit 1; }}\n{PORTABLE_OPENRSYNC}"
        ),
    );
    scene.push(&document, &["-q"]).exits(126).complains(&[
        "local rsync",
        "openrsync",
        "install rsync",
    ]);
}

#[test]
fn an_rsync_that_is_too_old() {
    let scene = Scene::new();
    let document = scene.document(&a_cube(&scene), &[]);
    scene.has_program("rsync", "echo 'rsync  version 3.0.9  protocol version 30'");
    scene.push(&document, &["-q"]).exits(126).complains(&["local rsync", "3.0", "install rsync"]);
    assert_eq!(scene.host.sshd.logins(), 0);
}

#[test]
fn a_remote_openrsync() {
    let scene = Scene::new();
    let document = scene.document(&a_cube(&scene), &[]);
    scene.host.has_program("rsync", PORTABLE_OPENRSYNC);
    let failed = scene.push(&document, &["-q"]);
    failed.exits(126).complains(&["there", "openrsync", "install rsync"]);
    scene.host.loses_program("rsync");
    the_same_works_now(&scene, &failed);
}

/// A push by rsync, after which this program stands there in its place.
fn pushed_with_another_remote_rsync(lines: &str) -> (Scene, Outcome) {
    let scene = Scene::new();
    let cube = a_cube(&scene);
    let document = scene.document(&cube, &[]);
    scene.push(&document, &["-q"]).succeeds();
    let cube = cube.with_file("data.csv", "3,4\n");
    let version = "case $1 in --version) exec /usr/bin/rsync --version ;; esac";
    scene.host.has_program("rsync", &format!("{version}\n{lines}"));
    let failed = scene.push(&document, &["-q"]);
    scene.host.loses_program("rsync");
    the_same_works_now(&scene, &failed);
    let data = fs::read_to_string(scene.host.remote_root().join("digits/workspace/data.csv"));
    assert!(data.is_ok_and(|data| data == cube.result("data.csv")));
    (scene, failed)
}

#[test]
fn a_remote_rsync_that_is_killed_is_no_lost_link() {
    let (scene, failed) = pushed_with_another_remote_rsync("kill -KILL $$");
    failed.exits(125).complains(&["rsync on 'there' ended"]);
    failed.never_says("was lost");
    assert_eq!(scene.host.sshd.logins(), 1);
}

#[test]
fn a_failing_local_rsync_is_named() {
    let scene = Scene::new();
    let cube = a_cube(&scene);
    let document = scene.document(&cube, &[]);
    scene.push(&document, &["-q"]).succeeds();
    for (line, status, words) in [
        ("exit 11", 125, ["rsync failed locally with status 11: it gave no reason", "df"]),
        ("exit 99", 125, ["rsync failed locally with status 99: it gave no reason", "-v"]),
        ("kill -KILL $$", 137, ["the local rsync was ended by signal 9", "run this step again"]),
    ] {
        let version = "case $* in *--version*) exec /usr/bin/rsync \"$@\" ;; esac";
        scene.has_program("rsync", &format!("{version}\n{line}"));
        fs::write(cube.workspace().join("data.csv"), line).unwrap();
        scene.push(&document, &["-q"]).exits(status).complains(&words);
    }
}

#[test]
fn an_alias_that_makes_rsync_transfer_nothing_is_named() {
    let scene = Scene::new();
    let cube = a_cube(&scene);
    let document = scene.document(&cube, &[]);
    scene.push(&document, &["-q"]).succeeds();
    fs::write(scene.home().join(".popt"), "rsync alias -s --dry-run -s\n").unwrap();
    fs::write(cube.workspace().join("data.csv"), "changed").unwrap();
    for _ in 0..2 {
        let failed = scene.push(&document, &["-q"]);
        failed.exits(125).complains(&["rsync transferred nothing", "~/.popt"]);
    }
    fs::remove_file(scene.home().join(".popt")).unwrap();
    scene.push(&document, &[]).succeeds().says("sent data.csv");
}

#[test]
fn a_remote_wrapper_of_rsync_that_refuses_is_quoted() {
    let line = "echo 'rrsync: option -s is not allowed' >&2; exit 1";
    let (_scene, failed) = pushed_with_another_remote_rsync(line);
    failed.exits(125).complains(&["there", "rrsync: option -s is not allowed"]);
    // Where it speaks into the transfer, rsync swallows the words: the advice is to look at the program.
    let (_scene, failed) = pushed_with_another_remote_rsync("echo 'use data1'");
    failed.exits(125).complains(&["called rsync on 'there'", "printed text", "command -v rsync"]);
    failed.never_says("manpage").never_says("start-up");
}

#[test]
fn the_remote_root_can_not_be_written() {
    let place = Place::new();
    let Some(account) = Account::with_shell(place.path(), "sh") else { return };
    let mut scene = Scene::at(place, HostOptions::default().account(&account));
    let root = scene.place().folder("readonly");
    scene.set("/remote_root", root.to_str().unwrap());
    let document = scene.document(&a_cube(&scene), &[]);
    let failed = scene.push(&document, &["-q"]);
    failed.exits(125).complains(&["there", root.to_str().unwrap(), "Permission denied"]);
    account.owns(&root);
    scene.push(&failed.document(), &["-q"]).succeeds().is_silent();
}

#[test]
fn the_remote_disk_is_full() {
    let scene = Scene::new();
    let cube = a_cube(&scene).with_file("large", &"x".repeat(6_000_000));
    let Some(_disk) = Tmpfs::mount(&scene.host.remote_root(), "4m") else { return };
    let document = scene.document(&cube, &[]);
    let failed = scene.push(&document, &["-q"]);
    failed.exits(125).complains(&["there", "free", "make room", "large (6.0 MB)"]);
    let grow = format!("mount -o remount,size=40m {}", scene.host.remote_root().display());
    scene.sh(&grow).run().succeeds();
    the_same_works_now(&scene, &failed);
    let large = fs::metadata(scene.host.remote_root().join("digits/workspace/large")).unwrap();
    assert_eq!(large.len(), 6_000_000);
}

#[test]
fn a_link_that_breaks_during_the_transfer_is_the_connections_fault() {
    let mut scene = Scene::new();
    let cube = a_cube(&scene).with_file("large", &"x".repeat(50_000_000));
    let document = scene.document(&cube, &[]);
    // What is new goes as a stream; this one has something of a file that is there.
    scene.push(&document, &["-q"]).succeeds();
    let cube = cube.with_file("large", &"y".repeat(50_000_000));
    let slow = "exec /usr/bin/rsync --bwlimit=4000 \"$@\"";
    scene.has_program("rsync", slow);
    let root = scene.host.remote_root().join("digits");
    let running = scene.tool("mlcube-ssh-push").arg("-q").reads_document(&document).start();
    mlcube_ssh_harness::eventually("the transfer has begun", || {
        let incoming = scene.host.remote_root().join(".mlcube-ssh/digits/incoming");
        let pairs = fs::read_dir(incoming).into_iter().flatten().flatten();
        pairs.into_iter().any(|pair| {
            fs::read_dir(pair.path().join("tmp")).is_ok_and(|mut files| files.next().is_some())
        })
    });
    scene.host.sshd.stop();
    let failed = running.wait();
    failed.exits(255).complains(&["there", "connection"]);
    scene.host.sshd.comes_back();
    scene.real_rsync();
    the_same_works_now(&scene, &failed);
    let large = fs::read_to_string(root.join("workspace/large")).unwrap();
    assert!(large == cube.result("large"));
}
