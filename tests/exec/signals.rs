//! Ctrl-C and SIGTERM end the remote job with all its processes and its container, and report what they did.
#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

use std::fs;
use std::net::TcpListener;

use mlcube_ssh_harness::{
    Cube, Document, Engine, HostOptions, Invocation, Running, Scene, Task, eventually,
};
use rustix::process::Signal;

/// The first process of the container ignores what it is asked to do.
const STUBBORN: &str = "trap '' TERM INT HUP; echo started; while :; do sleep 0.1; done";

fn stubborn_cube(scene: &Scene) -> Cube {
    scene.cube("digits").task(&Task::named("train").writes("model", "model/").does(STUBBORN))
}

/// A run in a real container, which has started.
fn in_a_container() -> (Scene, Running) {
    let scene = Scene::new();
    let document = scene.configured(&stubborn_cube(&scene), &[]);
    let mut running = scene.tool("mlcube-ssh-exec").arg("run").reads_document(&document).start();
    running.says("started");
    assert_eq!(scene.host.running_containers().len(), 1);
    (scene, running)
}

/// Nothing of a job is left on the host.
fn assert_all_gone(scene: &Scene) {
    eventually("what the run started is gone", || scene.jobs().is_empty());
    assert_eq!(scene.host.containers(), [""; 0], "neither running nor stopped");
}

#[test]
fn ctrl_c_ends_the_container() {
    let (scene, running) = in_a_container();
    running.ctrl_c();
    let ended = running.wait();
    ended.exits(130).says("ended");
    assert_eq!(scene.host.running_containers(), [""; 0], "it is gone when we are");
    assert_all_gone(&scene);
    assert_eq!(ended.document().at("/failed/status"), 130);
}

#[test]
fn ctrl_c_ends_the_container_of_an_engine_that_is_named_by_its_path() {
    let mut scene = Scene::new();
    scene.set("/remote/docker", "/usr/bin/podman");
    let document = scene.configured(&stubborn_cube(&scene), &[]);
    let mut running = scene.tool("mlcube-ssh-exec").arg("run").reads_document(&document).start();
    running.says("started");
    running.ctrl_c();
    running.wait().exits(130).says("ended");
    assert_eq!(scene.host.running_containers(), [""; 0], "it is gone when we are");
    assert_all_gone(&scene);
}

#[test]
fn sigterm_ends_the_container() {
    let (scene, running) = in_a_container();
    running.signal(Signal::TERM);
    running.wait().exits(143).says("ended");
    assert_eq!(scene.host.running_containers(), [""; 0], "it is gone when we are");
    assert_all_gone(&scene);
}

#[test]
fn ctrl_c_in_a_pipe_ends_the_container() {
    let scene = Scene::new();
    let document = scene.configured(&stubborn_cube(&scene), &[]);
    let line = "mlcube-ssh-exec run | mlcube-ssh-pull -q";
    let mut running = scene.sh(line).reads_document(&document).start();
    running.says("started");
    running.ctrl_c();
    let ended = running.wait();
    assert_ne!(ended.status, 0);
    eventually("the container is gone", || scene.host.containers().is_empty());
    assert_all_gone(&scene);
}

#[test]
fn another_run_works_after_ctrl_c() {
    let (scene, running) = in_a_container();
    running.ctrl_c();
    running.wait().exits(130);
    let cube = scene
        .cube("digits")
        .task(&Task::named("train").writes("model", "model/").does("echo fine"));
    let document = scene.configured(&cube, &[]);
    scene
        .tool("mlcube-ssh-exec")
        .arg("run")
        .reads_document(&document)
        .run()
        .succeeds()
        .says("fine");
}

/// A run of an engine that does this line of sh, which has said that it started.
fn with_engine(line: &str) -> (Scene, Running) {
    with_engine_on(HostOptions::default(), line)
}

