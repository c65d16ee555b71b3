//! Results that are fetched while the job runs: `run --pull-every`, and what it stands on.
#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

use std::fs;
use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use mlcube_ssh_harness::{Cube, Document, Engine, Outcome, Running, Scene, Task, eventually};
use rustix::process::Signal;

/// Writes a file that nothing writes to any more, then to a log until it may end; writes another file then.
const TRAINS: &str = "mkdir -p model; echo one >model/first; touch -d '1 minute ago' model/first; echo old >notes; \
     touch -d '1 minute ago' notes; until [ -e go ]; do echo line >>log; sleep 0.1; done; rm go; echo two >model/second";

/// A cube whose task does this in the workspace, set up on the host.
fn that(does: &str) -> (Scene, Cube) {
    let mut scene = Scene::new();
    let engine = Engine::installed_on(&scene.host, "docker");
    scene.set("/remote/docker", engine.program().to_str().unwrap());
    let cube = scene.cube("digits").task(&Task::named("train"));
    scene.mlcube_ssh(&["configure", "--mlcube=digits", "--platform=gpu1", "-q"]).run().succeeds();
    engine.runs(&format!("cd '{}'\n{does}", workspace(&scene).display()));
    (scene, cube)
}

fn workspace(scene: &Scene) -> PathBuf {
    scene.host.remote_root().join("digits/workspace")
}

fn run(scene: &Scene, words: &[&str]) -> Running {
    let run = ["run", "--mlcube=digits", "--platform=gpu1", "--json=ran.json"];
    scene.mlcube_ssh(&run).args(words).start()
}

fn lets_it_end(scene: &Scene) {
    fs::write(workspace(scene).join("go"), "").unwrap();
}

fn has_come(cube: &Cube, file: &str) {
    eventually(file, || cube.workspace().join(file).exists());
}

fn receipt(scene: &Scene) -> Document {
    Document::parse(&fs::read_to_string(scene.home().join("ran.json")).unwrap()).unwrap()
}

/// Nothing that the wrapper has started runs on.
fn leaves_nothing(scene: &Scene) {
    eventually("nothing is left", || scene.place().processes().with("/bin/mlcube-ssh").is_empty());
}

#[test]
fn what_a_job_has_finished_comes_while_it_runs_and_the_rest_once() {
    let (scene, cube) = that(TRAINS);
    let running = run(&scene, &["--pull-every=1"]);
    has_come(&cube, "model/first");
    has_come(&cube, "notes");
    // It changes all the time.
    assert!(!cube.workspace().join("log").exists());
    let first = fs::metadata(cube.workspace().join("model/first")).unwrap();
    lets_it_end(&scene);
    let ran = running.wait();
    ran.succeeds().says("fetched 2 files from 'there'");
    assert_eq!(cube.result("model/second"), "two\n");
    assert!(cube.result("log").contains("line"));
    let after = fs::metadata(cube.workspace().join("model/first")).unwrap();
    assert_eq!(first.ino(), after.ino());
    assert_eq!(receipt(&scene).at("/steps/pull/files_sent"), 2, "{ran}");
    assert_eq!(ran.stderr.matches("fetched ").count(), 2, "{ran}");
    assert_eq!(scene.host.sshd.logins(), 1);
    leaves_nothing(&scene);
}

#[test]
fn patterns_choose_what_comes_while_the_job_runs() {
    let (scene, cube) = that(TRAINS);
    // A pattern that matches nothing yet is no error.
    let words = ["--pull-every=1", "model/f*", "it's later/", "--task=train"];
    let running = run(&scene, &words);
    has_come(&cube, "model/first");
    assert!(!cube.workspace().join("notes").exists());
    lets_it_end(&scene);
    running.wait().succeeds().never_says("matches nothing").never_says("error");
    assert_eq!(cube.result("notes"), "old\n");
    assert_eq!(cube.result("model/second"), "two\n");
}

