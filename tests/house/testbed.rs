//! The harness itself: its parts are real, it counts right, and it leaves nothing behind.

use std::path::Path;

use mlcube_ssh_harness::{
    Blackhole, Cube, Engine, HostOptions, Processes, Python, Scene, Task, Tmpfs, am_root,
    eventually,
};

#[test]
fn mlcube_is_installed() {
    let scene = Scene::new();
    let help = scene.invocation(&Python::with_mlcube()).args(["-m", "mlcube", "--help"]).run();
    assert!(help.succeeds().stdout.contains("configure"), "{help}");
    assert!(
        Python::wheels().read_dir().unwrap().count() > 10,
        "the wheels for installing without a network"
    );
}

#[test]
fn ssh_reaches_the_host_and_logins_are_counted() {
    let scene = Scene::new();
    let home = scene.sh("ssh there 'echo $HOME'").run();
    assert_eq!(home.succeeds().stdout.trim(), scene.host.home().to_str().unwrap());
    assert_eq!((scene.host.sshd.logins(), scene.host.sshd.sessions()), (1, 1));
    scene.sh("ssh -M -S run/m -fN there && ssh -S run/m there true && ssh -S run/m there true; ssh -S run/m -O exit there").run().succeeds();
    assert_eq!((scene.host.sshd.logins(), scene.host.sshd.sessions()), (2, 3));
}

#[test]
fn a_changed_host_key_is_refused() {
    let mut scene = Scene::new();
    scene.host.sshd.changes_its_host_key();
    let refused = scene.sh("ssh there true").run();
    refused.exits(255).says("HOST IDENTIFICATION HAS CHANGED");
    assert_eq!(scene.host.sshd.logins(), 0);
}

#[test]
fn whatever_was_started_is_ended_with_its_place() {
    let scene = Scene::new();
    scene.sh("ssh there 'setsid sleep 1000 </dev/null >/dev/null 2>&1 & '").run().succeeds();
    scene
        .sh("ssh -o ControlMaster=auto -o ControlPersist=60 -S $HOME/run/m there true")
        .run()
        .succeeds();
    let mark = scene.place().path().to_owned();
    assert_eq!(Processes::naming(&mark).with("sleep").iter().count(), 1);
    assert!(!Processes::naming(&mark).with("[mux]").is_empty());
    drop(scene);
    assert!(Processes::naming(&mark).is_empty());
    assert!(!mark.exists());
}

#[test]
fn the_host_runs_a_real_cube_with_mlcube_and_podman() {
    let scene = Scene::new();
    let train = Task::named("train")
        .reads("data", "data.csv")
        .writes("model", "model/")
        .does("cat $data > $model/it; exit 7");
    let cube = Cube::built_from(&scene.home().join("digits"), "../project")
        .task(&train)
        .with_file("data.csv", "1,2\n");
    let line = format!(
        "ssh there '{} -m mlcube --log-level critical run --mlcube={} --platform=docker -- -Pdocker.docker=podman -Pdocker.build_strategy=auto'",
        Python::with_mlcube().display(),
        cube.root().display()
    );
    let ran = scene.sh(&line).run();
    ran.exits(7);
    assert_eq!(cube.result("model/it"), "1,2\n");
    assert_eq!((scene.host.running_containers().len(), scene.host.containers().len()), (0, 1));
}

#[test]
fn a_host_can_lack_a_program() {
    let scene = Scene::with(HostOptions::default().without("rsync"));
    scene.sh("ssh there rsync --version").run().exits(127);
    scene.sh("ssh there cat --version").run().succeeds();
}

#[test]
fn the_recording_engine_keeps_words_apart() {
    let scene = Scene::new();
    let engine = Engine::installed_on(&scene.host, "engine");
    engine.runs("exit 9");
    scene.sh("ssh there \"engine run 'a b' '' 'c\nd'\"").run().exits(9);
    assert_eq!(engine.run_call(), ["run", "a b", "", "c\nd"]);
}

#[test]
fn accounts_have_their_shell_and_their_password() {
    let Some((account, scene)) = Scene::with_a_password() else { return };
    scene.sh("ssh -o NumberOfPasswordPrompts=1 there true").run().exits(255);
    let who = "SSH_ASKPASS=askpass SSH_ASKPASS_REQUIRE=force ssh there 'echo $USER $SHELL'";
    let who = scene.sh(who).run();
    assert_eq!(who.succeeds().stdout.trim(), format!("{} /bin/sh", account.name()));
    assert_eq!(scene.asked(), 1);
}

#[test]
fn what_changes_in_a_hosts_own_system_stays_there() {
    if !am_root() {
        eprintln!("skipped: only root can make a system of its own");
        return;
    }
    let scene = Scene::with(HostOptions::default().own_system("node7"));
    scene.host.sshd.in_its_system("echo closed >/etc/nologin; rm /usr/bin/rsync");
    let told = scene.sh("ssh there 'cat /etc/nologin; hostname; test -e /usr/bin/rsync'").run();
    assert_eq!(told.exits(1).stdout, "closed\nnode7\n");
    assert!(!Path::new("/etc/nologin").exists() && Path::new("/usr/bin/rsync").exists());
}

#[test]
fn a_black_hole_does_not_answer() {
    let scene = Scene::new();
    let hole = Blackhole::open();
    scene.reaches_port(hole.port(), "ConnectTimeout 1");
    scene.sh("ssh there true").run().exits(255).says("timed out");
}

#[test]
fn a_small_disk_fills_up() {
    let scene = Scene::new();
    let path = scene.place().path().join("small");
    let Some(disk) = Tmpfs::mount(&path, "64k") else { return };
    scene
        .sh(&format!("head -c 1000000 /dev/zero > {}/file", path.display()))
        .run()
        .exits(1)
        .says("No space left");
    drop(disk);
    assert!(!path.join("file").exists());
}

#[test]
fn a_stopped_host_is_gone_but_its_detached_jobs_live_on() {
    let mut scene = Scene::new();
    scene.sh("ssh there 'setsid sleep 1000 </dev/null >/dev/null 2>&1 & '").run().succeeds();
    let client = scene.sh("ssh there 'echo started >&2; sleep 1000'").start();
    eventually("the session", || client.stderr().contains("started"));
    scene.host.sshd.stop();
    let _lost = client.wait().exits(255);
    assert!(!scene.jobs().with("sleep").is_empty());
    scene.sh("ssh there true").run().exits(255);
    scene.host.sshd.comes_back();
    scene.sh("ssh there true").run().succeeds();
}
