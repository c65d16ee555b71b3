//! One job at a time in a remote workspace: what a second one is told, how it waits, and that no lock is stolen.
#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use mlcube_ssh_harness::{Document, Engine, Outcome, Scene, Task, Tmpfs, eventually};
use serde_json::json;

const WAITS: &str = "echo started; until [ -e \"$folder/go\" ]; do sleep 0.05; done; echo done";

fn pushed() -> (Scene, Document) {
    let mut scene = Scene::new();
    let engine = Engine::installed_on(&scene.host, "docker");
    engine.runs(WAITS);
    scene.set("/remote/docker", engine.program().to_str().unwrap());
    let document = document(&scene, &[]);
    (scene, document)
}

fn document(scene: &Scene, words: &[&str]) -> Document {
    let task = Task::named("train").writes("model", "model/");
    let document = scene.document(&scene.cube("digits").task(&task), words);
    let push = scene.tool("mlcube-ssh-push").arg("-q").reads_document(&document).run();
    push.succeeds().document()
}

fn go(scene: &Scene) {
    fs::write(scene.host.bin().join("go"), "").unwrap();
}

fn state(scene: &Scene) -> PathBuf {
    scene.host.remote_root().join(".mlcube-ssh/digits")
}

/// The only lock that is held.
fn lock(scene: &Scene) -> PathBuf {
    let locks = fs::read_dir(state(scene).join("locks")).unwrap();
    let mut links: Vec<_> =
        locks.map(|lock| lock.unwrap().path()).filter(|path| path.is_symlink()).collect();
    assert_eq!(links.len(), 1, "{links:?}");
    links.remove(0)
}

#[test]
fn a_second_run_names_the_job_that_holds_the_workspace() {
    let (scene, document) = pushed();
    let run = scene.tool("mlcube-ssh-exec").args(["run", "--detach"]).env("LOGNAME", "ann");
    let first = run.reads_document(&document).run().succeeds().document();
    let id = first.at("/steps/exec/job").as_str().unwrap().to_owned();
    for verb in [&["run"][..], &["run", "--wait=1"], &["configure"]] {
        let mut second = scene.exec(&document, verb);
        let lines = second.stderr.lines().filter(|line| !line.contains("waiting"));
        second.stderr = lines.collect::<Vec<_>>().join("\n");
        let home = scene.home().display().to_string();
        let job = format!("--job={id}");
        let words = [&id, " UTC", "ann@", &home, "mlcube-ssh attach", "mlcube-ssh stop", &job];
        second.exits(125).complains(&words);
        assert!(second.stdout.contains("\"failed\""), "the document goes on");
    }
    go(&scene);
    scene.exec(&first, &["attach"]).succeeds();
    scene.exec(&document, &["run"]).succeeds();
}

#[test]
fn a_second_run_waits_for_the_first() {
    let (scene, document) = pushed();
    scene.exec(&document, &["run", "--detach"]).succeeds();
    let mut second =
        scene.tool("mlcube-ssh-exec").args(["run", "--wait"]).reads_document(&document).start();
    second.says("waiting: the workspace on ");
    go(&scene);
    second.wait().succeeds().says("started\ndone\n");
    scene.exec(&document, &["status", "--all"]).succeeds();
}

#[test]
fn of_many_that_start_at_once_one_runs() {
    let (scene, document) = pushed();
    let many: Vec<_> = (0..6)
        .map(|_| {
            scene
                .tool("mlcube-ssh-exec")
                .args(["run", "--detach"])
                .reads_document(&document)
                .start()
        })
        .collect();
    let ended: Vec<Outcome> = many.into_iter().map(mlcube_ssh_harness::Running::wait).collect();
    let statuses: Vec<i32> = ended.iter().map(|outcome| outcome.status).collect();
    assert_eq!(statuses.iter().filter(|&&status| status == 0).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|&&status| status == 125).count(), 5, "{statuses:?}");
    go(&scene);
    eventually("it ends", || scene.jobs().is_empty());
}

#[test]
fn other_workspaces_and_other_cubes_run_at_once() {
    let (scene, document) = pushed();
    fs::create_dir(scene.home().join("elsewhere")).unwrap();
    let other = document_of(&scene, "digits", &["--workspace", "elsewhere"]);
    let third = document_of(&scene, "letters", &[]);
    for document in [&document, &other, &third] {
        scene.exec(document, &["run", "--detach"]).succeeds();
    }
    go(&scene);
    for document in [&document, &other, &third] {
        scene.exec(document, &["attach"]).succeeds().says("started\ndone\n");
    }
}

fn document_of(scene: &Scene, name: &str, words: &[&str]) -> Document {
    let task = Task::named("train").writes("model", "model/");
    let document = scene.document(&scene.cube(name).task(&task), words);
    scene.tool("mlcube-ssh-push").arg("-q").reads_document(&document).run().succeeds().document()
}

#[test]
fn the_lock_of_a_job_that_was_killed_is_taken_over() {
    let (scene, document) = pushed();
    scene.exec(&document, &["run", "--detach"]).succeeds();
    eventually("all is killed", || {
        // What was about to be started isn't there at the first time.
        scene.jobs().kill();
        scene.jobs().is_empty()
    });
    assert!(lock(&scene).is_symlink(), "nobody was left to give it up");
    go(&scene);
    scene.exec(&document, &["run"]).succeeds();
}

