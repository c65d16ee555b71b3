//! Jobs that outlive the connection: detached, followed again, queried, stopped; and their record.
#![expect(clippy::unwrap_used, reason = "a test that meets what it didn't expect has failed")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use mlcube_ssh_harness::{Document, Engine, Scene, Task, eventually};
use serde_json::{Value, json};

/// Says that it started, and goes on until the file `go` is beside the engine.
const WAITS: &str = "echo started; until [ -e \"$folder/go\" ]; do sleep 0.05; done; echo done";

/// A document whose files are there, and whose engine does this line of sh for `run`.
fn pushed(line: &str) -> (Scene, Engine, Document) {
    let mut scene = Scene::new();
    let engine = Engine::installed_on(&scene.host, "docker");
    engine.runs(line);
    scene.set("/remote/docker", engine.program().to_str().unwrap());
    let task = Task::named("train").writes("model", "model/");
    let document = scene.document(&scene.cube("digits").task(&task), &[]);
    let push = scene.tool("mlcube-ssh-push").arg("-q").reads_document(&document).run();
    let document = push.succeeds().document();
    (scene, engine, document)
}

fn go(scene: &Scene) {
    fs::write(scene.host.bin().join("go"), "").unwrap();
}

fn id(document: &Document) -> String {
    document.at("/steps/exec/job").as_str().unwrap().to_owned()
}

fn status(scene: &Scene, document: &Document) -> Value {
    let asked = scene.exec(document, &["status"]);
    serde_json::from_str(&asked.succeeds().is_silent().stdout).unwrap()
}

fn folder(scene: &Scene, id: &str) -> PathBuf {
    scene.host.remote_root().join(".mlcube-ssh/digits/jobs").join(id)
}

#[test]
fn a_writer_that_a_task_leaves_behind_holds_no_job_open() {
    let (scene, _engine, document) = pushed("yes left behind & exit 5");
    scene.exec(&document, &["run", "-q"]).exits(5);
    scene.jobs().kill();
}

#[test]
fn a_detached_run_is_attached_to() {
    let (scene, _engine, document) = pushed(&format!("{WAITS}; exit 7"));
    let detached = scene.exec(&document, &["run", "--detach"]);
    detached.succeeds().says("mlcube-ssh attach ");
    let detached = detached.document();
    assert!(!detached.to_string().contains("\"status\""), "{detached}");
    assert_eq!(status(&scene, &detached)["state"], "running");
    let mut attached =
        scene.tool("mlcube-ssh-exec").arg("attach").reads_document(&detached).start();
    attached.says("started\n");
    go(&scene);
    let ended = attached.wait();
    ended.exits(7).says("started\ndone\n");
    assert_eq!(ended.document().at("/failed/kind"), "task");
    assert_eq!(ended.document().at("/steps/exec/status"), 7);
    let told = status(&scene, &detached);
    assert_eq!((&told["state"], &told["status"]), (&json!("finished"), &json!(7)));
    assert!(told["seconds"].is_u64() && told["host"].is_string(), "{told}");
    // Again, and from the end: what is over stays over.
    let again = scene.exec(&ended.document(), &["attach", "--tail=1"]);
    again.exits(7).says("ended with status 7").never_says("done\n");
}

#[test]
fn attach_in_a_pipe_fetches_what_the_task_made() {
    let scene = Scene::new();
    let task = Task::named("train").writes("model", "model/").does("echo best > $model/best");
    let cube = scene.cube("digits").task(&task);
    let document = scene.configured(&cube, &[]);
    let line = "mlcube-ssh-exec run --detach | mlcube-ssh-exec attach | mlcube-ssh-pull -q";
    scene.sh(line).reads_document(&document).run().succeeds();
    assert_eq!(cube.result("model/best"), "best\n");
}

#[test]
fn attach_without_a_job_takes_the_newest_of_the_workspace_and_its_tasks() {
    let (scene, _engine, document) = pushed("echo hello");
    let ran = scene.exec(&document, &["run"]).succeeds().document();
    let attached = scene.exec(&document, &["attach"]);
    attached.succeeds().says("hello\n");
    assert_eq!(id(&attached.document()), id(&ran));
    let nothing = scene.exec(&document, &["attach", "--job=1-2"]);
    nothing.exits(125).complains(&["1-2", "has no job"]);
    scene.exec(&document, &["attach", "--job=../x"]).exits(125).says("../x");
}