/// The same on an unusual host.
fn with_engine_on(options: HostOptions, line: &str) -> (Scene, Running) {
    let mut scene = Scene::with(options);
    let engine = Engine::installed_on(&scene.host, "engine");
    engine.runs(line);
    scene.set("/remote/docker", engine.program().to_str().unwrap());
    let cube = scene.cube("digits").task(&Task::named("train"));
    let document = scene.document(&cube, &[]);
    let pushed =
        scene.tool("mlcube-ssh-push").reads_document(&document).run().succeeds().document();
    let mut running = scene.tool("mlcube-ssh-exec").arg("run").reads_document(&pushed).start();
    running.says("started");
    (scene, running)
}

#[test]
fn ctrl_c_ends_the_whole_process_tree() {
    // A daemon, by a double fork in a session of its own; one that ignores signals; one with another name.
    let (scene, running) = with_engine(
        "setsid sh -c '(sleep 4001 >/dev/null 2>&1 &)'; sh -c 'trap \"\" TERM INT HUP; echo started; sleep 4002; sleep 4003'",
    );
    assert!(
        !scene.jobs().with("sleep 4001").is_empty() && !scene.jobs().with("sleep 4002").is_empty()
    );
    running.ctrl_c();
    running.wait().exits(130).says("ended");
    assert_all_gone(&scene);
}

#[test]
fn ctrl_c_ends_the_job_on_a_host_that_takes_one_session() {
    let options = HostOptions::default().config("MaxSessions 1");
    let line = "trap '' TERM INT; echo started; sleep 4006; echo went on; sleep 4006";
    let (scene, running) = with_engine_on(options, line);
    running.ctrl_c();
    running.wait().exits(130).says("with all its processes and containers");
    assert!(scene.jobs().is_empty(), "that is true: {:?}", scene.jobs());
    assert_eq!(scene.host.sshd.logins(), 1);
}

#[test]
fn a_job_on_a_host_that_takes_one_session_is_seen_and_stopped_from_another_terminal() {
    let options = HostOptions::default().config("MaxSessions 1");
    let (scene, running) = with_engine_on(options, "echo started; sleep 4008");
    let document = scene.document(&scene.cube("digits").task(&Task::named("train")), &[]);
    let exec =
        |words: &[&str]| scene.tool("mlcube-ssh-exec").args(words).reads_document(&document).run();
    let asked = exec(&["status"]);
    assert!(asked.succeeds().stdout.contains("\"state\":\"running\""), "{asked}");
    asked.says("'there' takes no more sessions").says("logging in once more");
    assert!(exec(&["logs"]).succeeds().stdout.contains("started"));
    exec(&["stop", "--grace=1"]).succeeds();
    running.wait().exits(143).says("a stop ended job ");
    assert!(scene.jobs().is_empty(), "that is true: {:?}", scene.jobs());
}

#[test]
fn where_no_second_login_works_a_command_waits_for_a_session_and_says_so() {
    let options = HostOptions::default().config("MaxSessions 1");
    let (scene, running) = with_engine_on(options, "echo started; sleep 4009");
    let document = scene.document(&scene.cube("digits").task(&Task::named("train")), &[]);
    // As on a host that asks for a password or a code at every login.
    fs::remove_file(scene.host.folder().join("sshd/authorized_keys")).unwrap();
    let mut asked = scene.tool("mlcube-ssh-exec").arg("status").reads_document(&document).start();
    asked.says("waiting for a session");
    running.ctrl_c();
    running.wait().exits(130);
    // The session that the run gives back goes to the stop or to the waiting command, whichever asks first.
    let state = asked.wait().succeeds().stdout.clone();
    assert!(
        ["killed", "running"].iter().any(|word| state.contains(&format!("\"state\":\"{word}\""))),
        "{state}"
    );
    let later = scene.tool("mlcube-ssh-exec").arg("status").reads_document(&document).run();
    assert!(later.succeeds().stdout.contains("\"state\":\"killed\""), "{later}");
}

