//! A cluster with several login nodes behind one name: each login may reach another one, and a job runs on its own.

use std::fs;

use mlcube_ssh_harness::{HostOptions, Scene, Sshd, am_root, eventually, skip};
use rustix::process::Signal;
use serde_json::Value;

use crate::faults::staging::{Staged, shows};

/// Goes on until [`may_end`] says so.
const WAITS: &str =
    "echo started; until [ -e \"$HOME/go\" ]; do sleep 0.05; done; echo done; exit 7";

fn may_end(job: &Staged) {
    fs::write(job.scene.host.home().join("go"), "").unwrap();
}

/// A job's scene on the node `login1`, and the other node, which has the same home.
fn two_nodes(line: &str) -> Option<(Staged, Sshd)> {
    if !am_root() {
        skip("only root can make a node of its own");
        return None;
    }
    let scene = Scene::with(HostOptions::default().own_system("login1"));
    let other = scene.host.another_node("login2");
    let known = scene.host.sshd.known_hosts() + &other.known_hosts();
    fs::write(scene.home().join(".ssh/known_hosts"), known).unwrap();
    Some((Staged::in_scene(scene, line), other))
}

/// From now on the name leads to this node; the node that has the job can be reached by its own name.
fn leads_to(job: &Staged, node: &Sshd) {
    let scene = &job.scene;
    scene.reaches_port(node.port(), "");
    let config = scene.home().join(".ssh/config");
    let there = fs::read_to_string(&config).unwrap();
    scene.reaches_port(scene.host.sshd.port(), "");
    let login1 = fs::read_to_string(&config).unwrap().replace("Host there", "Host login1");
    fs::write(&config, there + &login1).unwrap();
    scene.masters().kill();
}

/// What ends the job, as a message told it to the user.
fn advised_stop(said: &str) -> &str {
    let from = said.find("`mlcube-ssh stop ").unwrap() + 1;
    said[from..].split('`').next().unwrap()
}

/// What exec noted of its last job.
fn receipt_of(job: &Staged) -> Value {
    let ran = fs::read_to_string(job.scene.home().join("ran.json")).unwrap();
    let document: Value = serde_json::from_str(&ran).unwrap();
    document["steps"]["exec"].clone()
}

#[test]
fn a_job_of_another_node_is_followed_and_its_node_is_named() {
    let Some((job, other)) = two_nodes(WAITS) else { return };
    let started = job.exec(&["run", "--detach"]).wait();
    assert_eq!(receipt_of(&job)["node"], "login1", "{started}");
    leads_to(&job, &other);
    let told = job.asks(&["status"]).succeeds().stdout.clone();
    assert!(told.contains("\"elsewhere\"") && told.contains("\"login1\""), "{told}");
    assert!(job.asks(&["list"]).succeeds().stdout.contains("on login1"));
    let attached = job.exec(&["attach"]);
    shows(&attached, "started");
    may_end(&job);
    let attached = attached.wait();
    attached.exits(7).says("the node 'login1' of 'there'");
    job.has_the_log(&attached);
    assert_eq!(receipt_of(&job)["node"], "login1");
}

#[test]
fn a_job_of_another_node_is_ended_on_that_node_alone() {
    let Some((job, other)) = two_nodes("echo started; sleep 600") else { return };
    job.exec(&["run", "--detach"]).wait().succeeds();
    leads_to(&job, &other);
    let refused = job.asks(&["stop"]);
    refused.exits(125).complains(&["node 'login1' of 'there'", "-Prunner.host=login1"]);
    let refused = job.asks(&["run"]);
    refused.exits(125).complains(&["locked", "its node 'login1'", "-Prunner.host=login1"]);
    let attached = job.exec(&["attach"]);
    shows(&attached, "started");
    attached.signal(Signal::INT);
    let left = attached.wait();
    left.exits(130)
        .says("isn't confirmed")
        .says("may still run")
        .never_says("with all its processes");
    assert!(!job.scene.jobs().with("sleep 600").is_empty());
    // Every advice is the same, and it works.
    for said in [&left.stderr, &refused.stderr] {
        let stopped = job.scene.sh(advised_stop(said)).run();
        assert!(stopped.succeeds().stdout.contains("\"killed\""), "{stopped}");
    }
    job.leaves_nothing();
}

#[test]
fn a_released_job_of_another_node_is_not_reported_as_ended() {
    let Some((job, other)) = two_nodes(WAITS) else { return };
    job.exec(&["run", "--detach"]).wait().succeeds();
    leads_to(&job, &other);
    let kept = job.asks(&["clean", "--yes=jobs"]);
    kept.exits(125).complains(&["is in use by job", "-Prunner.host=login1"]);
    let released = job.asks(&["stop", "--force"]);
    assert!(released.succeeds().stdout.contains("\"state\":\"elsewhere\""), "{released}");
    released.says("may still run on the node 'login1'").says("isn't locked for it any more");
    let told = job.asks(&["status"]).succeeds().stdout.clone();
    assert!(told.contains("\"elsewhere\"") && told.contains("\"why\":\"released\""), "{told}");
    may_end(&job);
    eventually("its own end", || {
        let told = job.asks(&["status"]).succeeds().stdout.clone();
        told.contains("\"finished\",\"status\":7")
    });
}

#[test]
fn a_job_is_taken_up_again_by_way_of_another_node() {
    let Some((job, other)) = two_nodes(WAITS) else { return };
    let mut running = job.exec(&["run"]);
    shows(&running, "started");
    leads_to(&job, &other);
    running.says("the node 'login1' of 'there'");
    may_end(&job);
    let ended = running.wait();
    ended.exits(7);
    job.has_the_log(&ended);
    job.leaves_nothing();
}