#[test]
fn questions_are_answered_on_standard_output() {
    let (scene, _engine, document) = pushed("echo one; echo two");
    let none = scene.exec(&document, &["status"]);
    none.exits(125).complains(&["no job", "there"]);
    assert_eq!(scene.exec(&document, &["list"]).succeeds().stdout, "");
    let first = scene.exec(&document, &["run"]).succeeds().document();
    let second = scene.exec(&document, &["run"]).succeeds().document();
    assert_eq!(status(&scene, &first)["job"], id(&first));
    assert_eq!(status(&scene, &document)["job"], id(&second), "the newest");
    let all = scene.exec(&document, &["status", "--all"]);
    assert_eq!(all.succeeds().stdout.lines().count(), 2);
    let listed = scene.exec(&document, &["list"]);
    assert!(listed.succeeds().stdout.contains("finished 0"), "{}", listed.stdout);
    let as_json = scene.exec(&document, &["list", "--json"]);
    let as_json: Value = serde_json::from_str(&as_json.succeeds().stdout).unwrap();
    assert_eq!(as_json[0]["tasks"], json!(["train"]));
    let lines: Vec<Value> = all.stdout.lines().map(|line| line.parse().unwrap()).collect();
    assert_eq!(as_json, json!(lines), "what status --all writes");
    let logs = scene.exec(&first, &["logs"]);
    assert_eq!(logs.succeeds().is_silent().stdout, "one\ntwo\n");
    let logs = scene.exec(&first, &["logs", "--tail=1"]);
    assert_eq!(logs.succeeds().stdout, "two\n");
}

#[test]
fn the_beginning_of_an_id_is_enough_where_only_one_job_has_it() {
    let (scene, _engine, document) = pushed("echo hello");
    let first = scene.exec(&document, &["run"]).succeeds().document();
    scene.exec(&document, &["run"]).succeeds();
    let listed = scene.exec(&document, &["list"]).succeeds().stdout.clone();
    let rows: Vec<Vec<&str>> =
        listed.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["JOB", "STATE", "TASKS", "SINCE", "AGO", "TOOK", "BY"]);
    // The newest comes first.
    let short = rows[2][0];
    assert_eq!(rows[2][1..4], ["finished", "0", "train"], "{listed}");
    assert!(short.len() < 12 && id(&first).contains(&format!("-{short}")), "{listed}");
    for verb in ["status", "logs", "attach", "stop"] {
        let by_short_id = scene.exec(&document, &[verb, "--job", short]);
        by_short_id.succeeds();
        if verb != "logs" {
            assert!(by_short_id.stdout.contains(&id(&first)), "{by_short_id}");
        }
    }
    // Both ids begin with the time.
    let several = scene.exec(&document, &["status", "--job", &id(&first)[..3]]);
    several.exits(125).complains(&["several jobs", "give more of the id"]);
}

#[test]
fn logs_follow_to_the_end_and_ctrl_c_leaves_the_job_running() {
    let (scene, _engine, document) = pushed(WAITS);
    let detached = scene.exec(&document, &["run", "--detach"]).succeeds().document();
    let logs = || scene.tool("mlcube-ssh-exec").args(["logs", "-f"]).reads_document(&detached);
    let left = logs().start();
    eventually("the log comes", || left.stdout() == "started\n");
    left.ctrl_c();
    left.wait().exits(130);
    assert_eq!(status(&scene, &detached)["state"], "running");
    let followed = logs().start();
    eventually("the log comes", || followed.stdout() == "started\n");
    go(&scene);
    assert_eq!(followed.wait().succeeds().stdout, "started\ndone\n");
}

/// A launcher adds what it knows, by a new file in the place of the former one.
#[test]
fn a_record_that_is_replaced_while_it_is_read_is_read_whole() {
    let (scene, _engine, document) = pushed("echo done");
    let ran = scene.exec(&document, &["run", "--detach"]).succeeds().document();
    scene.host.has_program(
        "cat",
        "/bin/cat \"$@\"\ncase ${1-} in */job.json) ;; *) exit ;; esac\n\
         { /bin/cat \"$1\"; echo; } >\"$1.new\" && mv -f \"$1.new\" \"$1\"",
    );
    scene.exec(&ran, &["attach"]).succeeds().says("done");
    scene.exec(&ran, &["attach"]).succeeds().says("done");
    // The log is shown without it.
    scene.host.has_program("cat", "case ${1-} in */job.json) exit 1 ;; esac\nexec /bin/cat \"$@\"");
    scene.exec(&ran, &["attach"]).succeeds().says("done");
}