/// Each file comes once: with the inode of the first pull, and counted once by the last one.
#[test]
fn what_comes_goes_on_after_a_lost_connection() {
    let (scene, cube) = that(
        "mkdir -p model; echo one >model/first; touch -d '1 minute ago' model/first\n\
         until [ -e next ]; do sleep 0.1; done; echo two >model/second; touch -d '1 minute ago' model/second\n\
         until [ -e go ]; do sleep 0.1; done; rm next go; echo three >model/third",
    );
    let running = run(&scene, &["--pull-every=1"]);
    has_come(&cube, "model/first");
    let inode = |file| fs::metadata(cube.workspace().join(file)).unwrap().ino();
    let first = inode("model/first");
    scene.host.sshd.connections().kill();
    eventually("it is followed again", || scene.host.sshd.logins() == 2);
    fs::write(workspace(&scene).join("next"), "").unwrap();
    has_come(&cube, "model/second");
    let second = inode("model/second");
    lets_it_end(&scene);
    let ran = running.wait();
    ran.succeeds().says("was lost");
    assert_eq!(cube.result("model/third"), "three\n");
    assert_eq!((inode("model/first"), inode("model/second")), (first, second), "{ran}");
    assert_eq!(receipt(&scene).at("/steps/pull/files_sent"), 1, "{ran}");
    assert_eq!(scene.host.sshd.logins(), 2, "no pull logs in");
    leaves_nothing(&scene);
}

#[test]
fn attach_fetches_while_it_follows() {
    let (scene, cube) = that(TRAINS);
    run(&scene, &["--detach"]).wait().succeeds();
    assert!(!cube.workspace().join("model").exists());
    let words = ["attach", "--mlcube=digits", "--platform=gpu1", "--json=ran.json"];
    let attach = scene.mlcube_ssh(&words).args(["--pull-every=1", "model/f*"]);
    let running = attach.start();
    has_come(&cube, "model/first");
    assert!(!cube.workspace().join("notes").exists());
    lets_it_end(&scene);
    let followed = running.wait();
    followed.succeeds().says("fetched 3 files from 'there'");
    assert_eq!(cube.result("model/second"), "two\n");
    assert_eq!(receipt(&scene).at("/steps/pull/files_sent"), 3, "{followed}");
    assert_eq!(scene.host.sshd.logins(), 1);
    leaves_nothing(&scene);
}

#[test]
fn a_pull_that_runs_ends_with_the_command() {
    // The rsync of a pull hangs, as over a slow line.
    for killed in [false, true] {
        let (scene, _cube) = that(TRAINS);
        scene.has_program(
            "rsync",
            "case $* in *--version*|*--server*) exec /usr/bin/rsync \"$@\" ;; esac\n: >\"$HOME/hangs\"\nexec sleep 300",
        );
        // More than an archive takes.
        let large = workspace(&scene).join("large");
        fs::write(&large, vec![b'x'; 3 << 20]).unwrap();
        File::options()
            .write(true)
            .open(&large)
            .unwrap()
            .set_modified(SystemTime::now() - Duration::from_secs(60))
            .unwrap();
        let running = run(&scene, &["--pull-every=1"]);
        eventually("a pull runs", || scene.home().join("hangs").exists());
        if killed {
            running.kill_all();
        } else {
            running.ctrl_c();
            running.wait().exits(130);
        }
        leaves_nothing(&scene);
        eventually("no rsync either", || scene.place().processes().with("sleep 300").is_empty());
        lets_it_end(&scene);
    }
}

#[test]
fn pulls_end_when_nobody_can_end_them() {
    let (scene, cube) = that(TRAINS);
    let mut running = run(&scene, &["--pull-every=1"]);
    has_come(&cube, "model/first");
    let wrapper = scene.place().processes().with("/bin/mlcube-ssh run").with("--pull-every");
    // The loop is a copy of it.
    let first = wrapper.iter().min_by_key(|one| one.pid()).unwrap();
    first.signal(Signal::KILL);
    eventually("it has ended", || running.has_ended());
    eventually("the loop has ended", || {
        scene.place().processes().with("/bin/mlcube-ssh run").is_empty()
    });
    running.kill_all();
    lets_it_end(&scene);
}