/// The proxy of the connection is in the foreground at the terminal that opened it: Ctrl-C ends it, and the connection.
#[test]
fn ctrl_c_ends_the_job_behind_a_jump_host() {
    let mut scene = Scene::new();
    let engine = Engine::installed_on(&scene.host, "engine");
    engine.runs("echo started; sleep 4010");
    scene.set("/remote/docker", engine.program().to_str().unwrap());
    let document = scene.document(&scene.cube("digits").task(&Task::named("train")), &[]);
    let pushed = scene.tool("mlcube-ssh-push").reads_document(&document).run();
    let document = pushed.succeeds().document();
    scene.masters().kill();
    scene.has_ssh_config("ProxyCommand ssh -o ProxyCommand=none -W %h:%p there");
    let mut running = scene.tool("mlcube-ssh-exec").arg("run").reads_document(&document).start();
    running.says("started");
    running.ctrl_c();
    running.wait().exits(130).says("with all its processes and containers");
    assert!(scene.jobs().with("sleep 4010").is_empty(), "that is true: {:?}", scene.jobs());
}

/// Shells ignore SIGINT for what they start in the background, as the wrapper's steps are.
#[test]
fn a_verb_that_only_asks_ends_at_ctrl_c() {
    let scene = Scene::new();
    let document = scene.document(&scene.cube("digits").task(&Task::named("train")), &[]);
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    scene.reaches_port(silent.local_addr().unwrap().port(), "");
    for verb in ["list", "status", "stop", "clean"] {
        let line = format!("trap '' INT; exec mlcube-ssh-exec {verb}");
        let running = scene.sh(&line).reads_document(&document).start();
        let _login = silent.accept().unwrap();
        running.ctrl_c();
        running.wait().exits(130);
    }
    // Also what ssh has started by then, where the signal reaches this program alone.
    scene.has_ssh_config("HostName 127.0.0.1\nMatch exec \"sleep 4012\"");
    let running = scene.tool("mlcube-ssh-exec").arg("list").reads_document(&document).start();
    let started = || scene.place().processes().with("sleep 4012");
    eventually("ssh has started a program", || !started().is_empty());
    running.signal(Signal::TERM);
    running.wait().exits(143);
    eventually("that has ended, too", || started().is_empty());
}

#[test]
fn ctrl_c_without_an_answer_promises_nothing() {
    let (scene, running) = with_engine("trap '' TERM INT; echo started; sleep 4007");
    // The stop is killed there before it has answered.
    scene.host.has_program("flock", "kill -KILL $PPID");
    running.ctrl_c();
    let ended = running.wait();
    ended.exits(130).says("isn't confirmed").says("mlcube-ssh stop ");
    ended.never_says("with all its processes and containers");
    scene.host.loses_program("flock");
    scene.jobs().kill();
}

#[test]
fn ctrl_c_while_configuring_ends_the_build() {
    let mut scene = Scene::new();
    let engine = Engine::installed_on(&scene.host, "engine");
    scene.set("/remote/docker", engine.program().to_str().unwrap());
    let program = fs::read_to_string(engine.program()).unwrap();
    fs::write(
        engine.program(),
        format!("{program}\ncase $1 in build | pull) echo building; sleep 4004 ;; esac\n"),
    )
    .unwrap();
    let document = scene.document(&scene.cube("digits").task(&Task::named("train")), &[]);
    let pushed =
        scene.tool("mlcube-ssh-push").reads_document(&document).run().succeeds().document();
    let mut running =
        scene.tool("mlcube-ssh-exec").arg("configure").reads_document(&pushed).start();
    running.says("building");
    running.ctrl_c();
    running.wait().exits(130);
    assert_all_gone(&scene);
}

#[test]
fn ctrl_c_while_installing_ends_pip() {
    let mut scene = Scene::new();
    scene.has_program("../../there/bin/python4", "echo $$ >> \"$HOME/pids\"; sleep 4005");
    let python = scene.host.bin().join("python4");
    scene.set(
        "/interpreter",
        serde_json::json!({"type": "system", "python": python, "requirements": "mlcube"}),
    );
    let document = scene.document(&scene.cube("digits").task(&Task::named("train")), &[]);
    let running = scene.tool("mlcube-ssh-interp").arg("-q").reads_document(&document).start();
    eventually("python has started there", || !scene.jobs().with("sleep 4005").is_empty());
    running.ctrl_c();
    running.wait().exits(130);
    assert_all_gone(&scene);
}