#[test]
fn stop_ends_a_job_from_elsewhere() {
    let (scene, _engine, document) =
        pushed("trap '' TERM; echo started; while :; do sleep 0.1; done");
    let detached = scene.exec(&document, &["run", "--detach"]).succeeds().document();
    let stopped = scene.exec(&detached, &["stop", "--grace=1"]);
    let told: Value = serde_json::from_str(&stopped.succeeds().stdout).unwrap();
    assert_eq!(told["state"], "killed", "{told}");
    assert!(scene.jobs().is_empty(), "{:?}", scene.jobs());
    let again = scene.exec(&detached, &["stop"]);
    assert!(again.succeeds().stdout.contains("killed"), "a job that is over is left as it is");
    let attached = scene.tool("mlcube-ssh-exec").args(["-q", "attach"]).reads_document(&detached);
    let status = told["status"].as_i64().and_then(|status| i32::try_from(status).ok()).unwrap();
    // The task may have been ended before it wrote anything.
    let attached = attached.run();
    attached.exits(status).says("error: a stop ended job").says("on 'there'");
    attached.never_says("task train");
}

/// In the middle of execve(2) a process shows no environment, so a single look for the mark of a job may miss it. This
/// one is in the middle of it all the time.
#[test]
fn stop_ends_a_process_that_becomes_another_program() {
    let (mut scene, _engine, document) = pushed(":");
    scene.has_program("../../there/bin/python4", "exec \"$0\" \"$@\"");
    let python = scene.host.bin().join("python4");
    scene.set("/interpreter", json!({"type": "system", "python": python, "requirements": ""}));
    let cube = scene.cube("digits").task(&Task::named("train").writes("model", "model/"));
    let _pushed_before = document;
    let document = scene.document(&cube, &[]);
    for _ in 0..8 {
        let detached = scene.exec(&document, &["run", "--detach"]).succeeds().document();
        let stopped = scene.exec(&detached, &["stop"]);
        let told: Value = serde_json::from_str(&stopped.succeeds().stdout).unwrap();
        assert_eq!(told["status"], 143, "it was asked to end, and not killed: {told}");
        assert!(scene.jobs().is_empty(), "{:?}", scene.jobs());
    }
}

#[test]
fn job_files_name_the_leader_and_who_started_the_job() {
    let (scene, _engine, document) = pushed(":");
    let run = scene.tool("mlcube-ssh-exec").arg("run").env("LOGNAME", "ann");
    let ran = run.reads_document(&document).run().succeeds().document();
    let folder = folder(&scene, &id(&ran));
    let record = fs::read_to_string(folder.join("job.json")).unwrap();
    let record: Value = serde_json::from_str(&record).unwrap();
    assert_eq!(record["document"]["run"]["tasks"], json!(["train"]));
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    assert_eq!(record["boot"], boot.trim());
    let space = fs::read_link("/proc/self/ns/pid").unwrap();
    assert_eq!(record["pid_namespace"], space.to_str().unwrap());
    for key in ["pid", "start", "started"] {
        assert!(record[key].is_u64(), "{key}: {record}");
    }
    assert!(record["about"]["user"].as_str().unwrap().starts_with("ann@"), "{record}");
    assert_eq!(record["about"]["folder"], scene.home().to_str().unwrap());
    assert_eq!(fs::metadata(folder).unwrap().permissions().mode() & 0o777, 0o700);
}

/// A job that runs, and its folder there.
fn running() -> (Scene, Document, PathBuf) {
    let (scene, _engine, document) = pushed("echo started; exec sleep 4101");
    let detached = scene.exec(&document, &["run", "--detach"]).succeeds().document();
    let folder = folder(&scene, &id(&detached));
    (scene, detached, folder)
}

/// Rewrites one word of what is known of the job's leader.
fn leader_with(folder: &Path, word: usize, text: &str) {
    let file = folder.join("leader");
    let leader = fs::read_to_string(&file).unwrap();
    let mut words: Vec<&str> = leader.split_whitespace().collect();
    words[word] = text;
    fs::write(file, format!("{}\n", words.join(" "))).unwrap();
}

#[test]
fn a_job_of_an_earlier_boot_is_lost_and_said_to_be() {
    let (scene, document, folder) = running();
    leader_with(&folder, 3, "00000000-0000-0000-0000-000000000000");
    let told = status(&scene, &document);
    assert_eq!((&told["state"], &told["why"]), (&json!("lost"), &json!("rebooted")));
    scene.exec(&document, &["attach"]).exits(255).says("was rebooted while it ran");
}

#[test]
fn a_pid_that_another_process_has_now_is_not_the_job() {
    let (scene, document, folder) = running();
    leader_with(&folder, 1, "1");
    assert_eq!(status(&scene, &document)["state"], "lost");
    scene.exec(&document, &["attach"]).exits(255).says("lost");
    scene.exec(&document, &["stop", "--grace=1"]).succeeds();
    eventually("what it left is ended all the same", || scene.jobs().is_empty());
}