#[test]
fn what_pull_every_can_not_be_with() {
    let scene = Scene::new();
    for (words, problem) in [
        (&["--pull-every=0"][..], "too short"),
        (&["--pull-every=00"], "too short"),
        (&["--pull-every=soon"], "isn't a number of seconds"),
        (&["--pull-every"], "needs a number"),
        (&["--pull-every=5", "--detach"], "exclude each other"),
        (&["--pull-every=5", "--no-pull"], "exclude each other"),
    ] {
        scene.mlcube_ssh(&["run"]).args(words).run().exits(125).complains(&[problem]);
    }
}

/// A remote file with a time of change in seconds from now.
fn writes(scene: &Scene, file: &str, text: &str, ago: i64) {
    let path = workspace(scene).join(file);
    fs::write(&path, text).unwrap();
    let (now, time) = (SystemTime::now(), Duration::from_secs(ago.unsigned_abs()));
    let modified = if ago < 0 { now + time } else { now - time };
    File::options().write(true).open(path).unwrap().set_modified(modified).unwrap();
}

fn pull(scene: &Scene, document: &Document, words: &[&str]) -> Outcome {
    scene.pull(document, words)
}

#[test]
fn a_file_that_has_just_changed_waits() {
    let (scene, cube) = that(":");
    let document = scene.document(&cube, &[]);
    let local = |file: &str| cube.workspace().join(file);
    let is_there = |file: &str| Path::exists(&local(file));
    writes(&scene, "done", "1", 3600);
    writes(&scene, "new", "1", 0);
    writes(&scene, "of the future", "1", -86_400);
    let pulled = pull(&scene, &document, &["--unchanged-for=1000", "no/such/*"]);
    pulled.succeeds().says("nothing to fetch").never_says("matches nothing");
    let pulled = pull(&scene, &document, &["--unchanged-for=1000"]);
    let named = "left 1 file for a later pull, changed in the last 1000 s: new";
    pulled.succeeds().says("fetched 2 files").says(named);
    assert_eq!(pulled.document().at("/steps/pull/waiting/0"), "new");
    assert!(is_there("done") && is_there("of the future") && !is_there("new"));
    // What both sides have agreed on stays so while it waits: neither a conflict nor forgotten.
    for (file, text) in [("done", "2"), ("of the future", "2")] {
        writes(&scene, file, text, 0);
    }
    fs::remove_file(local("of the future")).unwrap();
    let named = "left 3 files for a later pull, changed in the last 1000 s: done and 2 more";
    pull(&scene, &document, &["--unchanged-for=1000"]).succeeds().says(named);
    assert_eq!(cube.result("done"), "1");
    pull(&scene, &document, &[]).succeeds().says("fetched 3 files").never_says("kept");
    assert_eq!(cube.result("done"), "2");
    // What is never fetched doesn't wait, and holds no output back.
    fs::write(cube.workspace().join(".mlcubeignore"), "*.log\n").unwrap();
    writes(&scene, "train.log", "1", 0);
    // What is the same on both sides doesn't wait.
    let same = pull(&scene, &document, &["--unchanged-for=1000"]);
    same.succeeds().says("nothing to fetch").never_says("left ");
}

#[test]
fn a_pull_without_a_login_opens_no_connection() {
    let (scene, cube) = that(":");
    let document = scene.document(&cube, &[]);
    pull(&scene, &document, &["--no-login", "-q"]).succeeds();
    scene.exec(&document, &["logout"]).succeeds();
    for words in [&["--no-login"][..], &["--no-login", "--list"], &["--no-login", "--verify"]] {
        let refused = pull(&scene, &document, words);
        refused.exits(255).complains(&["no connection to 'there' is open"]);
    }
    assert_eq!(scene.host.sshd.logins(), 1);
}