/// A push that sends slowly what has to go in the place of a file that is there already.
fn rewriting_slowly() -> (Scene, Cube, Document) {
    let scene = Scene::new();
    let cube = scene.cube("digits").task(&Task::named("train")).with_file("large", "the old one");
    let document = scene.document(&cube, &[]);
    push(&scene, &document).run().succeeds();
    let cube = cube.with_file("large", &"x".repeat(50_000_000));
    scene.has_program("rsync", "exec /usr/bin/rsync --bwlimit=2000 \"$@\"");
    (scene, cube, document)
}

fn push(scene: &Scene, document: &Document) -> Invocation {
    scene.tool("mlcube-ssh-push").arg("-q").reads_document(document)
}

/// The transfer is over: the file there is the old one, and the next push brings the new one.
fn all_is_as_before(scene: &Scene, cube: &Cube, document: &Document) {
    eventually("rsync is gone, here and there", || {
        scene.place().processes().with("rsync").is_empty()
    });
    let large = scene.host.remote_root().join("digits/workspace/large");
    let now = fs::read_to_string(&large).unwrap();
    assert_eq!(now, "the old one", "half a file never bears the file's name");
    scene.real_rsync();
    push(scene, document).run().succeeds();
    assert!(fs::read_to_string(&large).unwrap() == cube.result("large"));
}

#[test]
fn ctrl_c_during_a_transfer() {
    let (scene, cube, document) = rewriting_slowly();
    let running = push(&scene, &document).start();
    let incoming = scene.host.remote_root().join(".mlcube-ssh/digits/incoming");
    eventually("the transfer has begun", || {
        let pairs = fs::read_dir(&incoming).into_iter().flatten().flatten();
        pairs.into_iter().any(|pair| {
            fs::read_dir(pair.path().join("tmp")).is_ok_and(|mut files| files.next().is_some())
        })
    });
    running.ctrl_c();
    running.wait().exits(130);
    all_is_as_before(&scene, &cube, &document);
}

#[test]
fn ctrl_c_during_a_stream() {
    let scene = Scene::new();
    let cube = scene
        .cube("digits")
        .task(&Task::named("train"))
        .with_file("large", &"x".repeat(50_000_000));
    let document = scene.document(&cube, &[]);
    let slowly = "import sys, time\nfor piece in iter(lambda: sys.stdin.buffer.read(16384), b\"\"):\n    sys.stdout.buffer.write(piece); time.sleep(0.01)";
    scene.host.has_program("tar", &format!("python3 -c '{slowly}' | /usr/bin/tar \"$@\""));
    let running = scene.tool("mlcube-ssh-push").arg("-q").reads_document(&document).start();
    let unpacking = || scene.place().processes().with("/tar -xopf");
    eventually("the stream has begun", || !unpacking().is_empty());
    running.ctrl_c();
    running.wait().exits(130);
    eventually("tar is gone there", || unpacking().is_empty());
    let large = scene.host.remote_root().join("digits/workspace/large");
    assert!(!large.exists(), "half a file never bears the file's name");
    scene.host.loses_program("tar");
    scene.tool("mlcube-ssh-push").arg("-q").reads_document(&document).run().succeeds();
    assert!(fs::read_to_string(&large).unwrap() == cube.result("large"));
}

#[test]
fn a_transfer_that_is_terminated_alone_ends_with_all_that_it_started() {
    let (scene, cube, document) = rewriting_slowly();
    let running = push(&scene, &document).start();
    let transfers = || scene.place().processes().with("--bwlimit=2000");
    eventually("the transfer has begun", || !transfers().is_empty());
    running.signal(Signal::TERM);
    running.wait().exits(143);
    all_is_as_before(&scene, &cube, &document);
}