#[test]
fn a_job_of_another_machine_is_elsewhere() {
    let (scene, document, folder) = running();
    let leader = fs::read_to_string(folder.join("leader")).unwrap();
    leader_with(&folder, 2, "node7/0123");
    assert_eq!(status(&scene, &document)["state"], "elsewhere");
    scene.exec(&document, &["stop"]).exits(125).complains(&["node7", "--force"]);
    fs::write(folder.join("leader"), leader).unwrap();
    scene.exec(&document, &["stop", "--force"]).succeeds();
}

#[test]
fn a_crash_that_empties_a_leader_file_makes_nothing_else_unusable() {
    let (scene, _engine, document) = pushed(":");
    let document = scene.exec(&document, &["run"]).succeeds().document();
    let folder = folder(&scene, &id(&document));
    fs::remove_file(folder.join("status")).unwrap();
    fs::write(folder.join("leader"), "").unwrap();
    assert_eq!(status(&scene, &document)["state"], "lost");
    scene.exec(&document, &["run"]).succeeds();
    scene.exec(&document, &["clean", "--yes=jobs"]).succeeds();
    // One that can't be read is named, and the others are told all the same.
    scene.exec(&document, &["run"]).succeeds();
    let other = folder.with_file_name("1-unreadable");
    fs::create_dir_all(other.join("leader")).unwrap();
    fs::write(other.join("started"), "1\n").unwrap();
    for verb in [&["list"][..], &["status", "--all"]] {
        let told = scene.exec(&document, verb);
        told.succeeds();
        let jobs = told.stdout.lines().filter(|line| !line.starts_with("JOB "));
        assert_eq!(jobs.count(), 2, "{told}");
        assert!(told.stdout.contains("unknown") && told.stdout.contains("finished"), "{told}");
    }
    scene.exec(&document, &["clean", "--yes=jobs"]).exits(125).says("1-unreadable");
    assert!(other.exists());
}