#[test]
fn a_start_that_crashed_with_the_lock_is_no_obstacle() {
    let (scene, document) = pushed();
    go(&scene);
    scene.exec(&document, &["run", "--detach"]).succeeds();
    let held_lock = || fs::read_dir(state(&scene).join("locks")).unwrap().count();
    eventually("the lock is given up", || held_lock() == 1);
    // The name of this machine, as the script writes it.
    let leader = fs::read_dir(state(&scene).join("jobs")).unwrap().next().unwrap().unwrap().path();
    let leader = fs::read_to_string(leader.join("leader")).unwrap();
    let host = leader.split_whitespace().nth(2).unwrap();
    let workspace = scene.host.remote_root().join("digits/workspace");
    let key = scene.sh("printf %s \"$W\" | cksum | tr ' ' -").env("W", &workspace).run();
    let lock = state(&scene).join("locks").join(key.stdout.trim());
    symlink(format!("1-crashed@{host}"), &lock).unwrap();
    scene.exec(&document, &["run"]).succeeds();
    symlink("1-crashed@node7/0123", &lock).unwrap();
    let refused = scene.exec(&document, &["run"]);
    refused.exits(125).says("node7").says("--force");
}

#[test]
fn a_lock_without_a_free_inode_is_reported_as_a_full_disk() {
    let scene = Scene::new();
    let root = scene.host.remote_root();
    let Some(_disk) = Tmpfs::mount(&root, "8m,nr_inodes=300") else { return };
    let document = scene.document(&scene.cube("digits").task(&Task::named("train")), &[]);
    let document = document.with("/run/tasks", json!(["train"]));
    let pushed = scene.tool("mlcube-ssh-push").arg("-q").reads_document(&document).run();
    let document = pushed.succeeds().document();
    let fill = format!("n=0; while touch '{}/'$n; do n=$((n + 1)); done; :", root.display());
    scene.sh(&fill).run().succeeds();
    let refused = scene.tool("mlcube-ssh-exec").arg("run").reads_document(&document).run();
    refused.exits(125).complains(&["no room left on 'there' for ", "locks", "df -i"]);
}

#[test]
fn a_lock_of_another_machine_or_pid_namespace_is_never_stolen() {
    let (scene, document) = pushed();
    let detached = scene.exec(&document, &["run", "--detach"]).succeeds().document();
    let lock = lock(&scene);
    let held_by = fs::read_link(&lock).unwrap().display().to_string();
    let id = held_by.split('@').next().unwrap().to_owned();
    let file = state(&scene).join("jobs").join(&id).join("leader");
    let leader = fs::read_to_string(&file).unwrap();
    let words: Vec<&str> = leader.split_whitespace().collect();
    for (word, text) in [(2, "node7/0123"), (4, "pid:[1]")] {
        let mut changed = words.clone();
        changed[word] = text;
        fs::write(&file, format!("{}\n", changed.join(" "))).unwrap();
        scene.exec(&document, &["run"]).exits(125).says("stop").says("--force");
        assert_eq!(fs::read_link(&lock).unwrap().display().to_string(), held_by);
    }
    fs::write(&file, leader).unwrap();
    go(&scene);
    scene.exec(&detached, &["attach"]).succeeds();
}

#[test]
fn a_holder_that_cannot_be_looked_at_is_named_by_every_program() {
    let (scene, document) = pushed();
    let job = scene.exec(&document, &["run", "--detach"]).succeeds().document();
    let folder = state(&scene).join("jobs").join(job.at("/steps/exec/job").as_str().unwrap());
    let leader = fs::read(folder.join("leader")).unwrap();
    fs::remove_file(folder.join("leader")).unwrap();
    fs::create_dir(folder.join("leader")).unwrap();
    let path = folder.join("leader").display().to_string();
    scene.exec(&document, &["run"]).exits(125).complains(&["can't read", &path]);
    let push = scene.tool("mlcube-ssh-push").arg("-q").reads_document(&document);
    push.run().exits(125).complains(&["can't read", &path]);
    fs::remove_dir(folder.join("leader")).unwrap();
    fs::write(folder.join("leader"), leader).unwrap();
    go(&scene);
    scene.exec(&job, &["attach"]).succeeds();
}

/// A job that has a container, whose daemon, which may be on another machine, doesn't reply any more.
fn with_a_daemon_that_is_gone(scene: &Scene, document: &Document) {
    let job = scene.exec(document, &["run", "--detach"]).succeeds().document();
    let folder = state(scene).join("jobs").join(job.at("/steps/exec/job").as_str().unwrap());
    eventually("it has a container", || folder.join("cid.1").exists());
    scene.host.has_program("docker", "exit 1");
}

#[test]
fn what_a_stop_could_not_end_holds_the_workspace() {
    let (scene, document) = pushed();
    with_a_daemon_that_is_gone(&scene, &document);
    for _ in 0..2 {
        scene.exec(&document, &["stop"]).exits(125).says("docker doesn't report: 0");
        scene
            .exec(&document, &["run"])
            .exits(125)
            .complains(&["aren't known to be gone", "mlcube-ssh stop"]);
    }
    Engine::installed_on(&scene.host, "docker");
    scene.exec(&document, &["stop"]).succeeds();
    go(&scene);
    scene.exec(&document, &["run"]).succeeds();
}

#[test]
fn stop_force_releases_the_workspace_whatever_is_left() {
    let (scene, document) = pushed();
    with_a_daemon_that_is_gone(&scene, &document);
    scene.exec(&document, &["stop", "--force"]).exits(125).says("docker doesn't report: 0");
    Engine::installed_on(&scene.host, "docker");
    go(&scene);
    scene.exec(&document, &["run"]).succeeds();
}