#[test]
fn the_last_twenty_jobs_are_kept_and_those_that_run() {
    let (scene, _engine, document) = pushed(WAITS);
    let running = id(&scene.exec(&document, &["run", "--detach"]).succeeds().document());
    let jobs = folder(&scene, "");
    let log = jobs.join(&running).join("log");
    eventually("the task works", || fs::read_to_string(&log).unwrap().contains("started"));
    for number in 0..30 {
        let old = jobs.join(format!("{}-old", 1_000_000_000 + number));
        fs::create_dir(&old).unwrap();
        fs::write(old.join("status"), "0\n").unwrap();
    }
    // Beyond the twenty by its name, and running.
    fs::rename(jobs.join(&running), jobs.join("0-running")).unwrap();
    fs::remove_dir_all(jobs.parent().unwrap().join("locks")).unwrap();
    scene.exec(&document, &["run", "--detach"]).succeeds();
    let left: Vec<_> = fs::read_dir(&jobs)
        .unwrap()
        .map(|job| job.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(left.len(), 21, "{left:?}");
    assert!(left.iter().any(|job| job == "0-running"), "{left:?}");
    fs::rename(jobs.join("0-running"), jobs.join(&running)).unwrap();
    go(&scene);
    eventually("both have ended", || scene.jobs().is_empty());
}

#[test]
fn a_second_ctrl_c_detaches_at_once() {
    let (scene, _engine, document) =
        pushed("trap '' TERM INT; echo started; while :; do sleep 0.1; done");
    let mut running = scene.tool("mlcube-ssh-exec").arg("run").reads_document(&document).start();
    running.says("started");
    running.ctrl_c();
    running.says("another Ctrl-C returns at once");
    // At once it would be the same Ctrl-C, which another program forwards.
    std::thread::sleep(std::time::Duration::from_millis(300));
    running.ctrl_c();
    let left = running.wait();
    left.exits(130).says("mlcube-ssh attach ");
    assert!(left.document().at("/steps/exec/job").is_string());
    eventually("the first Ctrl-C ends it all the same", || scene.jobs().is_empty());
}

#[test]
fn an_inherited_ignored_sigint_ends_the_job_too() {
    let (scene, _engine, document) = pushed("echo started; exec sleep 4102");
    let line = "trap '' INT; exec mlcube-ssh-exec run";
    let mut running = scene.sh(line).reads_document(&document).start();
    running.says("started");
    running.ctrl_c();
    running.wait().exits(130).says("with all its processes and containers");
    eventually("nothing is left", || scene.jobs().is_empty());
}

#[test]
fn sighup_and_sigkill_leave_the_job_running() {
    let (scene, _engine, document) = pushed(WAITS);
    for signal in [rustix::process::Signal::HUP, rustix::process::Signal::KILL] {
        let mut running =
            scene.tool("mlcube-ssh-exec").arg("run").reads_document(&document).start();
        running.says("started");
        running.signal(signal);
        let left = running.wait();
        assert_eq!(left.stderr, "started\n");
        assert_eq!(status(&scene, &document)["state"], "running");
        go(&scene);
        scene.exec(&document, &["attach"]).succeeds().says("started\ndone\n");
        fs::remove_file(scene.host.bin().join("go")).unwrap();
    }
}

#[test]
fn an_engine_whose_containers_cannot_be_ended_is_said_at_the_start() {
    let (mut scene, engine, _) = pushed("echo started");
    scene.set("/remote/docker", format!("env {}", engine.program().display()));
    let document = scene.document(&scene.cube("other").task(&Task::named("train")), &[]);
    let push = scene.tool("mlcube-ssh-push").arg("-q").reads_document(&document).run();
    let ran = scene.exec(&push.succeeds().document(), &["run"]);
    ran.succeeds().says("can't end the containers");
}

#[test]
fn given_up_says_how_to_come_back() {
    let (mut scene, _engine, document) = pushed(WAITS);
    let run = scene.tool("mlcube-ssh-exec").args(["run", "--reconnect-timeout=1"]);
    let mut running = run.reads_document(&document).start();
    running.says("started");
    scene.host.sshd.stop();
    scene.masters().kill();
    let lost = running.wait();
    lost.exits(255).says("mlcube-ssh attach ");
    assert_eq!(lost.stderr.matches("reconnecting").count(), 1, "{}", lost.stderr);
    scene.host.sshd.comes_back();
    go(&scene);
    let attached = scene.exec(&lost.document(), &["attach"]);
    attached.succeeds().says("started\ndone\n");
    assert!(!attached.stdout.contains("\"failed\""), "{}", attached.stdout);
}

/// Puts a program of these lines of sh on the host.
fn host_has(scene: &Scene, name: &str, lines: &str) {
    let path = scene.host.bin().join(name);
    fs::write(&path, format!("#!/bin/sh\n{lines}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_host_that_ends_processes_at_logout_is_named_or_the_job_gets_a_scope() {
    let (scene, _engine, document) = pushed("echo started");
    host_has(&scene, "loginctl", "[ \"$1\" = show-user ] || echo KillUserProcesses=yes");
    let warned = scene.exec(&document, &["run"]);
    warned.succeeds().says("`loginctl enable-linger` on that host").says("started\n");
    host_has(
        &scene,
        "loginctl",
        "case $1 in show-user) echo Linger=yes ;; *) echo KillUserProcesses=yes ;; esac",
    );
    host_has(&scene, "systemd-run", "shift 3; echo \"$1\" >> \"${0%/*}/scopes\"; exec \"$@\"");
    let spared = scene.exec(&document, &["run"]);
    spared.succeeds().never_says("enable-linger").says("started\n");
    assert_eq!(fs::read_to_string(scene.host.bin().join("scopes")).unwrap(), "true\nsh\n");
    // As without a bus of the user's own.
    host_has(&scene, "systemd-run", "echo 'Failed to connect to bus' >&2; exit 1");
    let not_spared = scene.exec(&document, &["run"]);
    not_spared.succeeds().never_says("enable-linger").says("fails: Failed to connect to bus");
}

#[test]
fn two_clients_follow_one_job() {
    let (scene, _engine, document) = pushed(&format!("{WAITS}; seq 20000"));
    let detached = scene.exec(&document, &["run", "--detach"]).succeeds().document();
    let logs = || scene.tool("mlcube-ssh-exec").args(["logs", "-f"]).reads_document(&detached);
    let (one, two, three) = (logs().start(), logs().start(), logs().start());
    for client in [&one, &two, &three] {
        eventually("the log comes", || client.stdout() == "started\n");
    }
    three.ctrl_c();
    let words = ["interrupted; this doesn't end job", "mlcube-ssh attach"];
    three.wait().exits(130).complains(&words);
    go(&scene);
    let (one, two) = (one.wait(), two.wait());
    assert_eq!(one.succeeds().stdout, two.succeeds().stdout);
    let numbers: Vec<String> = (1..=20000).map(|number| number.to_string()).collect();
    assert_eq!(one.stdout, format!("started\ndone\n{}\n", numbers.join("\n")));
}
